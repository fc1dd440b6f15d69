using System.Diagnostics;
using System.Net.Sockets;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>A server with few words allowed, no times to live, reconfig on, few connections for one address and a longest session timeout.</summary>
public abstract class OptionRows(TargetFixture fixture) : RowTest(fixture)
{
    public sealed class OnApache(SwitchedApache fixture) : OptionRows(fixture), IClassFixture<SwitchedApache>;

    public sealed class OnEmbedded(SwitchedEmbedded fixture) : OptionRows(fixture), IClassFixture<SwitchedEmbedded>;

    public sealed class OnEmbedded39(SwitchedEmbedded39 fixture) : OptionRows(fixture), IClassFixture<SwitchedEmbedded39>;

    [Theory]
    [Row("B3")]
    [InlineData(30_000, 30_000)]
    [InlineData(30_001, 30_000)]
    [InlineData(int.MaxValue, 30_000)]
    [InlineData(29_999, 29_999)]
    [InlineData(-1, 1_000)]
    public async Task B3_a_timeout_is_at_most_what_the_server_allows(int asked, int granted)
    {
        WireClient zk = await OpenAsync(asked);
        Assert.Equal(granted, zk.Session.TimeoutMs);
    }

    [Theory]
    [Row("B122")]
    [InlineData("ruok")]
    [InlineData("mntr")]
    [InlineData("stat")]
    [InlineData("dump")]
    [InlineData("isro")]
    public async Task B122_a_word_that_is_not_allowed_is_told_so(string word) =>
        Assert.Equal($"{word} is not executed because it is not in the whitelist.\n", await Target.WordAsync(word));

    [Fact]
    [Row("B122")]
    public async Task B122_srvr_is_allowed_from_the_start_and_what_is_no_word_is_not_answered()
    {
        Assert.StartsWith("Zookeeper version: ", await Target.WordAsync("srvr"));
        Assert.Empty(await Target.WordAsync("abcd"));
    }

    [Fact]
    [Row("B35", "B117")]
    public async Task B35_B117_without_times_to_live_nothing_can_have_one()
    {
        (WireClient zk, string root) = await StartAsync();
        foreach (int flags in (int[])[5, 6])
        {
            (await zk.CreateTtlAsync(root + "/n", 1_000, flags)).Is(ErrorCode.Unimplemented);
            (await zk.CallAsync(OpCode.CreateTtl, Body.Create(root + "/none/n", acl: [], flags: flags, ttlMs: 0))).Is(ErrorCode.Unimplemented);
            (await zk.CreateAsync(root + "/n", flags: flags)).Is(ErrorCode.Unimplemented);
        }

        Assert.Equal([ErrorCode.Unimplemented], (await zk.MultiAsync((OpCode.CreateTtl, Body.Create(root + "/n", flags: 5, ttlMs: 1_000)))).Codes());
        (await zk.CreateContainerAsync(root + "/c")).Ok(CreateReply.Read);
        (await zk.CreateAsync(root + "/n", flags: 99)).Is(ErrorCode.BadArguments);
    }

    [Fact]
    [Row("B124")]
    public async Task B124_a_standalone_server_cannot_be_reconfigured()
    {
        WireClient zk = await OpenAsync();
        (await zk.CallAsync(OpCode.Reconfig, new ReconfigRequest(null, "2", null, -1).Write)).Is(ErrorCode.Unimplemented);
    }

    [Fact]
    [Row("B20")]
    public async Task B20_one_address_has_only_so_many_connections()
    {
        var open = new List<WireClient>();
        try
        {
            // Other tests' connections may just be going.
            await Waiting.UntilAsync(
                async () =>
                {
                    if (await TryAsync() is { } more) open.Add(more);
                    return open.Count == 20;
                },
                "as many connections as are allowed");
            Assert.Null(await TryAsync());
            Assert.Null(await TryAsync());
            await open[^1].CloseAsync();
            open.RemoveAt(open.Count - 1);
            await Waiting.UntilAsync(
                async () =>
                {
                    if (await TryAsync() is not { } more) return false;
                    open.Add(more);
                    return true;
                },
                "a connection in place of the one that was closed");
        }
        finally
        {
            foreach (WireClient each in open) await each.CloseAsync(); // so that the server has let go of it for the next test
        }
    }

    private async Task<WireClient?> TryAsync()
    {
        WireClient? client = null;
        try
        {
            client = await Target.ConnectAsync();
            await client.HandshakeAsync(Target.TimeoutMs);
            return client;
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            if (client is not null) await client.DisposeAsync();
            return null;
        }
    }
}

/// <summary>What a server does by its defaults, and what takes it long.</summary>
public abstract class DefaultRows(TargetFixture fixture) : RowTest(fixture)
{
    public sealed class OnApache(SharedApache fixture) : DefaultRows(fixture);

    public sealed class OnEmbedded(SharedEmbedded fixture) : DefaultRows(fixture);

    public sealed class OnEmbedded39(SharedEmbedded39 fixture) : DefaultRows(fixture);

    [Fact]
    [Row("B124")]
    public async Task B124_reconfig_is_off_unless_it_is_on()
    {
        WireClient zk = await OpenAsync();
        (await zk.CallAsync(OpCode.Reconfig, new ReconfigRequest(null, "2", null, -1).Write)).Is(ErrorCode.ReconfigDisabled);
        (await zk.CallAsync(OpCode.Reconfig, new ReconfigRequest("nonsense", null, null, 7).Write)).Is(ErrorCode.ReconfigDisabled);
    }

    [Fact]
    [Row("B20")]
    public async Task B20_a_connection_that_says_nothing_is_cut()
    {
        var watch = Stopwatch.StartNew();
        WireClient silent = await ConnectAsync(), halting = await ConnectAsync();
        silent.Patience = halting.Patience = TimeSpan.FromSeconds(40); // 10 to 20 s, by a clock that ticks every 10 s
        await halting.SendBytesAsync(new byte[] { 0, 0, 0, 45, 0, 0 });
        await silent.ExpectCloseAsync();
        Assert.True(watch.Elapsed > TimeSpan.FromSeconds(9.9), $"Cut after {watch.Elapsed}.");
        await halting.ExpectCloseAsync();
    }
}
