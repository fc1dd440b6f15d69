using System.Security.Cryptography;
using System.Text;
using Okapi.Protocol;

namespace Okapi;

/// <summary>One entry of a znode's access control list: who (scheme and id) may do what.</summary>
/// <param name="Permissions">What is allowed; at least one of <see cref="Okapi.Permissions.All"/>.</param>
/// <param name="Scheme">How the id is checked: <c>world</c>, <c>auth</c>, <c>digest</c>, <c>ip</c>, <c>x509</c>, <c>sasl</c> or one the server adds.</param>
/// <param name="Id">Who, in the scheme's own form.</param>
public sealed record Acl(Permissions Permissions, string Scheme, string Id) : IJuteRecord<Acl>
{
    /// <summary>The fewest bytes an entry has on the wire.</summary>
    internal const int MinimumSize = 12;

    /// <summary>Anyone may do anything (<c>OPEN_ACL_UNSAFE</c>). The default where no ACL is given.</summary>
    public static IReadOnlyList<Acl> Open { get; } = Array.AsReadOnly<Acl>([new(Permissions.All, "world", "anyone")]);

    /// <summary>Anyone may read (<c>READ_ACL_UNSAFE</c>).</summary>
    public static IReadOnlyList<Acl> ReadOnly { get; } = Array.AsReadOnly<Acl>([new(Permissions.Read, "world", "anyone")]);

    /// <summary>Whoever creates the znode may do anything, others nothing (<c>CREATOR_ALL_ACL</c>). The connection must be authenticated.</summary>
    public static IReadOnlyList<Acl> CreatorAll { get; } = Array.AsReadOnly<Acl>([new(Permissions.All, "auth", string.Empty)]);

    /// <summary>An entry for a user of the digest scheme, from the user's name and password.</summary>
    /// <param name="permissions">What the user may do.</param>
    /// <param name="user">The user's name; without a colon.</param>
    /// <param name="password">The password. Only its digest is kept.</param>
    /// <returns>The entry.</returns>
    public static Acl Digest(Permissions permissions, string user, string password) => new(permissions, "digest", DigestId(user, password));

    /// <summary>The id that the digest scheme gives a user: <c>user:base64(SHA1(user:password))</c>.</summary>
    /// <param name="user">The user's name; without a colon.</param>
    /// <param name="password">The password.</param>
    /// <returns>The id, for an ACL entry or for a server's <c>superDigest</c>.</returns>
    public static string DigestId(string user, string password)
    {
        ArgumentException.ThrowIfNullOrEmpty(user);
        ArgumentNullException.ThrowIfNull(password);
        // What follows the colon is likely to be a password given by mistake, so it is not named.
        int colon = user.IndexOf(':', StringComparison.Ordinal);
        if (colon >= 0) throw new ArgumentException($"The user name '{user[..colon]}:...' has a colon, which ends the name in the digest scheme.", nameof(user));
        byte[] secret = Encoding.UTF8.GetBytes($"{user}:{password}");
        string id = $"{user}:{Convert.ToBase64String(Hash(secret))}";
        CryptographicOperations.ZeroMemory(secret);
        return id;
    }

    /// <summary>Whether the entry allows all of <paramref name="wanted"/>.</summary>
    /// <param name="wanted">The permissions asked for.</param>
    /// <returns>True if none of them is missing.</returns>
    public bool Can(Permissions wanted) => (Permissions & wanted) == wanted;

    /// <summary>Scheme, id and permissions. A password's digest is left out, as servers do (CVE-2019-0201): passwords can be guessed from it.</summary>
    /// <returns>A text for logs.</returns>
    public override string ToString() => $"{Scheme}:{(Scheme == "digest" ? Id[..(Id.IndexOf(':', StringComparison.Ordinal) + 1)] + "x" : Id)}:{Permissions}";

    /// <summary>Reads an entry. A null id, which no server keeps, is read as U+0000, which no scheme takes for an id.</summary>
    /// <param name="reader">Where from.</param>
    public static Acl Read(ref JuteReader reader) => new((Permissions)reader.ReadInt(), reader.ReadString() ?? string.Empty, reader.ReadString() ?? "\0");

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer)
    {
        writer.WriteInt((int)Permissions);
        writer.WriteString(Scheme);
        writer.WriteString(Id);
    }

    // SHA-1 is what every ZooKeeper server compares with; a stronger hash would lock its users out.
#pragma warning disable CA5350
    private static byte[] Hash(byte[] secret) => SHA1.HashData(secret);
#pragma warning restore CA5350
}
