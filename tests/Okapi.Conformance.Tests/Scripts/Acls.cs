namespace Okapi.Conformance.Tests.Scripts;

/// <summary>The ACLs that scripts use, by name.</summary>
public static class Acls
{
    private static readonly string One = Acl.DigestId("u1", "p1");
    private static readonly string Two = Acl.DigestId("u2", "p2");

    /// <summary>Permissions, scheme and id of each entry; null: a list with length -1.</summary>
    public static IReadOnlyDictionary<string, (int Permissions, string? Scheme, string? Id)[]?> All { get; } = new Dictionary<string, (int, string?, string?)[]?>(StringComparer.Ordinal)
    {
        ["open"] = [(31, "world", "anyone")],
        ["read"] = [(1, "world", "anyone")],
        ["noread"] = [(30, "world", "anyone")],
        ["nocreate"] = [(27, "world", "anyone")],
        ["nodelete"] = [(23, "world", "anyone")],
        ["noadmin"] = [(15, "world", "anyone")],
        ["admin"] = [(16, "world", "anyone")],
        ["u1"] = [(31, "digest", One)],
        ["u2"] = [(31, "digest", Two)],
        ["u1+read"] = [(31, "digest", One), (1, "world", "anyone")],
        ["u1u2"] = [(3, "digest", One), (31, "digest", Two)],
        ["auth"] = [(31, "auth", "")],
        ["auth+read"] = [(30, "auth", "ignored"), (1, "world", "anyone")],
        ["ip"] = [(31, "ip", "127.0.0.1")],
        ["net"] = [(31, "ip", "127.0.0.0/8")],
        ["othernet"] = [(31, "ip", "10.0.0.0/8"), (1, "world", "anyone")],
        ["twice"] = [(31, "world", "anyone"), (31, "world", "anyone"), (1, "world", "anyone")],
        ["none"] = [(0, "world", "anyone")],
        ["more"] = [(255, "world", "anyone")],
        ["empty"] = [],
        ["null"] = null,
        ["scheme?"] = [(31, "nobody", "knows")],
        ["world?"] = [(31, "world", "someone")],
        ["digest?"] = [(31, "digest", "nocolon")],
        ["digest??"] = [(31, "digest", "a:b:c")],
        ["ip?"] = [(31, "ip", "300.1.1.1")],
        ["net?"] = [(31, "ip", "10.0.0.0/33")],
        ["super?"] = [(31, "super", "x")],
        ["nullid?"] = [(31, "world", null)],
        ["nullscheme?"] = [(31, null, "anyone")],
        ["good+bad"] = [(31, "world", "anyone"), (31, "nobody", "knows")],
    };
}
