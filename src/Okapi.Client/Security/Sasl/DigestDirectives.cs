using System.Text;

namespace Okapi.Security;

/// <summary>
/// Reads the <c>1#( directive )</c> list of RFC 2831 section 2.1.1. Values are kept as bytes in Latin-1 form (one char
/// a byte), since the charset directive that says how to read some of them may come after them.
/// </summary>
internal sealed class DigestDirectives
{
    /// <summary>RFC 2831 section 2.1.1: the digest-challenge is less than 2048 bytes.</summary>
    internal const int MaxLength = 2048;

    // The directives that may come once at most. Others are ignored as 2.1.1 asks (auth-param), however many there are.
    private static readonly HashSet<string> Single =
        new(StringComparer.OrdinalIgnoreCase) { "nonce", "qop", "stale", "maxbuf", "charset", "algorithm", "cipher", "rspauth" };

    private readonly Dictionary<string, string> values = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> realms = [];

    private DigestDirectives()
    {
    }

    /// <summary>The offered realms in the server's order, as Latin-1 bytes.</summary>
    internal IReadOnlyList<string> Realms => realms;

    internal string? this[string name] => values.GetValueOrDefault(name);

    internal static DigestDirectives Parse(ReadOnlySpan<byte> challenge)
    {
        if (challenge.Length >= MaxLength)
            throw new SaslException("DIGEST-MD5: the challenge is longer than RFC 2831 allows (less than 2048 bytes).");

        DigestDirectives directives = new();
        string text = Encoding.Latin1.GetString(challenge);
        int at = 0;
        while (true)
        {
            // The list rule of RFC 2831 section 7.1 allows empty elements: "a=b, ,c=d".
            while (at < text.Length && (IsBlank(text[at]) || text[at] == ','))
                at++;
            if (at == text.Length)
                return directives;

            string name = ReadToken(text, ref at);
            SkipBlanks(text, ref at);
            if (at == text.Length || text[at] != '=')
                throw new SaslException("DIGEST-MD5: a directive of the challenge has no '='.");
            at++;
            SkipBlanks(text, ref at);
            string value = at < text.Length && text[at] == '"' ? ReadQuoted(text, ref at) : ReadToken(text, ref at);
            SkipBlanks(text, ref at);
            if (at < text.Length && text[at] != ',')
                throw new SaslException("DIGEST-MD5: two directives of the challenge have no comma between them.");
            directives.Add(name, value);
        }
    }

    private void Add(string name, string value)
    {
        if (name.Equals("realm", StringComparison.OrdinalIgnoreCase))
            realms.Add(value);
        else if (Single.TryGetValue(name, out string? known) && !values.TryAdd(known, value))
            throw new SaslException($"DIGEST-MD5: the challenge has more than one '{known}' directive.");
    }

    private static string ReadToken(string text, ref int at)
    {
        int start = at;
        while (at < text.Length && IsTokenChar(text[at]))
            at++;
        return at > start
            ? text[start..at]
            : throw new SaslException("DIGEST-MD5: the challenge has an empty or malformed directive name or value.");
    }

    private static string ReadQuoted(string text, ref int at)
    {
        StringBuilder value = new();
        for (at++; at < text.Length; at++)
        {
            char c = text[at];
            if (c == '"')
            {
                at++;
                return value.ToString();
            }

            // quoted-pair: the backslash is not part of the value.
            if (c == '\\' && ++at == text.Length)
                break;
            value.Append(text[at]);
        }

        throw new SaslException("DIGEST-MD5: a quoted value of the challenge is not closed.");
    }

    private static void SkipBlanks(string text, ref int at)
    {
        while (at < text.Length && IsBlank(text[at]))
            at++;
    }

    private static bool IsBlank(char c) => c is ' ' or '\t' or '\r' or '\n';

    // RFC 2831 section 7.1: token = 1*<any CHAR except CTLs or separators>, CHAR being US-ASCII.
    private static bool IsTokenChar(char c) => c is > ' ' and < '\u007f' && !"()<>@,;:\\\"/[]?={}".Contains(c, StringComparison.Ordinal);
}
