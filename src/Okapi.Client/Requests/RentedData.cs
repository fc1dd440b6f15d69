using System.Buffers;
using System.Numerics;

namespace Okapi.Requests;

/// <summary>
/// Memory with a znode's data in it, which is used again. Each use has a number: whoever holds an old one, or a copy of it, can neither see nor give back what belongs to the next.
/// </summary>
/// <remarks>
/// Data of usual size has an array that stays with its object, because the shared pool keeps no more than 32 arrays of a size per processor, and one receive can bring hundreds of replies.
/// Larger data has one of the shared pool, which knows when to let go of memory.
/// </remarks>
internal sealed class RentedData
{
    /// <summary>The largest array that stays. With as many objects as are kept, that is 4 MiB at most.</summary>
    private const int OwnLimit = 1024;

    private static readonly FreeList<RentedData> Free = new();

    private byte[] _own = [];
    private byte[] _bytes = [];
    private int _length;
    private long _use;

    /// <summary>The number of the present use.</summary>
    public long Use => Volatile.Read(ref _use);

    public static RentedData Copy(ReadOnlySpan<byte> data)
    {
        RentedData rented = Free.Take() ?? new();
        rented._bytes = data.Length > OwnLimit ? ArrayPool<byte>.Shared.Rent(data.Length) : rented.GetOwn(data.Length);
        rented._length = data.Length;
        data.CopyTo(rented._bytes);
        return rented;
    }

    public Memory<byte> Get(long use)
    {
        ObjectDisposedException.ThrowIf(Use != use, typeof(PooledNodeData));
        return _bytes.AsMemory(0, _length);
    }

    /// <summary>Gives the memory back. Only the first call of a use does anything.</summary>
    public void Return(long use)
    {
        if (Interlocked.CompareExchange(ref _use, use + 1, use) != use) return;
        byte[] bytes = _bytes;
        bytes.AsSpan(0, _length).Clear(); // it may hold a secret, and anybody may have it next
        _bytes = [];
        _length = 0;
        if (bytes != _own) ArrayPool<byte>.Shared.Return(bytes);
        Free.Give(this);
    }

    private byte[] GetOwn(int length)
    {
        if (_own.Length < length) _own = new byte[BitOperations.RoundUpToPowerOf2((uint)length)];
        return _own;
    }
}
