using System.Formats.Asn1;
using System.Text;

namespace Okapi.Server.Security;

/// <summary>
/// The name in a certificate as Java writes it (X500Principal.getName, RFC 2253), for that is what ACLs hold: the last part first, nine keywords and numbers for all other types, and
/// nothing between the parts but a comma.
/// </summary>
internal static class SubjectName
{
    private const string Escaped = ",=+<>#;\"\\";

    /// <param name="name">A Name in DER.</param>
    /// <exception cref="AsnContentException">It is none.</exception>
    public static string Of(ReadOnlyMemory<byte> name)
    {
        AsnReader parts = new AsnReader(name, AsnEncodingRules.BER).ReadSequence();
        var written = new List<string>();
        while (parts.HasData)
        {
            AsnReader part = parts.ReadSetOf(skipSortOrderValidation: true);
            var pairs = new List<string>();
            while (part.HasData) pairs.Add(Pair(part.ReadSequence()));
            if (pairs.Count > 0) written.Add(string.Join('+', pairs));
        }

        written.Reverse();
        return string.Join(',', written);
    }

    private static string Pair(AsnReader pair)
    {
        string type = pair.ReadObjectIdentifier();
        ReadOnlyMemory<byte> value = pair.ReadEncodedValue();
        return KeywordOf(type) is { } keyword && TextOf(value) is { } text
            ? $"{keyword}={Escape(text)}"
            : $"{KeywordOf(type) ?? type}=#{Convert.ToHexStringLower(value.Span)}";
    }

    private static string? KeywordOf(string type) => type switch
    {
        "2.5.4.3" => "CN",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "STREET",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        _ => null,
    };

    /// <summary>The text of a value; null for kinds of strings that Java takes for none.</summary>
    private static string? TextOf(ReadOnlyMemory<byte> value)
    {
        Asn1Tag tag = AsnDecoder.ReadEncodedValue(value.Span, AsnEncodingRules.BER, out int start, out int length, out _);
        if (tag.TagClass != TagClass.Universal || tag.IsConstructed) return null;
        ReadOnlySpan<byte> content = value.Span.Slice(start, length);
        return (UniversalTagNumber)tag.TagValue switch
        {
            UniversalTagNumber.UTF8String => Encoding.UTF8.GetString(content),
            UniversalTagNumber.PrintableString or UniversalTagNumber.IA5String or UniversalTagNumber.GeneralString => Encoding.ASCII.GetString(content),
            UniversalTagNumber.TeletexString => Encoding.Latin1.GetString(content),
            UniversalTagNumber.BMPString => Encoding.BigEndianUnicode.GetString(content),
            _ => null,
        };
    }

    private static string Escape(string text)
    {
        int first = 0, last = text.Length - 1;
        while (first < text.Length && IsBlank(text[first])) first++;
        while (last >= 0 && IsBlank(text[last])) last--;
        var escaped = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '\0')
            {
                escaped.Append("\\00");
                continue;
            }

            if (i < first || i > last || Escaped.Contains(text[i], StringComparison.Ordinal)) escaped.Append('\\');
            escaped.Append(text[i]);
        }

        return escaped.ToString();
    }

    private static bool IsBlank(char c) => c is ' ' or '\r';
}
