using System.Net.Security;
using System.Net.Sockets;

namespace Okapi.Server.Security;

/// <summary>A connection with TLS, which knows the socket beneath it: a reset or half a close is the socket's affair.</summary>
internal sealed class SecureStream(NetworkStream plain) : SslStream(plain, leaveInnerStreamOpen: false)
{
    private readonly Lock _closing = new();
    private bool _isClosed;

    /// <summary>Ends it with a reset, and without a word of TLS.</summary>
    public void Abort()
    {
        lock (_closing)
        {
            _isClosed = true;
            plain.Socket.Close(timeout: 0);
        }
    }

    /// <summary>Says that nothing more will be sent; the other side may go on sending.</summary>
    public async Task CloseWritingAsync()
    {
        try
        {
            await SayEndAsync().ConfigureAwait(false);
            plain.Socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // The connection has ended altogether meanwhile.
        }
    }

    /// <summary>Ends it. TLS wants to be told that this is the end; if that cannot be sent at once, it is not.</summary>
    protected override void Dispose(bool disposing)
    {
        // Its reader and its sender may both end it, and neither may take the socket away while the other says the end.
        lock (_closing)
        {
            if (disposing && !_isClosed && IsAuthenticated)
            {
                _isClosed = true;
                _ = SayEndAsync();
            }

            base.Dispose(disposing);
        }
    }

    /// <summary>As the other way: SslStream's own passes over it.</summary>
    public override ValueTask DisposeAsync()
    {
        Dispose();
        return base.DisposeAsync();
    }

    private async Task SayEndAsync()
    {
        try
        {
            await ShutdownAsync().ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException or InvalidOperationException or NotSupportedException)
        {
            // Something else is being sent just now, or the other side has gone.
        }
    }
}
