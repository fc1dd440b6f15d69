using System.Text;
using Okapi.Recipes;

namespace Okapi.Recipes.Tests.Interop;

/// <summary>Groups whose members are seen by all sides.</summary>
public abstract class MembershipInteropTests(Servers servers, ForeignPeer peer)
{
    public sealed class CuratorOnApache(Standalone servers, Curator peer) : MembershipInteropTests(servers, peer);

    public sealed class CuratorOnEmbedded(Embedded servers, Curator peer) : MembershipInteropTests(servers, peer);

    public sealed class KazooOnApache(Standalone servers, Kazoo peer) : MembershipInteropTests(servers, peer);

    public sealed class KazooOnEmbedded(Embedded servers, Kazoo peer) : MembershipInteropTests(servers, peer);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private bool IsKazoo => peer.Naming == NodeNaming.Kazoo;

    [Fact]
    public async Task Members_of_both_sides_see_each_other_come_and_go()
    {
        await using ForeignClient other = await peer.ConnectAsync(servers), gone = await peer.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/group";
        await using Group mine = zk.Group(path, "okapi", IsKazoo ? default : "data"u8.ToArray(), new() { Naming = peer.Naming });
        await mine.Membership!.WaitHeldAsync(Ct).Soon();
        await other.AskAsync("join", "g", path, "other", IsKazoo ? "" : "more data");
        await SeenAsync(mine, "okapi", "other");
        await SeenByAsync(other, IsKazoo ? "okapi,other" : "okapi=data,other=more data");
        if (!IsKazoo) Assert.Equal("more data", Encoding.UTF8.GetString((await mine.GetMembersAsync(Ct))[1].Data.Span));
        await gone.AskAsync("join", "g", path, "third", "");
        await SeenAsync(mine, "okapi", "other", "third");
        await gone.AskAsync("close");
        await SeenAsync(mine, "okapi", "other");
        await mine.DisposeAsync();
        await SeenByAsync(other, IsKazoo ? "other" : "other=more data");
    }

    [Fact]
    public async Task Members_of_the_other_side_are_in_the_stream_of_changes()
    {
        await using ForeignClient other = await peer.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using Group group = zk.Group(await Servers.RootAsync(zk) + "/group", new() { Naming = peer.Naming });
        await using IAsyncEnumerator<MembershipChange> changes = group.ChangesAsync(Ct).GetAsyncEnumerator(Ct);
        Task<bool> first = changes.MoveNextAsync().AsTask();
        await other.AskAsync("join", "g", group.Path, "other", "");
        Assert.True(await first.Soon());
        Assert.Equal((MembershipChangeKind.Joined, "other"), (changes.Current.Kind, changes.Current.Member.Id));
        await other.AskAsync("close");
        Assert.True(await changes.MoveNextAsync().AsTask().Soon());
        Assert.Equal((MembershipChangeKind.Left, "other"), (changes.Current.Kind, changes.Current.Member.Id));
    }

    /// <summary>kazoo looks for the group's znode once in the life of an object, and fails if it has gone since.</summary>
    [Fact]
    public async Task A_member_of_the_other_side_can_look_at_a_group_that_was_empty_for_a_while()
    {
        await using ForeignClient other = await peer.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk), path = root + "/group";
        await using (Group mine = zk.Group(path, "okapi", options: new() { Naming = peer.Naming })) await mine.Membership!.WaitHeldAsync(Ct).Soon();
        await other.AskAsync("join", "g", path, "other", "");
        await other.AskAsync("leave", "g");
        await ContainerCheck.DoneAsync(zk, root);
        await other.AskAsync("rejoin", "g");
        await SeenAsync(zk.Group(path, new() { Naming = peer.Naming }), "other");
    }

    private static Task SeenAsync(Group group, params string[] ids) => Waiting.UntilAsync(
        async () => (await group.GetMembersAsync(Ct)).Select(member => member.Id).SequenceEqual(ids), $"Okapi sees {string.Join(", ", ids)}");

    private static Task SeenByAsync(ForeignClient other, string members) =>
        Waiting.UntilAsync(async () => await other.AskAsync("members", "g") == members, $"the other side sees {members}");
}

/// <summary>Parties of kazoo's that have the ids of their members in names.</summary>
public abstract class ShallowPartyTests(Servers servers, Kazoo kazoo)
{
    public sealed class OnApache(Standalone servers, Kazoo kazoo) : ShallowPartyTests(servers, kazoo);

    public sealed class OnEmbedded(Embedded servers, Kazoo kazoo) : ShallowPartyTests(servers, kazoo);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Members_of_both_sides_see_each_other()
    {
        await using ForeignClient python = await kazoo.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using Group mine = zk.Group(await Servers.RootAsync(zk) + "/group", "okapi-1", options: new() { Naming = NodeNaming.Kazoo, IsShallow = true });
        await mine.Membership!.WaitHeldAsync(Ct).Soon();
        await python.AskAsync("join", "g", mine.Path, "kazoo-1", "", "shallow");
        Assert.Equal("kazoo-1,okapi-1", await python.AskAsync("members", "g"));
        Assert.Equal(["kazoo-1", "okapi-1"], (await mine.GetMembersAsync(Ct)).Select(member => member.Id));
    }
}
