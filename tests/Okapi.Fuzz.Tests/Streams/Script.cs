namespace Okapi.Fuzz.Tests.Streams;

/// <summary>What a client does in a conversation: all calls are made at once, so that all of them wait when the replies come.</summary>
/// <param name="Name">What it is called in failures.</param>
/// <param name="Calls">The calls.</param>
internal sealed record Script(string Name, Action<ZooKeeperClient, Action<Task>> Calls)
{
    private static readonly byte[] New = "new"u8.ToArray();

    /// <summary>Calls on an earlier connection, which is then lost; what the session does of itself on the next one is part of the conversation.</summary>
    public Action<ZooKeeperClient, Action<Task>>? Before { get; private init; }

    public IReadOnlyList<AuthInfo> Auth { get; private init; } = [];

    /// <summary>What somebody else does after the calls, for the events of it.</summary>
    public Func<ZooKeeperClient, Task> Others { get; private init; } = static _ => Task.CompletedTask;

    /// <summary>What is there before.</summary>
    public static IReadOnlyList<string> Prepared { get; } = ["/a", "/a/b", "/a/c", "/w", "/w/x", "/gone"];

    /// <summary>Every kind of request that the client can make is in one of them.</summary>
    public static IReadOnlyList<Script> All { get; } =
    [
        new("reads", static (zk, call) =>
        {
            call(zk.GetAsync("/a").AsTask());
            call(zk.TryGetAsync("/none").AsTask());
            call(zk.ExistsAsync("/a/b").AsTask());
            call(zk.GetChildrenAsync("/a").AsTask());
            call(zk.GetChildrenWithStatAsync("/a").AsTask());
            call(zk.GetAclAsync("/a").AsTask());
            call(zk.GetAllChildrenNumberAsync("/").AsTask());
        }),
        new("more reads", static (zk, call) =>
        {
            call(zk.ReadBatch().Get("/a").GetChildren("/a").Get("/none").ReadAsync());
            call(zk.GetEphemeralsAsync("/").AsTask());
            call(zk.WhoAmIAsync().AsTask());
            call(zk.SyncAsync("/a").AsTask());
            call(zk.GetConfigAsync().AsTask());
            call(zk.GetPooledAsync("/a").AsTask());
            call(zk.GetAsync("/a", static (bytes, stat) => bytes.Length).AsTask());
            call(zk.GetAsync("/a", new byte[100]).AsTask());
        }) { Auth = [AuthInfo.Digest("ann", "of-ann")] },
        new("writes", static (zk, call) =>
        {
            call(zk.CreateAsync("/n", New).AsTask());
            call(zk.CreateWithStatAsync("/e-", New, CreateMode.EphemeralSequential).AsTask());
            call(zk.TryCreateAsync("/a").AsTask());
            call(zk.CreateAsync("/c", mode: CreateMode.Container).AsTask());
            call(zk.CreateWithStatAsync("/t", mode: CreateMode.PersistentWithTtl, ttl: TimeSpan.FromMinutes(1)).AsTask());
            call(zk.SetAsync("/a", New, 0).AsTask());
            call(zk.TrySetAsync("/a", New, 7).AsTask());
            call(zk.SetAclAsync("/a", Acl.Open).AsTask());
            call(zk.DeleteAsync("/gone").AsTask());
            call(zk.TryDeleteAsync("/a").AsTask());
        }),
        new("transactions", static (zk, call) =>
        {
            call(zk.Transaction().Check("/a", 0).Create("/m", New).Set("/m", New).Delete("/gone").Create("/m/e", New, CreateMode.Ephemeral).CommitAsync());
            call(zk.Transaction().Check("/a", 7).Create("/never").TryCommitAsync());
            call(zk.GetAsync("/a").AsTask());
        }),
        new("watches", static (zk, call) =>
        {
            call(zk.WatchAsync("/w", WatchMode.PersistentRecursive));
            call(zk.WatchAsync("/a"));
            call(zk.WatchDataAsync("/a/b"));
            call(zk.WatchExistsAsync("/none"));
            call(zk.WatchChildrenAsync("/a"));
            call(zk.CheckWatchesAsync("/a").AsTask());
        })
        {
            Others = static async zk =>
            {
                await zk.SetAsync("/w/x", New);
                await zk.CreateAsync("/w/y");
                await zk.CreateAsync("/none");
                await zk.DeleteAsync("/a/c");
                await zk.SetAsync("/a", New);
            },
        },
        new("resumed", static (zk, call) =>
        {
            call(zk.GetAsync("/a").AsTask());
            call(zk.RemoveWatchesAsync("/a"));
            call(zk.SetAsync("/a", New).AsTask());
            call(zk.GetChildrenAsync("/a").AsTask());
        })
        {
            Auth = [AuthInfo.Digest("ann", "of-ann"), AuthInfo.Digest("bob", "of-bob")],
            Before = static (zk, call) =>
            {
                call(zk.WatchAsync("/w", WatchMode.PersistentRecursive));
                call(zk.WatchAsync("/a"));
                call(zk.WatchDataAsync("/a/b"));
                call(zk.WatchExistsAsync("/none"));
                call(zk.WatchChildrenAsync("/a"));
            },
            Others = static async zk =>
            {
                await zk.SetAsync("/a/b", New);
                await zk.CreateAsync("/w/y");
            },
        },
    ];
}
