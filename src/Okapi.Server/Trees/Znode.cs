namespace Okapi.Server.Trees;

/// <summary>One znode. Only <see cref="Tree"/> changes it.</summary>
internal sealed class Znode
{
    public byte[]? Data { get; set; }

    public IReadOnlyList<Acl> Acl { get; set; } = Okapi.Acl.Open;

    public long Czxid { get; init; }

    public long Mzxid { get; set; }

    public long Pzxid { get; set; }

    public long Ctime { get; init; }

    public long Mtime { get; set; }

    public int Version { get; set; }

    /// <summary>How many children have ever been created; clients see 2 · this − the number of children (B40).</summary>
    public int RawCversion { get; set; }

    public int Aversion { get; set; }

    /// <summary>The session that it goes with, or the mark of a container or a TTL; see <see cref="Ownership"/>.</summary>
    public long Owner { get; init; }

    /// <summary>The names of the children; null while there have been none.</summary>
    public HashSet<string>? Children { get; set; }

    public int ChildCount => Children?.Count ?? 0;

    public Znode Copy() => new()
    {
        Data = Data, // never changed, only replaced
        Acl = Acl,
        Czxid = Czxid,
        Mzxid = Mzxid,
        Pzxid = Pzxid,
        Ctime = Ctime,
        Mtime = Mtime,
        Version = Version,
        RawCversion = RawCversion,
        Aversion = Aversion,
        Owner = Owner,
        Children = Children is null ? null : new(Children, StringComparer.Ordinal),
    };

    public Stat ToStat() => new(
        Czxid,
        Mzxid,
        Ctime,
        Mtime,
        Version,
        unchecked((2 * RawCversion) - ChildCount),
        Aversion,
        Ownership.IsSession(Owner) ? Owner : 0, // containers and TTLs do not show (B44)
        Data?.Length ?? 0,
        ChildCount,
        Pzxid);
}
