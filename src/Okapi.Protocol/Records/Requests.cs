namespace Okapi.Protocol;

/// <summary>A path alone: sync, getACL, getAllChildrenNumber, getEphemerals.</summary>
/// <param name="Path">The path.</param>
public readonly record struct PathRequest(WirePath Path) : IJuteRecord<PathRequest>
{
    /// <inheritdoc/>
    public static PathRequest Read(ref JuteReader reader) => new(reader.ReadRequiredString("path"));

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer) => writer.WritePath(Path);
}

/// <summary>A read that can leave a watch: exists, getData, getChildren, getChildren2.</summary>
/// <param name="Path">The path.</param>
/// <param name="Watch">Whether to leave a one-shot watch.</param>
public readonly record struct ReadRequest(WirePath Path, bool Watch) : IJuteRecord<ReadRequest>
{
    /// <inheritdoc/>
    public static ReadRequest Read(ref JuteReader reader) => new(reader.ReadRequiredString("path"), reader.ReadBoolean());

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer)
    {
        writer.WritePath(Path);
        writer.WriteBoolean(Watch);
    }
}

/// <summary>Creates a znode: create, create2, createContainer and, with a time to live, createTTL.</summary>
/// <param name="Path">The path.</param>
/// <param name="Data">The data; null is told from empty.</param>
/// <param name="Acl">Who may do what.</param>
/// <param name="Mode">What kind of znode.</param>
/// <param name="TtlMs">The time to live in milliseconds; only createTTL carries it.</param>
public readonly record struct CreateRequest(WirePath Path, ReadOnlyMemory<byte>? Data, IReadOnlyList<Acl> Acl, CreateMode Mode, long TtlMs = 0)
{
    /// <summary>The opcode that makes such a znode. The server goes by the opcode, not by the flag: a container made by
    /// create2 would never be reaped.</summary>
    /// <param name="withStat">Whether the reply should carry the new znode's Stat.</param>
    /// <returns>The opcode.</returns>
    public OpCode GetOpCode(bool withStat) => Mode switch
    {
        CreateMode.Container => OpCode.CreateContainer,
        CreateMode.PersistentWithTtl or CreateMode.PersistentSequentialWithTtl => OpCode.CreateTtl,
        _ => withStat ? OpCode.Create2 : OpCode.Create,
    };

    /// <summary>Takes the body of a create.</summary>
    /// <param name="reader">Where from.</param>
    /// <param name="opCode">Which of the four.</param>
    /// <returns>The request.</returns>
    public static CreateRequest Read(ref JuteReader reader, OpCode opCode) => new(
        reader.ReadRequiredString("path"),
        reader.ReadMemory(),
        reader.ReadRecords<Acl>(Okapi.Acl.MinimumSize),
        (CreateMode)reader.ReadInt(),
        opCode == OpCode.CreateTtl ? reader.ReadLong() : 0);

    /// <summary>Appends the body of a create.</summary>
    /// <param name="writer">Where to.</param>
    public void Write(ref JuteWriter writer)
    {
        writer.WritePath(Path);
        writer.WriteBuffer(Data);
        writer.WriteRecords(Acl);
        writer.WriteInt((int)Mode);
        if (Mode.HasTtl()) writer.WriteLong(TtlMs);
    }
}

/// <summary>A path and an expected version: delete, and check inside a transaction.</summary>
/// <param name="Path">The path.</param>
/// <param name="Version">The expected version; -1: any.</param>
public readonly record struct VersionRequest(WirePath Path, int Version) : IJuteRecord<VersionRequest>
{
    /// <inheritdoc/>
    public static VersionRequest Read(ref JuteReader reader) => new(reader.ReadRequiredString("path"), reader.ReadInt());

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer)
    {
        writer.WritePath(Path);
        writer.WriteInt(Version);
    }
}

/// <summary>Writes a znode's data.</summary>
/// <param name="Path">The path.</param>
/// <param name="Data">The data; null is told from empty.</param>
/// <param name="Version">The expected version; -1: any.</param>
public readonly record struct SetDataRequest(WirePath Path, ReadOnlyMemory<byte>? Data, int Version) : IJuteRecord<SetDataRequest>
{
    /// <inheritdoc/>
    public static SetDataRequest Read(ref JuteReader reader) => new(reader.ReadRequiredString("path"), reader.ReadMemory(), reader.ReadInt());

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer)
    {
        writer.WritePath(Path);
        writer.WriteBuffer(Data);
        writer.WriteInt(Version);
    }
}

/// <summary>Writes a znode's ACL.</summary>
/// <param name="Path">The path.</param>
/// <param name="Acl">Who may do what.</param>
/// <param name="Version">The expected ACL version; -1: any.</param>
public readonly record struct SetAclRequest(WirePath Path, IReadOnlyList<Acl> Acl, int Version) : IJuteRecord<SetAclRequest>
{
    /// <inheritdoc/>
    public static SetAclRequest Read(ref JuteReader reader) =>
        new(reader.ReadRequiredString("path"), reader.ReadRecords<Acl>(Okapi.Acl.MinimumSize), reader.ReadInt());

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer)
    {
        writer.WritePath(Path);
        writer.WriteRecords(Acl);
        writer.WriteInt(Version);
    }
}

/// <summary>Changes the ensemble's members.</summary>
/// <param name="Joining">Server lines to add or change, separated by commas; null: none.</param>
/// <param name="Leaving">Server ids to remove, separated by commas; null: none.</param>
/// <param name="NewMembers">The whole new list, separated by commas; null for an incremental change.</param>
/// <param name="FromConfig">The configuration version this change starts from; -1: any.</param>
public readonly record struct ReconfigRequest(string? Joining, string? Leaving, string? NewMembers, long FromConfig) : IJuteRecord<ReconfigRequest>
{
    /// <inheritdoc/>
    public static ReconfigRequest Read(ref JuteReader reader) => new(reader.ReadString(), reader.ReadString(), reader.ReadString(), reader.ReadLong());

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer)
    {
        writer.WriteString(Joining);
        writer.WriteString(Leaving);
        writer.WriteString(NewMembers);
        writer.WriteLong(FromConfig);
    }
}
