namespace Okapi.Protocol.Tests;

/// <summary>
/// The wire's bytes, written by hand from ZooKeeper's own definition of its records (zookeeper.jute) and of its transactions: big-endian
/// numbers, lengths of 4 bytes, -1 for null. A round trip cannot see a field that both directions have in the wrong place; these do.
/// Where one fails, the code is wrong: these bytes are what released servers and clients send.
/// </summary>
public class GoldenBytesTests
{
    // Each field another number, so that two exchanged ones show. The owner is negative, as ids of sessions can be (H9).
    private const string StatBytes =
        "0000000000000011 0000000000000012 0000000000000013 0000000000000014 00000005 00000006 00000007 FFFFFFFFFFFFFFF8 00000009 0000000A 000000000000001B";

    private const string OpenAcl = "00000001 0000001F 00000005 'world' 00000006 'anyone'";
    private const string EndOfMulti = "FFFFFFFF 01 FFFFFFFF";
    private const string Password = "00000010 000102030405060708090A0B0C0D0E0F";

    private static readonly Stat SomeStat = new(0x11, 0x12, 0x13, 0x14, 5, 6, 7, -8, 9, 10, 0x1b);
    private static readonly byte[] SomePassword = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    private static readonly byte[] Ab = [0x61, 0x62];
    private static readonly byte[] Nothing = [];

