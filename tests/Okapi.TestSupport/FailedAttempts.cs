namespace Okapi.TestSupport;

/// <summary>Lets a client try in vain, without waiting any longer than it takes.</summary>
public static class FailedAttempts
{
    private const int AttemptFailed = 2;

    /// <summary>Lets a client try until it has failed, and asks it why.</summary>
    /// <returns>What connecting would fail with when its time is up.</returns>
    public static async Task<ConnectFailedException> OfAsync(ZooKeeperOptions options, CancellationToken cancellationToken)
    {
        using var log = new LogRecorder();
        options.LoggerFactory = log;
        options.BackoffMinimum = options.BackoffMaximum = TimeSpan.FromMilliseconds(1);
        await using ZooKeeperClient zk = ZooKeeperClient.Start(options);
        Task connected = zk.WaitConnectedAsync(cancellationToken: cancellationToken);
        // A failure is logged before it is noted down, but the first is noted before the second is logged.
        Task first = await Task.WhenAny(connected, log.WaitAsync(AttemptFailed, 2, cancellationToken));
        await first;
        if (first == connected) throw new InvalidOperationException($"The client has connected to {zk.Server}, and should not have.");
        try
        {
            await zk.WaitConnectedAsync(TimeSpan.Zero, cancellationToken);
            throw new InvalidOperationException($"The client has connected to {zk.Server} at last, and should not have.");
        }
        catch (ConnectFailedException failed)
        {
            return failed;
        }
    }
}
