using System.Diagnostics;
using System.Diagnostics.Metrics;
using Okapi.Protocol;

namespace Okapi;

/// <summary>The names under which the client's traces and metrics are found.</summary>
public static class ZooKeeperTelemetry
{
    /// <summary>The name of the <see cref="ActivitySource"/> and of the <see cref="Meter"/>.</summary>
    public const string SourceName = "Okapi.Client";
}

/// <summary>The client's instruments. Nothing is measured, built or allocated while nobody listens.</summary>
internal static class Telemetry
{
    private static readonly ActivitySource Source = new(ZooKeeperTelemetry.SourceName);
    private static readonly Meter Meter = new(ZooKeeperTelemetry.SourceName);

    private static readonly Histogram<double> Duration = Meter.CreateHistogram(
        "db.client.operation.duration",
        "s",
        "Duration of client operations.",
        advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] });

    private static readonly Counter<long> ReconnectCounter = Meter.CreateCounter<long>("zookeeper.client.reconnects", "{reconnect}", "Connections that took over a session from a lost one.");
    private static readonly Counter<long> ExpirationCounter = Meter.CreateCounter<long>("zookeeper.client.session.expirations", "{session}", "Sessions that expired.");
    private static readonly Counter<long> EventCounter = Meter.CreateCounter<long>("zookeeper.client.watch.events", "{event}", "Watch events received.");
    private static readonly Counter<long> StarvationCounter = Meter.CreateCounter<long>("zookeeper.client.starvations", "{occurrence}", "Times that the client's timer ran so late that the session was at risk.");
    private static readonly Counter<long> IoCounter = Meter.CreateCounter<long>("zookeeper.client.io", "By", "Bytes sent and received.");
    private static readonly UpDownCounter<long> OutstandingCounter = Meter.CreateUpDownCounter<long>("zookeeper.client.outstanding", "{request}", "Requests without a reply.");

    private static readonly KeyValuePair<string, object?> Transmit = new("network.io.direction", "transmit");
    private static readonly KeyValuePair<string, object?> Receive = new("network.io.direction", "receive");

    /// <summary>Whether somebody wants to know about single operations.</summary>
    public static bool ObservesOperations => Source.HasListeners() || Duration.Enabled || OutstandingCounter.Enabled;

    public static void Reconnected() => ReconnectCounter.Add(1);

    public static void Expired() => ExpirationCounter.Add(1);

    public static void Starved() => StarvationCounter.Add(1);

    public static void EventReceived() => EventCounter.Add(1);

    public static void Sent(int bytes)
    {
        if (IoCounter.Enabled) IoCounter.Add(bytes, Transmit);
    }

    public static void Received(int bytes)
    {
        if (IoCounter.Enabled) IoCounter.Add(bytes, Receive);
    }

    /// <summary>Runs one operation under a span and measures it.</summary>
    public static async ValueTask<TResult> ObserveAsync<TResult>(OpCode opCode, string chroot, ServerEndpoint? server, Func<ValueTask<TResult>> send)
    {
        string name = opCode.ToString();
        using Activity? activity = Source.StartActivity(name, ActivityKind.Client);
        long started = Stopwatch.GetTimestamp();
        var tags = new TagList { { "db.system.name", "zookeeper" }, { "db.operation.name", name } };
        if (chroot.Length > 0) tags.Add("db.namespace", chroot);
        if (server is not null)
        {
            tags.Add("server.address", server.Host);
            if (server.Port != ServerEndpoint.DefaultPort) tags.Add("server.port", server.Port);
        }

        OutstandingCounter.Add(1);
        try
        {
            return await send().ConfigureAwait(false);
        }
        catch (Exception error)
        {
            string kind = error is ZooKeeperException refused ? refused.Code.GetName() : error.GetType().Name;
            if (error is ZooKeeperException) tags.Add("db.response.status_code", kind);
            tags.Add("error.type", kind);
            activity?.SetStatus(ActivityStatusCode.Error, kind);
            throw;
        }
        finally
        {
            OutstandingCounter.Add(-1);
            Duration.Record(Stopwatch.GetElapsedTime(started).TotalSeconds, tags);
            if (activity is not null)
                foreach (KeyValuePair<string, object?> tag in tags) activity.SetTag(tag.Key, tag.Value);
        }
    }
}
