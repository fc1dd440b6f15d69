using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Okapi.Connections;

/// <summary>
/// A connected socket that is read by a thread of its own. A read waits in the kernel, and nothing of the socket is ever given to the runtime's socket engine,
/// which costs two wake-ups for every reply that comes by itself; see decision 0012. One thread may read while another writes.
/// </summary>
internal sealed class SocketStream : Stream
{
    private const int Forever = -1;

    /// <summary>A process with more connections than this has better uses for its memory than a stack for each.</summary>
    private const int MaxThreads = 64;

    private static int s_open;

    /// <summary>How long a read looks for bytes without going to sleep, where that pays: a call to a server near by takes less, one to a server that others use, too, takes more.</summary>
    private static readonly long SpinLimit = Stopwatch.Frequency * 50 / 1_000_000;

    private readonly Socket _socket;
    private int _isClosed;

    /// <summary>Above zero: of late, what was expected came before the limit.</summary>
    private int _luck;
    private int _untilTried;

    /// <summary>Who uses the socket: the owner of the stream, and each call that may wait.</summary>
    private int _users = 1;

    private SocketStream(Socket socket) => _socket = socket;

    /// <summary>Whether one more is worth its thread: on Linux, where that was measured, and for as many connections as threads may be spent on.</summary>
    public static bool IsWorthwhile => OperatingSystem.IsLinux() && Volatile.Read(ref s_open) < MaxThreads;

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Asked before every wait of a read for how long it may last; asked again when that is over. Null: for ever.</summary>
    public Func<TimeSpan>? WaitLimit { get; set; }

    /// <summary>Whether one reply at most is awaited, which a server near by may give before the reader has fallen asleep. Null: never.</summary>
    public Func<bool>? AwaitsOneReply { get; set; }

    /// <summary>Connects.</summary>
    /// <param name="socket">An unconnected socket, which is the stream's from now on.</param>
    /// <param name="endPoint">Where to.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>The stream.</returns>
    /// <exception cref="SocketException">It cannot be reached.</exception>
    public static async Task<SocketStream> ConnectAsync(Socket socket, IPEndPoint endPoint, CancellationToken cancellationToken)
    {
        socket.Blocking = false;
        try
        {
            socket.Connect(endPoint); // on one machine this is all
        }
        catch (SocketException error) when (error.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
        {
            using (cancellationToken.UnsafeRegister(static socket => ((Socket)socket!).Dispose(), socket))
                await OnThreadAsync(() => socket.Poll(Forever, SelectMode.SelectWrite), cancellationToken).ConfigureAwait(false);
            var outcome = (SocketError)(int)socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)!;
            if (outcome != SocketError.Success) throw new SocketException((int)outcome);
        }

        Interlocked.Increment(ref s_open);
        return new SocketStream(socket);
    }

    public override int Read(Span<byte> buffer)
    {
        Enter();
        try
        {
            if (TrySpin(buffer, out int early)) return early;
            while (true)
            {
                while (!_socket.Poll(WaitLimit?.Invoke() ?? Timeout.InfiniteTimeSpan, SelectMode.SelectRead))
                {
                    // The limit was reached, and whoever set it has looked after its business.
                }

                int count = _socket.Receive(buffer, SocketFlags.None, out SocketError error);
                if (error == SocketError.Success) return count;
                if (error != SocketError.WouldBlock) throw Failed(error);
            }
        }
        finally
        {
            Leave();
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    /// <remarks>For what is read before the thread starts: a TLS handshake, or the answer to a four-letter word. Cancelling closes the stream.</remarks>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await WaitAsync(SelectMode.SelectRead, cancellationToken).ConfigureAwait(false);
        return Read(buffer.Span);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int sent = Send(buffer.Span);
        return sent == buffer.Length ? default : new(WriteRestAsync(buffer[sent..], cancellationToken));
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Write(byte[] buffer, int offset, int count)
    {
        for (Span<byte> rest = buffer.AsSpan(offset, count); rest.Length > 0; rest = rest[Send(rest)..]) Wait(SelectMode.SelectWrite);
    }

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing && Interlocked.Exchange(ref _isClosed, 1) == 0)
        {
            Interlocked.Decrement(ref s_open);
            try
            {
                _socket.Shutdown(SocketShutdown.Both); // ends the waits of others
            }
            catch (SocketException)
            {
                // The peer has ended it before.
            }

            Leave();
        }

        base.Dispose(disposing);
    }

    private static IOException Failed(SocketError error)
    {
        var cause = new SocketException((int)error);
        return new IOException(cause.Message, cause);
    }

    /// <summary>Runs what blocks on a thread of its own, as the pool's are too few to be kept waiting.</summary>
    private static async Task OnThreadAsync(Action wait, CancellationToken cancellationToken)
    {
        try
        {
            await SpareThread.RunAsync("Okapi wait", wait).ConfigureAwait(false);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw;
        }

        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>
    /// Looks for bytes for a moment: a processor that falls asleep takes longer to wake up than a server near by to answer. It is tried again now and then, and gone on with for as long as
    /// three in four times something comes.
    /// </summary>
    private bool TrySpin(Span<byte> buffer, out int count)
    {
        count = 0;
        if (AwaitsOneReply is null || !AwaitsOneReply() || (_luck <= 0 && ++_untilTried < 64)) return false;
        _untilTried = 0;
        long start = Stopwatch.GetTimestamp();
        do
        {
            count = _socket.Receive(buffer, SocketFlags.None, out SocketError error);
            if (error == SocketError.WouldBlock) continue;
            if (error != SocketError.Success) throw Failed(error);
            _luck = Math.Min(_luck + 1, 8);
            return true;
        }
        while (Stopwatch.GetTimestamp() - start < SpinLimit);
        _luck = Math.Max(_luck - 3, 0);
        return false;
    }

    private async Task WaitAsync(SelectMode mode, CancellationToken cancellationToken)
    {
        using (cancellationToken.UnsafeRegister(static stream => ((SocketStream)stream!).Dispose(), this))
            await OnThreadAsync(() => Wait(mode), cancellationToken).ConfigureAwait(false);
    }

    private void Wait(SelectMode mode)
    {
        Enter();
        try
        {
            _socket.Poll(Forever, mode);
        }
        finally
        {
            Leave();
        }
    }

    private void Enter()
    {
        Interlocked.Increment(ref _users);
        if (Volatile.Read(ref _isClosed) == 0) return;
        Leave();
        throw new ObjectDisposedException(nameof(SocketStream));
    }

    /// <summary>The last to leave closes the socket: one that is closed while somebody waits for it is reset, and the peer may lose what it has not read.</summary>
    private void Leave()
    {
        if (Interlocked.Decrement(ref _users) == 0) _socket.Dispose();
    }

    /// <summary>Sends as much as the kernel takes at once.</summary>
    private int Send(ReadOnlySpan<byte> buffer)
    {
        int sent = 0;
        while (sent < buffer.Length)
        {
            sent += _socket.Send(buffer[sent..], SocketFlags.None, out SocketError error);
            if (error == SocketError.WouldBlock) break;
            if (error != SocketError.Success) throw Failed(error);
        }

        return sent;
    }

    /// <summary>The server takes bytes more slowly than they are sent.</summary>
    private async Task WriteRestAsync(ReadOnlyMemory<byte> rest, CancellationToken cancellationToken)
    {
        while (rest.Length > 0)
        {
            await WaitAsync(SelectMode.SelectWrite, cancellationToken).ConfigureAwait(false);
            rest = rest[Send(rest.Span)..];
        }
    }
}
