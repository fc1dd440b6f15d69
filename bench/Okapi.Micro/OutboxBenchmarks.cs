#pragma warning disable CA2012 // results wait in an array, each to be taken once
using BenchmarkDotNet.Attributes;

namespace Okapi.Micro;

/// <summary>
/// The whole way of a request through the outbox, on one thread and per request: submit, take the batch, take the reply and complete, take the result.
/// What waits for a result on another thread costs extra. <see cref="OutboxStepBenchmarks"/> has the parts.
/// </summary>
public class OutboxBenchmarks : IDisposable
{
    private const int Window = 256;

    private readonly OutboxDriver _driver = new();
    private readonly ValueTask<Stat?>[] _calls = new ValueTask<Stat?>[Window];
    private readonly CancellationTokenSource _cancellation = new();

    [Benchmark(OperationsPerInvoke = Window, Description = "submit, send, reply, result")]
    public int WindowOf256()
    {
        for (int i = 0; i < Window; i++) _calls[i] = _driver.Submit();
        return Finish();
    }

    [Benchmark(OperationsPerInvoke = Window, Description = "... with a token that can be cancelled")]
    public int WindowOf256WithAToken()
    {
        for (int i = 0; i < Window; i++) _calls[i] = _driver.Submit(_cancellation.Token);
        return Finish();
    }

    [Benchmark(Description = "... one request at a time")]
    public int WindowOf1()
    {
        ValueTask<Stat?> call = _driver.Submit();
        int bytes = _driver.Send();
        _driver.Answer();
        _ = call.GetAwaiter().GetResult();
        return bytes;
    }

    /// <summary>Submits, and gives up before anything is sent, which is what is left when no server can be reached.</summary>
    [Benchmark(OperationsPerInvoke = Window, Description = "submit, cancel before it is sent")]
    public int CancelledBeforeItIsSent()
    {
        using var cancellation = new CancellationTokenSource();
        using var driver = new OutboxDriver();
        for (int i = 0; i < Window; i++) _calls[i] = driver.Submit(cancellation.Token);
        cancellation.Cancel();
        int cancelled = 0;
        foreach (ValueTask<Stat?> call in _calls) cancelled += call.IsCanceled ? 1 : 0;
        return cancelled;
    }

    public void Dispose()
    {
        _driver.Dispose();
        _cancellation.Dispose();
        GC.SuppressFinalize(this);
    }

    private int Finish()
    {
        int bytes = _driver.Send();
        for (int i = 0; i < Window; i++) _driver.Answer();
        foreach (ValueTask<Stat?> call in _calls) _ = call.GetAwaiter().GetResult();
        return bytes;
    }
}
