namespace Okapi.Conformance.Tests.Faults;

/// <summary>Compares what a watch saw through faults with what another saw without them. Every event happens once only.</summary>
internal static class EventGaps
{
    /// <summary>What is wrong with it; null: between two Resyncs it is the truth without a gap, from its beginning to its end.</summary>
    public static string? Find(IReadOnlyList<string> truth, IReadOnlyList<string> seen)
    {
        Dictionary<string, int> order = truth.Index().ToDictionary(each => each.Item, each => each.Index, StringComparer.Ordinal);
        int last = -1;
        bool mayMiss = false;
        foreach (string each in seen)
        {
            if (each.StartsWith("Resync", StringComparison.Ordinal))
            {
                mayMiss = true;
                continue;
            }

            if (!order.TryGetValue(each, out int index)) return $"{each} did not happen";
            if (index <= last) return $"{each} came again, or after what followed it";
            if (index > last + 1 && !mayMiss) return $"{truth[last + 1]} is missing before {each}, and no Resync tells";
            (last, mayMiss) = (index, false);
        }

        return last == truth.Count - 1 || mayMiss ? null : $"{truth[last + 1]} is missing at the end, and no Resync tells";
    }
}
