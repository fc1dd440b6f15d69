using System.Text;

namespace Okapi.Recipes;

/// <summary>
/// How to write an instance's URI: text with variables in braces, such as <c>{scheme}://{address}:{port}/</c>. Curator's variables: <c>scheme</c> (<c>https</c> if there is a port for TLS, else
/// <c>http</c>), <c>name</c>, <c>id</c>, <c>address</c>, <c>port</c>, <c>ssl-port</c>, <c>registration-time-utc</c>, <c>service-type</c>, and <c>[</c> and <c>]</c> for braces themselves.
/// </summary>
/// <param name="Parts">The texts and variables, in order.</param>
public sealed record UriSpec(IReadOnlyList<UriPart> Parts)
{
    /// <summary>Reads one from text.</summary>
    /// <param name="text">The text.</param>
    /// <returns>The parts.</returns>
    /// <exception cref="FormatException">A brace is missing, or one too many.</exception>
    public static UriSpec Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var parts = new List<UriPart>();
        int start = 0;
        bool isVariable = false;
        for (int i = 0; i <= text.Length; i++)
        {
            if (i < text.Length && text[i] is not ('{' or '}')) continue;
            if (i > start) parts.Add(isVariable ? new(text[start..i].Trim(), true) : new(text[start..i], false));
            bool closes = i == text.Length ? isVariable : text[i] == '{' == isVariable;
            if (closes) throw new FormatException($"\"{text}\" has a brace that is not closed or not opened.");
            isVariable = !isVariable && i < text.Length;
            start = i + 1;
        }

        return new(parts);
    }

    /// <inheritdoc/>
    public bool Equals(UriSpec? other) => other is not null && Parts.SequenceEqual(other.Parts);

    /// <inheritdoc/>
    public override int GetHashCode() => Parts.Aggregate(0, HashCode.Combine);

    /// <inheritdoc/>
    public override string ToString() => string.Concat(Parts.Select(part => part.IsVariable ? $"{{{part.Value}}}" : part.Value));

    internal string Build(IReadOnlyDictionary<string, string?> known, IReadOnlyDictionary<string, string>? variables)
    {
        var uri = new StringBuilder();
        foreach (UriPart part in Parts) uri.Append(part.IsVariable ? ValueOf(part.Value, known, variables) : part.Value);
        return uri.ToString();
    }

    /// <summary>A variable that nobody has a value for is left out, as Curator does.</summary>
    private static string? ValueOf(string name, IReadOnlyDictionary<string, string?> known, IReadOnlyDictionary<string, string>? variables)
    {
        if (variables is not null && variables.TryGetValue(name, out string? given)) return given;
        return name switch
        {
            "[" => "{",
            "]" => "}",
            _ => known.GetValueOrDefault(name),
        };
    }
}

/// <summary>A part of a <see cref="UriSpec"/>.</summary>
/// <param name="Value">The text, or the variable's name.</param>
/// <param name="IsVariable">Whether it is a variable.</param>
public readonly record struct UriPart(string Value, bool IsVariable);
