using System.Text;

namespace Okapi.Conformance.Tests.Scripts;

/// <summary>What was heard during one step: lines such as <c>1: NodeCreated ~/a</c>, in order per session.</summary>
/// <param name="What">The step, or several that were sent together.</param>
/// <param name="Lines">What each session heard.</param>
public sealed record Heard(string What, IReadOnlyList<string> Lines);

/// <summary>What a server said to a script.</summary>
public sealed record Transcript(IReadOnlyList<Heard> Steps)
{
    /// <summary>All lines of the transcript; two servers behave alike if these are equal.</summary>
    public IEnumerable<string> Lines => Steps.SelectMany(step => step.Lines.Select(line => "    " + line).Prepend(step.What));

    /// <summary>The step in which the transcripts first differ, or -1.</summary>
    public static int FirstDifference(Transcript one, Transcript other)
    {
        for (int i = 0; i < Math.Max(one.Steps.Count, other.Steps.Count); i++)
        {
            if (i >= one.Steps.Count || i >= other.Steps.Count) return i;
            if (one.Steps[i].What != other.Steps[i].What || !one.Steps[i].Lines.SequenceEqual(other.Steps[i].Lines, StringComparer.Ordinal)) return i;
        }

        return -1;
    }

    /// <summary>Both transcripts; where they differ, one below the other, and the first difference is marked.</summary>
    public static string SideBySide(string oneName, Transcript one, string otherName, Transcript other)
    {
        var text = new StringBuilder();
        int first = FirstDifference(one, other);
        for (int i = 0; i < Math.Max(one.Steps.Count, other.Steps.Count); i++)
        {
            Heard? left = i < one.Steps.Count ? one.Steps[i] : null, right = i < other.Steps.Count ? other.Steps[i] : null;
            text.AppendLine(left?.What ?? right!.What);
            if (left is not null && right is not null && left.Lines.SequenceEqual(right.Lines, StringComparer.Ordinal))
            {
                foreach (string line in left.Lines) text.Append("        ").AppendLine(line);
                continue;
            }

            string mark = i == first ? ">>>" : " > ";
            foreach (string line in left?.Lines ?? []) text.AppendLine($"    {mark} {oneName,-8} {line}");
            foreach (string line in right?.Lines ?? []) text.AppendLine($"    {mark} {otherName,-8} {line}");
        }

        return text.ToString();
    }
}
