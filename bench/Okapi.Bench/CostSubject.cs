#pragma warning disable CA2012 // calls wait in an array, each to be awaited once
using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Okapi.Bench;

/// <summary>How the calls of a measurement are made.</summary>
/// <param name="Name">What the row is called.</param>
/// <param name="Callers">How many loops make calls.</param>
/// <param name="Pending">How many calls are unanswered at most, over all callers; how many the peer waits for.</param>
/// <param name="Batch">How many the peer answers at once.</param>
/// <param name="Token">Whose token each call gets.</param>
/// <param name="RequestTimeout">The client's option; null: for ever.</param>
/// <param name="IsObserved">Whether somebody listens to traces and metrics.</param>
/// <param name="MaxOutstanding">The client's option of that name.</param>
internal sealed record CostShape(
    string Name,
    int Callers = 256,
    int Pending = 256,
    int Batch = 256,
    CostToken Token = CostToken.None,
    TimeSpan? RequestTimeout = null,
    bool IsObserved = false,
    int MaxOutstanding = 1 << 20);

/// <summary>Whose token a call gets.</summary>
internal enum CostToken
{
    None,

    /// <summary>One to each caller, as a server has one to each request that it serves.</summary>
    EachCaller,

    /// <summary>One for all, as the token of an application's end.</summary>
    Shared,
}

/// <summary>What a run has cost.</summary>
internal readonly record struct CostRun(double CpuMicroseconds, double Bytes, double Writes);

/// <summary>A client, its in-process peer, and one way to make calls.</summary>
internal sealed class CostSubject : IAsyncDisposable
{
    private const string Path = "/b/n-128";

    private readonly AnsweringStream _peer;
    private readonly ZooKeeperClient _client;
    private readonly CancellationTokenSource[] _tokens;

    private CostSubject(CostShape shape, AnsweringStream peer, ZooKeeperClient client)
    {
        Shape = shape;
        _peer = peer;
        _client = client;
        int tokens = shape.Token switch { CostToken.None => 0, CostToken.Shared => 1, _ => shape.Callers };
        _tokens = [.. Enumerable.Range(0, tokens).Select(_ => new CancellationTokenSource())];
    }

    public CostShape Shape { get; }

    public static async Task<CostSubject> OpenAsync(CostShape shape)
    {
        var peer = new AnsweringStream();
        var options = new ZooKeeperOptions
        {
            ConnectCallback = (_, _) => new(peer),
            RequestTimeout = shape.RequestTimeout ?? Timeout.InfiniteTimeSpan,
            SessionTimeout = TimeSpan.FromMinutes(10),
            MaxOutstandingRequests = shape.MaxOutstanding,
        };
        return new(shape, peer, await ZooKeeperClient.ConnectAsync("127.0.0.1:2181", options));
    }

    public async Task<CostRun> RunAsync(int operations)
    {
        using IDisposable? listeners = Shape.IsObserved ? Listen() : null;
        GC.Collect();
        long allocated = GC.GetTotalAllocatedBytes(precise: true);
        TimeSpan before = Environment.CpuUsage.TotalTime;
        // A client sends no more than it may have outstanding; what waits behind that is pending too.
        _peer.Hold(Math.Min(Shape.Pending, Shape.MaxOutstanding), Shape.Batch);
        await Task.WhenAll(Enumerable.Range(0, Shape.Callers).Select(caller => CallAsync(operations / Shape.Callers, Shape.Pending / Shape.Callers, TokenOf(caller))));
        double cpu = (Environment.CpuUsage.TotalTime - before).TotalMicroseconds;
        allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
        return new(cpu / operations, (double)allocated / operations, (double)_peer.Writes / operations);
    }

    public async ValueTask DisposeAsync()
    {
        _peer.Release();
        await _client.DisposeAsync();
        foreach (CancellationTokenSource token in _tokens) token.Dispose();
    }

    private CancellationToken TokenOf(int caller) => Shape.Token switch
    {
        CostToken.None => CancellationToken.None,
        CostToken.Shared => _tokens[0].Token,
        _ => _tokens[caller].Token,
    };

    /// <summary>Keeps some calls outstanding, and takes their results in order.</summary>
    private async Task CallAsync(int count, int outstanding, CancellationToken cancellationToken)
    {
        var calls = new ValueTask<Stat?>[Math.Min(count, outstanding)];
        for (int i = 0; i < calls.Length; i++) calls[i] = _client.ExistsAsync(Path, cancellationToken);
        int next = 0;
        for (int i = calls.Length; i < count; i++)
        {
            await calls[next].ConfigureAwait(false);
            calls[next] = _client.ExistsAsync(Path, cancellationToken);
            if (++next == calls.Length) next = 0;
        }

        // All callers are about as far, so this is the end of it: what the peer waits for will not come any more.
        _peer.Release();
        for (int i = 0; i < calls.Length; i++) await calls[(next + i) % calls.Length].ConfigureAwait(false);
    }

    /// <summary>Listens as an exporter would, and does nothing with what it hears.</summary>
    private static Listeners Listen() => new();

    private sealed class Listeners : IDisposable
    {
        private readonly MeterListener _meters = new();
        private readonly ActivityListener _activities = new()
        {
            ShouldListenTo = static source => source.Name == ZooKeeperTelemetry.SourceName,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
        };

        public Listeners()
        {
            ActivitySource.AddActivityListener(_activities);
            _meters.InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Meter.Name == ZooKeeperTelemetry.SourceName) listener.EnableMeasurementEvents(instrument);
            };
            _meters.SetMeasurementEventCallback<double>(static (_, _, _, _) => { });
            _meters.SetMeasurementEventCallback<long>(static (_, _, _, _) => { });
            _meters.Start();
        }

        public void Dispose()
        {
            _activities.Dispose();
            _meters.Dispose();
        }
    }
}
