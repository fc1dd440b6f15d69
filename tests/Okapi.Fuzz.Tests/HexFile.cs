using System.Text;

namespace Okapi.Fuzz.Tests;

/// <summary>An input as a file: lines of hex digits, and comments after a # that say what it was. A blank line ends a piece.</summary>
internal static class HexFile
{
    public static byte[] Read(string file)
    {
        var digits = new StringBuilder();
        foreach (string line in File.ReadLines(file))
        {
            int comment = line.IndexOf('#', StringComparison.Ordinal);
            digits.Append((comment < 0 ? line : line[..comment]).Replace(" ", "", StringComparison.Ordinal).Trim());
        }

        return Convert.FromHexString(digits.ToString());
    }

    public static void Write(string file, string comment, ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        foreach (string line in comment.Split('\n')) text.Append("# ").AppendLine(line.TrimEnd());
        for (; bytes.Length > 0; bytes = bytes[Math.Min(64, bytes.Length)..]) text.AppendLine(Convert.ToHexString(bytes[..Math.Min(64, bytes.Length)]));
        File.WriteAllText(file, text.ToString());
    }
}
