using System.Buffers.Binary;
using Okapi.Fuzz.Tests.Records;
using Okapi.Fuzz.Tests.Server;
using Okapi.Server;

namespace Okapi.Fuzz.Tests.Differential;

/// <summary>What of some bytes can be sent to both servers: not what harms Apache's, and nothing whose answer would be chance.</summary>
internal static class Comparable
{
    /// <summary>
    /// Cuts what would follow the end of the connection, for some of it is met by 3.8.0 and some is not.
    /// </summary>
    /// <returns>What is left; nothing where it must not be sent.</returns>
    public static byte[] Cut(byte[] bytes)
    {
        for (ReadOnlySpan<byte> rest = bytes; rest.Length > 0;)
        {
            if (rest.Length < 4) return [];
            int length = BinaryPrimitives.ReadInt32BigEndian(rest);
            if (length is < 8 or > ServerOracle.MaxFrame) return bytes; // nothing after it can be read
            if (length > rest.Length - 4) return []; // would take the mark for its end
            int xid = BinaryPrimitives.ReadInt32BigEndian(rest[4..]);
            var type = (OpCode)BinaryPrimitives.ReadInt32BigEndian(rest[8..]);
            ReadOnlySpan<byte> body = rest[12..(4 + length)];
            if (IsHarmful(type, body)) return [];
            rest = rest[(4 + length)..];
            if (!ServerOracle.Add([], xid, type, body, ServerVersion.V38)) return bytes[..^rest.Length];
        }

        return bytes;
    }

    /// <summary>
    /// A bare check (13) is never answered by 3.8.0, and spoils its log so that it does not start again. So does a createTTL of a mode without time to live whose time is negative:
    /// it passes the check of its arguments and is then no transaction. To a createSession (-10) whose body can be read, which no client sends, Apache's answers as to a handshake, in the
    /// middle of the session (B27 holds without a body).
    /// </summary>
    private static bool IsHarmful(OpCode type, ReadOnlySpan<byte> body) => type switch
    {
        OpCode.Check => true,
        OpCode.CreateSession => body.Length > 0,
        OpCode.CreateTtl => Layout.Parse("rbA", body, asApache: true) is { IsWhole: true } parsed && IsBarren(body[parsed.Length..]),
        OpCode.Multi => Layout.Parse("O", body).IsWhole && Operations(body).Any(part => part.Type == OpCode.CreateTtl && !part.Mode.HasTtl() && part.TtlMs < 0),
        _ => false,
    };

    private static bool IsBarren(ReadOnlySpan<byte> mode) =>
        mode.Length >= 12 && BinaryPrimitives.ReadInt32BigEndian(mode) is not ((int)CreateMode.PersistentWithTtl or (int)CreateMode.PersistentSequentialWithTtl) && BinaryPrimitives.ReadInt64BigEndian(mode[4..]) < 0;

    private static List<MultiOperation> Operations(ReadOnlySpan<byte> body)
    {
        var reader = new JuteReader(body);
        return [.. MultiOperation.ReadAll(ref reader)];
    }
}
