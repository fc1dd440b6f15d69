using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Okapi.Server.Security;

/// <summary>What ACLs mean: who may do what, and which ACLs a client may set.</summary>
internal static class AccessControl
{
    /// <summary>Whether one of a connection's identities has one of the permissions. An empty ACL allows all, as on Apache's servers (B63).</summary>
    public static bool Allows(IReadOnlyList<Acl> acl, Permissions wanted, IReadOnlyList<Identity> identities)
    {
        if (ReferenceEquals(acl, Acl.Open) || acl.Count == 0) return true;
        for (int i = 0; i < identities.Count; i++)
        {
            if (identities[i].Scheme == "super") return true;
        }

        foreach (Acl entry in acl)
        {
            if ((entry.Permissions & wanted) == 0) continue;
            if (entry is { Scheme: "world", Id: "anyone" }) return true;
            foreach (Identity identity in identities)
            {
                if (identity.Scheme == entry.Scheme && Matches(entry.Scheme, identity.Id, entry.Id)) return true;
            }
        }

        return false;
    }

    /// <summary>Checks an ACL that a client wants to set, drops what is there twice, and puts its own identities in place of "auth".</summary>
    /// <returns>The ACL to keep, or why there is none: InvalidAcl (B61), or MarshallingError for an id that is null, which Apache stumbles over.</returns>
    public static (IReadOnlyList<Acl> Acl, ErrorCode Error) Resolve(IReadOnlyList<Acl> acl, IReadOnlyList<Identity> identities, EmbeddedServerOptions options)
    {
        if (acl is [{ Permissions: Permissions.All, Scheme: "world", Id: "anyone" }]) return (Acl.Open, ErrorCode.Ok);
        var resolved = new List<Acl>(acl.Count);
        foreach (Acl entry in acl.Distinct())
        {
            if (entry.Scheme == "auth")
            {
                int before = resolved.Count;
                resolved.AddRange(identities.Where(identity => IsProof(identity.Scheme)).Select(identity => new Acl(entry.Permissions, identity.Scheme, identity.Id)));
                if (resolved.Count == before) return ([], ErrorCode.InvalidAcl);
            }
            else if (IsValid(entry.Scheme, entry.Id, options))
            {
                resolved.Add(entry);
            }
            else
            {
                return ([], entry is { Id: "\0", Scheme: "world" or "digest" or "ip" } ? ErrorCode.MarshallingError : ErrorCode.InvalidAcl);
            }
        }

        return (resolved, resolved.Count == 0 ? ErrorCode.InvalidAcl : ErrorCode.Ok);
    }

    /// <summary>The ACL as one sees it who may not administer it: without the digests' hashes (B65).</summary>
    public static Acl[] Redacted(IReadOnlyList<Acl> acl) =>
        [.. acl.Select(entry => entry.Scheme == "digest" && entry.Id.IndexOf(':', StringComparison.Ordinal) is >= 0 and var colon ? entry with { Id = entry.Id[..colon] + ":x" } : entry)];

    /// <summary>Whether an identity of this scheme proves who the client is; an address does not, and "super" is a right that comes on top of a proof.</summary>
    private static bool IsProof(string scheme) => scheme is not ("ip" or "world" or "super");

    private static bool IsValid(string scheme, string id, EmbeddedServerOptions options) => scheme switch
    {
        "world" => id == "anyone",
        "digest" => id.TrimEnd(':').Split(':').Length == 2,
        "ip" => AddressRange.Parse(id, allowIPv6: options.Version >= ServerVersion.V39) is not null,
        // A server that cannot authenticate anybody by a scheme does not know it.
        "x509" => options.Tls is not null && IsDistinguishedName(id),
        "sasl" => options.SaslUsers.Count > 0 && id.Length > 0,
        _ => false,
    };

    private static bool IsDistinguishedName(string id)
    {
        try
        {
            return id.Length > 0 && new X500DistinguishedName(id).RawData.Length > 2;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private static bool Matches(string scheme, string identity, string entry) =>
        scheme == "ip" ? AddressRange.Parse(entry, allowIPv6: true)?.Contains(identity) == true : string.Equals(identity, entry, StringComparison.Ordinal);
}
