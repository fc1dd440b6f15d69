using System.Globalization;
using System.Text;

namespace Okapi.Conformance.Tests.Scripts;

/// <summary>Scripts as text: one step a line, <c>#</c> begins a comment. What a failure prints can be pasted into <see cref="Corpus"/>.</summary>
/// <example><c>0+ create ~/a data=x flags=1</c>: session 0 creates an ephemeral, and does not wait for the reply before it goes on.</example>
public static class ScriptText
{
    private const string Null = "(null)";
    private const string Empty = "\"\"";

    public static string Write(Script script) => string.Join('\n', script.Steps.Select(Write));

    public static string Write(Step step) => $"{step.Session}{(step.Unawaited ? "+" : "")} {Write(step.Operation)}";

    public static string Write(Operation operation)
    {
        var text = new StringBuilder(operation.Verb);
        if (operation.Path is not null) text.Append(' ').Append(Escape(operation.Path));
        if (operation.Data is not null) text.Append(" data=").Append(Escape(operation.Data));
        if (operation.Number != 0) text.Append(CultureInfo.InvariantCulture, $" {NumberName(operation.Verb)}={operation.Number}");
        if (operation.Ttl != 0) text.Append(CultureInfo.InvariantCulture, $" ttl={operation.Ttl}");
        if (operation.Acl != "open") text.Append(" acl=").Append(operation.Acl);
        if (operation.Version != -1) text.Append(CultureInfo.InvariantCulture, $" v={operation.Version}");
        if (operation.Watch) text.Append(" watch");
        if (operation.Since != 0) text.Append(CultureInfo.InvariantCulture, $" since={operation.Since}");
        if (operation.Cut != 0) text.Append(CultureInfo.InvariantCulture, $" cut={operation.Cut}");
        if (operation.Pad != 0) text.Append(CultureInfo.InvariantCulture, $" pad={operation.Pad}");
        if (operation.Parts.Count > 0) text.Append(" { ").AppendJoin(" ; ", operation.Parts.Select(Write)).Append(" }");
        return text.ToString();
    }

    public static Script Read(string text) => new([.. text.Split('\n')
        .Select(line => line.Trim())
        .Where(line => line.Length > 0 && line[0] != '#')
        .Select(ReadStep)]);

    public static string Escape(string? value)
    {
        if (value is null) return Null;
        if (value.Length == 0) return Empty;
        var text = new StringBuilder();
        foreach (char c in value)
        {
            if (c is > ' ' and < '\x7f' and not ('\\' or '"' or ';' or '{' or '}' or '(')) text.Append(c);
            else text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
        }

        return text.ToString();
    }

    private static string NumberName(string verb) => verb switch
    {
        "addWatch" => "mode",
        "checkWatches" or "removeWatches" or "raw" => "type",
        _ => "flags",
    };

    private static Step ReadStep(string line)
    {
        int space = line.IndexOf(' ', StringComparison.Ordinal);
        return new(line[0] - '0', ReadOperation(line[(space + 1)..]), line[1] == '+');
    }

    private static Operation ReadOperation(string text)
    {
        int brace = text.IndexOf('{', StringComparison.Ordinal);
        string[] words = (brace < 0 ? text : text[..brace]).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var operation = new Operation(words[0]);
        foreach (string word in words[1..]) operation = With(operation, word);
        if (brace < 0) return operation;
        string parts = text[(brace + 1)..text.LastIndexOf('}')];
        return operation with { Parts = [.. parts.Split(';').Select(part => ReadOperation(part.Trim()))] };
    }

    private static Operation With(Operation operation, string word)
    {
        int equals = word.IndexOf('=', StringComparison.Ordinal);
        string value = word[(equals + 1)..];
        return (equals < 0 ? word : word[..equals]) switch
        {
            "data" => operation with { Data = Unescape(value) },
            "flags" or "mode" or "type" => operation with { Number = int.Parse(value, CultureInfo.InvariantCulture) },
            "ttl" => operation with { Ttl = long.Parse(value, CultureInfo.InvariantCulture) },
            "acl" => operation with { Acl = value },
            "v" => operation with { Version = int.Parse(value, CultureInfo.InvariantCulture) },
            "watch" => operation with { Watch = true },
            "since" => operation with { Since = int.Parse(value, CultureInfo.InvariantCulture) },
            "cut" => operation with { Cut = int.Parse(value, CultureInfo.InvariantCulture) },
            "pad" => operation with { Pad = int.Parse(value, CultureInfo.InvariantCulture) },
            _ => operation with { Path = Unescape(word) },
        };
    }

    private static string? Unescape(string text)
    {
        if (text == Null) return null;
        if (text == Empty) return "";
        var value = new StringBuilder();
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\')
            {
                value.Append(text[i]);
                continue;
            }

            value.Append((char)int.Parse(text.AsSpan(i + 2, 4), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
            i += 5;
        }

        return value.ToString();
    }
}
