namespace Okapi.Server.Storage;

/// <summary>Tells ACLs apart by what they say.</summary>
internal sealed class AclLists : IEqualityComparer<IReadOnlyList<Acl>>
{
    public static AclLists Comparer { get; } = new();

    public bool Equals(IReadOnlyList<Acl>? x, IReadOnlyList<Acl>? y) => ReferenceEquals(x, y) || (x is not null && y is not null && x.SequenceEqual(y));

    public int GetHashCode(IReadOnlyList<Acl> obj)
    {
        var hash = default(HashCode);
        foreach (Acl acl in obj) hash.Add(acl);
        return hash.ToHashCode();
    }
}
