using System.Globalization;
using System.Text.RegularExpressions;

namespace Okapi.Chaos.Truth;

/// <summary>A time during which a server had another tree than its leader, by its own account: it compares digests with every transaction it applies.</summary>
/// <param name="From">When it noticed.</param>
/// <param name="To">When it took a snapshot of a leader's instead; the end of time if it never did.</param>
/// <remarks>
/// Apache ZooKeeper 3.8.0 gets there: a follower that joins a leader whose epoch fails logs proposals that it does not apply (ZOOKEEPER-4646 is of the kind),
/// leads the next epoch without them, and then believes, from its log, that a server which has applied them needs but a difference.
/// </remarks>
public sealed partial record Divergence(DateTimeOffset From, DateTimeOffset To)
{
    public bool Covers(DateTimeOffset moment) => From <= moment && moment <= To;

    /// <summary>What a server's log of messages says of such times.</summary>
    public static IEnumerable<Divergence> In(IEnumerable<string> messages)
    {
        DateTimeOffset? from = null;
        foreach (string each in messages)
        {
            if (Notices().Match(each) is { Success: true } notices) from ??= TimeOf(notices);
            else if (from is { } since && Replaces().Match(each) is { Success: true } replaces)
            {
                yield return new Divergence(since, TimeOf(replaces));
                from = null;
            }
        }

        if (from is { } still) yield return new Divergence(still, DateTimeOffset.MaxValue);
    }

    /// <summary>Whether <see cref="In"/> needs this message.</summary>
    public static bool IsToldBy(string message) => Notices().IsMatch(message) || Replaces().IsMatch(message);

    private static DateTimeOffset TimeOf(Match match) => DateTime.ParseExact(match.Groups[1].ValueSpan, "yyyy-MM-dd HH:mm:ss,fff", CultureInfo.InvariantCulture, DateTimeStyles.AssumeLocal);

    // The main thread says so of digests that it computes while it loads a snapshot that was written under way: that passes.
    [GeneratedRegex("^([0-9- :,]{23}) .*\\[(?!main:).*DataTree\\] .*Digests are not matching")]
    private static partial Regex Notices();

    [GeneratedRegex("^([0-9- :,]{23}) .*Learner\\] Getting a snapshot from leader")]
    private static partial Regex Replaces();
}
