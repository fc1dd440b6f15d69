using Okapi.Recipes.Nodes;

namespace Okapi.Recipes.Caches;

/// <summary>Reads that go on in the next connection, and with <see cref="SessionRecovery.NewSession"/> in the next session.</summary>
internal static class AcrossSessions
{
    /// <exception cref="SessionEndedException">The client is over.</exception>
    public static async Task<T> ReadAsync<T>(ZooKeeperClient zk, Func<Task<T>> read, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await read().ConfigureAwait(false);
            }
            catch (ZooKeeperException lost) when (lost is SessionExpiredException || Persistence.IsLoss(lost))
            {
                await zk.WaitConnectedAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
            }
        }
    }
}
