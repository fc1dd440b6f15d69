using Okapi.Recipes.Caches;

namespace Okapi.Recipes.Tests.Caches;

/// <summary>Answers in every order that connections and threads can give them.</summary>
public sealed class CacheContentTests
{
    private readonly ReadQueue _queue = new();
    private readonly CacheContent _content;

    public CacheContentTests() => _content = new(new("/", CacheScope.Tree), new(), _queue);

    private string[] Paths => [.. _content.Snapshot.Nodes.Select(node => node.Path)];

    [Fact]
    public void Whatever_happens_to_a_path_while_it_waits_is_one_read()
    {
        for (int i = 0; i < 100; i++) _queue.Ask("/", load: false);
        PendingRead read = Begin("/");
        for (int i = 0; i < 100; i++) _queue.Ask("/", load: false);
        Assert.Null(_queue.TryTake()); // one at a time
        End(read, Found("/", 1, 1));
        End(Begin("/"), Found("/", 1, 2));
        Assert.Null(_queue.TryTake());
        Assert.Equal(2, _content.Snapshot.TryGet("/")!.Stat.Mzxid);
    }

    [Fact]
    public void H65_Of_two_reads_the_older_transaction_does_not_win_and_versions_may_wrap()
    {
        Read("/", Found("/", 1, 5, version: int.MaxValue));
        Read("/", Found("/", 1, 6, version: int.MinValue));
        Read("/", Found("/", 1, 5, version: int.MaxValue));
        Assert.Equal(int.MinValue, _content.Snapshot.TryGet("/")!.Stat.Version);
        Read("/", Found("/", 1, 7, version: -1));
        Assert.Equal(-1, _content.Snapshot.TryGet("/")!.Stat.Version);
    }

    /// <summary>Servers that have lost data give a transaction's number again. The ensemble's configuration each of Apache's servers writes for itself, under one number.</summary>
    [Theory]
    [InlineData("/a", 1)]
    [InlineData("/zookeeper/config", 0)]
    public void The_time_of_a_write_tells_two_of_one_number_apart_but_where_each_server_writes(string path, int changes)
    {
        Read("/", Found("/", 0, 0));
        if (ZnodePath.GetParent(path) is { } parent and not "/") Read(parent, Found(parent, 0, 0));
        Read(path, Found(path, 1, 5, modified: 1000));
        Assert.Equal(path, _content.TakeChanges()[^1].Path);
        Read(path, Found(path, 1, 5, modified: 2000), load: true);
        Assert.Equal(changes, _content.TakeChanges().Length);
    }

    [Fact]
    public void A_list_that_is_older_than_a_child_does_not_remove_it()
    {
        Read("/", Found("/", 0, 0));
        Read("/old", Found("/old", 5, 5));
        Read("/new", Found("/new", 9, 9));
        Read("/", Listed(Found("/", 0, 0), pzxid: 7), load: true);
        Assert.Equal(["/", "/new"], Paths);
        Read("/new", Found("/new", 9, 9)); // it is looked at again to be sure
        Assert.Null(_queue.TryTake());
    }

    [Fact]
    public void An_absence_that_may_be_over_does_not_remove_what_is_new()
    {
        Read("/", Found("/", 0, 0));
        Read("/a", Found("/a", 1, 1));
        _queue.Ask("/a", load: false);
        PendingRead absent = Begin("/a");
        _queue.Ask("/a", load: false); // created again
        Read("/a/b", Found("/a/b", 9, 9));
        End(absent, default);
        Assert.Equal(["/", "/a", "/a/b"], Paths);
        End(Begin("/a"), Found("/a", 8, 8));
        Assert.Equal(["/", "/a", "/a/b"], Paths);
        Assert.Equal(8, _content.Snapshot.TryGet("/a")!.Stat.Czxid);
    }

    [Fact]
    public void What_was_below_a_znode_goes_when_it_is_another_one()
    {
        Read("/", Found("/", 0, 0));
        Read("/a", Found("/a", 1, 1));
        Read("/a/b", Found("/a/b", 2, 2));
        Read("/a/b/c", Found("/a/b/c", 9, 9)); // belongs to a /a/b that is not here yet
        _content.TakeChanges();
        Read("/a", Found("/a", 7, 7));
        Assert.Equal(["/", "/a"], Paths);
        Assert.Equal(["Deleted /a/b/c", "Deleted /a/b", "Deleted /a", "Created /a"], _content.TakeChanges().Select(change => $"{change.Kind} {change.Path}"));
        // It is looked for, as it was dropped on suspicion.
        End(Begin("/a"), Listed(Found("/a", 7, 7), 8, "b"));
        End(Begin("/a/b"), Listed(Found("/a/b", 8, 8), 9, "c"));
        End(Begin("/a/b/c"), Found("/a/b/c", 9, 9));
        Assert.Equal(["/", "/a", "/a/b", "/a/b/c"], Paths);
        Assert.Equal(0, _queue.Loads);
    }

