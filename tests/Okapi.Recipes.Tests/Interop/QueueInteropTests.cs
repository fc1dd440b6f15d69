using System.Text;
using Okapi.Recipes;

namespace Okapi.Recipes.Tests.Interop;

/// <summary>Queues that Curator puts into and takes from too.</summary>
public abstract class CuratorQueueTests(Servers servers, Curator curator)
{
    public sealed class OnApache(Standalone servers, Curator curator) : CuratorQueueTests(servers, curator);

    public sealed class OnEmbedded(Embedded servers, Curator curator) : CuratorQueueTests(servers, curator);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Okapi_takes_what_Curator_puts()
    {
        await using ForeignClient java = await curator.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        DistributedQueue queue = zk.Queue(await Servers.RootAsync(zk) + "/queue");
        Task<QueueEntry> waiting = queue.DequeueAsync(Ct);
        await java.AskAsync("queue", "put", "plain", queue.Path, "first", "");
        Assert.Equal("first", Texts.Of(await waiting.Soon()));
        foreach (string item in (string[])["second", "third", ""]) await java.AskAsync("queue", "put", "plain", queue.Path, item, "");
        Assert.Equal("second", Texts.Of(await queue.TryDequeueAsync(Ct)));
        await using (ReceivedEntry? third = await queue.TryReceiveAsync(Ct)) Assert.Equal("third", Texts.Of(third!.Entry));
        await using (ReceivedEntry third = await queue.ReceiveAsync(Ct).Soon()) await third.CompleteAsync(Ct);
        Assert.Equal("", Texts.Of(await queue.TryDequeueAsync(Ct)));
        Assert.Null(await queue.TryDequeueAsync(Ct));
    }

    [Fact]
    public async Task Curator_takes_what_Okapi_puts()
    {
        await using ForeignClient java = await curator.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        DistributedQueue queue = zk.Queue(await Servers.RootAsync(zk) + "/queue");
        string[] items = ["first", "second", "größer"];
        foreach (string item in items) await queue.EnqueueAsync(Encoding.UTF8.GetBytes(item), Ct);
        await java.AskAsync("queue", "consume", "q", "plain", queue.Path);
        foreach (string item in items) Assert.Equal(item, await java.AskAsync("take", "q", "30000"));
        await queue.EnqueueAsync("later"u8.ToArray(), Ct);
        Assert.Equal("later", await java.AskAsync("take", "q", "30000"));
        await Waiting.UntilAsync(async () => await queue.CountAsync(Ct) == 0, "the queue is empty");
    }

    [Fact]
    public async Task Priorities_mean_the_same_to_both()
    {
        await using ForeignClient java = await curator.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        DistributedQueue queue = zk.Queue(await Servers.RootAsync(zk) + "/queue");
        (string Item, int Priority)[] items = [("c", 17), ("a", int.MinValue), ("d", int.MaxValue), ("b", -2), ("bb", 0)];
        foreach ((string item, int priority) in items) await java.AskAsync("queue", "put", "priority", queue.Path, item, $"{priority}");
        Assert.Equal("a", Texts.Of(await queue.TryDequeueAsync(Ct)));
        Assert.Equal("b", Texts.Of(await queue.TryDequeueAsync(Ct)));
        await queue.EnqueueAsync("between"u8.ToArray(), 5, Ct);
        foreach (string item in (string[])["bb", "between", "c", "d"]) Assert.Equal(item, Texts.Of(await queue.TryDequeueAsync(Ct)));
        foreach ((string item, int priority) in items) await queue.EnqueueAsync(Encoding.UTF8.GetBytes(item), priority, Ct);
        await java.AskAsync("queue", "consume", "q", "priority", queue.Path);
        foreach (string item in (string[])["a", "b", "bb", "c", "d"]) Assert.Equal(item, await java.AskAsync("take", "q", "30000"));
    }

    [Fact]
    public async Task What_Okapi_holds_Curator_leaves_alone_until_it_is_given_back()
    {
        await using ForeignClient java = await curator.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        DistributedQueue queue = zk.Queue(await Servers.RootAsync(zk) + "/queue");
        foreach (string item in (string[])["first", "second", "third"]) await queue.EnqueueAsync(Encoding.UTF8.GetBytes(item), Ct);
        ReceivedEntry first = await queue.ReceiveAsync(Ct).Soon(), second = await queue.ReceiveAsync(Ct).Soon();
        await java.AskAsync("queue", "consume", "q", "plain", queue.Path, queue.LockPath);
        Assert.Equal("third", await java.AskAsync("take", "q", "30000"));
        await first.CompleteAsync(Ct);
        await second.AbandonAsync();
        await queue.EnqueueAsync("fourth"u8.ToArray(), Ct); // Curator looks again when the queue changes, not when a lock goes
        Assert.Equal(["fourth", "second"], new[] { await java.AskAsync("take", "q", "30000"), await java.AskAsync("take", "q", "30000") }.Order());
        await Waiting.UntilAsync(async () => await queue.CountAsync(Ct) == 0, "the queue is empty");
    }

