using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Okapi.Security;

/// <summary>
/// DIGEST-MD5 (RFC 2831) with qop=auth, as ZooKeeper's servers speak it. The server's proof (rspauth) is always
/// verified: without it anyone could stand in for the server.
/// </summary>
internal sealed class DigestMd5Mechanism : ISaslMechanism
{
    internal const string DefaultServiceName = "zookeeper";

    /// <summary>ZooKeeper's servers all take this in place of their host name, wherever they run.</summary>
    internal const string DefaultHostName = "zk-sasl-md5";

    // RFC 2831 section 2.1.2: the count of responses made with this nonce; an instance makes one only.
    private const string NonceCount = "00000001";

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private static readonly Encoding StrictLatin1 =
        Encoding.GetEncoding("iso-8859-1", EncoderFallback.ExceptionFallback, DecoderFallback.ExceptionFallback);

    private readonly string username;
    private readonly char[] password;
    private readonly string digestUri;
    private readonly string? wantedRealm;
    private readonly Func<string> cnonceSource;
    private byte[]? expectedProof;
    private State state;

    /// <param name="username">The authentication identity.</param>
    /// <param name="password">Its password; a copy is kept until it was used once.</param>
    /// <param name="serviceName">First part of the digest-uri.</param>
    /// <param name="hostName">Second part of the digest-uri.</param>
    /// <param name="realm">The realm to use, which the server must then offer; null takes the first one offered.</param>
    /// <param name="cnonceSource">Gives the client's nonce; null takes a random one.</param>
    internal DigestMd5Mechanism(
        string username,
        string password,
        string serviceName = DefaultServiceName,
        string hostName = DefaultHostName,
        string? realm = null,
        Func<string>? cnonceSource = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(username);
        ArgumentNullException.ThrowIfNull(password);
        ArgumentException.ThrowIfNullOrEmpty(serviceName);
        ArgumentException.ThrowIfNullOrEmpty(hostName);
        // A quoted-string holds no control characters (RFC 2831 section 7.1).
        if (username.Any(char.IsControl))
            throw new ArgumentException("A user name holds no control characters.", nameof(username));

        this.username = username;
        this.password = password.ToCharArray();
        digestUri = serviceName + "/" + hostName;
        wantedRealm = realm;
        this.cnonceSource = cnonceSource ?? NewCnonce;
    }

    private enum State
    {
        New,
        AwaitingChallenge,
        AwaitingProof,
        Complete,
        Failed,
    }

    public string Name => "DIGEST-MD5";

    public bool IsComplete => state == State.Complete;

    public byte[] Start()
    {
        if (state != State.New)
            throw new InvalidOperationException("The exchange has already started.");
        state = State.AwaitingChallenge;
        // RFC 2831 section 2.1: the server speaks first.
        return [];
    }

    public byte[]? Respond(ReadOnlySpan<byte> challenge)
    {
        State before = state;
        // Any throw below ends the exchange: a hostile server must not get a second try.
        state = State.Failed;
        switch (before)
        {
            case State.AwaitingChallenge:
                byte[] response = Answer(challenge);
                state = State.AwaitingProof;
                return response;
            case State.AwaitingProof:
                Verify(challenge);
                state = State.Complete;
                return null;
            case State.Complete when challenge.IsEmpty:
                state = State.Complete;
                return null;
            case State.Complete:
                throw new SaslException("DIGEST-MD5: the server sent a challenge after its proof.");
            case State.New:
            case State.Failed:
            default:
                throw new InvalidOperationException("The exchange has not started, or has failed.");
        }
    }

    public void Dispose()
    {
        state = State.Failed;
        Array.Clear(password);
        CryptographicOperations.ZeroMemory(expectedProof);
    }

    private static string NewCnonce()
    {
        // RFC 2831 section 2.1.2 asks for 64 bits of entropy at least.
        Span<byte> random = stackalloc byte[24];
        RandomNumberGenerator.Fill(random);
        return Convert.ToBase64String(random);
    }

