using System.Security.Cryptography;
using System.Text;

namespace Okapi.Server.Security;

/// <summary>
/// A login by DIGEST-MD5 (RFC 2831), from the server's side and as the JDK does it for Apache's servers: an empty token, a challenge, a response, and the proof that the server
/// knows the password as well. It serves for one login; each has a nonce of its own, so a response that was overheard is of no use.
/// </summary>
/// <param name="users">Passwords by user name.</param>
/// <param name="nonce">Makes the nonce; null: from random bytes.</param>
internal sealed class DigestMd5Exchange(IDictionary<string, string> users, Func<string>? nonce = null) : ISaslExchange
{
    // Apache's servers all call themselves this, wherever they run (ZooKeeperSaslServer), for client and server must agree on it.
    private const string Host = "zk-sasl-md5";
    private const string DigestUri = "zookeeper/" + Host;

    // A nonce is good for one response. The count that a client sends is in its hash, and is looked at nowhere else.
    private const string NonceCount = "00000001";

    private readonly string _nonce = nonce?.Invoke() ?? Convert.ToBase64String(RandomNumberGenerator.GetBytes(30));
    private State _state;

    private enum State
    {
        New,
        Challenged,
        Over,
    }

    public bool IsComplete { get; private set; }

    public string User { get; private set; } = string.Empty;

    public byte[]? Step(byte[] token)
    {
        State before = _state;
        _state = before == State.New ? State.Challenged : State.Over; // whatever comes of it: there is no second try
        return before switch
        {
            // The JDK passes over what a client says first.
            State.New => Encoding.Latin1.GetBytes($"realm=\"{Host}\",nonce=\"{_nonce}\",charset=utf-8,algorithm=md5-sess"),
            State.Challenged => DigestResponse.Parse(token) is { } response ? Check(response) : null,
            _ => null,
        };
    }

    private byte[]? Check(DigestResponse response)
    {
        if (response.Realm != Host || response.Nonce != _nonce || !string.Equals(response.DigestUri, DigestUri, StringComparison.OrdinalIgnoreCase)) return null;
        if (response.Qop != "auth" || response.Cnonce is null || response.Response is null || response.User() is not { } user) return null;

        // A user who is not known takes as long as one who is, and no password of anybody else's will do (ZOOKEEPER-4839).
        bool isKnown = users.TryGetValue(user, out string? password);
        byte[] key = KeyOf(response, user, password ?? string.Empty);
        byte[] expected = Proof(key, response, "AUTHENTICATE:");
        byte[] own = Proof(key, response, ":");
        CryptographicOperations.ZeroMemory(key);
        bool isRight = CryptographicOperations.FixedTimeEquals(expected, Encoding.Latin1.GetBytes(response.Response));
        CryptographicOperations.ZeroMemory(expected);
        if (!isRight || !isKnown) return null;
        IsComplete = true;
        User = user; // never the authzid: a client may ask to be somebody else, and is not
        return [.. "rspauth="u8, .. own];
    }

    /// <summary>HEX(H(A1)), with A1 = { H({ user ":" realm ":" password }), ":", nonce, ":", cnonce [, ":", authzid ] }.</summary>
    private static byte[] KeyOf(DigestResponse response, string user, string password)
    {
        byte[] secret = [.. DigestResponse.EncodeForHash(user), (byte)':', .. Encoding.Latin1.GetBytes(Host), (byte)':', .. DigestResponse.EncodeForHash(password)];
        string authzid = response.Authzid is { } other ? ":" + other : string.Empty;
        byte[] hashed = Md5(secret);
        byte[] a1 = [.. hashed, .. Encoding.Latin1.GetBytes($":{response.Nonce}:{response.Cnonce}{authzid}")];
        byte[] key = Md5(a1);
        try
        {
            return Hex(key);
        }
        finally
        {
            foreach (byte[] each in (ReadOnlySpan<byte[]>)[secret, hashed, a1, key]) CryptographicOperations.ZeroMemory(each);
        }
    }

    /// <summary>HEX(KD(HEX(H(A1)), { nonce, ":", nc, ":", cnonce, ":", qop, ":", HEX(H({ who digest-uri })) })).</summary>
    private static byte[] Proof(byte[] key, DigestResponse response, string who)
    {
        byte[] a2 = Hex(Md5(Encoding.Latin1.GetBytes(who + response.DigestUri)));
        byte[] input = [.. key, .. Encoding.Latin1.GetBytes($":{response.Nonce}:{NonceCount}:{response.Cnonce}:auth:"), .. a2];
        byte[] proof = Hex(Md5(input));
        CryptographicOperations.ZeroMemory(input);
        return proof;
    }

    private static byte[] Hex(byte[] bytes) => Encoding.ASCII.GetBytes(Convert.ToHexStringLower(bytes));

    private static byte[] Md5(byte[] input)
    {
#pragma warning disable CA5351 // MD5 is what the mechanism is made of
        return MD5.HashData(input);
#pragma warning restore CA5351
    }
}
