using System.Buffers;

namespace Okapi.Requests;

/// <summary>
/// An array of the pool with a znode's data in it. Objects are used again, and each use has a number: whoever holds an old one, or a copy of it, can neither see nor
/// give back what belongs to the next.
/// </summary>
internal sealed class RentedData
{
    private static readonly FreeList<RentedData> Free = new();

    private byte[] _bytes = [];
    private int _length;
    private long _use;

    /// <summary>The number of the present use.</summary>
    public long Use => Volatile.Read(ref _use);

    public static RentedData Copy(ReadOnlySpan<byte> data)
    {
        byte[] bytes = ArrayPool<byte>.Shared.Rent(data.Length);
        data.CopyTo(bytes);
        RentedData rented = Free.Take() ?? new();
        rented._bytes = bytes;
        rented._length = data.Length;
        return rented;
    }

    public Memory<byte> Get(long use)
    {
        ObjectDisposedException.ThrowIf(Use != use, typeof(PooledNodeData));
        return _bytes.AsMemory(0, _length);
    }

    /// <summary>Gives the array back. Only the first call of a use does anything.</summary>
    public void Return(long use)
    {
        if (Interlocked.CompareExchange(ref _use, use + 1, use) != use) return;
        byte[] bytes = _bytes;
        _bytes = [];
        bytes.AsSpan(0, _length).Clear(); // it may hold a secret, and anybody may rent the array next
        _length = 0;
        ArrayPool<byte>.Shared.Return(bytes);
        Free.Give(this);
    }
}
