using FsCheck.Fluent;

namespace Okapi.Protocol.Tests;

/// <summary>The numbers that go over the wire, frozen (features.md 1g; ZooDefs, KeeperException and Watcher in Apache ZooKeeper).</summary>
public class WireNumbersTests
{
    [Fact]
    public void Numbers_of_error_codes_are_frozen() => Frozen<ErrorCode>(
        """
        Ok=0 SystemError=-1 RuntimeInconsistency=-2 DataInconsistency=-3 ConnectionLoss=-4 MarshallingError=-5 Unimplemented=-6 OperationTimeout=-7
        BadArguments=-8 InvalidState=-9 UnknownSession=-12 NewConfigNoQuorum=-13 ReconfigInProgress=-14 SslConnectionError=-15 ApiError=-100 NoNode=-101
        NoAuth=-102 BadVersion=-103 NoChildrenForEphemerals=-108 NodeExists=-110 NotEmpty=-111 SessionExpired=-112 InvalidCallback=-113 InvalidAcl=-114
        AuthFailed=-115 Closing=-116 Nothing=-117 SessionMoved=-118 NotReadOnly=-119 EphemeralOnLocalSession=-120 NoWatcher=-121 RequestTimeout=-122
        ReconfigDisabled=-123 SessionClosedRequireSaslAuth=-124 QuotaExceeded=-125 ThrottledOp=-127
        """);

    [Fact]
    public void Numbers_of_opcodes_are_frozen() => Frozen<OpCode>(
        """
        Notification=0 Create=1 Delete=2 Exists=3 GetData=4 SetData=5 GetAcl=6 SetAcl=7 GetChildren=8 Sync=9 Ping=11 GetChildren2=12 Check=13 Multi=14
        Create2=15 Reconfig=16 CheckWatches=17 RemoveWatches=18 CreateContainer=19 DeleteContainer=20 CreateTtl=21 MultiRead=22 Auth=100 SetWatches=101
        Sasl=102 GetEphemerals=103 GetAllChildrenNumber=104 SetWatches2=105 AddWatch=106 WhoAmI=107 CreateSession=-10 CloseSession=-11 Error=-1
        """);

    [Fact]
    public void Numbers_of_create_modes_are_frozen() => Frozen<CreateMode>(
        "Persistent=0 Ephemeral=1 PersistentSequential=2 EphemeralSequential=3 Container=4 PersistentWithTtl=5 PersistentSequentialWithTtl=6");

    [Fact]
    public void Numbers_of_watched_events_are_frozen() => Frozen<WatchedEventType>(
        """
        None=-1 NodeCreated=1 NodeDeleted=2 NodeDataChanged=3 NodeChildrenChanged=4 DataWatchRemoved=5 ChildWatchRemoved=6 PersistentWatchRemoved=7
        Resync=1000
        """);

    [Fact]
    public void Numbers_of_keeper_states_are_frozen() => Frozen<KeeperState>(
        "Disconnected=0 SyncConnected=3 AuthFailed=4 ConnectedReadOnly=5 SaslAuthenticated=6 Expired=-112 Closed=7");

    [Fact]
    public void Numbers_of_watch_modes_are_frozen() => Frozen<WatchMode>("Persistent=0 PersistentRecursive=1");

    [Fact]
    public void Numbers_of_watcher_types_are_frozen() => Frozen<WatcherType>("Children=1 Data=2 Any=3 Persistent=4 PersistentRecursive=5");

    [Fact]
    public void Numbers_of_permissions_are_frozen() => Frozen<Permissions>("None=0 Read=1 Write=2 Create=4 Delete=8 Admin=16 All=31");

    [Fact]
    public void H31_Numbers_of_special_requests_are_frozen() => Assert.Equal((-1, -2, -4, -8), (Xids.Notification, Xids.Ping, Xids.Auth, Xids.SetWatches));

    [Fact]
    public void H31_The_number_after_the_largest_is_one()
    {
        var xids = new List<int> { int.MaxValue - 3 };
        for (int i = 0; i < 6; i++) xids.Add(Xids.Next(xids[^1]));
        Assert.Equal([int.MaxValue - 3, int.MaxValue - 2, int.MaxValue - 1, int.MaxValue, 1, 2, 3], xids);
        Assert.Equal(1, Xids.Next(0));
    }