    // digest-challenge to digest-response, RFC 2831 sections 2.1.1 and 2.1.2.
    private byte[] Answer(ReadOnlySpan<byte> challenge)
    {
        // What a ZooKeeper server without SASL set up answers, and with no error code at that.
        if (challenge.IsEmpty)
            throw new SaslException("DIGEST-MD5: the server sent no challenge; is SASL set up on the server?");
        DigestDirectives directives = DigestDirectives.Parse(challenge);
        bool utf8 = ReadCharset(directives["charset"]);
        CheckAlgorithm(directives["algorithm"]);
        CheckQop(directives["qop"]);
        CheckUnused(directives);
        if (directives["nonce"] is not { Length: > 0 } nonce)
            throw new SaslException("DIGEST-MD5: the challenge has no nonce.");

        string? realm = ChooseRealm(directives.Realms, utf8);
        string cnonce = cnonceSource();
        string response = ComputeProofs(realm, nonce, cnonce, utf8);

        Encoding wire = utf8 ? StrictUtf8 : StrictLatin1;
        ArrayBufferWriter<byte> output = new();
        if (utf8)
            output.Write("charset=utf-8,"u8);
        WriteQuoted(output, "username", Encode(username, wire, "user name"));
        // RFC 2831 section 2.1.2: without a realm in the challenge there is none to answer with.
        if (realm is not null)
            WriteQuoted(output, "realm", Encode(realm, wire, "realm"));
        WriteQuoted(output, "nonce", Encoding.Latin1.GetBytes(nonce));
        output.Write(Encoding.Latin1.GetBytes("nc=" + NonceCount + ","));
        WriteQuoted(output, "cnonce", Encoding.Latin1.GetBytes(cnonce));
        WriteQuoted(output, "digest-uri", Encode(digestUri, wire, "host name"));
        output.Write(Encoding.Latin1.GetBytes("response=" + response + ",qop=auth"));
        return output.WrittenSpan.ToArray();
    }

    // response-auth, RFC 2831 section 2.1.3.
    private void Verify(ReadOnlySpan<byte> challenge)
    {
        string proof = DigestDirectives.Parse(challenge)["rspauth"]
            ?? throw new SaslException("DIGEST-MD5: the server gave no proof (rspauth) that it knows the password.");
        if (!CryptographicOperations.FixedTimeEquals(Encoding.Latin1.GetBytes(proof), expectedProof))
            throw new SaslException("DIGEST-MD5: the server's proof (rspauth) is wrong: it does not know the password.");
    }

