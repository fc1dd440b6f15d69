#pragma warning disable CA2012 // results wait in an array, each to be taken once
using BenchmarkDotNet.Attributes;

namespace Okapi.Micro;

/// <summary>
/// Each step of a request's way through the outbox by itself, per request. What a step needs and leaves is set up and cleared away between measurements, so each
/// measurement is short and the spread is wider than elsewhere.
/// </summary>
[WarmupCount(5)]
[IterationCount(40)]
public class OutboxStepBenchmarks : IDisposable
{
    /// <summary>As many objects as the outbox keeps to use again.</summary>
    private const int Requests = 4096;

    private readonly OutboxDriver _driver = new();
    private readonly ValueTask<Stat?>[] _calls = new ValueTask<Stat?>[Requests];
    private int _submitted;
    private int _sent;
    private int _answered;
    private int _taken;

    /// <summary>These few and short measurements are over before the runtime has compiled the code for good, so it gets the time here.</summary>
    [GlobalSetup]
    public void Compile()
    {
        for (int round = 0; round < 5; round++)
        {
            for (int i = 0; i < 40; i++)
            {
                BeforeResult();
                TakeResult();
            }

            Thread.Sleep(250);
        }
    }

    [IterationSetup(Target = nameof(Submit))]
    public void BeforeSubmit() => _submitted = _sent = _answered = _taken = 0;

    [IterationSetup(Target = nameof(TakeBatch))]
    public void BeforeBatch()
    {
        BeforeSubmit();
        Submit();
    }

    [IterationSetup(Target = nameof(TakeReply))]
    public void BeforeReply()
    {
        BeforeBatch();
        TakeBatch();
    }

    [IterationSetup(Target = nameof(TakeResult))]
    public void BeforeResult()
    {
        BeforeReply();
        TakeReply();
    }

    [Benchmark(OperationsPerInvoke = Requests, Description = "submit: rent and encode")]
    public int Submit()
    {
        for (; _submitted < Requests; _submitted++) _calls[_submitted] = _driver.Submit();
        return _submitted;
    }

    [Benchmark(OperationsPerInvoke = Requests, Description = "take the batch")]
    public int TakeBatch()
    {
        _sent = Requests;
        return _driver.Send();
    }

    [Benchmark(OperationsPerInvoke = Requests, Description = "take the reply, read it, complete")]
    public int TakeReply()
    {
        for (; _answered < Requests; _answered++) _driver.Answer();
        return _answered;
    }

    [Benchmark(OperationsPerInvoke = Requests, Description = "take the result, recycle")]
    public int TakeResult()
    {
        for (; _taken < Requests; _taken++) _ = _calls[_taken].GetAwaiter().GetResult();
        return _taken;
    }

    [IterationCleanup]
    public void Finish()
    {
        if (_sent < Requests) TakeBatch();
        TakeReply();
        TakeResult();
    }

    public void Dispose()
    {
        _driver.Dispose();
        GC.SuppressFinalize(this);
    }
}
