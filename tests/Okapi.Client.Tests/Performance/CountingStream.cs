using Okapi.TestSupport;

namespace Okapi.Client.Tests.Performance;

/// <summary>Counts what a client does to a stream: over a socket each write and each read is a system call at least. Writes can be held, so that what is called meanwhile has to wait.</summary>
internal class CountingStream(Stream inner) : TapStream(inner)
{
    private TaskCompletionSource? _held;
    private int _writes;
    private int _reads;

    public int Writes => Volatile.Read(ref _writes);

    /// <summary>Reads that brought something.</summary>
    public int Reads => Volatile.Read(ref _reads);

    /// <summary>From now on a write goes through and does not complete.</summary>
    public void Hold() => Volatile.Write(ref _held, new(TaskCreationOptions.RunContinuationsAsynchronously));

    public void Release() => Interlocked.Exchange(ref _held, null)!.SetResult();

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref _writes);
        TaskCompletionSource? held = Volatile.Read(ref _held);
        await base.WriteAsync(buffer, cancellationToken);
        if (held is not null) await held.Task;
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int count = await base.ReadAsync(buffer, cancellationToken);
        Interlocked.Increment(ref _reads);
        return count;
    }
}
