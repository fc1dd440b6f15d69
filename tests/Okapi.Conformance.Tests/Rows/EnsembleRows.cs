using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>Rows that take more than one server: sessions that move, and servers that may only be read. New sessions are local and can become global.</summary>
public abstract class EnsembleRows(TargetFixture fixture) : RowTest(fixture)
{
    public sealed class OnApache(ApacheEnsembleFixture fixture) : EnsembleRows(fixture), IClassFixture<ApacheEnsembleFixture>;

    public sealed class OnEmbedded(EmbeddedEnsembleFixture fixture) : EnsembleRows(fixture), IClassFixture<EmbeddedEnsembleFixture>;

    public sealed class OnEmbedded39(EmbeddedEnsemble39Fixture fixture) : EnsembleRows(fixture), IClassFixture<EmbeddedEnsemble39Fixture>;

    private EnsembleTarget Ensemble => (EnsembleTarget)Target;

    [Fact]
    [Row("B7")]
    public async Task B7_a_wrong_password_at_another_server_does_not_end_the_connection()
    {
        (WireClient zk, string root) = await GlobalAsync();
        WireClient thief = Keep(await WireClient.ConnectAsync(Ensemble.Members[1]));
        ConnectResponse told = await thief.HandshakeAsync(10_000, zk.Session with { Password = new byte[16] });
        Assert.Equal((0, 0), (told.TimeoutMs, told.SessionId));
        await thief.ExpectCloseAsync();
        (await zk.SetAsync(root)).Ok(Stat.Read);
    }

    [Fact]
    [Row("B12")]
    public async Task B12_who_resumes_a_session_elsewhere_ends_its_old_connection_when_that_writes()
    {
        int follower = await Ensemble.FindFollowerAsync();
        (WireClient old, string root) = await GlobalAsync(follower);
        WireClient resumed = Keep(await WireClient.OpenAsync(Ensemble.Members[follower == 1 ? 0 : 1], Target.TimeoutMs, old.Session));
        Assert.Equal(old.SessionId, resumed.SessionId);
        (await resumed.SetAsync(root, [1])).Ok(Stat.Read);
        (await old.GetAsync(root)).Ok(DataReply.Read); // reads go on; Apache's leader, though, looks who owns the session before it reads as well (PrepRequestProcessor)
        await old.SendAsync(OpCode.SetData, Body.Set(root, [2]));
        await old.ExpectCloseAsync();
        (await resumed.SetAsync(root, [3], 1)).Ok(Stat.Read);
        Assert.Equal(old.SessionId, (await resumed.StatAsync(root + "/e")).EphemeralOwner);
    }

    [Fact]
    [Row("B92")]
    public async Task B92_a_transaction_of_a_session_that_has_moved_ends_the_connection()
    {
        (WireClient old, string root) = await GlobalAsync();
        WireClient resumed = Keep(await WireClient.OpenAsync(Ensemble.Members[1], Target.TimeoutMs, old.Session));
        (await resumed.SetAsync(root, [1])).Ok(Stat.Read);
        await old.SendAsync(OpCode.Multi, Body.Multi((OpCode.SetData, Body.Set(root, [2])), (OpCode.Create, Body.Create(root + "/n"))));
        await old.ExpectCloseAsync();
        Assert.False(await resumed.IsThereAsync(root + "/n"));
        Assert.Equal(1, (await resumed.StatAsync(root)).Version);
    }

    [Fact]
    [Row("B50")]
    public async Task B50_a_local_session_becomes_global_with_its_first_ephemeral_znode()
    {
        WireClient zk = await OpenAsync();
        string root = await RootAsync(zk);
        WireClient other = Keep(await WireClient.ConnectAsync(Ensemble.Members[1]));
        Assert.Equal(0, (await other.HandshakeAsync(10_000, zk.Session)).SessionId); // nobody else knows a local session
        await zk.CreatedAsync(root + "/e", flags: 1);
        Assert.Equal(zk.SessionId, (await zk.StatAsync(root + "/e")).EphemeralOwner);
        WireClient resumed = Keep(await WireClient.OpenAsync(Ensemble.Members[1], Target.TimeoutMs, zk.Session));
        Assert.Equal(zk.SessionId, resumed.SessionId);
        (await resumed.SyncAsync()).Ok(PathReply.Read);
        Assert.Equal(zk.SessionId, (await resumed.StatAsync(root + "/e")).EphemeralOwner);
    }

