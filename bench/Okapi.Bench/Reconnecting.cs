using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Okapi.Bench;

/// <summary>
/// What it takes to come back with many watches: data watches on znodes below <c>/b/w</c>, then cuts, one after another. A request that is answered after a cut shows that all watches are armed again,
/// because setWatches goes ahead of it. The connection is cut by <c>cutproxy</c> if its control port is in the environment (CUT_UDP), and otherwise by the null server itself.
/// </summary>
internal static class Reconnecting
{
    public static async Task<string> RunAsync(string connect, int watches, int cuts, bool isPersistent, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(watches, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(cuts, 1);
        // The pause before the next attempt grows while connections are short-lived; it is what is waited for, not what is measured.
        var options = new ZooKeeperOptions { BackoffMinimum = TimeSpan.FromMilliseconds(1), BackoffMaximum = TimeSpan.FromMilliseconds(1) };
        await using ZooKeeperClient client = await ZooKeeperClient.ConnectAsync(connect, options, cancellationToken);
        await client.TryCreateAsync("/b", cancellationToken: cancellationToken);
        Stack<object> held = new();
        await Watching.InLoopsAsync(watches, 256, async i =>
        {
            object watch = isPersistent ? await client.WatchAsync($"/b/w/{i}", cancellationToken: cancellationToken) : (await client.WatchDataAsync($"/b/w/{i}", cancellationToken)).Fired;
            lock (held) held.Push(watch);
        });
        await CutAsync(client, cancellationToken); // the first is for the compiler
        var times = new double[cuts];
        double cpu = Watching.CpuSeconds();
        for (int i = 0; i < cuts; i++) times[i] = await CutAsync(client, cancellationToken);
        cpu = Watching.CpuSeconds() - cpu;
        Array.Sort(times);
        GC.KeepAlive(held);
        return new JsonObject
        {
            ["client"] = "okapi",
            ["op"] = isPersistent ? "reconnect-persistent" : "reconnect",
            ["watches"] = watches,
            ["cuts"] = cuts,
            ["to_first_reply_ms_min"] = Math.Round(times[0], 1),
            ["reply_p50"] = Math.Round(times[cuts / 2], 1),
            ["reply_max"] = Math.Round(times[^1], 1),
            ["cpu_ms_per_cut"] = Math.Round(cpu / cuts * 1000, 2),
        }.ToJsonString();
    }

    /// <summary>Cuts the connection.</summary>
    /// <returns>The milliseconds until a request was answered on the next one.</returns>
    private static async Task<double> CutAsync(ZooKeeperClient client, CancellationToken cancellationToken)
    {
        await using IAsyncEnumerator<SessionStateChange> states = client.StateChangesAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);
        await states.MoveNextAsync();
        long start = Stopwatch.GetTimestamp();
        if (Environment.GetEnvironmentVariable("CUT_UDP") is { } port)
        {
            using var control = new UdpClient();
            await control.SendAsync(Encoding.ASCII.GetBytes("cut"), "127.0.0.1", int.Parse(port, CultureInfo.InvariantCulture), cancellationToken);
        }
        else
        {
            try
            {
                await client.SetAsync("/b/cut", null, cancellationToken: cancellationToken);
            }
            catch (ConnectionLossException)
            {
                // As asked for.
            }
        }

        while (await states.MoveNextAsync() && states.Current.IsConnected)
        {
        }

        await client.GetAsync("/b", cancellationToken);
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }
}
