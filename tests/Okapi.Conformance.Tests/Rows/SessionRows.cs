using System.Diagnostics;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>How sessions live and end.</summary>
public abstract class SessionRows(TargetFixture fixture) : RowTest(fixture)
{
    /// <summary>Waited for, and yet more than a busy machine needs between two requests.</summary>
    private const int ShortMs = 4_000;

    public sealed class OnApache(SharedApache fixture) : SessionRows(fixture);

    public sealed class OnEmbedded(SharedEmbedded fixture) : SessionRows(fixture);

    public sealed class OnEmbedded39(SharedEmbedded39 fixture) : SessionRows(fixture);

    [Fact]
    [Row("B14")]
    public async Task B14_a_ping_is_answered_with_the_present_zxid()
    {
        (WireClient zk, string root) = await StartAsync();
        long zxid = (await zk.SetAsync(root)).Zxid;
        WireReply ping = (await zk.PingAsync()).Ok();
        Assert.Equal(-2, ping.Xid);
        Assert.True(ping.Zxid >= zxid);

        // Whatever the xid that is sent: a ping's answer has a ping's.
        await zk.SendAsync(OpCode.Ping, xid: 55);
        Assert.Equal(-2, (await zk.ReadReplyAsync()).Ok().Xid);
    }

    [Fact]
    [Row("B15")]
    public async Task B15_any_request_keeps_a_session_alive()
    {
        (WireClient watcher, string root) = await StartAsync();
        WireClient idle = await OpenAsync(ShortMs), busy = await OpenAsync(ShortMs);
        await idle.CreatedAsync(root + "/idle", flags: 1);
        await busy.CreatedAsync(root + "/busy", flags: 1);
        await watcher.AddWatchAsync(root, 1);

        // Twice over, so that the busy one outlives its own timeout by far.
        foreach (string name in (string[])["/idle", "/again"])
        {
            if (name == "/again") await (await OpenAsync(ShortMs)).CreatedAsync(root + name, flags: 1);
            await Waiting.UntilAsync(
                async () =>
                {
                    (await busy.GetAsync(root)).Ok(DataReply.Read);
                    return !await watcher.IsThereAsync(root + name);
                },
                "the idle session has expired");
        }

        Assert.Equal(["Deleted /idle", "Created /again", "Deleted /again"], await watcher.EventTextsAsync(root));
        Assert.Equal(busy.SessionId, (await busy.StatAsync(root + "/busy")).EphemeralOwner);
    }

    [Fact]
    [Row("B16", "B17", "B8")]
    public async Task B16_B17_B8_a_session_expires_after_its_timeout_as_one_transaction()
    {
        (WireClient watcher, string root) = await StartAsync();
        await watcher.CreatedAsync(root + "/p");
        await watcher.CreatedAsync(root + "/q");
        WireClient owner = await OpenAsync(ShortMs);
        await owner.CreatedAsync(root + "/p/1", flags: 1);
        await owner.CreatedAsync(root + "/p/2", flags: 1);
        await watcher.AddWatchAsync(root, 1);
        var sinceTouched = Stopwatch.StartNew();
        await owner.CreatedAsync(root + "/q/3", flags: 1);
        string[] events = [await NextAsync(), await NextAsync(), await NextAsync(), await NextAsync()];
        async Task<string> NextAsync() => (await watcher.ReadEventAsync()).Text(root);

        // A server's clock counts whole milliseconds.
        Assert.True(sinceTouched.ElapsedMilliseconds >= ShortMs - 2, $"Expired after {sinceTouched.ElapsedMilliseconds} ms.");
        Assert.Equal(["Created /q/3", "Deleted /p/1", "Deleted /p/2", "Deleted /q/3"], events.Order(StringComparer.Ordinal));
        await owner.ExpectCloseAsync();
        Assert.Equal((await watcher.StatAsync(root + "/p")).Pzxid, (await watcher.StatAsync(root + "/q")).Pzxid);
        WireClient late = await ConnectAsync();
        Assert.Equal((0, 0L), ((await late.HandshakeAsync(ShortMs, owner.Session)) is { } told ? (told.TimeoutMs, told.SessionId) : default));
        await late.ExpectCloseAsync();
    }

