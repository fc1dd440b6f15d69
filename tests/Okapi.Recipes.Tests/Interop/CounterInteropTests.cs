using System.Text;
using Okapi.Recipes;

namespace Okapi.Recipes.Tests.Interop;

/// <summary>Counters and shared values that Curator changes too.</summary>
public abstract class CuratorCounterTests(Servers servers, Curator curator)
{
    public sealed class OnApache(Standalone servers, Curator curator) : CuratorCounterTests(servers, curator);

    public sealed class OnEmbedded(Embedded servers, Curator curator) : CuratorCounterTests(servers, curator);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_both_sides_add_to_an_atomic_long_adds_up()
    {
        await using ForeignClient java = await curator.ConnectAsync(servers), second = await curator.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        AtomicCounter counter = zk.Counter(await Servers.RootAsync(zk) + "/n");
        Assert.Equal("5", await java.AskAsync("atomic-long", "add", counter.Path, "5"));
        Assert.Equal(5_000_000_005, await counter.AddAsync(5_000_000_000, Ct));
        Assert.Equal("5000000005", await java.AskAsync("atomic-long", "get", counter.Path));
        Assert.False(await counter.TryInitializeAsync(1, Ct));
        Assert.Equal("false", await java.AskAsync("atomic-long", "initialize", counter.Path, "1"));
        Assert.Equal("true", await java.AskAsync("atomic-long", "swap", counter.Path, "5000000005", "-1"));
        Assert.False(await counter.CompareAndSetAsync(5_000_000_005, 7, Ct));
        Assert.True(await counter.CompareAndSetAsync(-1, 0, Ct));
        Task<string>[] others = [java.AskAsync("atomic-long", "count-up", counter.Path, "40"), second.AskAsync("atomic-long", "count-up", counter.Path, "40")];
        await Task.WhenAll(CountUpAsync(40), CountUpAsync(40)).Soon();
        await Task.WhenAll(others);
        Assert.Equal(160, await counter.GetAsync(Ct));

        async Task CountUpAsync(int times)
        {
            for (int i = 0; i < times; i++) await counter.IncrementAsync(Ct);
        }
    }

    [Fact]
    public async Task A_counter_that_Okapi_has_created_is_one_to_Curator()
    {
        await using ForeignClient java = await curator.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        Assert.True(await zk.Counter(root + "/long").TryInitializeAsync(-3, Ct));
        Assert.Equal("-1", await java.AskAsync("atomic-long", "add", root + "/long", "2"));
        AtomicCounter small = zk.Counter(root + "/int", new() { Format = CounterFormat.Int32 });
        Assert.Equal(-9, await small.AddAsync(-9, Ct));
        Assert.Equal("1", await java.AskAsync("atomic-int", "add", small.Path, "10"));
        Assert.Equal(1, await small.GetAsync(Ct));
    }

    [Fact]
    public async Task A_shared_count_is_set_by_both_and_by_nobody_who_has_not_seen_the_last()
    {
        await using ForeignClient java = await curator.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        SharedCount count = zk.SharedCount(await Servers.RootAsync(zk) + "/count", seed: 4);
        VersionedValue<int> seed = await count.GetAsync(Ct);
        Assert.Equal("4", await java.AskAsync("shared-count", "get", count.Path));
        await java.AskAsync("shared-count", "set", count.Path, "-5");
        Assert.Equal(-5, (await count.GetAsync(Ct)).Value);
        Assert.Null(await count.TrySetAsync(seed, 6, Ct));
        Assert.NotNull(await count.TrySetAsync(await count.GetAsync(Ct), 7, Ct));
        Assert.Equal("true", await java.AskAsync("shared-count", "try", count.Path, "8"));
        Assert.Equal(8, (await count.GetAsync(Ct)).Value);
    }

    [Fact]
    public async Task A_shared_value_is_seen_to_change_when_Curator_sets_it()
    {
        await using ForeignClient java = await curator.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        SharedValue value = zk.SharedValue(await Servers.RootAsync(zk) + "/value", "first"u8.ToArray());
        await using IAsyncEnumerator<VersionedValue<byte[]>> changes = value.ChangesAsync(Ct).GetAsyncEnumerator(Ct);
        Assert.Equal("first", await NextAsync());
        await java.AskAsync("shared-value", "set", value.Path, "second");
        Assert.Equal("second", await NextAsync());
        await value.SetAsync("third"u8.ToArray(), Ct);
        Assert.Equal("third", await java.AskAsync("shared-value", "get", value.Path));

        async Task<string> NextAsync()
        {
            Assert.True(await changes.MoveNextAsync().AsTask().Soon());
            return Encoding.UTF8.GetString(changes.Current.Value);
        }
    }
}

/// <summary>Counters that kazoo changes too.</summary>
public abstract class KazooCounterTests(Servers servers, Kazoo kazoo)
{
    public sealed class OnApache(Standalone servers, Kazoo kazoo) : KazooCounterTests(servers, kazoo);

    public sealed class OnEmbedded(Embedded servers, Kazoo kazoo) : KazooCounterTests(servers, kazoo);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("int", CounterFormat.Text)]
    [InlineData("curator", CounterFormat.Int32)]
    public async Task What_both_sides_add_adds_up(string kind, CounterFormat format)
    {
        await using ForeignClient python = await kazoo.ConnectAsync(servers), second = await kazoo.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        AtomicCounter counter = zk.Counter(await Servers.RootAsync(zk) + "/n", new() { Naming = NodeNaming.Kazoo, Format = format });
        Assert.Equal("0", await python.AskAsync("counter", "get", kind, counter.Path)); // it creates an empty znode
        Assert.Equal(0, await counter.GetAsync(Ct));
        Assert.Equal(-7, await counter.AddAsync(-7, Ct));
        Assert.Equal("-2", await python.AskAsync("counter", "add", kind, counter.Path, "5"));
        Assert.Equal(0, await counter.AddAsync(2, Ct));
        Task<string>[] others = [python.AskAsync("counter", "count-up", kind, counter.Path, "40"), second.AskAsync("counter", "count-up", kind, counter.Path, "40")];
        for (int i = 0; i < 40; i++) await counter.IncrementAsync(Ct);
        await Task.WhenAll(others);
        Assert.Equal(120, await counter.GetAsync(Ct));
    }

    [Fact]
    public async Task A_counter_that_Okapi_has_created_is_one_to_kazoo()
    {
        await using ForeignClient python = await kazoo.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        await zk.Counter(root + "/n", new() { Naming = NodeNaming.Kazoo }).AddAsync(5_000_000_000, Ct);
        Assert.Equal("5000000001", await python.AskAsync("counter", "add", "int", root + "/n", "1"));
        await zk.SharedCount(root + "/shared", seed: 3).GetAsync(Ct);
        Assert.Equal("4", await python.AskAsync("counter", "add", "curator", root + "/shared", "1"));
        Assert.Equal(4, (await zk.SharedCount(root + "/shared").GetAsync(Ct)).Value);
    }

    [Fact]
    public async Task A_counter_of_kazoo_s_with_fractions_is_refused_and_left_as_it_is()
    {
        await using ForeignClient python = await kazoo.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        AtomicCounter counter = zk.Counter(await Servers.RootAsync(zk) + "/n", new() { Naming = NodeNaming.Kazoo });
        await python.AskAsync("counter", "add", "float", counter.Path, "1.5");
        await Assert.ThrowsAsync<InvalidDataException>(() => counter.IncrementAsync(Ct));
        Assert.Equal("1.5", await python.AskAsync("counter", "get", "float", counter.Path));
    }
}
