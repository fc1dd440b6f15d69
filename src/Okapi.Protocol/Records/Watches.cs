namespace Okapi.Protocol;

/// <summary>Re-arms watches on a new connection; events that happened since <paramref name="RelativeZxid"/> fire at once for one-shot watches.</summary>
/// <param name="RelativeZxid">The newest transaction the client has seen.</param>
/// <param name="Data">Paths of data watches.</param>
/// <param name="Exist">Paths of exists watches on znodes that were absent.</param>
/// <param name="Children">Paths of child watches.</param>
/// <param name="Persistent">Paths of persistent watches; only setWatches2 carries them.</param>
/// <param name="PersistentRecursive">Paths of persistent recursive watches; only setWatches2 carries them.</param>
public readonly record struct SetWatchesRequest(
    long RelativeZxid,
    IReadOnlyList<string> Data,
    IReadOnlyList<string> Exist,
    IReadOnlyList<string> Children,
    IReadOnlyList<string> Persistent,
    IReadOnlyList<string> PersistentRecursive)
{
    /// <summary>Whether only setWatches2 (3.6) can carry it.</summary>
    public bool NeedsSetWatches2 => Persistent.Count > 0 || PersistentRecursive.Count > 0;

    /// <summary>How many watches it re-arms.</summary>
    public int Count => Data.Count + Exist.Count + Children.Count + Persistent.Count + PersistentRecursive.Count;

    /// <summary>Takes the body of setWatches or setWatches2.</summary>
    /// <param name="reader">Where from.</param>
    /// <param name="opCode">Which of the two.</param>
    /// <returns>The request.</returns>
    public static SetWatchesRequest Read(ref JuteReader reader, OpCode opCode) => new(
        reader.ReadLong(),
        reader.ReadStrings(),
        reader.ReadStrings(),
        reader.ReadStrings(),
        opCode == OpCode.SetWatches2 ? reader.ReadStrings() : [],
        opCode == OpCode.SetWatches2 ? reader.ReadStrings() : []);

    /// <summary>Appends the body of setWatches or, if it needs to, of setWatches2.</summary>
    /// <param name="writer">Where to.</param>
    public void Write(ref JuteWriter writer)
    {
        writer.WriteLong(RelativeZxid);
        writer.WriteStrings(Data);
        writer.WriteStrings(Exist);
        writer.WriteStrings(Children);
        if (!NeedsSetWatches2) return;
        writer.WriteStrings(Persistent);
        writer.WriteStrings(PersistentRecursive);
    }
}

/// <summary>Adds a persistent watch (opcode addWatch).</summary>
/// <param name="Path">The path.</param>
/// <param name="Mode">How far it sees.</param>
public readonly record struct AddWatchRequest(WirePath Path, WatchMode Mode) : IJuteRecord<AddWatchRequest>
{
    /// <inheritdoc/>
    public static AddWatchRequest Read(ref JuteReader reader) => new(reader.ReadRequiredString("path"), (WatchMode)reader.ReadInt());

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer)
    {
        writer.WritePath(Path);
        writer.WriteInt((int)Mode);
    }
}

/// <summary>Checks for or removes watches (opcodes checkWatches and removeWatches).</summary>
/// <param name="Path">The path.</param>
/// <param name="Type">Which kinds.</param>
public readonly record struct WatchesRequest(WirePath Path, WatcherType Type) : IJuteRecord<WatchesRequest>
{
    /// <inheritdoc/>
    public static WatchesRequest Read(ref JuteReader reader) => new(reader.ReadRequiredString("path"), (WatcherType)reader.ReadInt());

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer)
    {
        writer.WritePath(Path);
        writer.WriteInt((int)Type);
    }
}

/// <summary>The body of a watch notification (xid -1).</summary>
/// <param name="Type">What happened.</param>
/// <param name="State">The session's state.</param>
/// <param name="Path">The znode.</param>
public readonly record struct WatcherEvent(WatchedEventType Type, KeeperState State, string Path) : IJuteRecord<WatcherEvent>
{
    /// <inheritdoc/>
    public static WatcherEvent Read(ref JuteReader reader) =>
        new((WatchedEventType)reader.ReadInt(), (KeeperState)reader.ReadInt(), reader.ReadString() ?? string.Empty);

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer)
    {
        writer.WriteInt((int)Type);
        writer.WriteInt((int)State);
        writer.WriteString(Path);
    }
}
