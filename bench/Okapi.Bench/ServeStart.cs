using System.Diagnostics;
using System.Text.Json.Nodes;
using Okapi.Server;
using Okapi.TestSupport;

namespace Okapi.Bench;

/// <summary>How long it takes from the call that starts an embedded server until a client has the reply to its handshake, in a process that has done so before.</summary>
internal static class ServeStart
{
    private const int WarmUp = 100;

    public static async IAsyncEnumerable<string> RunAsync(int starts)
    {
        yield return await MeasureAsync("tcp", starts, useSockets: true);
        yield return await MeasureAsync("memory", starts, useSockets: false);
    }

    private static async Task<string> MeasureAsync(string transport, int starts, bool useSockets)
    {
        var started = new double[starts];
        var replied = new double[starts];
        for (int i = -WarmUp; i < starts; i++)
        {
            long from = Stopwatch.GetTimestamp();
            await using EmbeddedServer server = await EmbeddedServer.StartAsync(new EmbeddedServerOptions { UseSockets = useSockets });
            double start = Stopwatch.GetElapsedTime(from).TotalMilliseconds;
            await using WireClient client = useSockets ? await WireClient.OpenAsync(server.Members[0].EndPoint!) : new WireClient(await server.ConnectAsync());
            if (!useSockets) await client.HandshakeAsync();
            if (i < 0) continue;
            started[i] = start;
            replied[i] = Stopwatch.GetElapsedTime(from).TotalMilliseconds;
        }

        Array.Sort(started);
        Array.Sort(replied);
        return new JsonObject
        {
            ["op"] = "serve-start",
            ["transport"] = transport,
            ["starts"] = starts,
            ["start_p50_ms"] = Math.Round(started[starts / 2], 3),
            ["first_reply_p50_ms"] = Math.Round(replied[starts / 2], 3),
            ["first_reply_p99_ms"] = Math.Round(replied[starts * 99 / 100], 3),
            ["first_reply_max_ms"] = Math.Round(replied[^1], 3),
        }.ToJsonString();
    }
}
