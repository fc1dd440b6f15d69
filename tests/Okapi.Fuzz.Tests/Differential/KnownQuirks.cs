using System.Buffers.Binary;
using System.Text;
using Okapi.Fuzz.Tests.Records;
using Okapi.Fuzz.Tests.Server;

namespace Okapi.Fuzz.Tests.Differential;

/// <summary>A request that both servers were sent, and what each answered to it.</summary>
/// <param name="Type">What it asks for.</param>
/// <param name="Body">What follows the header.</param>
/// <param name="Apache">What Apache's server answered.</param>
/// <param name="Embedded">What the embedded server answered.</param>
internal readonly record struct Met(OpCode Type, byte[] Body, string Apache, string Embedded)
{
    public bool IsAnsweredBy(ErrorCode apache, ErrorCode embedded) => IsCode(Apache, apache) && IsCode(Embedded, embedded);

    public static bool IsCode(string answer, ErrorCode code) => answer.EndsWith(" " + code, StringComparison.Ordinal);
}

/// <summary>Where the embedded server may answer otherwise than Apache's 3.8.0: the row of the conformance table, why, and what tells from the request and both answers that it is this.</summary>
internal static class KnownQuirks
{
    private const string ClosedTooEarly = "B22, B25, B68", AuthFirst = "B67";

    public static IReadOnlyList<(string Row, string Why, Func<Met, bool> Explains)> All { get; } =
    [
        ("B106", "A path without a slash in checkWatches: 3.8.0 stumbles over it while anybody on the server has a recursive watch.",
            static met => met.Type == OpCode.CheckWatches && met.IsAnsweredBy(apache: ErrorCode.MarshallingError, embedded: ErrorCode.NoWatcher) && !Path(met.Body).Contains('/', StringComparison.Ordinal)),
        ("B23", "A vector of less than -1 elements is empty to Apache's jute; what follows is then read and met in its own way. The embedded server does not read on.",
            static met => Met.IsCode(met.Embedded, ErrorCode.MarshallingError) && ServerOracle.BodyOf(met.Type) is { } layout && !Layout.Parse(layout, met.Body).IsWhole && Layout.Parse(layout, met.Body, asApache: true).IsWhole),
        ("B23 null", "A vector that is null in setWatches is no error to jute, and then one to Apache's server, which goes through it. The embedded server takes it for an empty one.",
            static met => met.Type is OpCode.SetWatches or OpCode.SetWatches2 && met.IsAnsweredBy(apache: ErrorCode.MarshallingError, embedded: ErrorCode.Ok) && HasNullVector(met)),
    ];

    /// <summary>The row that explains a difference, or null.</summary>
    /// <param name="frames">The requests, as they were sent.</param>
    /// <param name="rest">What follows them and is no frame.</param>
    /// <param name="apache">What Apache's server answered, in order.</param>
    /// <param name="embedded">What the embedded server answered, in order.</param>
    public static string? Find(IReadOnlyList<byte[]> frames, ReadOnlySpan<byte> rest, IReadOnlyList<string> apache, IReadOnlyList<string> embedded)
    {
        if (IsClosedTooEarly(frames.Count + (rest.Length > 0 ? 1 : 0), apache, embedded)) return ClosedTooEarly;
        if (IsAuthFirst(frames, apache, embedded)) return AuthFirst;
        string? row = null;
        if (apache.Count == 0 || apache.Count != embedded.Count) return null;
        for (int i = 0; i < apache.Count; i++)
        {
            if (apache[i] == embedded[i]) continue;
            if (i >= frames.Count || frames[i].Length < 12) return null;
            var met = new Met(Type(frames[i]), frames[i][12..], apache[i], embedded[i]);
            row = All.FirstOrDefault(each => each.Explains(met)).Row;
            if (row is null) return null;
        }

        return row;
    }

    /// <summary>
    /// Requests, and in the same bytes what ends the connection: to a length that cannot be, an unknown request or a credential that is refused, 3.8.0 sees where it reads, before the requests
    /// that are under way, whose replies are then lost or not. The embedded server sends what it owes first.
    /// </summary>
    private static bool IsClosedTooEarly(int pieces, IReadOnlyList<string> apache, IReadOnlyList<string> embedded)
    {
        int end = apache.Count > 1 && Seat.IsLast(apache[^2]) ? 2 : 1;
        return pieces > 1 && apache.Count > 0 && apache.Count < embedded.Count && apache[^1] == Seat.Closed && apache.TakeLast(end).SequenceEqual(embedded.TakeLast(end)) && embedded.Take(apache.Count - end).SequenceEqual(apache.SkipLast(end));
    }

    /// <summary>A credential, or a step of SASL, after requests in the same bytes is answered where it is read, before the requests that are under way; by the embedded server in its turn.</summary>
    private static bool IsAuthFirst(IReadOnlyList<byte[]> frames, IReadOnlyList<string> apache, IReadOnlyList<string> embedded)
    {
        string[] auths = [.. frames.Where(static frame => Type(frame) is OpCode.Auth or OpCode.Sasl).Select(static frame => $"{BinaryPrimitives.ReadInt32BigEndian(frame.AsSpan(4))} {ErrorCode.Ok}")];
        return auths.Length > 0 && !apache.SequenceEqual(embedded) && apache.Order(StringComparer.Ordinal).SequenceEqual(embedded.Order(StringComparer.Ordinal))
            && apache.Except(auths).SequenceEqual(embedded.Except(auths));
    }

    /// <summary>What a frame asks for.</summary>
    public static OpCode Type(byte[] frame) => frame.Length < 12 ? OpCode.Error : (OpCode)BinaryPrimitives.ReadInt32BigEndian(frame.AsSpan(8));

    private static string Path(ReadOnlySpan<byte> body)
    {
        var reader = new JuteReader(body);
        return reader.ReadString() ?? "/";
    }

    /// <summary>Whether one of the vectors that follow the zxid is null.</summary>
    private static bool HasNullVector(Met met)
    {
        var reader = new JuteReader(met.Body);
        reader.ReadLong();
        for (int vectors = met.Type == OpCode.SetWatches ? 3 : 5; vectors > 0; vectors--)
        {
            int count = reader.ReadInt();
            if (count == -1) return true;
            for (; count > 0; count--) reader.ReadString();
        }

        return false;
    }
}
