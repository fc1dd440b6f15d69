using System.Buffers;
using Okapi.Requests;

namespace Okapi;

/// <summary>
/// A znode's data in memory of a pool, and its Stat. Dispose of it when the data is done with; from then on the memory is somebody else's.
/// </summary>
/// <remarks>
/// Copies of this struct share the memory. It is given back once, by whichever is disposed first; after that reading the data through any of them throws, and disposing again does nothing. A
/// <see cref="Memory"/> or <see cref="Span"/> that was taken before is out of reach of this check, so let none outlive it. One that is never disposed costs an allocation and no more.
/// </remarks>
public readonly struct PooledNodeData : IMemoryOwner<byte>
{
    private readonly RentedData? _rented;
    private readonly long _use;

    internal PooledNodeData(RentedData rented, Stat stat, bool isNull)
    {
        _rented = rented;
        _use = rented.Use;
        Stat = stat;
        IsNull = isNull;
    }

    /// <summary>The data, exactly as long as the znode's; empty where the znode has none. It may be changed in place.</summary>
    /// <exception cref="ObjectDisposedException">It was given back.</exception>
    public Memory<byte> Memory => _rented is null ? default : _rented.Get(_use);

    /// <inheritdoc cref="Memory"/>
    public Span<byte> Span => Memory.Span;

    /// <summary>The Stat; can be read after the data was given back.</summary>
    public Stat Stat { get; }

    /// <summary>Whether the znode's data is null, which ZooKeeper tells from empty.</summary>
    public bool IsNull { get; }

    /// <summary>Gives the memory back, wiped.</summary>
    public void Dispose() => _rented?.Return(_use);
}