    [Fact]
    public void A_child_that_comes_before_its_parent_is_found_again_with_it()
    {
        Read("/a/b", Found("/a/b", 2, 2));
        Assert.Empty(Paths);
        End(Begin("/a"), Listed(Found("/a", 1, 1), 2, "b"));
        End(Begin("/"), Listed(Found("/", 0, 0), 1, "a"));
        End(Begin("/a"), Listed(Found("/a", 1, 1), 2, "b"));
        End(Begin("/a/b"), Listed(Found("/a/b", 2, 2), 2));
        Assert.Equal(["/", "/a", "/a/b"], Paths);
        Assert.Equal(0, _queue.Loads);
        Assert.Null(_queue.TryTake());
    }

    [Fact]
    public void After_a_gap_answers_that_were_under_way_are_asked_for_again()
    {
        _queue.Ask("/", load: true);
        PendingRead read = Begin("/");
        _queue.Outdate();
        _queue.Ask("/", load: true);
        End(read, Listed(Found("/", 0, 0), 0));
        Assert.Equal(1, _queue.Loads);
        End(Begin("/"), Listed(Found("/", 0, 0), 1));
        Assert.Equal(0, _queue.Loads);
    }

    [Fact]
    public void A_znode_that_changes_all_the_time_does_not_keep_a_load_from_its_end()
    {
        _queue.Ask("/", load: true);
        PendingRead read = Begin("/");
        _queue.Ask("/", load: false);
        End(read, Listed(Found("/", 0, 0), 0));
        Assert.Equal(0, _queue.Loads);
        End(Begin("/"), Found("/", 0, 1));
    }

    [Fact]
    public void A_tree_deeper_than_a_stack_is_no_trouble()
    {
        const int Depth = 3_000;
        Read("/", Found("/", 0, 0));
        string path = "";
        for (int i = 1; i <= Depth; i++) Read(path += "/a", Found(path, i, i));
        Assert.Equal(Depth + 1, _content.Snapshot.Count);
        Assert.Equal(Depth + 1, _content.Snapshot.Nodes.Count());
        _content.TakeChanges();
        Read("/a", default);
        Assert.Equal(1, _content.Snapshot.Count);
        Assert.Equal(Depth, _content.TakeChanges().Length);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_difference_of_any_two_states_leads_from_one_to_the_other(int seed)
    {
        var random = new Random(seed);
        var states = new List<CacheSnapshot>();
        Read("/", Found("/", 0, 0));
        for (int zxid = 1; zxid < 600; zxid++)
        {
            string path = string.Concat(Enumerable.Range(0, random.Next(1, 4)).Select(_ => $"/{random.Next(3)}"));
            NodeReading found = random.Next(4) == 0 ? default : Found(path, random.Next(3) == 0 ? zxid : _content.Snapshot.TryGet(path)?.Stat.Czxid ?? zxid, zxid);
            Read(path, found);
            while (_queue.TryTake() is { } extra) _queue.End(extra, isUsed: true);
            states.Add(_content.Snapshot);
        }

        for (int i = 0; i < 200; i++)
        {
            (CacheSnapshot from, CacheSnapshot to) = (states[random.Next(states.Count)], states[random.Next(states.Count)]);
            Dictionary<string, CachedNode> replayed = from.Nodes.ToDictionary(node => node.Path);
            foreach (CacheChange change in Difference.Between(from.Root, to.Root))
            {
                Assert.True(change.Path == "/" || replayed.ContainsKey(ZnodePath.GetParent(change.Path)!), $"seed {seed}: {change} without a parent");
                Assert.Same(change.Old, replayed.GetValueOrDefault(change.Path));
                if (change.New is { } now) replayed[change.Path] = now;
                else replayed.Remove(change.Path);
            }

            Assert.Equal(to.Nodes.Select(node => (node.Path, node.Stat)), replayed.Values.OrderBy(node => node.Path, StringComparer.Ordinal).Select(node => (node.Path, node.Stat)));
            Assert.Equal((to.Nodes.Count(), to.Nodes.Sum(node => node.Bytes)), (to.Count, to.Bytes));
        }
    }

    private static NodeReading Found(string path, long czxid, long mzxid, int version = 0, long modified = 0) =>
        new() { Node = new(path, default, default(Stat) with { Czxid = czxid, Mzxid = mzxid, Version = version, ModifiedMilliseconds = modified }) };

    private static NodeReading Listed(NodeReading found, long pzxid, params string[] names) => found with { IsListed = true, Names = names, Pzxid = pzxid };

    private void Read(string path, NodeReading found, bool load = false)
    {
        _queue.Ask(path, load);
        End(Begin(path), found);
    }

    /// <summary>Takes the next read, which must be of that path; the others it takes on the way go back.</summary>
    private PendingRead Begin(string path)
    {
        var others = new List<PendingRead>();
        try
        {
            while (_queue.TryTake() is { } read)
            {
                if (read.Path == path) return read;
                others.Add(read);
            }
        }
        finally
        {
            foreach (PendingRead other in others) _queue.End(other, isUsed: false);
        }

        throw new InvalidOperationException($"{path} is not to be read.");
    }

    private void End(PendingRead read, NodeReading found) => _queue.End(read, _content.Take(read, found));
}
