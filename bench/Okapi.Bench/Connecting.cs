using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Okapi.Bench;

/// <summary>How long it takes to open a session and have a first reply, one session after another.</summary>
internal static class Connecting
{
    public static async Task<string> RunAsync(string connect, int count, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        var milliseconds = new double[count];
        for (int i = 0; i < count; i++)
        {
            long start = Stopwatch.GetTimestamp();
            await using ZooKeeperClient client = await ZooKeeperClient.ConnectAsync(connect, cancellationToken: cancellationToken);
            await client.ExistsAsync("/", cancellationToken);
            milliseconds[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }

        double first = milliseconds[0];
        Array.Sort(milliseconds);
        return new JsonObject
        {
            ["client"] = "okapi",
            ["op"] = "connect",
            ["n"] = count,
            ["first_ms"] = Math.Round(first, 2),
            ["p50_ms"] = Math.Round(milliseconds[count / 2], 2),
            ["p99_ms"] = Math.Round(milliseconds[(int)(count * 0.99)], 2),
        }.ToJsonString();
    }
}