    private static readonly Dictionary<string, Row> Both = new()
    {
        ["connect"] = new("ConnectRequest", new ConnectRequest(0, 0x102030405, 30_000, 0x1000abcd00000001, SomePassword, ReadOnly: true),
            $"00000000 0000000102030405 00007530 1000ABCD00000001 {Password} 01"),
        ["connect response"] = new("ConnectResponse", new ConnectResponse(0, 30_000, 0x1000abcd00000001, SomePassword, ReadOnly: false),
            $"00000000 00007530 1000ABCD00000001 {Password} 00"),
        ["H9 connect response with a negative session id"] = new("ConnectResponse", new ConnectResponse(0, 4_000, -2, SomePassword, ReadOnly: false),
            $"00000000 00000FA0 FFFFFFFFFFFFFFFE {Password} 00"),
        ["connect response of an expired session"] = new("ConnectResponse", new ConnectResponse(0, 0, 0, new byte[16], ReadOnly: false),
            "00000000 00000000 0000000000000000 00000010 00000000000000000000000000000000 00"),
        ["request header"] = new("RequestHeader", new RequestHeader(7, OpCode.GetChildren2), "00000007 0000000C"),
        ["request header of close"] = new("RequestHeader", new RequestHeader(8, OpCode.CloseSession), "00000008 FFFFFFF5"),
        ["request header of ping"] = new("RequestHeader", new RequestHeader(Xids.Ping, OpCode.Ping), "FFFFFFFE 0000000B"),
        ["reply header"] = new("ReplyHeader", new ReplyHeader(7, 0x100000002, ErrorCode.NoNode), "00000007 0000000100000002 FFFFFF9B"),
        ["H35 reply header with an error of a later version"] = new("ReplyHeader", new ReplyHeader(7, -1, (ErrorCode)(-9999)), "00000007 FFFFFFFFFFFFFFFF FFFFD8F1"),
        ["stat"] = new("Stat", SomeStat, StatBytes),
        ["acl"] = new("Acl", new Acl(Permissions.Read | Permissions.Admin, "ip", "10.0.0.0/8"), "00000011 00000002 'ip' 0000000A '10.0.0.0/8'"),
        ["create"] = new("create", new CreateRequest("/a", Ab, Acl.Open, CreateMode.Ephemeral), $"00000002 '/a' 00000002 'ab' {OpenAcl} 00000001"),
        ["create with null data"] = new("create", new CreateRequest("/a", null, Acl.Open, CreateMode.PersistentSequential), $"00000002 '/a' FFFFFFFF {OpenAcl} 00000002"),
        ["create with empty data and no ACL"] = new("create", new CreateRequest("/a", Nothing, [], CreateMode.Container), "00000002 '/a' 00000000 00000000 00000004"),
        ["createTTL"] = new("createTTL", new CreateRequest("/a", Ab, Acl.CreatorAll, CreateMode.PersistentWithTtl, 3_600_000),
            "00000002 '/a' 00000002 'ab' 00000001 0000001F 00000004 'auth' 00000000 00000005 000000000036EE80"),
        ["create reply"] = new("PathReply", new PathReply("/a0000000001"), "0000000C '/a0000000001'"),
        ["create2 reply"] = new("CreateReply", new CreateReply("/a", SomeStat), $"00000002 '/a' {StatBytes}"),
        ["delete"] = new("VersionRequest", new VersionRequest("/a", 3), "00000002 '/a' 00000003"),
        ["getData"] = new("ReadRequest", new ReadRequest("/a", Watch: true), "00000002 '/a' 01"),
        ["getData reply"] = new("DataReply", new DataReply(Ab, SomeStat), $"00000002 'ab' {StatBytes}"),
        ["getData reply with null data"] = new("DataReply", new DataReply(null, SomeStat), $"FFFFFFFF {StatBytes}"),
        ["getData reply with empty data"] = new("DataReply", new DataReply([], SomeStat), $"00000000 {StatBytes}"),
        ["setData"] = new("SetDataRequest", new SetDataRequest("/a", Ab, -1), "00000002 '/a' 00000002 'ab' FFFFFFFF"),
        ["setData with null data"] = new("SetDataRequest", new SetDataRequest("/a", null, 4), "00000002 '/a' FFFFFFFF 00000004"),
        ["setData with empty data"] = new("SetDataRequest", new SetDataRequest("/a", Nothing, 4), "00000002 '/a' 00000000 00000004"),
        ["setACL"] = new("SetAclRequest", new SetAclRequest("/a", Acl.Open, 2), $"00000002 '/a' {OpenAcl} 00000002"),
        ["getACL reply"] = new("AclReply", new AclReply([.. Acl.Open], SomeStat), $"{OpenAcl} {StatBytes}"),
        ["sync"] = new("PathRequest", new PathRequest("/\u00e9"), "00000003 2FC3A9"),
        ["getChildren reply"] = new("NamesReply", new NamesReply(["a", "", "bc"]), "00000003 00000001 'a' 00000000 00000002 'bc'"),
        ["getChildren2 reply"] = new("ChildrenReply", new ChildrenReply([], SomeStat), $"00000000 {StatBytes}"),
        ["getAllChildrenNumber reply"] = new("CountReply", new CountReply(258), "00000102"),
        ["whoAmI reply"] = new("WhoAmIReply", new WhoAmIReply([new("ip", "::1"), new("digest", "u")]), "00000002 00000002 'ip' 00000003 '::1' 00000006 'digest' 00000001 'u'"),
        ["reconfig"] = new("ReconfigRequest", new ReconfigRequest("server.4=h", "1,2", null, -1), "0000000A 'server.4=h' 00000003 '1,2' FFFFFFFF FFFFFFFFFFFFFFFF"),
        ["addWatch"] = new("AddWatchRequest", new AddWatchRequest("/a", WatchMode.PersistentRecursive), "00000002 '/a' 00000001"),
        ["removeWatches"] = new("WatchesRequest", new WatchesRequest("/a", WatcherType.Any), "00000002 '/a' 00000003"),
        ["watcher event"] = new("WatcherEvent", new WatcherEvent(WatchedEventType.NodeDataChanged, KeeperState.SyncConnected, "/a"), "00000003 00000003 00000002 '/a'"),
        ["watcher event of the session"] = new("WatcherEvent", new WatcherEvent(WatchedEventType.None, KeeperState.Expired, ""), "FFFFFFFF FFFFFF90 00000000"),
        ["H35 watcher event of a later version"] = new("WatcherEvent", new WatcherEvent((WatchedEventType)99, (KeeperState)98, "/a"), "00000063 00000062 00000002 '/a'"),
        ["auth"] = new("AuthRequest", new AuthRequest("digest", "u:p"u8.ToArray()), "00000000 00000006 'digest' 00000003 'u:p'"),
        ["sasl"] = new("SaslToken", new SaslToken(Ab), "00000002 'ab'"),
        ["sasl with an empty token"] = new("SaslToken", new SaslToken([]), "00000000"),
        ["sasl with a null token"] = new("SaslToken", new SaslToken(null), "FFFFFFFF"),
        ["setWatches"] = new("setWatches", new SetWatchesRequest(0x100000005, ["/d"], [], ["/c", "/cc"], [], []),
            "0000000100000005 00000001 00000002 '/d' 00000000 00000002 00000002 '/c' 00000003 '/cc'"),
        ["setWatches2"] = new("setWatches2", new SetWatchesRequest(0x100000005, [], ["/e"], [], ["/p"], ["/r"]),
            "0000000100000005 00000000 00000001 00000002 '/e' 00000000 00000001 00000002 '/p' 00000001 00000002 '/r'"),
        ["multi"] = new("multi", new MultiOperation[]
            {
                new(OpCode.Create, "/a", Ab, Acl.Open, CreateMode.Persistent),
                new(OpCode.Create2, "/a", null, Acl.Open, CreateMode.Ephemeral),
                new(OpCode.CreateContainer, "/c", Nothing, Acl.Open, CreateMode.Container),
                new(OpCode.CreateTtl, "/t", Ab, Acl.Open, CreateMode.PersistentSequentialWithTtl, TtlMs: 1000),
                new(OpCode.SetData, "/a", null, Version: 0),
                new(OpCode.Check, "/a", Version: 1),
                new(OpCode.Delete, "/a"),
            },
            $"""
            00000001 00 FFFFFFFF 00000002 '/a' 00000002 'ab' {OpenAcl} 00000000
            0000000F 00 FFFFFFFF 00000002 '/a' FFFFFFFF {OpenAcl} 00000001
            00000013 00 FFFFFFFF 00000002 '/c' 00000000 {OpenAcl} 00000004
            00000015 00 FFFFFFFF 00000002 '/t' 00000002 'ab' {OpenAcl} 00000006 00000000000003E8
            00000005 00 FFFFFFFF 00000002 '/a' FFFFFFFF 00000000
            0000000D 00 FFFFFFFF 00000002 '/a' 00000001
            00000002 00 FFFFFFFF 00000002 '/a' FFFFFFFF
            {EndOfMulti}
            """),
        ["multiRead"] = new("multi", new MultiOperation[] { new(OpCode.GetData, "/a"), new(OpCode.GetChildren, "/b") },
            $"00000004 00 FFFFFFFF 00000002 '/a' 00 00000008 00 FFFFFFFF 00000002 '/b' 00 {EndOfMulti}"),
        ["H36 empty multi"] = new("multi", Array.Empty<MultiOperation>(), EndOfMulti),
        ["multi reply"] = new("multi reply", new MultiResult[]
            {
                new(OpCode.Create, Path: "/a"), new(OpCode.Create2, Path: "/b", Stat: SomeStat), new(OpCode.SetData, Stat: SomeStat), new(OpCode.Check), new(OpCode.Delete),
            },
            $"""
            00000001 00 00000000 00000002 '/a'
            0000000F 00 00000000 00000002 '/b' {StatBytes}
            00000005 00 00000000 {StatBytes}
            0000000D 00 00000000
            00000002 00 00000000
            {EndOfMulti}
            """),

        // B83: the header says Ok and the body tells: Ok before the operation that failed, its code, -2 for those never tried.
        ["H36 reply of a failed multi"] = new("multi reply", new MultiResult[]
            {
                new(OpCode.Error), new(OpCode.Error), new(OpCode.Error, ErrorCode.NodeExists), new(OpCode.Error, ErrorCode.RuntimeInconsistency), new(OpCode.Error, ErrorCode.RuntimeInconsistency),
            },
            $"""
            FFFFFFFF 00 00000000 00000000
            FFFFFFFF 00 00000000 00000000
            FFFFFFFF 00 FFFFFF92 FFFFFF92
            FFFFFFFF 00 FFFFFFFE FFFFFFFE
            FFFFFFFF 00 FFFFFFFE FFFFFFFE
            {EndOfMulti}
            """),
        ["multiRead reply"] = new("multi reply", new MultiResult[]
            {
                new(OpCode.GetData, Stat: SomeStat, Data: Ab), new(OpCode.GetData, Stat: SomeStat), new(OpCode.Error, ErrorCode.NoNode), new(OpCode.GetChildren, Children: ["x"]),
            },
            $"""
            00000004 00 00000000 00000002 'ab' {StatBytes}
            00000004 00 00000000 FFFFFFFF {StatBytes}
            FFFFFFFF 00 FFFFFF9B FFFFFF9B
            00000008 00 00000000 00000001 00000001 'x'
            {EndOfMulti}
            """),
        ["H36 reply to an empty multi"] = new("multi reply", Array.Empty<MultiResult>(), EndOfMulti),
    };

