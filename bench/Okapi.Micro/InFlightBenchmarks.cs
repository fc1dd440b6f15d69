#pragma warning disable CA2012 // results wait in a ring, each to be taken once
using BenchmarkDotNet.Attributes;

namespace Okapi.Micro;

/// <summary>The ring of what is in flight: one more goes in, the oldest comes out, with so many between them. The cost may not depend on how many.</summary>
public class InFlightBenchmarks : IDisposable
{
    private const int Step = 64;

    private readonly OutboxDriver _driver = new();
    private ValueTask<Stat?>[] _calls = [];
    private int _next;

    [Params(64, 1_024, 65_536)]
    public int Depth { get; set; }

    [GlobalSetup]
    public void Fill()
    {
        _calls = new ValueTask<Stat?>[Depth];
        for (int i = 0; i < Depth; i++) _calls[i] = _driver.Submit();
        _driver.Send();
    }

    [Benchmark(OperationsPerInvoke = Step)]
    public int OneInOneOut()
    {
        for (int i = 0; i < Step; i++)
        {
            _driver.Answer();
            ref ValueTask<Stat?> oldest = ref _calls[(_next + i) & (Depth - 1)];
            _ = oldest.GetAwaiter().GetResult();
            oldest = _driver.Submit();
        }

        _next += Step;
        return _driver.Send();
    }

    /// <summary>What a timer does with it: nothing is due.</summary>
    [Benchmark]
    public bool NothingIsDue() => _driver.Outbox.ExpireDue(TimeProvider.System.GetTimestamp(), TimeSpan.FromHours(10), static (_, _) => new TimeoutException(), out _);

    public void Dispose()
    {
        _driver.Dispose();
        GC.SuppressFinalize(this);
    }
}
