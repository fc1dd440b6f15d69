using System.Text;

namespace Okapi.Server.Security;

/// <summary>
/// A client's digest-response (RFC 2831, 2.1.2). Values are as they came, one char for each byte, because that is what is hashed; only the user's name is a text.
/// </summary>
internal sealed class DigestResponse
{
    /// <summary>"The size of a digest-response MUST be less than 4096 bytes"; the JDK takes one more.</summary>
    public const int GreatestLength = 4096;

    private static readonly string[] s_known = ["username", "realm", "nonce", "cnonce", "nc", "qop", "digest-uri", "response", "maxbuf", "charset", "cipher", "authzid"];
    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly Dictionary<string, string> _directives;

    private DigestResponse(Dictionary<string, string> directives) => _directives = directives;

    public string? Realm => this["realm"];

    public string? Nonce => this["nonce"];

    public string? Cnonce => this["cnonce"];

    public string Qop => this["qop"] ?? "auth";

    public string? DigestUri => this["digest-uri"];

    public string? Response => this["response"];

    public string? Authzid => this["authzid"];

    private string? this[string name] => _directives.GetValueOrDefault(name);

    /// <summary>Reads a response; null when it is none. Directives that are not known count for nothing; those that are must not come twice.</summary>
    public static DigestResponse? Parse(ReadOnlySpan<byte> token)
    {
        if (token.Length > GreatestLength) return null;
        var directives = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        string text = Encoding.Latin1.GetString(token);
        for (int at = SkipSeparators(text, 0); at < text.Length; at = SkipSeparators(text, at))
        {
            if (!TryReadToken(text, ref at, out string name)) return null;
            at = SkipBlanks(text, at);
            if (at == text.Length || text[at] != '=') return null;
            at = SkipBlanks(text, at + 1);
            bool isRead = at < text.Length && text[at] == '"' ? TryReadQuoted(text, ref at, out string value) : TryReadToken(text, ref at, out value);
            if (!isRead) return null;
            if (!directives.TryAdd(name, value) && s_known.Contains(name, StringComparer.OrdinalIgnoreCase)) return null;
            at = SkipBlanks(text, at);
            if (at < text.Length && text[at] != ',') return null;
        }

        return new(directives);
    }

    /// <summary>The user's name; null when there is none, or it is not in the charset that the response says it is in.</summary>
    public string? User()
    {
        if (this["username"] is not { Length: > 0 } name) return null;
        if (this["charset"] is not { } charset) return name;
        if (!charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase)) return null;
        try
        {
            return s_strictUtf8.GetString(Encoding.Latin1.GetBytes(name));
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    /// <summary>What ISO 8859-1 can hold is hashed in that form, whatever the charset, and the rest in UTF-8 (2.1.2.1).</summary>
    public static byte[] EncodeForHash(string text) => (text.AsSpan().ContainsAnyExceptInRange('\0', '\u00ff') ? Encoding.UTF8 : Encoding.Latin1).GetBytes(text);

    private static bool TryReadToken(string text, ref int at, out string token)
    {
        int start = at;
        while (at < text.Length && IsTokenChar(text[at])) at++;
        token = text[start..at];
        return at > start;
    }

    private static bool TryReadQuoted(string text, ref int at, out string value)
    {
        var read = new StringBuilder();
        for (at++; at < text.Length && text[at] != '"'; at++)
        {
            if (text[at] == '\\' && ++at == text.Length) break;
            read.Append(text[at]);
        }

        value = read.ToString();
        return at++ < text.Length;
    }

    private static int SkipSeparators(string text, int at)
    {
        while (at < text.Length && (text[at] == ',' || IsBlank(text[at]))) at++;
        return at;
    }

    private static int SkipBlanks(string text, int at)
    {
        while (at < text.Length && IsBlank(text[at])) at++;
        return at;
    }

    private static bool IsBlank(char c) => c is ' ' or '\t' or '\r' or '\n';

    // 7.1: token = 1*<any CHAR except CTLs or separators>
    private static bool IsTokenChar(char c) => c is > ' ' and < '\u007f' && !"()<>@,;:\\\"/[]?={}".Contains(c, StringComparison.Ordinal);
}
