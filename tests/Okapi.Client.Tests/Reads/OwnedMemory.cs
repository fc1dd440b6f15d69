using System.Buffers;

namespace Okapi.Client.Tests.Reads;

/// <summary>Memory that its owner's code stands behind, and that does not tell of any array.</summary>
internal sealed class OwnedMemory(int length) : MemoryManager<byte>
{
    private readonly byte[] _bytes = new byte[length];
    private bool _isDisposed;

    /// <summary>Runs whenever somebody wants to see the bytes.</summary>
    public Action? OnLook { get; set; }

    public override Span<byte> GetSpan()
    {
        OnLook?.Invoke();
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return _bytes;
    }

    public override MemoryHandle Pin(int elementIndex = 0) => throw new NotSupportedException();

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing) => _isDisposed = true;
}