    [Fact]
    [Row("B17")]
    public async Task B17_a_session_without_a_connection_expires_as_well()
    {
        (WireClient watcher, string root) = await StartAsync();
        await using (WireClient owner = await Target.OpenAsync(ShortMs)) await owner.CreatedAsync(root + "/e", flags: 1);
        (await watcher.ExistsAsync(root + "/e", watch: true)).Ok(Stat.Read);
        Assert.Equal("Deleted /e", (await watcher.ReadEventAsync()).Text(root));
    }

    [Fact]
    [Row("B18")]
    public async Task B18_a_close_is_answered_with_its_own_zxid_and_then_the_connection_ends()
    {
        (WireClient zk, string root) = await StartAsync();
        WireClient owner = await OpenAsync();
        await owner.CreatedAsync(root + "/e", flags: 1);
        WireReply closed = (await owner.CallAsync(OpCode.CloseSession)).Ok();
        await owner.ExpectCloseAsync();
        Assert.False(await zk.IsThereAsync(root + "/e"));
        Assert.Equal(closed.Zxid, (await zk.StatAsync(root)).Pzxid);
    }

    [Fact]
    [Row("B18", "B15")]
    public async Task B18_B15_what_follows_a_close_is_not_done()
    {
        (WireClient zk, string root) = await StartAsync();
        WireClient owner = await OpenAsync();
        int before = await owner.SendAsync(OpCode.SetData, Body.Set(root));
        int close = await owner.SendAsync(OpCode.CloseSession);
        try
        {
            for (int i = 0; i < 5; i++) await owner.SendAsync(OpCode.SetData, Body.Set(root));
        }
        catch (IOException)
        {
            // The server was faster and has hung up.
        }

        Assert.Equal(before, (await owner.ReadReplyAsync()).Xid);
        Assert.Equal(close, (await owner.ReadReplyAsync()).Ok().Xid);
        while (await owner.ReadAsync() is { } more) // or nothing at all
        {
            // Once the close is applied Apache's tracker does not know the session any more (SessionTrackerImpl.checkSession), which may be while they still come.
            more.Is(Target is ApacheTarget && more.Error == ErrorCode.UnknownSession ? ErrorCode.UnknownSession : ErrorCode.SessionExpired);
        }

        Assert.Equal(1, (await zk.StatAsync(root)).Version);
    }

    [Fact]
    [Row("B19")]
    public async Task B19_a_close_takes_ephemeral_znodes_that_are_still_being_made()
    {
        (WireClient zk, string root) = await StartAsync();
        for (int round = 0; round < 20; round++)
        {
            WireClient owner = await OpenAsync();
            for (int i = 0; i < 10; i++) await owner.SendAsync(OpCode.Create, Body.Create(root + "/e", flags: 3));
            await owner.SendAsync(OpCode.CloseSession);
            for (int i = 0; i < 10; i++) (await owner.ReadReplyAsync()).Ok(PathReply.Read);
            (await owner.ReadReplyAsync()).Ok();
            await owner.ExpectCloseAsync();
            Assert.Empty(await zk.NamesAsync(root));
        }
    }

    [Fact]
    [Row("B19")]
    public async Task B19_a_close_leaves_what_its_session_is_just_deleting_to_others()
    {
        (WireClient zk, string root) = await StartAsync();
        WireClient owner = await OpenAsync();
        await owner.CreatedAsync(root + "/e", flags: 1);
        await owner.SendAsync(OpCode.Delete, Body.Number(root + "/e", -1));
        await owner.SendAsync(OpCode.Create, Body.Create(root + "/e"));
        await owner.SendAsync(OpCode.CloseSession);
        (await owner.ReadReplyAsync()).Ok();
        (await owner.ReadReplyAsync()).Ok(PathReply.Read);
        (await owner.ReadReplyAsync()).Ok();
        Assert.Equal(0, (await zk.StatAsync(root + "/e")).EphemeralOwner);
    }
}
