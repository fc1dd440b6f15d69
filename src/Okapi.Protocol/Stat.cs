using Okapi.Protocol;

namespace Okapi;

/// <summary>What a server tells about a znode beside its data. Two reads with equal Stats saw the same znode in the same state.</summary>
/// <param name="Czxid">The transaction that created the znode.</param>
/// <param name="Mzxid">The transaction that last changed its data.</param>
/// <param name="CreatedMilliseconds">When it was created: the leader's clock, milliseconds since 1970.</param>
/// <param name="ModifiedMilliseconds">When its data was last changed: the leader's clock, milliseconds since 1970.</param>
/// <param name="Version">How often its data was changed; wraps after 2^31 changes.</param>
/// <param name="ChildVersion">How often its list of children was changed (<c>cversion</c>).</param>
/// <param name="AclVersion">How often its ACL was changed (<c>aversion</c>).</param>
/// <param name="EphemeralOwner">The session that owns it; 0 for a znode that is not ephemeral. Session ids can be negative.</param>
/// <param name="DataLength">How many bytes of data it has.</param>
/// <param name="ChildCount">How many children it has (<c>numChildren</c>).</param>
/// <param name="Pzxid">The transaction that last changed its list of children.</param>
public readonly record struct Stat(
    long Czxid,
    long Mzxid,
    long CreatedMilliseconds,
    long ModifiedMilliseconds,
    int Version,
    int ChildVersion,
    int AclVersion,
    long EphemeralOwner,
    int DataLength,
    int ChildCount,
    long Pzxid) : IJuteRecord<Stat>
{
    /// <summary>When the znode was created, by the leader's clock; the nearest <see cref="DateTimeOffset"/> if there is none for it.</summary>
    public DateTimeOffset Created => ToTime(CreatedMilliseconds);

    /// <summary>When the znode's data was last changed, by the leader's clock; the nearest <see cref="DateTimeOffset"/> if there is none for it.</summary>
    public DateTimeOffset Modified => ToTime(ModifiedMilliseconds);

    /// <summary>Whether the znode goes with a session.</summary>
    public bool IsEphemeral => EphemeralOwner != 0;

    /// <inheritdoc/>
    public static Stat Read(ref JuteReader reader) => new(
        reader.ReadLong(),
        reader.ReadLong(),
        reader.ReadLong(),
        reader.ReadLong(),
        reader.ReadInt(),
        reader.ReadInt(),
        reader.ReadInt(),
        reader.ReadLong(),
        reader.ReadInt(),
        reader.ReadInt(),
        reader.ReadLong());

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer)
    {
        writer.WriteLong(Czxid);
        writer.WriteLong(Mzxid);
        writer.WriteLong(CreatedMilliseconds);
        writer.WriteLong(ModifiedMilliseconds);
        writer.WriteInt(Version);
        writer.WriteInt(ChildVersion);
        writer.WriteInt(AclVersion);
        writer.WriteLong(EphemeralOwner);
        writer.WriteInt(DataLength);
        writer.WriteInt(ChildCount);
        writer.WriteLong(Pzxid);
    }

    // A server can send any number, and ToString reads the times: it must not throw.
    private static DateTimeOffset ToTime(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(
        milliseconds, DateTimeOffset.MinValue.ToUnixTimeMilliseconds(), DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()));
}
