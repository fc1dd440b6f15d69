using System.Text;

namespace Okapi.Recipes.Tests.Membership;

/// <summary>What a group promises on any server.</summary>
public abstract class GroupTests(Servers servers)
{
    public sealed class OnApache(Standalone servers) : GroupTests(servers);

    public sealed class OnEmbedded(Embedded servers) : GroupTests(servers);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Members_and_their_data_are_seen_until_they_leave()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/group";
        await using Group looking = zk.Group(path);
        Assert.Null(looking.Membership);
        Assert.Empty(await looking.GetMembersAsync(Ct));
        Group b = zk.Group(path, "b", "data of b"u8.ToArray());
        await using Group a = zk.Group(path, "a");
        await b.Membership!.WaitHeldAsync(Ct).Soon();
        await a.Membership!.WaitHeldAsync(Ct).Soon();
        IReadOnlyList<GroupMember> members = await looking.GetMembersAsync(Ct);
        Assert.Equal(["a", "b"], members.Select(member => member.Id));
        Assert.Equal("data of b", Encoding.UTF8.GetString(members[1].Data.Span));
        Assert.Equal($"{path}/b", members[1].Path); // Curator's layout
        await b.DisposeAsync();
        Assert.Equal("a", Assert.Single(await looking.GetMembersAsync(Ct)).Id);
    }

    [Fact]
    public async Task Changes_begin_with_the_members_and_tell_who_joins_changes_and_leaves()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/group";
        await using Group a = zk.Group(path, "a", "1"u8.ToArray());
        await a.Membership!.WaitHeldAsync(Ct).Soon();
        await using var reader = new Reader(zk.Group(path));
        await reader.UntilAsync("a=1");
        Group b = zk.Group(path, "b", "1"u8.ToArray());
        await reader.UntilAsync("a=1 b=1");
        await a.Membership.UpdateAsync("2"u8.ToArray(), Ct).Soon();
        await reader.UntilAsync("a=2 b=1");
        await b.DisposeAsync();
        await reader.UntilAsync("a=2");
        Assert.Equal(["Joined a", "Joined b", "Changed a", "Left b"], reader.Seen);
        await reader.DisposeAsync();
        Assert.False(await zk.CheckWatchesAsync(path, cancellationToken: Ct));
    }

    [Fact]
    public async Task H65_What_is_missed_while_the_connection_is_away_comes_as_the_difference()
    {
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using ZooKeeperClient away = await proxy.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/group";
        foreach (string id in (string[])["stays", "leaves", "changes", "returns"]) await CreateAsync(id);
        await using var reader = new Reader(away.Group(path));
        await reader.UntilAsync("changes=1 leaves=1 returns=1 stays=1");
        reader.Seen.Clear();
        await proxy.BreakAsync();
        await zk.DeleteAsync($"{path}/leaves", cancellationToken: Ct);
        await zk.SetAsync($"{path}/changes", "2"u8.ToArray(), cancellationToken: Ct);
        await zk.DeleteAsync($"{path}/returns", cancellationToken: Ct);
        await CreateAsync("returns", "3");
        await CreateAsync("joins");
        proxy.Heal();
        await reader.UntilAsync("changes=2 joins=1 returns=3 stays=1");
        Assert.Equal(["Changed changes", "Joined joins", "Joined returns", "Left leaves", "Left returns"], reader.Seen.Order(StringComparer.Ordinal));

        async Task CreateAsync(string id, string data = "1")
        {
            await zk.EnsurePathAsync(path, cancellationToken: Ct);
            await zk.CreateAsync($"{path}/{id}", Encoding.UTF8.GetBytes(data), CreateMode.Ephemeral, cancellationToken: Ct);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Replaying_the_changes_gives_the_members_whatever_happens(int seed)
    {
        var random = new Random(seed);
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using ZooKeeperClient away = await proxy.ConnectAsync(new() { BackoffMinimum = TimeSpan.FromMilliseconds(1), BackoffMaximum = TimeSpan.FromMilliseconds(20) });
        string path = await Servers.RootAsync(zk) + "/group";
        await zk.CreateAsync(path, cancellationToken: Ct);
        await using var reader = new Reader(away.Group(path));
        for (int i = 0; i < 150; i++)
        {
            string member = $"{path}/{(char)('a' + random.Next(6))}";
            byte[] data = Encoding.UTF8.GetBytes($"{i}");
            switch (random.Next(10))
            {
                case 0: await proxy.CutAsync(); break;
                case < 4: await zk.TryCreateAsync(member, data, CreateMode.Ephemeral, cancellationToken: Ct); break;
                case < 7: await zk.TrySetAsync(member, data, cancellationToken: Ct); break;
                default: await zk.TryDeleteAsync(member, cancellationToken: Ct); break;
            }
        }

        IReadOnlyList<GroupMember> members = await zk.Group(path).GetMembersAsync(Ct);
        await reader.UntilAsync(string.Join(' ', members.Select(member => $"{member.Id}={Encoding.UTF8.GetString(member.Data.Span)}")));
    }

    [Fact]
    public async Task With_kazoos_names_the_id_is_the_data_of_a_party_and_in_the_name_of_a_shallow_one()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk);
        var kazoo = new GroupOptions { Naming = NodeNaming.Kazoo };
        await using Group party = zk.Group($"{path}/party", "me", options: kazoo);
        HeldNode held = await party.Membership!.WaitHeldAsync(Ct).Soon();
        Assert.Matches("^[0-9a-f]{32}__party__$", ZnodePath.GetName(held.Path));
        Assert.Equal("me"u8.ToArray(), (await zk.GetAsync(held.Path, Ct)).Data);
        await zk.CreateAsync($"{path}/party/other", "not a member"u8.ToArray(), cancellationToken: Ct);
        Assert.Equal("me", Assert.Single(await party.GetMembersAsync(Ct)).Id);

        await using Group shallow = zk.Group($"{path}/shallow", "me-2", options: kazoo with { IsShallow = true });
        held = await shallow.Membership!.WaitHeldAsync(Ct).Soon();
        Assert.Matches("^[0-9a-f]{32}-me-2$", ZnodePath.GetName(held.Path));
        Assert.Equal("me-2", Assert.Single(await shallow.GetMembersAsync(Ct)).Id);
        Assert.Throws<ArgumentException>(() => zk.Group(path, "me", "data"u8.ToArray(), kazoo));
    }

    /// <summary>Replays a group's changes.</summary>
    private sealed class Reader : IAsyncDisposable
    {
        private readonly SortedDictionary<string, string> _members = new(StringComparer.Ordinal);
        private readonly IAsyncEnumerator<MembershipChange> _changes;

        private readonly CancellationTokenSource _stop = new();
        private Task<bool> _next = Task.FromResult(true);

        public Reader(Group group) => _changes = group.ChangesAsync(_stop.Token).GetAsyncEnumerator(Ct);

        public List<string> Seen { get; } = [];

        private string Members => string.Join(' ', _members.Select(member => $"{member.Key}={member.Value}"));

        public async Task UntilAsync(string members)
        {
            while (Members != members)
            {
                _next = _changes.MoveNextAsync().AsTask();
                Assert.True(await _next.Soon(), $"The changes have ended at {Members}.");
                (MembershipChangeKind kind, GroupMember member, GroupMember? previous) = _changes.Current;
                Seen.Add($"{kind} {member.Id}");
                Assert.Equal(kind == MembershipChangeKind.Joined, previous is null);
                Assert.Equal(previous is not null, _members.Remove(member.Id));
                if (kind != MembershipChangeKind.Left) _members[member.Id] = Encoding.UTF8.GetString(member.Data.Span);
            }
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await ((Task)_next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await _changes.DisposeAsync();
        }
    }
}
