using System.Diagnostics;
using System.Diagnostics.Metrics;
using Okapi.Client.Tests.Protocol;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Diagnostics;

[Collection(Alone.Name)]
public class TelemetryTests
{
    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task An_operation_is_a_client_span_and_a_duration_with_the_conventions_tags()
    {
        using var observer = new Observer();
        var peer = new ScriptedPeer();
        ZooKeeperOptions options = peer.Fast();
        options.ConnectString = "peer:2281/app";
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync(options);
        await using ZooKeeperClient owned = zk;
        Task<NodeData> get = zk.GetAsync("/a").AsTask();
        PeerRequest request = await connection.ExpectAsync(OpCode.GetData);
        Assert.Equal(1, observer.Sum("zookeeper.client.outstanding"));
        await connection.ReplyAsync(request, error: ErrorCode.NoNode);
        await Assert.ThrowsAsync<NoNodeException>(() => get.Soon());

        const string tags = "db.namespace=/app db.operation.name=GetData db.response.status_code=NoNode db.system.name=zookeeper error.type=NoNode server.address=peer server.port=2281";
        Activity span = Assert.Single(observer.Spans);
        Assert.Equal(("Okapi.Client", "GetData", ActivityKind.Client, ActivityStatusCode.Error), (span.Source.Name, span.OperationName, span.Kind, span.Status));
        Assert.Equal(tags, Words(span.TagObjects));
        (string Name, double Value, string Tags, string? Unit) duration = Assert.Single(observer.Measurements, each => each.Name == "db.client.operation.duration");
        Assert.Equal((tags, "s"), (duration.Tags, duration.Unit));
        Assert.InRange(duration.Value, 0, 60);
        Assert.Equal(0, observer.Sum("zookeeper.client.outstanding"));
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task Expected_outcomes_are_no_errors_and_the_usual_port_and_an_empty_chroot_are_no_tags()
    {
        using var observer = new Observer();
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        (Func<Task> Call, ErrorCode Answer)[] calls =
        [
            (() => zk.ExistsAsync("/a").AsTask(), ErrorCode.NoNode),
            (() => zk.TryGetAsync("/a").AsTask(), ErrorCode.NoNode),
            (() => zk.TryGetChildrenAsync("/a").AsTask(), ErrorCode.NoNode),
            (() => zk.TryCreateAsync("/a").AsTask(), ErrorCode.NodeExists),
            (() => zk.TryDeleteAsync("/a").AsTask(), ErrorCode.BadVersion),
            (() => zk.TrySetAsync("/a", null).AsTask(), ErrorCode.BadVersion),
            (() => zk.TryWatchDataAsync("/a"), ErrorCode.NoNode),
            (() => zk.WatchExistsAsync("/a"), ErrorCode.NoNode),
        ];
        foreach ((Func<Task> call, ErrorCode answer) in calls)
        {
            Task calling = call();
            await connection.ReplyAsync(await connection.ReadAsync(), error: answer);
            await calling.Soon();
        }

        Assert.Equal(calls.Length, observer.Spans.Count);
        Assert.All(observer.Spans, span =>
        {
            Assert.Equal(ActivityStatusCode.Unset, span.Status);
            Assert.Equal($"db.operation.name={span.OperationName} db.system.name=zookeeper server.address=peer", Words(span.TagObjects));
        });
        Assert.DoesNotContain(observer.Measurements, each => each.Tags.Contains("error.type", StringComparison.Ordinal));
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task Reconnects_expirations_events_and_bytes_are_counted_and_pings_are_no_operations()
    {
        using var observer = new Observer();
        var peer = new ScriptedPeer();
        var time = new ManualTime();
        ZooKeeperOptions options = peer.Fast();
        options.TimeProvider = time;
        await using ZooKeeperClient zk = ZooKeeperClient.Start(options);
        PeerConnection connection = await peer.AcceptSessionAsync();
        await zk.SettleAsync(); // or time for the answer to the handshake could run out
        Task<PeerRequest> ping = connection.ReadAnyAsync();
        await time.AdvanceUntilAsync(ping, options.SessionTimeout);
        Assert.Equal(OpCode.Ping, (await ping).OpCode);
        await connection.ReplyAsync(await ping);
        await connection.NotifyAsync(WatchedEventType.NodeCreated, "/a");
        connection.Close();
        Task<PeerConnection> reconnecting = peer.AcceptSessionAsync();
        await time.AdvanceUntilAsync(reconnecting, options.SessionTimeout);
        connection = await reconnecting;
        Task<Stat?> exists = zk.ExistsAsync("/a").AsTask();
        await connection.AnswerAsync(await connection.ExpectAsync(OpCode.Exists));
        await exists.Soon();
        Task lost = Task.Delay(Timeout.Infinite, zk.SessionLost).ContinueWith(static _ => { }, TaskScheduler.Default);
        connection.Close();
        Task<PeerConnection> last = peer.AcceptAsync();
        await time.AdvanceUntilAsync(last, options.SessionTimeout);
        await (await last).ExpireAsync();
        await lost.Soon();
        Assert.Equal((1, 1, 1), (observer.Sum("zookeeper.client.reconnects"), observer.Sum("zookeeper.client.watch.events"), observer.Sum("zookeeper.client.session.expirations")));
        Assert.Equal("Exists", Assert.Single(observer.Spans).OperationName);
        string[] io = [.. observer.Measurements.Where(each => each.Name == "zookeeper.client.io").Select(each => each.Tags).Distinct().Order(StringComparer.Ordinal)];
        Assert.Equal(["network.io.direction=receive", "network.io.direction=transmit"], io);
        Assert.True(observer.Sum("zookeeper.client.io") > 100);
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H46_Watches_set_at_the_same_moment_are_asked_for_in_the_order_in_which_they_found_their_path()
    {
        // The listener runs between the moment when a watch finds its path empty and the moment when its request is written: the worst moment for another watch.
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        Task<PeerRequest> first = connection.ReadAsync();
        Task<Watch>? other = null;
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == ZooKeeperTelemetry.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStarted = span =>
            {
                if (span.OperationName != nameof(OpCode.GetData)) return;
                other = Task.Run(() => zk.WatchAsync("/a"));
                first.Wait(TimeSpan.FromMilliseconds(300)); // nothing may come, so there is nothing else to wait for
            },
        };
        ActivitySource.AddActivityListener(listener);
        Task<OneShotWatch<NodeData>> reading = zk.WatchDataAsync("/a");
        PeerRequest read = await first;
        Assert.Equal(OpCode.GetData, read.OpCode);
        Assert.True(PeerConnection.Read(read.Body, ReadRequest.Read).Watch); // on 3.8 it would end a persistent watch that came before
        PeerRequest add = await connection.ExpectAsync(OpCode.AddWatch);
        Assert.NotNull(other);
        await connection.ReplyAsync(read, new DataReply([], default).Write);
        await connection.ReplyAsync(add);
        await reading.Soon();
        await other.Soon(); // what is observed in this test has ended with it: the next one counts for itself
    }

    [Fact]
    public void The_instruments_have_the_documented_names_and_units()
    {
        using var observer = new Observer();
        string[] expected =
        [
            "db.client.operation.duration s", "zookeeper.client.io By", "zookeeper.client.outstanding {request}", "zookeeper.client.reconnects {reconnect}",
            "zookeeper.client.session.expirations {session}", "zookeeper.client.starvations {occurrence}", "zookeeper.client.watch.events {event}",
        ];
        Telemetry.Reconnected(); // the instruments exist from the first use on
        Assert.Equal(expected, observer.Instruments.Distinct().Order(StringComparer.Ordinal));
        Assert.Equal("Okapi.Client", ZooKeeperTelemetry.SourceName);
    }

    [Fact]
    public void Nothing_is_allocated_while_nobody_listens()
    {
        Use();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++) Use();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        static void Use()
        {
            Assert.False(Telemetry.ObservesOperations);
            Telemetry.Sent(1);
            Telemetry.Received(1);
            Telemetry.Reconnected();
            Telemetry.EventReceived();
            Telemetry.Expired();
            Telemetry.Starved();
        }
    }

    private static string Words(IEnumerable<KeyValuePair<string, object?>> tags) => string.Join(' ', tags.OrderBy(tag => tag.Key, StringComparer.Ordinal).Select(tag => $"{tag.Key}={tag.Value}"));

    private sealed class Observer : IDisposable
    {
        private readonly ActivityListener _spans;
        private readonly MeterListener _measurements = new();
        private readonly Lock _lock = new();
        private readonly HashSet<Activity> _started = [];
        private readonly List<Activity> _stopped = [];
        private readonly List<(string Name, double Value, string Tags, string? Unit)> _measured = [];

        public Observer()
        {
            _spans = new()
            {
                ShouldListenTo = source => source.Name == ZooKeeperTelemetry.SourceName,
                Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
                ActivityStarted = span =>
                {
                    lock (_lock) _started.Add(span);
                },
                ActivityStopped = span =>
                {
                    lock (_lock)
                    {
                        if (_started.Remove(span)) _stopped.Add(span); // not one of a test that ended before
                    }
                },
            };
            ActivitySource.AddActivityListener(_spans);
            _measurements.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name != ZooKeeperTelemetry.SourceName) return;
                lock (_lock) Instruments.Add($"{instrument.Name} {instrument.Unit}");
                listener.EnableMeasurementEvents(instrument);
            };
            _measurements.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
            _measurements.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
            _measurements.Start();
        }

        public List<string> Instruments { get; } = [];

        public List<Activity> Spans
        {
            get
            {
                lock (_lock) return [.. _stopped];
            }
        }

        public List<(string Name, double Value, string Tags, string? Unit)> Measurements
        {
            get
            {
                lock (_lock) return [.. _measured];
            }
        }

        public double Sum(string name) => Measurements.Where(each => each.Name == name).Sum(each => each.Value);

        public void Dispose()
        {
            _spans.Dispose();
            _measurements.Dispose();
        }

        private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            string words = Words(tags.ToArray());
            lock (_lock) _measured.Add((instrument.Name, value, words, instrument.Unit));
        }
    }
}
