using Okapi.Server;

namespace Okapi.Recipes.Tests;

/// <summary>An embedded server without sockets, whose faults a test can ask for, and clients of it.</summary>
internal sealed class InMemory : IAsyncDisposable
{
    private InMemory(EmbeddedServer server, TimeProvider time)
    {
        Server = server;
        Time = time;
    }

    public EmbeddedServer Server { get; }

    public TimeProvider Time { get; }

    public static async Task<InMemory> StartAsync(TimeProvider? time = null, int members = 1)
    {
        time ??= TimeProvider.System;
        return new(await EmbeddedServer.StartAsync(new() { UseSockets = false, TickTime = TimeSpan.FromMilliseconds(500), TimeProvider = time, Members = members }), time);
    }

    public Task<ZooKeeperClient> ConnectAsync(Action<ZooKeeperOptions>? configure = null, int member = 1)
    {
        var options = new ZooKeeperOptions
        {
            ConnectString = Server.Members[member - 1].ConnectionString,
            ConnectCallback = (to, ct) => Server.ConnectAsync(to.Port, ct),
            SessionTimeout = TimeSpan.FromSeconds(10),
            BackoffMinimum = TimeSpan.FromMilliseconds(1),
            BackoffMaximum = TimeSpan.FromMilliseconds(1),
            TimeProvider = Time,
        };
        configure?.Invoke(options);
        return ZooKeeperClient.ConnectAsync(options, TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        await Server.Completion; // a server that has failed says why
    }
}
