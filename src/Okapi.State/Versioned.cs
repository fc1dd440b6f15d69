using System.Text.Json;

namespace Okapi.State;

/// <summary>A value of a shared state, and which version it is.</summary>
/// <typeparam name="T">The value's type.</typeparam>
/// <param name="Value">The value. Shared with all who read it, so leave it as it is.</param>
/// <param name="Version">The version of the payload's znode. It goes back to 0 when the znode is created anew.</param>
/// <param name="Zxid">The transaction that wrote it (mzxid): of two values the one with the higher zxid is the newer, unless the servers have lost data between them.</param>
public sealed record Versioned<T>(T Value, int Version, long Zxid)
{
    /// <summary>The whole document, with the properties that <typeparamref name="T"/> does not know.</summary>
    public JsonElement Document { get; internal init; }

    /// <summary>The transaction that created the znode.</summary>
    internal long Czxid { get; init; }

    /// <summary>When it was written, by the leader's clock. Servers that have lost data count their transactions anew, so that a zxid alone can be that of two writes.</summary>
    internal long ModifiedMilliseconds { get; init; }

    /// <summary>Whether this and that were written by the same transaction.</summary>
    internal bool IsSameAs(Versioned<T> other) => (Zxid, ModifiedMilliseconds) == (other.Zxid, other.ModifiedMilliseconds);

    /// <summary>Whether it is what the znode holds.</summary>
    internal bool IsSameAs(in Stat stat) => (Zxid, ModifiedMilliseconds) == (stat.Mzxid, stat.ModifiedMilliseconds);
}
