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
    private const string ClosedTooEarly = "B22";

    private const int MaxFrame = 0xfffff;

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
        if (IsClosedTooEarly(frames, rest, apache, embedded)) return ClosedTooEarly;
        string? row = null;
        if (apache.Count != embedded.Count) return null;
        for (int i = 0; i < apache.Count; i++)
        {
            if (apache[i] == embedded[i]) continue;
            if (i >= frames.Count || frames[i].Length < 12) return null;
            var met = new Met((OpCode)BinaryPrimitives.ReadInt32BigEndian(frames[i].AsSpan(8)), frames[i][12..], apache[i], embedded[i]);
            row = All.FirstOrDefault(each => each.Explains(met)).Row;
            if (row is null) return null;
        }

        return row;
    }

    /// <summary>
    /// A length that cannot be, after requests in the same bytes: 3.8.0 closes at once, and replies that are under way are lost or not. The embedded server sends what it owes first.
    /// </summary>
    private static bool IsClosedTooEarly(IReadOnlyList<byte[]> frames, ReadOnlySpan<byte> rest, IReadOnlyList<string> apache, IReadOnlyList<string> embedded)
    {
        int impossible = frames.TakeWhile(frame => frame.Length >= 12).Count();
        bool isImpossible = impossible < frames.Count || (rest.Length >= 4 && BinaryPrimitives.ReadInt32BigEndian(rest) is < 8 or > MaxFrame);
        return isImpossible && impossible > 0 && apache[^1] == Seat.Closed && embedded[^1] == Seat.Closed && apache.Count < embedded.Count && embedded.Take(apache.Count - 1).SequenceEqual(apache.SkipLast(1));
    }

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
