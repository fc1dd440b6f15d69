using System.Threading.Channels;

namespace Okapi.Server.Proxies;

/// <summary>How what is received ended.</summary>
internal enum EndKind
{
    None,
    InOrder,
    Reset,
}

/// <summary>What was received at once, or the end.</summary>
internal readonly record struct Chunk(byte[] Bytes, long ReceivedAt, EndKind End);

/// <summary>What one way of a connection has received and not sent yet. When it is full, the one who receives waits, and so does who sends to it: TCP tells them.</summary>
internal sealed class Buffered : IDisposable
{
    /// <summary>How many bytes it holds. What is received at once may go beyond it.</summary>
    public const int Capacity = 256 * 1024;

    /// <summary>What a chunk costs besides its bytes, lest those of one byte each take far more memory than the bound says.</summary>
    private const int Overhead = 64;

    private readonly Channel<Chunk> _chunks = Channel.CreateUnbounded<Chunk>(new() { SingleReader = true, SingleWriter = true });
    private readonly SemaphoreSlim _room = new(0);
    private int _size;

    /// <summary>Adds a chunk and then waits until there is room for the next.</summary>
    public async ValueTask AddAsync(Chunk chunk, CancellationToken ct)
    {
        int size = Interlocked.Add(ref _size, chunk.Bytes.Length + Overhead);
        _chunks.Writer.TryWrite(chunk);
        if (size >= Capacity) await _room.WaitAsync(ct).ConfigureAwait(false);
    }

    public ValueTask<Chunk> NextAsync(CancellationToken ct) => _chunks.Reader.ReadAsync(ct);

    /// <summary>Tells that a chunk has been sent.</summary>
    public void Release(in Chunk chunk)
    {
        int own = chunk.Bytes.Length + Overhead;
        int size = Interlocked.Add(ref _size, -own);
        if (size < Capacity && size + own >= Capacity) _room.Release(); // whoever filled it waits, so this is once for each time it was full
    }

    public void Dispose() => _room.Dispose();
}
