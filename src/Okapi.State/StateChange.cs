using System.Text.Json;

namespace Okapi.State;

/// <summary>What became of one place in a document.</summary>
public enum StateChangeKind
{
    /// <summary>It is new.</summary>
    Added = 0,

    /// <summary>It holds something else.</summary>
    Modified = 1,

    /// <summary>It is gone.</summary>
    Removed = 2,
}

/// <summary>One difference between two versions of a document. Applied one after another, the changes make the old document the new one (<see cref="JsonDifference.Apply(System.Text.Json.Nodes.JsonNode, IEnumerable{StateChange})"/>).</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Pointer">Where, as a JSON Pointer (RFC 6901); empty: the whole document.</param>
/// <param name="Old">What was there; null if it was <see cref="StateChangeKind.Added"/>.</param>
/// <param name="New">What is there; null if it was <see cref="StateChangeKind.Removed"/>.</param>
public sealed record StateChange(StateChangeKind Kind, string Pointer, JsonElement? Old, JsonElement? New)
{
    /// <summary>The version of the payload's znode that has the change. It goes back to 0 when the znode is created anew.</summary>
    public int Version { get; init; }

    /// <summary>The transaction that made that version (mzxid). It never goes back, unless the servers have lost data. Changes with one zxid belong together.</summary>
    public long Zxid { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Kind switch
    {
        StateChangeKind.Added => $"Added {Pointer}: {New}",
        StateChangeKind.Removed => $"Removed {Pointer}: {Old}",
        _ => $"Modified {Pointer}: {Old} -> {New}",
    };
}