    [Fact]
    public async Task What_Curator_holds_Okapi_leaves_alone()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        DistributedQueue queue = zk.Queue(await Servers.RootAsync(zk) + "/queue");
        await queue.EnqueueAsync("first"u8.ToArray(), Ct);
        await using ForeignClient java = await curator.ConnectAsync(servers);
        await java.AskAsync("queue", "hold", "q", "plain", queue.Path, queue.LockPath);
        Assert.Equal("first", await java.AskAsync("take", "q", "30000"));
        Assert.Null(await queue.TryReceiveAsync(Ct));
        await java.AskAsync("queue", "done", "q");
        await Waiting.UntilAsync(async () => await queue.CountAsync(Ct) == 0, "Curator has deleted it");
        Assert.Null(await queue.TryReceiveAsync(Ct));
    }
}

/// <summary>Queues that kazoo puts into and takes from too.</summary>
public abstract class KazooQueueTests(Servers servers, Kazoo kazoo)
{
    public sealed class OnApache(Standalone servers, Kazoo kazoo) : KazooQueueTests(servers, kazoo);

    public sealed class OnEmbedded(Embedded servers, Kazoo kazoo) : KazooQueueTests(servers, kazoo);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Okapi_takes_what_kazoo_puts()
    {
        await using ForeignClient python = await kazoo.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        DistributedQueue queue = zk.Queue(await Servers.RootAsync(zk) + "/queue", new() { Naming = NodeNaming.Kazoo });
        Task<QueueEntry> waiting = queue.DequeueAsync(Ct);
        await python.AskAsync("queue", "put", queue.Path, "first");
        Assert.Equal("first", Texts.Of(await waiting.Soon()));
        await python.AskAsync("queue", "put", queue.Path, "last", "999");
        await python.AskAsync("queue", "put", queue.Path, "default");
        await python.AskAsync("queue", "put", queue.Path, "next", "7");
        await queue.EnqueueAsync("default, too"u8.ToArray(), Ct);
        await queue.EnqueueAsync("between"u8.ToArray(), 50, Ct);
        foreach (string item in (string[])["next", "between", "default", "default, too", "last"]) Assert.Equal(item, Texts.Of(await queue.TryDequeueAsync(Ct)));
    }

    [Fact]
    public async Task Kazoo_takes_what_Okapi_puts()
    {
        await using ForeignClient python = await kazoo.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        DistributedQueue queue = zk.Queue(await Servers.RootAsync(zk) + "/queue", new() { Naming = NodeNaming.Kazoo });
        await queue.EnqueueAsync("größer"u8.ToArray(), Ct);
        await queue.EnqueueAsync("next"u8.ToArray(), 3, Ct);
        await queue.EnqueueAsync("last"u8.ToArray(), Ct);
        foreach (string item in (string[])["next", "größer", "last", "none"]) Assert.Equal(item, await python.AskAsync("queue", "get", queue.Path));
    }

    [Fact]
    public async Task What_one_holds_of_a_locking_queue_the_other_leaves_alone()
    {
        await using ForeignClient python = await kazoo.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        DistributedQueue queue = zk.Queue(root + "/q/entries", new() { Naming = NodeNaming.Kazoo, LockPath = root + "/q/taken" });
        await queue.EnqueueAsync("first"u8.ToArray(), Ct);
        await python.AskAsync("locking-queue", "put", "l", root + "/q", "second", "100");
        ReceivedEntry first = await queue.ReceiveAsync(Ct).Soon();
        Assert.Equal("first", Texts.Of(first.Entry));
        Assert.Equal("second", await python.AskAsync("locking-queue", "get", "l", root + "/q", "30000"));
        Assert.Null(await queue.TryReceiveAsync(Ct));
        Task<ReceivedEntry> waiting = queue.ReceiveAsync(Ct);
        Assert.Equal("True", await python.AskAsync("locking-queue", "release", "l"));
        ReceivedEntry second = await waiting.Soon();
        Assert.Equal("second", Texts.Of(second.Entry));
        Task<string> getting = python.AskAsync("locking-queue", "get", "l", root + "/q", "30000");
        await first.AbandonAsync();
        Assert.Equal("first", await getting);
        Assert.Equal("True", await python.AskAsync("locking-queue", "consume", "l"));
        await second.CompleteAsync(Ct);
        Assert.Equal(0, await queue.CountAsync(Ct));
        Assert.Equal("none", await python.AskAsync("locking-queue", "get", "l", root + "/q", "0"));
    }
}

internal static class Texts
{
    public static string? Of(QueueEntry? entry) => entry is null ? null : Encoding.UTF8.GetString(entry.Data.Span);
}
