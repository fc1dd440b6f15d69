namespace Okapi.Protocol;

/// <summary>A path alone: the reply to create and to sync.</summary>
/// <param name="Path">The path; for create, with its number if it is sequential.</param>
public readonly record struct PathReply(string Path) : IJuteRecord<PathReply>
{
    /// <inheritdoc/>
    public static PathReply Read(ref JuteReader reader) => new(reader.ReadRequiredString("path"));

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer) => writer.WriteString(Path);
}

/// <summary>A path and a Stat: the reply to create2, createContainer and createTTL.</summary>
/// <param name="Path">The path, with its number if it is sequential.</param>
/// <param name="Stat">The new znode's Stat.</param>
public readonly record struct CreateReply(string Path, Stat Stat) : IJuteRecord<CreateReply>
{
    /// <inheritdoc/>
    public static CreateReply Read(ref JuteReader reader) => new(reader.ReadRequiredString("path"), Stat.Read(ref reader));

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer)
    {
        writer.WriteString(Path);
        Stat.Write(ref writer);
    }
}

/// <summary>A znode's data and Stat: the reply to getData.</summary>
/// <param name="Data">The data; null is told from empty.</param>
/// <param name="Stat">The Stat.</param>
public readonly record struct DataReply(byte[]? Data, Stat Stat) : IJuteRecord<DataReply>
{
    /// <inheritdoc/>
    public static DataReply Read(ref JuteReader reader) => new(reader.ReadByteArray(), Stat.Read(ref reader));

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer)
    {
        writer.WriteBuffer(Data is null ? default(ReadOnlyMemory<byte>?) : Data);
        Stat.Write(ref writer);
    }
}

/// <summary>A list of names: the reply to getChildren and getEphemerals.</summary>
/// <param name="Names">Names of children, or paths of ephemeral znodes, in no order.</param>
public readonly record struct NamesReply(string[] Names) : IJuteRecord<NamesReply>
{
    /// <inheritdoc/>
    public static NamesReply Read(ref JuteReader reader) => new(reader.ReadStrings());

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer) => writer.WriteStrings(Names);
}

/// <summary>A znode's children and Stat: the reply to getChildren2.</summary>
/// <param name="Names">The children's names, in no order.</param>
/// <param name="Stat">The parent's Stat.</param>
public readonly record struct ChildrenReply(string[] Names, Stat Stat) : IJuteRecord<ChildrenReply>
{
    /// <inheritdoc/>
    public static ChildrenReply Read(ref JuteReader reader) => new(reader.ReadStrings(), Stat.Read(ref reader));

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer)
    {
        writer.WriteStrings(Names);
        Stat.Write(ref writer);
    }
}

/// <summary>A znode's ACL and Stat: the reply to getACL.</summary>
/// <param name="Acl">Who may do what.</param>
/// <param name="Stat">The Stat.</param>
public readonly record struct AclReply(Acl[] Acl, Stat Stat) : IJuteRecord<AclReply>
{
    /// <inheritdoc/>
    public static AclReply Read(ref JuteReader reader) => new(reader.ReadRecords<Acl>(Okapi.Acl.MinimumSize), Stat.Read(ref reader));

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer)
    {
        writer.WriteRecords(Acl);
        Stat.Write(ref writer);
    }
}

/// <summary>A number: the reply to getAllChildrenNumber.</summary>
/// <param name="Value">The number.</param>
public readonly record struct CountReply(int Value) : IJuteRecord<CountReply>
{
    /// <inheritdoc/>
    public static CountReply Read(ref JuteReader reader) => new(reader.ReadInt());

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer) => writer.WriteInt(Value);
}

/// <summary>Who the server takes a connection for: the reply to whoAmI.</summary>
/// <param name="Identities">The identities.</param>
public readonly record struct WhoAmIReply(ClientInfo[] Identities) : IJuteRecord<WhoAmIReply>
{
    /// <inheritdoc/>
    public static WhoAmIReply Read(ref JuteReader reader) => new(reader.ReadRecords<ClientInfo>(ClientInfo.MinimumSize));

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer) => writer.WriteRecords(Identities);
}
