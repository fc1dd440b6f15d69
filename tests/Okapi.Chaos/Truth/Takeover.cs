using System.Globalization;
using System.Text.RegularExpressions;

namespace Okapi.Chaos.Truth;

/// <summary>A leader's beginning. What the leaders before it proposed and it did not have, the ensemble has never agreed on.</summary>
/// <param name="Epoch">The epoch that it leads.</param>
/// <param name="From">The zxid up to which it had what was proposed before.</param>
public sealed partial record Takeover(long Epoch, long From)
{
    /// <summary>What a server's log of messages says of the times when it led.</summary>
    /// <remarks>
    /// Transaction logs alone do not tell: a proposal may be in two of three of them and not be agreed on, when a server writes it down
    /// while it joins a leader whose epoch then fails (seen with Apache ZooKeeper 3.8.0).
    /// </remarks>
    public static IEnumerable<Takeover> In(IEnumerable<string> messages)
    {
        long? has = null;
        foreach (string each in messages)
        {
            if (Begins().IsMatch(each)) has = null;
            else if (Synchronizes().Match(each) is { Success: true } synchronizes) has = Number(synchronizes);
            else if (Leads().Match(each) is { Success: true } leads && has is { } from)
            {
                yield return new Takeover(TransactionLog.EpochOf(Number(leads)), from);
                has = null; // others that join later are told more
            }
        }
    }

    /// <summary>Whether <see cref="In"/> needs this message.</summary>
    public static bool IsToldBy(string message) => Begins().IsMatch(message) || Synchronizes().IsMatch(message) || Leads().IsMatch(message);

    private static long Number(Match match) => long.Parse(match.Groups[1].ValueSpan, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    [GeneratedRegex("QuorumPeer\\] LEADING$")]
    private static partial Regex Begins();

    [GeneratedRegex("Synchronizing with Learner .*lastProcessedZxid=0x([0-9a-f]+)")]
    private static partial Regex Synchronizes();

    [GeneratedRegex("Have quorum of supporters.*setting last processed zxid: 0x([0-9a-f]+)$")]
    private static partial Regex Leads();
}