    // What others send and Okapi never writes.
    private static readonly Dictionary<string, Row> OnlyRead = new()
    {
        ["B2 connect of a client before 3.4, without readOnly"] = new("ConnectRequest", new ConnectRequest(0, 5, 30_000, 0, SomePassword, ReadOnly: false),
            $"00000000 0000000000000005 00007530 0000000000000000 {Password}"),
        ["B2 connect response of a server before 3.4, without readOnly"] = new("ConnectResponse", new ConnectResponse(0, 30_000, 1, SomePassword, ReadOnly: false),
            $"00000000 00007530 0000000000000001 {Password}"),
        ["B1 connect with a null password and any version"] = new("ConnectRequest", new ConnectRequest(99, 0, 30_000, 0, [], ReadOnly: false),
            "00000063 0000000000000000 00007530 0000000000000000 FFFFFFFF 00"),
        ["a truth value that is neither 0 nor 1"] = new("ReadRequest", new ReadRequest("/a", Watch: true), "00000002 '/a' 80"),
        ["B24 a string that is not UTF-8"] = new("PathReply", new PathReply("/\ufffd\ufffd"), "00000003 '/' FFFE"),
        ["a null vector"] = new("NamesReply", new NamesReply([]), "FFFFFFFF"),
        ["null strings in an ACL and a vector"] = new("Acl", new Acl(Permissions.Read, "", "\0"), "00000001 FFFFFFFF FFFFFFFF"),
        ["a null name"] = new("NamesReply", new NamesReply([""]), "00000001 FFFFFFFF"),
        ["an auth packet of another type, with nulls"] = new("AuthRequest", new AuthRequest("", Nothing), "00000007 FFFFFFFF FFFFFFFF"),
        ["a watcher event without a path"] = new("WatcherEvent", new WatcherEvent(WatchedEventType.None, KeeperState.Disconnected, ""), "FFFFFFFF 00000000 FFFFFFFF"),
        ["setWatches2 without persistent watches"] = new("setWatches2", new SetWatchesRequest(1, [], [], ["/c"], [], []),
            "0000000000000001 00000000 00000000 00000001 00000002 '/c' 00000000 00000000"),
        ["an end of multi with other numbers around its mark"] = new("multi", Array.Empty<MultiOperation>(), "00000000 01 00000000"),

        // Java's client, too, ignores the code in the header of a result: the body's is the one that counts.
        ["H36 an error whose header does not tell it"] = new("multi reply", new MultiResult[] { new(OpCode.Error, ErrorCode.BadVersion) }, $"FFFFFFFF 00 00000000 FFFFFF99 {EndOfMulti}"),
    };