    [Fact]
    [Row("B10", "B11", "B122", "B124")]
    public async Task B10_B11_B122_B124_a_read_only_server_serves_reads_to_who_wants_no_more()
    {
        (WireClient zk, string root) = await GlobalAsync();
        (await zk.SetAsync(root, [1])).Ok(Stat.Read);
        await Ensemble.MakeReadOnlyAsync(0);
        try
        {
            WireClient writer = await ConnectAsync();
            await writer.SendFrameAsync(new ConnectRequest(0, 0, 10_000, 0, new byte[16], ReadOnly: false).Write);
            await writer.ExpectCloseAsync();
            WireClient global = await ConnectAsync();
            await global.SendFrameAsync(new ConnectRequest(0, 0, 10_000, zk.SessionId, zk.Session.Password, ReadOnly: true).Write);
            await global.ExpectCloseAsync();

            WireClient reader = await OpenAsync(readOnly: true);
            Assert.True(reader.Session.ReadOnly);
            Assert.Equal("ro", await Target.WordAsync("isro"));
            Assert.Contains("Mode: read-only\n", await Target.WordAsync("srvr"));
            Assert.Equal([1], await reader.DataAsync(root));
            Assert.Equal(["e"], await reader.NamesAsync(root));
            Assert.Equal(Acl.Open, await reader.AclAsync(root));
            (await reader.GetAsync(root, watch: true)).Ok(DataReply.Read);
            (await reader.AddWatchAsync(root, 1)).WatchAdded();
            (await reader.PingAsync()).Ok();
            (await reader.CallAsync(OpCode.WhoAmI)).Ok(WhoAmIReply.Read);
            Assert.Single((await reader.CallAsync(OpCode.MultiRead, Body.Multi((OpCode.GetData, Body.Read(root))))).Parts());
            long zxid = await reader.LastZxidAsync();
            foreach ((OpCode type, BodyWriter body) in ((OpCode, BodyWriter)[])
            [
                (OpCode.Create, Body.Create(root + "/n")), (OpCode.Create2, Body.Create(root + "/n")), (OpCode.CreateContainer, Body.Create(root + "/n", flags: 4)),
                (OpCode.CreateTtl, Body.Create(root + "/n", flags: 5, ttlMs: 1000)), (OpCode.Delete, Body.Number(root, -1)), (OpCode.SetData, Body.Set(root)), (OpCode.SetAcl, Body.SetAcl(root, Acl.Open)),
                (OpCode.Multi, Body.Multi((OpCode.Check, Body.Number(root, -1)))), (OpCode.Check, Body.Number(root, -1)), (OpCode.Sync, Body.Path(root)),
                (OpCode.Reconfig, new ReconfigRequest(null, "2", null, -1).Write),
            ])
            {
                if (type == OpCode.Check && !Is38) continue; // 3.9 knows it in transactions only
                Assert.Equal((type, zxid), (type, (await reader.CallAsync(type, body)).Is(ErrorCode.NotReadOnly).Zxid));
            }

            await reader.CloseAsync();
        }
        finally
        {
            await Ensemble.HealAsync();
        }

        WireClient again = await OpenAsync();
        (await again.SetAsync(root, [2], 1)).Ok(Stat.Read);
    }

    // A local session is known to its server alone; one ephemeral znode makes it everybody's.
    private async Task<(WireClient Client, string Root)> GlobalAsync(int member = 0, [System.Runtime.CompilerServices.CallerMemberName] string test = "")
    {
        WireClient zk = Keep(await WireClient.OpenAsync(Ensemble.Members[member], Target.TimeoutMs));
        string root = await RootAsync(zk, test);
        await zk.CreatedAsync(root + "/e", flags: 1);
        return (zk, root);
    }
}

/// <summary>A server whose local sessions stay what they are.</summary>
public abstract class LocalSessionRows(TargetFixture fixture) : RowTest(fixture)
{
    public sealed class OnApache(ApacheWithLocalSessions fixture) : LocalSessionRows(fixture), IClassFixture<ApacheWithLocalSessions>;

    public sealed class OnEmbedded(EmbeddedWithLocalSessions fixture) : LocalSessionRows(fixture), IClassFixture<EmbeddedWithLocalSessions>;

    [Fact]
    [Row("B50")]
    public async Task B50_a_local_session_that_cannot_become_global_owns_no_ephemeral_znode()
    {
        (WireClient zk, string root) = await StartAsync();
        foreach (int flags in (int[])[1, 3])
        {
            (await zk.CreateAsync(root + "/e", flags: flags)).Is(ErrorCode.EphemeralOnLocalSession);
            (await zk.Create2Async(root + "/e", flags: flags)).Is(ErrorCode.EphemeralOnLocalSession);
        }

        await zk.CreatedAsync(root + "/n");
        (await zk.SetAsync(root + "/n")).Ok(Stat.Read);
        Assert.Equal(["n"], await zk.NamesAsync(root));
        WireClient again = await OpenAsync(resume: zk.Session);
        Assert.Equal(zk.SessionId, again.SessionId);
    }
}
