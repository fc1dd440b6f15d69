namespace Okapi;

/// <summary>The caller's mistakes that can be told before anything is sent.</summary>
internal static class ArgumentChecks
{
    /// <summary>The largest time to live: five bytes of the ephemeral owner hold it.</summary>
    private const long MaxTtlMs = (1L << 40) - 1;

    public static void ValidateAcl(IReadOnlyList<Acl> acl, string name)
    {
        ArgumentNullException.ThrowIfNull(acl, name);
        if (acl.Count == 0) throw new ArgumentException("The ACL is empty; a znode needs at least one entry.", name);
        foreach (Acl entry in acl)
        {
            if (entry is null) throw new ArgumentException("The ACL has an entry that is null.", name);
            if ((entry.Permissions & ~Permissions.All) != 0 || entry.Permissions == Permissions.None)
                throw new ArgumentException($"The permissions {(int)entry.Permissions} of the ACL entry {entry.Scheme}:… are not from 1 to {(int)Permissions.All}.", name);
            if (string.IsNullOrEmpty(entry.Scheme)) throw new ArgumentException($"The ACL entry \"{entry}\" has no scheme.", name);
            if (entry.Id is null) throw new ArgumentException($"The ACL entry of scheme {entry.Scheme} has no id; it may be empty, not null.", name);
            if (entry.Scheme == "world" && entry.Id != "anyone") throw new ArgumentException($"The ACL entry \"{entry}\" has scheme world, whose only id is \"anyone\".", name);
            if (entry.Scheme == "digest" && !entry.Id.Contains(':', StringComparison.Ordinal))
                throw new ArgumentException("An ACL entry has scheme digest and an id without a colon; the ids are user:base64(SHA1(user:password)), as Acl.Digest makes them.", name);
        }
    }

    public static long ValidateTtl(CreateMode mode, TimeSpan? ttl)
    {
        if (!Enum.IsDefined(mode)) throw new ArgumentOutOfRangeException(nameof(mode), mode, $"{(int)mode} is not a create mode.");
        if (!mode.HasTtl()) return ttl is null ? 0 : throw new ArgumentException($"A time to live ({ttl}) goes only with the TTL modes, not with {mode}.", nameof(ttl));
        if (ttl is null) throw new ArgumentException($"{mode} needs a time to live.", nameof(ttl));
        double milliseconds = Math.Floor(ttl.Value.TotalMilliseconds);
        return milliseconds is >= 1 and <= MaxTtlMs
            ? (long)milliseconds
            : throw new ArgumentOutOfRangeException(nameof(ttl), ttl, $"A time to live is from 1 ms to {MaxTtlMs} ms.");
    }

    public static void ValidateType(WatcherType type)
    {
        if (!Enum.IsDefined(type)) throw new ArgumentOutOfRangeException(nameof(type), type, $"{(int)type} is not a watcher type.");
    }

    public static int ValidateVersion(int? version)
    {
        if (version < 0) throw new ArgumentOutOfRangeException(nameof(version), version, "An expected version is 0 or more; null means any version.");
        return version ?? -1;
    }
}
