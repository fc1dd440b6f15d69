using Okapi.TestSupport;

namespace Okapi.Fuzz.Tests.Streams;

/// <summary>A byte stream that keeps what goes through it.</summary>
internal sealed class RecordingStream(Stream inner) : TapStream(inner)
{
    private readonly List<byte> _read = [], _written = [];

    public byte[] Received
    {
        get
        {
            lock (_read) return [.. _read];
        }
    }

    public byte[] Sent
    {
        get
        {
            lock (_written) return [.. _written];
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int count = await base.ReadAsync(buffer, cancellationToken);
        lock (_read) _read.AddRange(buffer.Span[..count]);
        return count;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        lock (_written) _written.AddRange(buffer.Span);
        return base.WriteAsync(buffer, cancellationToken);
    }
}
