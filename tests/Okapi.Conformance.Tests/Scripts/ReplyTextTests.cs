using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Scripts;

/// <summary>That two frames of which one byte differs are not told in the same words.</summary>
public class ReplyTextTests
{
    private const string Root = "/script-00000001";
    private const int HeaderSize = 16;
    private static readonly Stat Stat = new(1000, 2000, 50_000, 60_000, 1, 2, 3, 77, 4, 5, 1000);

    public static TheoryData<string, string> Kinds => new(
        Requests.Keys.Select(verb => (verb, "Ok")).Concat([("create", "NoNode"), ("getData", "NoAuth"), ("multi", "MarshallingError"), ("event", "Ok")]));

    private static Dictionary<string, BodyWriter?> Requests { get; } = new()
    {
        ["create"] = new PathReply(Root + "/a").Write,
        ["create2"] = new CreateReply(Root + "/a", Stat).Write,
        ["setData"] = Stat.Write,
        ["exists"] = Stat.Write,
        ["getData"] = new DataReply("data"u8.ToArray(), Stat).Write,
        ["getChildren"] = new NamesReply(["a", "b"]).Write,
        ["getChildren2"] = new ChildrenReply(["a", "b"], Stat).Write,
        ["getACL"] = new AclReply([new(Permissions.All, "world", "anyone"), new(Permissions.Read, "ip", "127.0.0.1")], Stat).Write,
        ["getEphemerals"] = new NamesReply([Root + "/a", Root + "/b"]).Write,
        ["getAllChildrenNumber"] = new CountReply(3).Write,
        ["whoAmI"] = new WhoAmIReply([new("digest", "u1"), new("ip", "127.0.0.1")]).Write,
        ["sync"] = new PathReply(Root).Write,
        ["delete"] = null,
        ["ping"] = null,
        ["multi"] = Multi,
        ["multiRead"] = Multi,
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void No_byte_of_a_frame_goes_unseen(string kind, string error)
    {
        byte[] frame = Frame(kind, Enum.Parse<ErrorCode>(error));
        string right = Tell(kind, frame, frame);
        bool isWrite = new Operation(kind).IsWrite && error != nameof(ErrorCode.MarshallingError);
        for (int i = 0; i < frame.Length; i++)
        {
            // A read's zxid is of whatever was last written by anybody, so only what goes below the script's own writes can be told.
            bool isFree = i is > 3 and < 12 && kind != "event" && !isWrite;
            byte[] wrong = [.. frame];
            wrong[i] ^= 1;
            if (!isFree) Assert.True(right != Tell(kind, frame, wrong), $"Byte {i - HeaderSize} of the body of {kind} has no part in: {right}");
        }

        byte[] longer = [.. frame, 0];
        Assert.NotEqual(right, Tell(kind, frame, longer));
        if (frame.Length > HeaderSize) Assert.NotEqual(right, Tell(kind, frame, frame[..^1]));
    }

    [Fact]
    public void A_read_that_sees_less_than_was_written_before_it_is_told_of()
    {
        var ledger = new Ledger(Root);
        ledger.Write(1000);
        ledger.Write(2000);
        Assert.Equal("@1", ledger.Read(2000));
        Assert.Equal("@1", ledger.Read(2500));
        Assert.Equal("@0", ledger.Read(1999));
        Assert.Equal("@-1", ledger.Read(999));
        Assert.Equal("#1 again", ledger.Write(2000));
        Assert.Equal("#0", ledger.Zxid(1000));
        Assert.Equal("#0 and more", ledger.Zxid(1001));
        Assert.Equal("older", ledger.Zxid(999));
        Assert.Equal("-1", ledger.Zxid(-1));
    }

    [Fact]
    public void Servers_whose_numbers_differ_and_mean_the_same_are_told_of_in_the_same_words()
    {
        Stat elsewhere = Stat with { Czxid = 5, Mzxid = 9, Pzxid = 5, CreatedMilliseconds = 1, ModifiedMilliseconds = 2, EphemeralOwner = 8 };
        Assert.Equal(Told(Stat, 1000, 2000, 77), Told(elsewhere, 5, 9, 8));
        Assert.NotEqual(Told(Stat, 1000, 2000, 77), Told(elsewhere with { Pzxid = 9 }, 5, 9, 8));

        static string Told(Stat stat, long first, long second, long session)
        {
            Ledger ledger = Fresh(first, second, session);
            return ledger.Stat(stat, isGlobal: false) + ledger.Stat(stat, isGlobal: false);
        }
    }

    private static void Multi(ref JuteWriter writer) => MultiResult.WriteAll(
        [new(OpCode.Create, Path: Root + "/a"), new(OpCode.SetData, Stat: Stat), new(OpCode.Delete), new(OpCode.GetData, Stat: Stat, Data: [1]), new(OpCode.GetChildren, Children: ["a"]), new(OpCode.Error, ErrorCode.NoNode)],
        ref writer);

    private static byte[] Frame(string kind, ErrorCode error)
    {
        using var buffer = new JuteBuffer();
        var writer = new JuteWriter(buffer);
        new ReplyHeader(kind == "event" ? Xids.Notification : 7, kind == "event" ? -1 : 2000, error).Write(ref writer);
        if (kind == "event") new WatcherEvent(WatchedEventType.NodeCreated, KeeperState.SyncConnected, Root + "/a").Write(ref writer);
        else if (error is ErrorCode.Ok or ErrorCode.MarshallingError) Requests[kind]?.Invoke(ref writer);
        writer.Commit();
        return buffer.Written.ToArray();
    }

    // What is told of a frame after another was heard, whose times are then known.
    private static string Tell(string kind, byte[] before, byte[] frame)
    {
        var text = new ReplyText(Fresh(1000, 2000, 77));
        Tell(before);
        return Tell(frame);

        string Tell(byte[] bytes)
        {
            var reader = new JuteReader(bytes);
            var reply = new WireReply(ReplyHeader.Read(ref reader), bytes[HeaderSize..]);
            return reply.IsEvent ? text.Event(reply) : text.Reply(new(kind), 7, reply);
        }
    }

    private static Ledger Fresh(long first, long second, long session)
    {
        var ledger = new Ledger(Root);
        ledger.Write(first);
        ledger.Write(second);
        ledger.Name(session, "0.0");
        return ledger;
    }
}
