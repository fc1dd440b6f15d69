#pragma warning disable CA2012 // one thread does both ends, so results are there when they are taken
using System.Diagnostics;
using Okapi.Client.Tests.Reads;
using Okapi.Client.Tests.Sessions;

namespace Okapi.Client.Tests.Performance;

/// <summary>
/// How many bytes a call allocates from the call to its result, through the public API and a whole connection, while nobody listens to traces or metrics. The figures are exact: a change
/// that allocates for each call, or for each call with a token, fails here.
/// </summary>
[Collection<AloneCollection>]
public class AllocationTests
{
    private const int Rounds = 20;
    private const int Small = 16;
    private const int Large = 256;
    private const string Path = "/some/path";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly byte[] Payload = new byte[128];
    private static readonly NodeDecoder<int> Sum = static (data, _) => AddUp(data);

    public enum Operation
    {
        Set,
        TrySet,
        Exists,
        Delete,
        TryDelete,
        Create,
        Get,
        TryGet,
        GetIntoBuffer,
        TryGetIntoBuffer,
        GetIntoMemory,
        GetPooled,
        TryGetPooled,
        GetDecoded,
        GetDecodedWithState,
        TryGetDecoded,
    }

    public static TheoryData<Operation, bool> Operations =>
        new(from operation in Enum.GetValues<Operation>() from cancellable in new[] { false, true } select (operation, cancellable));

    [Theory]
    [MemberData(nameof(Operations))]
    public void A_call_allocates_its_result_and_nothing_else(Operation operation, bool cancellable)
    {
        using var server = new SameThread(Payload.Length);
        using var cancellation = new CancellationTokenSource();
        using var memory = new OwnedMemory(Payload.Length);
        CancellationToken token = cancellable ? cancellation.Token : default;
        var buffer = new byte[256];
        ZooKeeperClient zk = server.Client;
        long expected = operation switch
        {
            Operation.Create => SizeOf(() => new string('x', Path.Length)),
            Operation.Get or Operation.TryGet => SizeOf(() => new byte[Payload.Length]),
            _ => 0,
        };
        if (operation == Operation.Get) Assert.Equal(152, expected); // 128 bytes, and what makes them an array
        Action measured = operation switch
        {
            Operation.Set => () => AssertAllocates(expected, server, () => zk.SetAsync(Path, Payload, 3, token)),
            Operation.TrySet => () => AssertAllocates(expected, server, () => zk.TrySetAsync(Path, Payload, 3, token)),
            Operation.Exists => () => AssertAllocates(expected, server, () => zk.ExistsAsync(Path, token)),
            Operation.Delete => () => AssertAllocates(expected, server, () => zk.DeleteAsync(Path, 3, token)),
            Operation.TryDelete => () => AssertAllocates(expected, server, () => zk.TryDeleteAsync(Path, 3, token)),
            Operation.Create => () => AssertAllocates(expected, server, () => zk.CreateAsync(Path, Payload, cancellationToken: token)),
            Operation.Get => () => AssertAllocates(expected, server, () => zk.GetAsync(Path, token)),
            Operation.TryGet => () => AssertAllocates(expected, server, () => zk.TryGetAsync(Path, token)),
            Operation.GetIntoBuffer => () => AssertAllocates(expected, server, () => zk.GetAsync(Path, buffer, token)),
            Operation.TryGetIntoBuffer => () => AssertAllocates(expected, server, () => zk.TryGetAsync(Path, buffer, token)),
            Operation.GetIntoMemory => () => AssertAllocates(expected, server, () => zk.GetAsync(Path, memory.Memory, token)),
            Operation.GetPooled => () => AssertAllocates(expected, server, () => zk.GetPooledAsync(Path, token), static node => node.Dispose()),
            Operation.TryGetPooled => () => AssertAllocates(expected, server, () => zk.TryGetPooledAsync(Path, token), static node => node!.Value.Dispose()),
            Operation.GetDecoded => () => AssertAllocates(expected, server, () => zk.GetAsync(Path, Sum, token)),
            Operation.GetDecodedWithState => () => AssertAllocates(expected, server, () => zk.GetAsync(Path, 7, static (data, _, seed) => seed + AddUp(data), token)),
            Operation.TryGetDecoded => () => AssertAllocates(expected, server, () => zk.TryGetAsync(Path, Sum, token)),
            _ => throw new ArgumentOutOfRangeException(nameof(operation)),
        };
        measured();
    }

    [Fact]
    public void A_view_allocates_no_more_than_its_client()
    {
        using var server = new SameThread();
        ZooKeeperClient view = server.Client.WithChroot("/below");
        AssertAllocates(0, server, () => view.ExistsAsync(Path));
        AssertAllocates(0, server, () => view.SetAsync(Path, Payload));
        AssertAllocates(0, server, () => view.GetPooledAsync(Path), static node => node.Dispose());
    }

    [Fact]
    public void Data_of_5_KB_that_is_decoded_or_too_large_for_the_buffer_allocates_nothing()
    {
        using var server = new SameThread(dataLength: 5_000);
        var buffer = new byte[100];
        AssertAllocates(0, server, () => server.Client.GetAsync(Path, buffer));
        AssertAllocates(0, server, () => server.Client.GetAsync(Path, Sum));
    }

    private static int AddUp(ReadOnlySpan<byte> data)
    {
        int sum = 0;
        foreach (byte each in data) sum += each;
        return sum;
    }

    private static long SizeOf(Func<object> make)
    {
        GC.KeepAlive(make());
        long before = GC.GetAllocatedBytesForCurrentThread();
        GC.KeepAlive(make());
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static void AssertAllocates(long expected, SameThread server, Func<ValueTask> call)
    {
        var pending = new ValueTask[Large];
        AssertAllocates(expected, window =>
        {
            for (int i = 0; i < window; i++) pending[i] = call();
            server.Answer();
            for (int i = 0; i < window; i++) pending[i].GetAwaiter().GetResult();
        });
    }

    private static void AssertAllocates<T>(long expected, SameThread server, Func<ValueTask<T>> call, Action<T>? done = null)
    {
        var pending = new ValueTask<T>[Large];
        AssertAllocates(expected, window =>
        {
            for (int i = 0; i < window; i++) pending[i] = call();
            server.Answer();
            for (int i = 0; i < window; i++)
            {
                T result = pending[i].GetAwaiter().GetResult();
                done?.Invoke(result);
            }
        });
    }

    /// <summary>Asserts what a call allocates once the program has warmed up: some code of the runtime boxes until it has been compiled for the second time.</summary>
    private static void AssertAllocates(long expected, Action<int> calls)
    {
        Assert.False(Telemetry.ObservesOperations, "somebody listens");
        long started = Stopwatch.GetTimestamp();
        double perCall;
        int exact = 0;
        do
        {
            perCall = MeasureCall(calls);
            exact = perCall == expected ? exact + 1 : 0;
        }
        while (exact < 3 && Stopwatch.GetElapsedTime(started) < Patience);
        Assert.True(exact == 3, $"A call allocates {perCall} bytes, not {expected}.");
    }

    /// <summary>What one call more allocates. What a batch costs in a debug build, where asynchronous methods that do not wait allocate all the same, is left out.</summary>
    private static double MeasureCall(Action<int> calls) => (MeasureWindow(calls, Large) - MeasureWindow(calls, Small)) / (double)(Rounds * (Large - Small));

    private static long MeasureWindow(Action<int> calls, int window)
    {
        calls(window);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < Rounds; i++) calls(window);
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
