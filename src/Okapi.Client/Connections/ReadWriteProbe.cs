using System.Text;

namespace Okapi.Connections;

/// <summary>Asks a server with the four-letter word <c>isro</c>, on a connection of its own, whether it takes writes.</summary>
internal static class ReadWriteProbe
{
    /// <summary>Asks.</summary>
    /// <returns><c>rw</c>, <c>ro</c>, <c>null</c>, or what the server says about words it does not allow.</returns>
    public static async Task<string> AskAsync(IConnector connector, ServerEndpoint server, TimeSpan timeout, TimeProvider time, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        Stream stream = (await connector.ConnectAsync(server, timeout, either.Token).ConfigureAwait(false)).Stream;
        await using (stream.ConfigureAwait(false))
        {
            await stream.WriteAsync("isro"u8.ToArray(), either.Token).ConfigureAwait(false);
            var answer = new byte[128];
            int length = await stream.ReadAtLeastAsync(answer, answer.Length, throwOnEndOfStream: false, either.Token).ConfigureAwait(false);
            return ZnodePath.ToPrintable(Encoding.ASCII.GetString(answer, 0, length).Trim()); // it is logged
        }
    }
}
