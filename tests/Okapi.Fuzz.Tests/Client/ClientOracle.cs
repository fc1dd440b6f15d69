using System.Buffers.Binary;
using Okapi.Fuzz.Tests.Records;

namespace Okapi.Fuzz.Tests.Client;

/// <summary>What a client has to make of bytes from a server.</summary>
internal enum Verdict
{
    /// <summary>Every whole frame is in order: the connection stays.</summary>
    Sound,

    /// <summary>A frame breaks the protocol: the connection is dropped, and the session goes on with another.</summary>
    MustDrop,

    /// <summary>As sound, but a reply came to a request that the client sent only then, perhaps too early: the connection may stay or not.</summary>
    Either,

    /// <summary>The server says something by which a session may end, such as that it is gone.</summary>
    MayEnd,
}

/// <summary>A request that the client has sent, and of how many parts it is.</summary>
internal readonly record struct SentRequest(int Xid, OpCode Type, int Parts);

/// <summary>Judges by the rules of the protocol, written down here once more, what the client's code has to judge.</summary>
internal static class ClientOracle
{
    private const int LongestHandshake = 1024;

    /// <param name="bytes">What the server said.</param>
    /// <param name="soundHandshake">Its answer to the handshake as it was recorded.</param>
    /// <param name="sent">What the client sent.</param>
    /// <param name="sentFirst">How many requests of these were sent before the server said anything but its handshake.</param>
    /// <param name="maxReply">The longest reply that the client takes.</param>
    public static (Verdict Verdict, string Why) Judge(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> soundHandshake, IReadOnlyList<SentRequest> sent, int sentFirst, int maxReply)
    {
        (Verdict verdict, string why, bool isLate) = Walk(bytes, soundHandshake, sent, sentFirst, maxReply);
        return (isLate && verdict == Verdict.Sound ? Verdict.Either : verdict, why);
    }

    private static (Verdict Verdict, string Why, bool IsLate) Walk(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> soundHandshake, IReadOnlyList<SentRequest> sent, int sentFirst, int maxReply)
    {
        bool isLate = false;
        SentRequest[] sentLate = [.. sent.Skip(sentFirst)];
        int late = sentLate.Count(request => request.Xid > 0), lateAuths = sentLate.Count(request => request.Type == OpCode.Auth), lateRearms = sentLate.Count(request => request.Xid == Xids.SetWatches);
        bool isFirst = true;
        var waiting = new Queue<SentRequest>(sent.Where(request => request.Xid > 0));
        int auths = sent.Count(request => request.Type == OpCode.Auth), rearms = sent.Count(request => request.Xid == Xids.SetWatches);
        for (int at = 0; bytes.Length - at >= 4;)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(bytes[at..]);
            ReadOnlySpan<byte> held = bytes[(at + 4)..];
            if (isFirst)
            {
                if (length is < 0 or > LongestHandshake) return (Verdict.MustDrop, $"a handshake of {length} bytes", isLate);
                if (held.Length < length) return (Verdict.Sound, "no whole handshake", isLate);
                if (!Layout.Parse("iilpZ", held[..length]).IsWhole) return (Verdict.MustDrop, "no handshake", isLate);
                if (!bytes[at..(at + 4 + length)].SequenceEqual(soundHandshake)) return (Verdict.MayEnd, "another handshake", isLate);
                isFirst = false;
                at += 4 + length;
                continue;
            }

            if (length is < 0 or > int.MaxValue - 1024) return (Verdict.MustDrop, $"a frame of {length} bytes", isLate);
            bool isOversized = length > maxReply;
            if (held.Length < (isOversized ? ReplyHeader.Size : length)) return (Verdict.Sound, "half a frame", isLate);
            if (length < ReplyHeader.Size) return (Verdict.MustDrop, "a frame without a header", isLate);
            int xid = BinaryPrimitives.ReadInt32BigEndian(held), error = BinaryPrimitives.ReadInt32BigEndian(held[12..]);
            ReadOnlySpan<byte> body = isOversized ? default : held[ReplyHeader.Size..length];
            at = (int)Math.Min(at + 4L + length, bytes.Length);
            if (isOversized)
            {
                isLate |= waiting.Count <= late;
                if (waiting.Count == 0 || waiting.Dequeue().Xid != xid) return (Verdict.MustDrop, $"a large frame with xid {xid}, which is not next", isLate);
                continue;
            }

            if (error == (int)ErrorCode.SessionClosedRequireSaslAuth) return (Verdict.MayEnd, "a demand for SASL", isLate);
            switch (xid)
            {
                case Xids.Notification:
                    if (!Layout.Parse("iie", body).IsWhole) return (Verdict.MustDrop, "no event", isLate);
                    break;
                case Xids.Ping:
                    break;
                case Xids.Auth:
                    isLate |= auths <= lateAuths;
                    if (auths-- == 0) return (Verdict.MustDrop, "a credential that was not presented", isLate);
                    if (error != 0) return (Verdict.MayEnd, "a credential is refused", isLate);
                    break;
                case Xids.SetWatches:
                    isLate |= rearms <= lateRearms;
                    if (rearms-- == 0) return (Verdict.MustDrop, "a setWatches that was not sent", isLate);
                    break;
                default:
                    if (waiting.Count == 0 || waiting.Peek().Xid != xid) return (Verdict.MustDrop, $"xid {xid}, which is not next", isLate);
                    isLate |= waiting.Count <= late;
                    (_, OpCode type, int parts) = waiting.Dequeue();
                    if (IsRead(type, error, body) && (!Layout.Parse(Body(type), body).IsWhole || Results(type, body) > parts)) return (Verdict.MustDrop, $"no reply to {type}", isLate);
                    break;
            }
        }

        return (Verdict.Sound, "all frames in order", isLate);
    }

    /// <summary>A transaction that failed has its errors in its results, whatever the header says.</summary>
    private static bool IsRead(OpCode type, int error, ReadOnlySpan<byte> body) => type == OpCode.Multi ? body.Length > 0 : error == 0;

    private static int Results(OpCode type, ReadOnlySpan<byte> body)
    {
        if (type is not (OpCode.Multi or OpCode.MultiRead)) return 0;
        var reader = new JuteReader(body);
        return MultiResult.ReadAll(ref reader).Count;
    }

    private static string Body(OpCode type) => type switch
    {
        OpCode.Create or OpCode.CreateContainer => "r", // the scripts ask for no Stat of a container, and what follows is not looked at
        OpCode.Create2 or OpCode.CreateTtl => "r" + Layout.Stat,
        OpCode.Exists or OpCode.SetData or OpCode.SetAcl => Layout.Stat,
        OpCode.GetData => "b" + Layout.Stat,
        OpCode.GetAcl => "A" + Layout.Stat,
        OpCode.GetChildren or OpCode.GetEphemerals => "S",
        OpCode.GetChildren2 => "S" + Layout.Stat,
        OpCode.GetAllChildrenNumber => "i",
        OpCode.WhoAmI => "C",
        OpCode.Multi or OpCode.MultiRead => "R",
        _ => "",
    };
}
