using System.Runtime.CompilerServices;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>
/// Rows of the conformance table, asserted in bytes and records. A class of rows is abstract; a class derived from it names the server that is put to the test.
/// </summary>
public abstract class RowTest(TargetFixture fixture) : IAsyncDisposable
{
    private static int s_roots;
    private readonly List<WireClient> _clients = [];

    protected Target Target => fixture.Target;

    /// <summary>Whether the quirks of 3.8.0 are to be seen, and not the behaviour of 3.9.</summary>
    protected bool Is38 => Target.IsVersion38;

    /// <summary>Opens a session, or resumes one; it ends with the test.</summary>
    protected async Task<WireClient> OpenAsync(int timeoutMs = Target.TimeoutMs, ConnectResponse? resume = null, long lastZxid = 0, bool readOnly = false)
    {
        WireClient client = await ConnectAsync();
        await client.HandshakeAsync(timeoutMs, resume, lastZxid, readOnly);
        return client;
    }

    /// <summary>Opens a connection on which nothing has been said; it ends with the test.</summary>
    protected async Task<WireClient> ConnectAsync() => Keep(await Target.ConnectAsync());

    /// <summary>Ends a client with the test.</summary>
    protected WireClient Keep(WireClient client)
    {
        _clients.Add(client);
        return client;
    }

    /// <summary>Opens a session and creates a znode for the test alone to work below.</summary>
    protected async Task<(WireClient Client, string Root)> StartAsync([CallerMemberName] string test = "")
    {
        WireClient client = await OpenAsync();
        return (client, await RootAsync(client, test));
    }

    /// <summary>Creates a znode for the test alone to work below.</summary>
    protected static async Task<string> RootAsync(WireClient client, [CallerMemberName] string test = "") =>
        await client.CreatedAsync($"/{test[..test.IndexOf('_', StringComparison.Ordinal)]}-{Interlocked.Increment(ref s_roots)}");

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        foreach (WireClient client in _clients)
        {
            await using (client)
            {
                if (client.SessionId != 0) await EndAsync(client);
            }
        }
    }

    // To the end of the connection, so that no session of this test takes a zxid from the next one's.
    private static async Task EndAsync(WireClient client)
    {
        try
        {
            await client.SendAsync(OpCode.CloseSession);
            while (await client.ReadFrameAsync() is not null);
        }
        catch (Exception e) when (e is IOException or TimeoutException or ObjectDisposedException)
        {
            // The test has ended it already, or the server did.
        }
    }
}
