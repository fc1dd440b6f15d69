using Okapi.Chaos.Histories;

namespace Okapi.Chaos.Checks;

/// <summary>The newest zxid that a client had been told of at a moment.</summary>
internal sealed class SeenZxids
{
    private readonly Dictionary<int, List<(long Time, long Zxid)>> _seen = [];

    public SeenZxids(Evidence evidence)
    {
        foreach (WireConnection connection in evidence.Connections)
        {
            if (!_seen.TryGetValue(connection.Client, out List<(long Time, long Zxid)>? seen)) _seen.Add(connection.Client, seen = []);
            foreach (WireEntry each in connection.Received)
            {
                if (each is WireOperationEntry { Zxid: > 0 } operation) seen.Add((each.Time, Math.Max(operation.Zxid, seen.Count > 0 ? seen[^1].Zxid : 0)));
            }
        }
    }

    public long At(int client, long time)
    {
        if (!_seen.TryGetValue(client, out List<(long Time, long Zxid)>? seen)) return 0;
        int low = 0, high = seen.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (seen[middle].Time <= time) low = middle + 1;
            else high = middle;
        }

        return low == 0 ? 0 : seen[low - 1].Zxid;
    }
}
