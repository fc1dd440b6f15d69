using Okapi.Protocol;
using Okapi.Server;

namespace Okapi.State.Tests;

/// <summary>A server without sockets, and clients of it.</summary>
internal static class InMemory
{
    public static Task<EmbeddedServer> StartAsync(Action<EmbeddedServerOptions>? configure = null)
    {
        var options = new EmbeddedServerOptions { UseSockets = false, TickTime = TimeSpan.FromMilliseconds(500) };
        configure?.Invoke(options);
        return EmbeddedServer.StartAsync(options);
    }

    public static Task<ZooKeeperClient> ConnectAsync(EmbeddedServer server, Action<ZooKeeperOptions>? configure = null, int member = 1)
    {
        var options = new ZooKeeperOptions
        {
            ConnectString = server.Members[member - 1].ConnectionString,
            ConnectCallback = (to, ct) => server.ConnectAsync(to.Port, ct),
            SessionTimeout = TimeSpan.FromSeconds(10),
            BackoffMinimum = TimeSpan.FromMilliseconds(5),
            BackoffMaximum = TimeSpan.FromMilliseconds(50),
            Recovery = SessionRecovery.NewSession,
        };
        configure?.Invoke(options);
        return ZooKeeperClient.ConnectAsync(options, TestContext.Current.CancellationToken);
    }

    /// <summary>Transactions that write, as updates do.</summary>
    public static bool IsMulti(FaultyRequest request) => request.Type == OpCode.Multi;
}