    private static readonly Dictionary<string, (string Kind, string Bytes)> Refused = new()
    {
        // The server of H10 answers a connect with 16 bytes of ReplyHeader: they must not pass for a session with id -119.
        ["H10 a reply header in place of a connect response"] = ("ConnectResponse", "00000000 FFFFFFFFFFFFFFFF FFFFFF89"),
        ["a null path in a request"] = ("ReadRequest", "FFFFFFFF 00"),
        ["a null path in the reply to create"] = ("PathReply", "FFFFFFFF"),
        ["a null path inside a multi"] = ("multi", $"00000002 00 FFFFFFFF FFFFFFFF FFFFFFFF {EndOfMulti}"),
        ["H34 a length below -1"] = ("SaslToken", "FFFFFFFE"),
        ["H34 a string longer than the frame"] = ("PathReply", "00000003 '/a'"),
        ["H34 a vector of more elements than can follow"] = ("NamesReply", "00000002 00000000 000000"),
        ["H34 a count below -1"] = ("NamesReply", "80000000"),
        ["B88 setACL in a multi"] = ("multi", $"00000007 00 FFFFFFFF 00000002 '/a' 00000000 00000000 {EndOfMulti}"),
        ["an error in place of an operation"] = ("multi", $"FFFFFFFF 00 FFFFFFFF {EndOfMulti}"),
        ["an unknown result in the reply to a multi"] = ("multi reply", $"00000063 00 00000000 {EndOfMulti}"),
        ["a multi without its end"] = ("multi", "00000002 00 FFFFFFFF 00000002 '/a' FFFFFFFF"),
    };

    public static TheoryData<string> BothTitles => [.. Both.Keys];

    public static TheoryData<string> OnlyReadTitles => [.. OnlyRead.Keys];

    public static TheoryData<string> RefusedTitles => [.. Refused.Keys];

