using System.Buffers.Binary;
using System.Text;
using Okapi.Fuzz.Tests.Records;
using Okapi.Server;

namespace Okapi.Fuzz.Tests.Server;

/// <summary>One answer that a server owes.</summary>
/// <param name="Xid">The number it has; null: it is the answer to a handshake.</param>
/// <param name="Type">What is answered.</param>
/// <param name="Codes">The codes it may have; null: any that there is.</param>
/// <param name="MayClose">Whether the connection may end with it.</param>
internal readonly record struct Due(int? Xid, OpCode Type, ErrorCode[]? Codes, bool MayClose = false);

/// <summary>What a server owes to bytes from a client: rows B1 to B32 of the conformance table, written down once more.</summary>
/// <param name="Answers">The answers, in order. After the last of them the connection ends, or whatever else came is half a frame.</param>
/// <param name="IsWord">The bytes begin as a four-letter word: the answer is text.</param>
/// <param name="IsUnsure">Whether the first answer may be missing: it depends on how far the server is.</param>
internal sealed record ServerOracle(IReadOnlyList<Due> Answers, bool IsWord = false, bool IsUnsure = false)
{
    public const int MaxFrame = 0xfffff;

    private static readonly ErrorCode[] Ok = [ErrorCode.Ok], Refused = [ErrorCode.AuthFailed], Unknown = [ErrorCode.Unimplemented], Unreadable = [ErrorCode.MarshallingError];

    // A path that is null is looked at as a path first by some (B23), and flags come before it (B35).
    private static readonly ErrorCode[] UnreadablePath = [ErrorCode.MarshallingError, ErrorCode.BadArguments, ErrorCode.Unimplemented];

    /// <param name="bytes">What the client says, from its first byte on.</param>
    /// <param name="version">Whose quirks the server has.</param>
    /// <param name="zxid">How far the server is, at least.</param>
    public static ServerOracle For(ReadOnlySpan<byte> bytes, ServerVersion version, long zxid)
    {
        var due = new List<Due>();
        if (bytes.Length >= 4 && bytes[..4].IndexOfAnyExceptInRange((byte)'a', (byte)'z') < 0) return new(due, IsWord: true);
        bool isUnsure = false;
        if (!Next(ref bytes, out ReadOnlySpan<byte> hello) || !Layout.Parse("ililpZ", hello).IsWhole) return new(due);
        long seen = BinaryPrimitives.ReadInt64BigEndian(hello[4..]), session = BinaryPrimitives.ReadInt64BigEndian(hello[16..]);
        if (seen > zxid + 1_000_000) return new(due); // B9
        isUnsure = seen > zxid;
        due.Add(new(null, OpCode.CreateSession, null, MayClose: session != 0));
        if (session != 0) return new(due, IsUnsure: isUnsure); // B8: nobody has such a session
        while (Next(ref bytes, out ReadOnlySpan<byte> frame))
        {
            if (frame.Length < 8) break; // B22
            if (!Add(due, BinaryPrimitives.ReadInt32BigEndian(frame), (OpCode)BinaryPrimitives.ReadInt32BigEndian(frame[4..]), frame[8..], version)) break;
        }

        return new(due, IsUnsure: isUnsure);
    }

    /// <summary>Adds what is owed to one request.</summary>
    /// <returns>Whether the connection goes on.</returns>
    public static bool Add(List<Due> due, int xid, OpCode type, ReadOnlySpan<byte> body, ServerVersion version)
    {
        switch (type)
        {
            case OpCode.Auth:
                if (!Layout.Parse("isb", body).IsWhole) return false;
                bool isTaken = IsKnownScheme(body);
                due.Add(new(xid, type, isTaken ? Ok : Refused, !isTaken));
                return isTaken;
            case OpCode.Sasl:
                if (!Layout.Parse("b", body).IsWhole || BinaryPrimitives.ReadInt32BigEndian(body) == -1) return false;
                due.Add(new(xid, type, null, MayClose: true));
                return true;
            case OpCode.CreateSession:
                due.Add(new(xid, type, Unreadable)); // B27
                return true;
            case OpCode.CloseSession:
                due.Add(new(xid, type, Ok, MayClose: true)); // B18
                return false;
            case OpCode.Ping:
                due.Add(new(Xids.Ping, type, Ok)); // B14
                return true;
            case OpCode.Check when version == ServerVersion.V38:
                return true; // B26: silence
            default:
                if (BodyOf(type) is not { } layout)
                {
                    due.Add(new(xid, type, Unknown, MayClose: true)); // B25
                    return false;
                }

                Parsed parsed = Layout.Parse(layout, body);
                due.Add(new(xid, type, parsed.IsWhole || (type == OpCode.DeleteContainer && version == ServerVersion.V38) ? null : layout[0] is 'r' ? UnreadablePath : Unreadable)); // B23
                return true;
        }
    }

    /// <summary>How the body of a request lies; null: nobody knows such a request.</summary>
    public static string? BodyOf(OpCode type) => type switch
    {
        OpCode.Create or OpCode.Create2 or OpCode.CreateContainer => "rbAi",
        OpCode.CreateTtl => "rbAil",
        OpCode.Delete => "ri",
        OpCode.Exists or OpCode.GetData or OpCode.GetChildren or OpCode.GetChildren2 => "rz",
        OpCode.SetData => "rbi",
        OpCode.SetAcl => "rAi",
        OpCode.GetAcl or OpCode.GetAllChildrenNumber or OpCode.DeleteContainer => "r",
        OpCode.Sync or OpCode.GetEphemerals => "s",
        OpCode.Multi or OpCode.MultiRead => "O",
        OpCode.Reconfig => "sssl",
        OpCode.CheckWatches or OpCode.RemoveWatches or OpCode.AddWatch => "ri",
        OpCode.SetWatches => "lSSS",
        OpCode.SetWatches2 => "lSSSSS",
        OpCode.WhoAmI => "",
        _ => null,
    };

    private static bool IsKnownScheme(ReadOnlySpan<byte> body)
    {
        int length = BinaryPrimitives.ReadInt32BigEndian(body[4..]);
        string? scheme = length < 0 ? null : Encoding.UTF8.GetString(body.Slice(8, length));
        return scheme == "ip" || (scheme == "digest" && BinaryPrimitives.ReadInt32BigEndian(body[(8 + length)..]) != -1);
    }

    /// <summary>Takes a frame; none where the next is not whole, or cannot be.</summary>
    private static bool Next(ref ReadOnlySpan<byte> bytes, out ReadOnlySpan<byte> frame)
    {
        frame = default;
        if (bytes.Length < 4 || BinaryPrimitives.ReadInt32BigEndian(bytes) is var length && (length is < 0 or > MaxFrame || length > bytes.Length - 4)) return false;
        frame = bytes.Slice(4, length);
        bytes = bytes[(4 + length)..];
        return true;
    }
}