    [Fact]
    public void H31_The_next_number_is_positive_and_another() =>
        Wire.Check(Gen.Choose(0, int.MaxValue), xid => Assert.True(Xids.Next(xid) > 0 && Xids.Next(xid) != xid), runs: 1000);

    [Fact]
    public void H35_An_unknown_error_code_keeps_its_number()
    {
        const ErrorCode unknown = (ErrorCode)(-9999);
        Assert.Equal(-9999, (int)unknown);
        Assert.Equal("-9999", unknown.GetName());
        Assert.NotEmpty(unknown.GetDescription());
    }

    [Fact]
    public void Every_error_code_has_its_name_and_a_description_of_its_own()
    {
        ErrorCode[] codes = Enum.GetValues<ErrorCode>();
        Assert.All(codes, code => Assert.Equal(code.ToString(), code.GetName()));
        string unknown = ((ErrorCode)(-9999)).GetDescription();
        Assert.All(codes, code =>
        {
            string description = code.GetDescription();
            Assert.NotEqual(unknown, description);
            Assert.False(string.IsNullOrWhiteSpace(description) || description.EndsWith('.'), $"{code}: \"{description}\"");
        });
        Assert.Equal(codes.Length, codes.Select(code => code.GetDescription()).Distinct(StringComparer.Ordinal).Count());
    }

    [Theory]
    [InlineData(CreateMode.Persistent, false, false, false)]
    [InlineData(CreateMode.Ephemeral, false, true, false)]
    [InlineData(CreateMode.PersistentSequential, true, false, false)]
    [InlineData(CreateMode.EphemeralSequential, true, true, false)]
    [InlineData(CreateMode.Container, false, false, false)]
    [InlineData(CreateMode.PersistentWithTtl, false, false, true)]
    [InlineData(CreateMode.PersistentSequentialWithTtl, true, false, true)]
    [InlineData((CreateMode)99, false, false, false)]
    public void A_create_mode_knows_what_it_is(CreateMode mode, bool sequential, bool ephemeral, bool ttl) =>
        Assert.Equal((sequential, ephemeral, ttl), (mode.IsSequential(), mode.IsEphemeral(), mode.HasTtl()));

    [Fact]
    public void H9_A_znode_of_a_negative_session_is_ephemeral()
    {
        Assert.True(default(Stat) with { EphemeralOwner = -5 } is { IsEphemeral: true });
        Assert.False(default(Stat).IsEphemeral);
    }

    // A hostile or broken server can send any number, and a record's ToString asks for the times.
    [Theory]
    [InlineData(0, "1970-01-01T00:00:00.000")]
    [InlineData(1_700_000_000_123, "2023-11-14T22:13:20.123")]
    [InlineData(long.MinValue, "0001-01-01T00:00:00.000")]
    [InlineData(long.MaxValue, "9999-12-31T23:59:59.999")]
    public void A_time_of_a_stat_is_always_a_time(long milliseconds, string time)
    {
        Stat stat = default(Stat) with { CreatedMilliseconds = milliseconds, ModifiedMilliseconds = milliseconds };
        Assert.Equal(time, stat.Created.ToString("yyyy-MM-ddTHH:mm:ss.fff"));
        Assert.Equal(stat.Created, stat.Modified);
        Assert.Contains(nameof(Stat.Created), stat.ToString(), StringComparison.Ordinal);
        Assert.Equal(milliseconds, stat.CreatedMilliseconds);
    }

    private static void Frozen<T>(string table)
        where T : struct, Enum
    {
        string[] frozen = table.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        string[] actual = [.. Enum.GetNames<T>().Select(name => $"{name}={Convert.ToInt32(Enum.Parse<T>(name))}")];
        Assert.True(
            frozen.Order(StringComparer.Ordinal).SequenceEqual(actual.Order(StringComparer.Ordinal), StringComparer.Ordinal),
            $"""
            {typeof(T).Name} differs from its frozen table: {string.Join(' ', frozen.Except(actual).Select(entry => "-" + entry).Concat(actual.Except(frozen).Select(entry => "+" + entry)))}
            These numbers are the wire's. If one changed or went (-), put it back: every server and client in the field sends the old one.
            If one is new (+), check its number in Apache ZooKeeper's source, then add it to the table and to features.md 1g.
            """);
    }
}