    [Theory, MemberData(nameof(BothTitles))]
    public void A_record_has_these_bytes_and_they_are_that_record(string title)
    {
        Row row = Both[title];
        Assert.Equal(Convert.ToHexString(Wire.Hex(row.Bytes)), Convert.ToHexString(Wire.Encode(Records.All[row.Kind].Write, row.Value)));
        Reads(row);
    }

    [Theory, MemberData(nameof(OnlyReadTitles))]
    public void Bytes_of_other_implementations_are_this_record(string title) => Reads(OnlyRead[title]);

    [Theory, MemberData(nameof(RefusedTitles))]
    public void Bytes_that_break_the_protocol_are_refused(string title)
    {
        (string kind, string bytes) = Refused[title];
        Assert.NotEmpty(Assert.Throws<ProtocolException>(() => Wire.Decode(Records.All[kind].Read, Wire.Hex(bytes), out _)).Message);
    }

    [Fact]
    public void A_reply_header_has_the_size_it_says() => Assert.Equal(ReplyHeader.Size, Wire.Encode(Records.All["ReplyHeader"].Write, default(ReplyHeader)).Length);

    // Vectors are refused when their elements cannot fit; a minimum above the true one would refuse valid vectors.
    [Fact]
    public void The_smallest_elements_of_vectors_have_the_sizes_that_counts_are_checked_against()
    {
        Assert.Equal(Acl.MinimumSize, Wire.Encode(Records.All["Acl"].Write, new Acl(Permissions.None, "", "")).Length);
        Assert.Equal(ClientInfo.MinimumSize, Wire.Encode(Records.All["ClientInfo"].Write, new ClientInfo("", "")).Length);
    }

    [Theory]
    [InlineData(0, 0, false)]
    [InlineData(1, 0, true)]
    [InlineData(0, 1, true)]
    public void Only_persistent_watches_need_setWatches2(int persistent, int recursive, bool needed)
    {
        var request = new SetWatchesRequest(0, ["/d"], ["/e", "/f"], ["/c"], new string[persistent], new string[recursive]);
        Assert.Equal((needed, 4 + persistent + recursive), (request.NeedsSetWatches2, request.Count));
    }

    // The server goes by the opcode: a container made by create is never reaped, a time to live after create breaks the frame.
    [Theory]
    [InlineData(CreateMode.Persistent, OpCode.Create, OpCode.Create2)]
    [InlineData(CreateMode.Ephemeral, OpCode.Create, OpCode.Create2)]
    [InlineData(CreateMode.PersistentSequential, OpCode.Create, OpCode.Create2)]
    [InlineData(CreateMode.EphemeralSequential, OpCode.Create, OpCode.Create2)]
    [InlineData(CreateMode.Container, OpCode.CreateContainer, OpCode.CreateContainer)]
    [InlineData(CreateMode.PersistentWithTtl, OpCode.CreateTtl, OpCode.CreateTtl)]
    [InlineData(CreateMode.PersistentSequentialWithTtl, OpCode.CreateTtl, OpCode.CreateTtl)]
    public void H37_The_mode_decides_the_opcode_also_inside_a_multi(CreateMode mode, OpCode withoutStat, OpCode withStat)
    {
        var request = new CreateRequest("/a", null, Acl.Open, mode, 5);
        Assert.Equal((withoutStat, withStat), (request.GetOpCode(withStat: false), request.GetOpCode(withStat: true)));
        foreach ((OpCode asked, OpCode written) in new[] { (OpCode.Create, withoutStat), (OpCode.Create2, withStat) })
        {
            MultiOperation[] operations = [new(asked, "/a", null, Acl.Open, mode, TtlMs: 5), new(OpCode.Delete, "/b")];
            var read = (List<MultiOperation>)Wire.Decode(Records.All["multi"].Read, Wire.Encode(Records.All["multi"].Write, operations), out int remaining);
            Assert.Equal([(written, mode, mode.HasTtl() ? 5 : 0), (OpCode.Delete, CreateMode.Persistent, 0)], read.Select(operation => (operation.Type, operation.Mode, operation.TtlMs)));
            Assert.Equal(0, remaining);
        }
    }

    private static void Reads(Row row)
    {
        object read = Wire.Decode(Records.All[row.Kind].Read, Wire.Hex(row.Bytes), out int remaining);
        Assert.Equal(Wire.Describe(row.Value), Wire.Describe(read));
        Assert.Equal(0, remaining);
    }

    private sealed record Row(string Kind, object Value, string Bytes);
}
