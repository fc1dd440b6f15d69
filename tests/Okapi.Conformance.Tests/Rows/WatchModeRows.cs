using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>Persistent watches, several modes on one path, and how watches are looked for and removed.</summary>
public abstract class WatchModeRows(TargetFixture fixture) : RowTest(fixture)
{
    private const int OneShot = -1, Persistent = 0, Recursive = 1;
    private const int Children = 1, Data = 2, Any = 3, OfPersistent = 4, OfRecursive = 5;

    public sealed class OnApache(SharedApache fixture) : WatchModeRows(fixture);

    public sealed class OnEmbedded(SharedEmbedded fixture) : WatchModeRows(fixture);

    public sealed class OnEmbedded39(SharedEmbedded39 fixture) : WatchModeRows(fixture);

    [Theory]
    [Row("B104")]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("abc")]
    [InlineData("/B104/none")]
    [InlineData("/B104/")]
    [InlineData("//")]
    [InlineData("/B104/../..")]
    [InlineData("/a\u0001\0")]
    public async Task B104_a_persistent_watch_may_be_on_any_path(string path)
    {
        WireClient zk = await OpenAsync();
        (await zk.AddWatchAsync(path, Persistent)).WatchAdded();
        (await zk.AddWatchAsync(path, Recursive)).WatchAdded();
    }

    [Theory]
    [Row("B104")]
    [InlineData(2)]
    [InlineData(-1)]
    [InlineData(int.MaxValue)]
    public async Task B104_a_mode_that_is_none_cannot_be_read(int mode)
    {
        (WireClient zk, string root) = await StartAsync();
        (await zk.AddWatchAsync(root, mode)).Is(ErrorCode.MarshallingError);
        (await zk.SetAsync(root)).Ok(Stat.Read);
        Assert.Empty(await zk.EventsAsync());
    }

    [Fact]
    [Row("B102")]
    public async Task B102_a_persistent_watch_outlives_its_znode()
    {
        (WireClient zk, string root) = await StartAsync();
        WireClient watcher = await OpenAsync();
        (await watcher.AddWatchAsync(root + "/n", Persistent)).WatchAdded();
        for (int round = 0; round < 3; round++)
        {
            await zk.CreatedAsync(root + "/n");
            (await zk.SetAsync(root + "/n")).Ok(Stat.Read);
            await zk.CreatedAsync(root + "/n/c");
            (await zk.DeleteAsync(root + "/n/c")).Ok();
            (await zk.DeleteAsync(root + "/n")).Ok();
            Assert.Equal(["Created /n", "DataChanged /n", "ChildrenChanged /n", "ChildrenChanged /n", "Deleted /n"], await watcher.EventTextsAsync(root));
        }
    }

    [Fact]
    [Row("B103")]
    public async Task B103_a_recursive_watch_sees_the_tree_and_not_its_neighbours()
    {
        (WireClient zk, string root) = await StartAsync();
        WireClient watcher = await OpenAsync();
        (await watcher.AddWatchAsync(root + "/n", Recursive)).WatchAdded();
        foreach (string each in (string[])["/n", "/n/a", "/n/a/b", "/n/a/b/c", "/nn", "/nn/a", "/m"]) await zk.CreatedAsync(root + each);
        Assert.Equal(["Created /n", "Created /n/a", "Created /n/a/b", "Created /n/a/b/c"], await watcher.EventTextsAsync(root));
        (await zk.SetAsync(root + "/n/a/b/c")).Ok(Stat.Read);
        (await zk.SetAsync(root + "/nn")).Ok(Stat.Read);
        foreach (string each in (string[])["/n/a/b/c", "/n/a/b", "/n/a", "/n"]) (await zk.DeleteAsync(root + each)).Ok();
        Assert.Equal(["DataChanged /n/a/b/c", "Deleted /n/a/b/c", "Deleted /n/a/b", "Deleted /n/a", "Deleted /n"], await watcher.EventTextsAsync(root));
    }

    [Fact]
    [Row("B103")]
    public async Task B103_a_recursive_watch_on_the_root_sees_everything()
    {
        (WireClient zk, string root) = await StartAsync();
        WireClient watcher = await OpenAsync();
        (await watcher.AddWatchAsync("/", Recursive)).WatchAdded();
        await zk.CreatedAsync(root + "/a");
        (await zk.SetAsync(root)).Ok(Stat.Read);

        // Others use the server, too.
        Assert.Equal([$"Created {root}/a", $"DataChanged {root}"], (await watcher.EventTextsAsync()).Where(each => each.Contains(root, StringComparison.Ordinal)));
    }

    /// <summary>Two watches on one path of one connection, a one-shot data watch, a one-shot child watch or a mode; what they see of two writes and two new children on 3.8.0 and on 3.9.</summary>
    public static TheoryData<string, string, string, string> Pairs { get; } = new()
    {
        { "persistent, data", "DataChanged, ChildrenChanged, ChildrenChanged", "DataChanged, DataChanged, ChildrenChanged, ChildrenChanged", "a one-shot get ends the persistent data watch (ZOOKEEPER-4466)" },
        { "persistent, children", "DataChanged, DataChanged, ChildrenChanged", "DataChanged, DataChanged, ChildrenChanged, ChildrenChanged", "" },
        { "data, persistent", "DataChanged, DataChanged, ChildrenChanged, ChildrenChanged", "DataChanged, DataChanged, ChildrenChanged, ChildrenChanged", "" },
        { "children, persistent", "DataChanged, DataChanged, ChildrenChanged, ChildrenChanged", "DataChanged, DataChanged, ChildrenChanged, ChildrenChanged", "" },
        { "persistent, recursive", "DataChanged, DataChanged, Created /n/a, Created /n/b", "DataChanged, DataChanged, Created /n/a, ChildrenChanged, Created /n/b, ChildrenChanged", "" },
        { "recursive, persistent", "DataChanged, DataChanged, ChildrenChanged, ChildrenChanged", "DataChanged, DataChanged, Created /n/a, ChildrenChanged, Created /n/b, ChildrenChanged", "" },
        { "recursive, data", "DataChanged", "DataChanged, DataChanged, Created /n/a, Created /n/b", "" },
        { "data, recursive", "DataChanged, DataChanged, Created /n/a, Created /n/b", "DataChanged, DataChanged, Created /n/a, Created /n/b", "" },
        { "recursive, children", "DataChanged, DataChanged, Created /n/a, ChildrenChanged, Created /n/b", "DataChanged, DataChanged, Created /n/a, ChildrenChanged, Created /n/b", "" },
        { "children, recursive", "DataChanged, DataChanged, Created /n/a, Created /n/b", "DataChanged, DataChanged, Created /n/a, ChildrenChanged, Created /n/b", "3.8.0 swallows ChildrenChanged" },
        { "persistent, persistent", "DataChanged, DataChanged, ChildrenChanged, ChildrenChanged", "DataChanged, DataChanged, ChildrenChanged, ChildrenChanged", "" },
        { "data, children", "DataChanged, ChildrenChanged", "DataChanged, ChildrenChanged", "" },
    };

    [Theory]
    [Row("B105")]
    [MemberData(nameof(Pairs))]
    public async Task B105_modes_on_one_path_live_side_by_side_from_3_9_on(string armed, string seenOn38, string seenOn39, string why)
    {
        _ = why;
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n");
        WireClient watcher = await OpenAsync();
        foreach (string each in armed.Split(", ")) await ArmAsync(watcher, root + "/n", each);
        for (int i = 0; i < 2; i++) (await zk.SetAsync(root + "/n")).Ok(Stat.Read);
        await zk.CreatedAsync(root + "/n/a");
        await zk.CreatedAsync(root + "/n/b");
        string[] seen = [.. (await watcher.EventTextsAsync(root)).Select(each => each.EndsWith(" /n", StringComparison.Ordinal) ? each[..^3] : each)];
        Assert.Equal(Is38 ? seenOn38 : seenOn39, string.Join(", ", seen));
    }

    /// <summary>What is armed, the type asked for, whether it is found, on 3.8.0 and on 3.9; null: cannot be read.</summary>
    public static TheoryData<string, int, bool?, bool?> Found { get; } = new()
    {
        { "data", Children, false, false }, { "data", Data, true, true }, { "data", Any, true, true }, { "data", OfPersistent, null, false }, { "data", OfRecursive, null, false },
        { "exists", Children, false, false }, { "exists", Data, true, true }, { "exists", Any, true, true },
        { "missing", Children, false, false }, { "missing", Data, true, true }, { "missing", Any, true, true },
        { "children", Children, true, true }, { "children", Data, false, false }, { "children", Any, true, true }, { "children", OfPersistent, null, false },
        { "persistent", Children, true, false }, { "persistent", Data, true, false }, { "persistent", Any, true, true }, { "persistent", OfPersistent, null, true }, { "persistent", OfRecursive, null, false },
        { "recursive", Children, true, false }, { "recursive", Data, true, false }, { "recursive", Any, true, true }, { "recursive", OfPersistent, null, false }, { "recursive", OfRecursive, null, true },
        { "none", Children, false, false }, { "none", Data, false, false }, { "none", Any, false, false }, { "none", OfPersistent, null, false }, { "none", OfRecursive, null, false },
        { "data", 9, null, null }, { "data", 0, null, null }, { "data", -1, null, null }, { "data", 6, null, null }, { "none", 9, null, null },
    };

    [Theory]
    [Row("B106", "B107", "B108")]
    [MemberData(nameof(Found))]
    public async Task B106_B107_B108_watches_are_checked_and_removed_by_type(string armed, int type, bool? isFoundOn38, bool? isFoundOn39)
    {
        (WireClient zk, string root) = await StartAsync();
        string path = root + (armed == "missing" ? "/none" : "/n");
        await zk.CreatedAsync(root + "/n");
        if (armed != "none") await ArmAsync(zk, path, armed is "missing" ? "exists" : armed);
        ErrorCode told = (Is38 ? isFoundOn38 : isFoundOn39) switch { null => ErrorCode.MarshallingError, true => ErrorCode.Ok, false => ErrorCode.NoWatcher };
        (await zk.CheckWatchesAsync(path, type)).Is(told);
        (await zk.CheckWatchesAsync(path, type)).Is(told);
        (await zk.RemoveWatchesAsync(path, type)).Is(told);
        if (told == ErrorCode.Ok) (await zk.RemoveWatchesAsync(path, type)).Is(ErrorCode.NoWatcher);

        // The server says nothing of a removal: the client makes its own events.
        Assert.Empty(await zk.EventsAsync());
    }

    [Fact]
    [Row("B106")]
    public async Task B106_a_removed_watch_does_not_fire_and_the_others_do()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n");
        WireClient watcher = await OpenAsync();
        await ArmAsync(watcher, root + "/n", "data");
        await ArmAsync(watcher, root + "/n", "children");
        await ArmAsync(watcher, root, "data");
        (await watcher.RemoveWatchesAsync(root + "/n", Data)).Ok();
        (await zk.SetAsync(root + "/n")).Ok(Stat.Read);
        (await zk.SetAsync(root)).Ok(Stat.Read);
        await zk.CreatedAsync(root + "/n/c");
        Assert.Equal(["DataChanged /", "ChildrenChanged /n"], await watcher.EventTextsAsync(root));
        (await watcher.CheckWatchesAsync(root + "/n", Any)).Is(ErrorCode.NoWatcher);
        (await watcher.CheckWatchesAsync(root + "/none", Any)).Is(ErrorCode.NoWatcher);
        (await watcher.RemoveWatchesAsync("no path", Any)).Is(ErrorCode.NoWatcher);
    }

    [Fact]
    [Row("B106")]
    public async Task B106_a_watch_can_only_be_removed_by_its_own_connection()
    {
        (WireClient zk, string root) = await StartAsync();
        WireClient watcher = await OpenAsync();
        await ArmAsync(watcher, root, "data");
        (await zk.RemoveWatchesAsync(root, Data)).Is(ErrorCode.NoWatcher);
        (await zk.RemoveWatchesAsync(root, Any)).Is(ErrorCode.NoWatcher);
        (await zk.SetAsync(root)).Ok(Stat.Read);
        Assert.Equal(["DataChanged /"], await watcher.EventTextsAsync(root));
    }

    [Fact]
    [Row("B106")]
    public async Task B106_on_3_8_a_check_finds_another_connections_watch()
    {
        (WireClient zk, string root) = await StartAsync();
        WireClient watcher = await OpenAsync();
        await ArmAsync(watcher, root, "data");
        (await zk.CheckWatchesAsync(root, Data)).Is(Is38 ? ErrorCode.Ok : ErrorCode.NoWatcher);
        (await zk.CheckWatchesAsync(root, Children)).Is(ErrorCode.NoWatcher);
    }

    [Fact]
    [Row("B107")]
    public async Task B107_on_3_8_removing_data_watches_takes_half_of_a_persistent_one()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n");
        WireClient data = await OpenAsync(), children = await OpenAsync(), recursive = await OpenAsync();
        await ArmAsync(data, root + "/n", "persistent");
        await ArmAsync(children, root + "/n", "persistent");
        await ArmAsync(recursive, root + "/n", "recursive");
        ErrorCode told = Is38 ? ErrorCode.Ok : ErrorCode.NoWatcher;
        (await data.RemoveWatchesAsync(root + "/n", Data)).Is(told);
        (await children.RemoveWatchesAsync(root + "/n", Children)).Is(told);
        (await recursive.RemoveWatchesAsync(root + "/n", Data)).Is(told);
        (await zk.SetAsync(root + "/n")).Ok(Stat.Read);
        await zk.CreatedAsync(root + "/n/c");
        Assert.Equal(Is38 ? ["ChildrenChanged /n"] : ["DataChanged /n", "ChildrenChanged /n"], await data.EventTextsAsync(root));
        Assert.Equal(Is38 ? ["DataChanged /n"] : ["DataChanged /n", "ChildrenChanged /n"], await children.EventTextsAsync(root));
        Assert.Equal(Is38 ? [] : ["DataChanged /n", "Created /n/c"], await recursive.EventTextsAsync(root));
    }

    [Fact]
    [Row("B108")]
    public async Task B108_any_removes_every_mode()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n");
        WireClient watcher = await OpenAsync();
        foreach (string each in (string[])["data", "children", "persistent", "recursive"]) await ArmAsync(watcher, root + "/n", each);
        (await watcher.RemoveWatchesAsync(root + "/n", Any)).Ok();
        (await watcher.CheckWatchesAsync(root + "/n", Any)).Is(ErrorCode.NoWatcher);
        (await zk.SetAsync(root + "/n")).Ok(Stat.Read);
        await zk.CreatedAsync(root + "/n/c");
        (await zk.DeleteAsync(root + "/n/c")).Ok();
        (await zk.DeleteAsync(root + "/n")).Ok();
        Assert.Empty(await watcher.EventsAsync());
    }

    private static async Task ArmAsync(WireClient zk, string path, string what)
    {
        int mode = what switch { "persistent" => Persistent, "recursive" => Recursive, _ => OneShot };
        if (mode != OneShot)
        {
            (await zk.AddWatchAsync(path, mode)).WatchAdded();
            return;
        }

        WireReply reply = what switch
        {
            "data" => await zk.GetAsync(path, watch: true),
            "exists" => await zk.ExistsAsync(path, watch: true),
            "children" => await zk.ChildrenAsync(path, watch: true),
            _ => throw new ArgumentException(what),
        };
        Assert.True(reply.Error == ErrorCode.Ok || what == "exists");
    }
}
