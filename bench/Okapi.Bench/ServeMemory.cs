using System.Diagnostics;
using System.Text.Json.Nodes;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Bench;

/// <summary>How much memory a server has in use with many idle sessions, and with many znodes besides.</summary>
internal static class ServeMemory
{
    private const int ToAParent = 1000, ToARequest = 250;

    public static async Task<string> RunAsync(int sessions, int znodes, int payload)
    {
        // With the longest tick no session has to say anything for two minutes at least.
        await using ServeProcess server = await ServeProcess.StartAsync("--tick-ms", "60000");
        var idle = new List<WireClient>();
        try
        {
            await using WireClient writer = await WireClient.OpenAsync(server.EndPoint, 1_200_000);
            double empty = server.Megabytes("VmRSS");
            long from = Stopwatch.GetTimestamp();
            for (int i = 0; i < sessions; i++) idle.Add(await WireClient.OpenAsync(server.EndPoint, 1_200_000));
            double sessionSeconds = Stopwatch.GetElapsedTime(from).TotalSeconds;
            double withSessions = server.Megabytes("VmRSS");

            from = Stopwatch.GetTimestamp();
            await CreateAsync(writer, znodes, payload);
            double znodeSeconds = Stopwatch.GetElapsedTime(from).TotalSeconds;
            double withAll = server.Megabytes("VmRSS");
            await idle[^1].CallAsync(OpCode.Ping, xid: Xids.Ping); // they are still there
            return new JsonObject
            {
                ["op"] = "serve-memory",
                ["sessions"] = sessions,
                ["znodes"] = znodes,
                ["payload"] = payload,
                ["rss_empty_mb"] = empty,
                ["rss_with_sessions_mb"] = withSessions,
                ["rss_with_sessions_and_znodes_mb"] = withAll,
                ["rss_peak_mb"] = server.Megabytes("VmHWM"),
                ["kb_per_session"] = Math.Round((withSessions - empty) * 1024 / sessions, 2),
                ["b_per_znode"] = Math.Round((withAll - withSessions) * 1024 * 1024 / znodes),
                ["sessions_per_s"] = Math.Round(sessions / sessionSeconds),
                ["znodes_per_s"] = Math.Round(znodes / znodeSeconds),
            }.ToJsonString();
        }
        finally
        {
            foreach (WireClient client in idle) await client.DisposeAsync();
        }
    }

    private static async Task CreateAsync(WireClient writer, int znodes, int payload)
    {
        byte[] data = new byte[payload];
        for (int done = 0; done < znodes;)
        {
            string parent = $"/p{done / ToAParent}";
            var parts = new List<MultiOperation>();
            if (done % ToAParent == 0) parts.Add(new(OpCode.Create, parent, data, Acl.Open));
            for (int end = Math.Min(znodes, done + ToARequest); done < end; done++) parts.Add(new(OpCode.Create, $"{parent}/n{done}", data, Acl.Open));
            WireReply reply = await writer.CallAsync(OpCode.Multi, (ref JuteWriter to) => MultiOperation.WriteAll(parts, ref to));
            if (reply.Read((ref JuteReader reader) => MultiResult.ReadAll(ref reader)).Any(result => result.Type == OpCode.Error)) throw new InvalidOperationException("A create was refused.");
        }
    }
}