    private static bool ReadCharset(string? charset)
    {
        if (charset is null)
            return false;
        // 2.1.1: utf-8 is the only value there is.
        return charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase)
            ? true
            : throw new SaslException("DIGEST-MD5: the challenge has a charset other than utf-8.");
    }

    private static void CheckAlgorithm(string? algorithm)
    {
        if (algorithm is null || !algorithm.Equals("md5-sess", StringComparison.OrdinalIgnoreCase))
            throw new SaslException("DIGEST-MD5: the challenge must have algorithm=md5-sess.");
    }

    private static void CheckQop(string? qop)
    {
        // 2.1.1: no qop directive means "auth". ZooKeeper has no use for the layers of the other two.
        if (qop is null)
            return;
        foreach (string option in qop.Split(',', StringSplitOptions.TrimEntries))
        {
            if (option.Equals("auth", StringComparison.OrdinalIgnoreCase))
                return;
        }

        throw new SaslException("DIGEST-MD5: the server does not offer qop=auth.");
    }

    // Nothing here depends on these two, but a server that gets them wrong is not one to trust with a response.
    private static void CheckUnused(DigestDirectives directives)
    {
        if (directives["maxbuf"] is { } maxbuf
            && !uint.TryParse(maxbuf, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            throw new SaslException("DIGEST-MD5: the maxbuf of the challenge is not a number.");
        // stale=true matters to a client that reuses a nonce, and this one never does.
        if (directives["stale"] is { } stale && !bool.TryParse(stale, out _))
            throw new SaslException("DIGEST-MD5: the stale directive of the challenge is neither true nor false.");
    }

    private string? ChooseRealm(IReadOnlyList<string> offered, bool utf8)
    {
        if (wantedRealm is null)
            return offered.Count == 0 ? null : DecodeRealm(offered[0], utf8);
        foreach (string realm in offered)
        {
            if (DecodeRealm(realm, utf8).Equals(wantedRealm, StringComparison.Ordinal))
                return wantedRealm;
        }

        // With no realm offered, 2.1.1 leaves the choice to the client.
        return offered.Count == 0
            ? wantedRealm
            : throw new SaslException("DIGEST-MD5: the server does not offer the configured realm.");
    }

    private static string DecodeRealm(string latin1, bool utf8)
    {
        if (!utf8)
            return latin1;
        try
        {
            return StrictUtf8.GetString(Encoding.Latin1.GetBytes(latin1));
        }
        catch (DecoderFallbackException)
        {
            throw new SaslException("DIGEST-MD5: a realm of the challenge is not valid UTF-8.");
        }
    }

    /// <summary>The hex response; sets <see cref="expectedProof"/>. RFC 2831 section 2.1.2.1.</summary>
    private string ComputeProofs(string? realm, string nonce, string cnonce, bool utf8)
    {
        byte[] secret = HashedSecret(realm, utf8);
        byte[] nonces = Encoding.Latin1.GetBytes($":{nonce}:{cnonce}");
        byte[] a1 = [.. secret, .. nonces];
        byte[] hashedA1 = Md5(a1);
        byte[] hexA1 = Encoding.ASCII.GetBytes(Convert.ToHexStringLower(hashedA1));
        try
        {
            string middle = $":{nonce}:{NonceCount}:{cnonce}:auth:";
            Encoding wire = utf8 ? StrictUtf8 : StrictLatin1;
            expectedProof = Encoding.ASCII.GetBytes(Kd(hexA1, middle, Encode(":" + digestUri, wire, "host name")));
            return Kd(hexA1, middle, Encode("AUTHENTICATE:" + digestUri, wire, "host name"));
        }
        finally
        {
            foreach (byte[] buffer in (ReadOnlySpan<byte[]>)[secret, a1, hashedA1, hexA1])
                CryptographicOperations.ZeroMemory(buffer);
            Array.Clear(password);
        }
    }

    // H({ username-value, ":", realm-value, ":", passwd })
    private byte[] HashedSecret(string? realm, bool utf8)
    {
        byte[] secret = EncodeForHash(password, utf8, "password");
        byte[] input = [
            .. EncodeForHash(username, utf8, "user name"), (byte)':', .. EncodeForHash(realm, utf8, "realm"), (byte)':', .. secret];
        try
        {
            return Md5(input);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
            CryptographicOperations.ZeroMemory(input);
        }
    }

    // HEX(KD(HEX(H(A1)), { nonce, ":", nc, ":", cnonce, ":", qop, ":", HEX(H(A2)) }))
    private static string Kd(byte[] hexA1, string middle, byte[] a2)
    {
        byte[] input = [.. hexA1, .. Encoding.Latin1.GetBytes(middle + Convert.ToHexStringLower(Md5(a2)))];
        string result = Convert.ToHexStringLower(Md5(input));
        CryptographicOperations.ZeroMemory(input);
        return result;
    }

    // 2.1.2.1: with charset=utf-8, what ISO 8859-1 can hold is hashed in that form all the same, and the rest in UTF-8.
    private static byte[] EncodeForHash(ReadOnlySpan<char> text, bool utf8, string what) =>
        Encode(text, utf8 && text.ContainsAnyExceptInRange('\0', '\u00ff') ? StrictUtf8 : StrictLatin1, what);

    private static byte[] Encode(ReadOnlySpan<char> text, Encoding encoding, string what)
    {
        byte[] bytes;
        try
        {
            bytes = new byte[encoding.GetByteCount(text)];
            encoding.GetBytes(text, bytes);
        }
        catch (EncoderFallbackException)
        {
            // The inner exception would name the character, which may be one of the password's.
            throw new SaslException($"DIGEST-MD5: the {what} has a character that the server's charset cannot carry.");
        }

        return bytes;
    }

    private static void WriteQuoted(ArrayBufferWriter<byte> output, string name, byte[] value)
    {
        output.Write(Encoding.ASCII.GetBytes(name + "=\""));
        foreach (byte b in value)
        {
            if (b is (byte)'"' or (byte)'\\')
                output.Write("\\"u8);
            output.Write([b]);
        }

        output.Write("\","u8);
    }

    private static byte[] Md5(byte[] input)
    {
#pragma warning disable CA5351 // MD5 is what the mechanism is made of; TLS is what protects the connection.
        return MD5.HashData(input);
#pragma warning restore CA5351
    }
}
