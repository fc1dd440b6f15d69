using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>A check outside of a transaction, which 3.8.0 does not survive unharmed: hence a server of its own, for one test.</summary>
public abstract class BareCheckRows(TargetFixture fixture) : RowTest(fixture)
{
    public sealed class OnApache(ApacheAlone fixture) : BareCheckRows(fixture), IClassFixture<ApacheAlone>;

    public sealed class OnEmbedded(EmbeddedAlone fixture) : BareCheckRows(fixture), IClassFixture<EmbeddedAlone>;

    public sealed class OnEmbedded39(Embedded39Alone fixture) : BareCheckRows(fixture), IClassFixture<Embedded39Alone>;

    [Fact]
    [Row("B26", "B40", "B77", "B123")]
    public async Task B26_B40_B77_B123_a_new_server_is_as_it_should_be_and_a_bare_check_is_not_answered_on_3_8()
    {
        WireClient zk = await OpenAsync();
        Assert.Equal((-1, 1), ((await zk.StatAsync("/")).ChildVersion, (await zk.StatAsync("/")).ChildCount));
        Assert.Equal(3, (await zk.CallAsync(OpCode.GetAllChildrenNumber, Body.Path("/"))).Ok(CountReply.Read).Value);
        Assert.Contains("Node count: 5\n", await Target.WordAsync("srvr"));
        await zk.CreatedAsync("/n");
        Assert.Equal((0, 2), ((await zk.StatAsync("/")).ChildVersion, (await zk.StatAsync("/")).ChildCount));

        long zxid = await zk.LastZxidAsync();
        int check = await zk.SendAsync(OpCode.Check, Body.Number("/n", -1));
        if (!Is38)
        {
            WireReply reply = (await zk.ReadAsync())!;
            Assert.Equal(new ReplyHeader(check, -1, ErrorCode.Unimplemented), reply.Is(ErrorCode.Unimplemented).Header);
            await zk.ExpectCloseAsync();
            return;
        }

        // No answer at all: the next frame is the answer to what comes next. Yet it was a transaction, and the log cannot be read again after it.
        WireReply ping = await zk.PingAsync();
        Assert.Equal(zxid + 1, ping.Zxid);
        (await zk.SetAsync("/n")).Ok(Stat.Read);
        Assert.Empty(await zk.EventsAsync());
    }
}
