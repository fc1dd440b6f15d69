using System.Net.Sockets;
using Okapi.Server.Security;

namespace Okapi.Server.Connections;

/// <summary>What streams of different kinds do at their end.</summary>
internal static class Sockets
{
    /// <summary>Ends a connection so that the other side sees a reset and not an orderly end.</summary>
    public static void Abort(Stream stream)
    {
        switch (stream)
        {
            case NetworkStream network:
                network.Socket.Close(timeout: 0); // sends a reset
                break;
            case SecureStream tls:
                tls.Abort();
                break;
            case MemoryStreamEnd memory:
                memory.Reset();
                break;
            default:
                stream.Dispose();
                break;
        }
    }

    /// <summary>Ends one direction: the other side reads to the end of what was sent and may go on sending.</summary>
    public static void CloseWriting(Stream stream)
    {
        switch (stream)
        {
            case NetworkStream network:
                try
                {
                    network.Socket.Shutdown(SocketShutdown.Send);
                }
                catch (Exception error) when (error is SocketException or ObjectDisposedException)
                {
                    // The connection has ended altogether meanwhile.
                }

                break;
            case SecureStream tls:
                _ = tls.CloseWritingAsync();
                break;
            case MemoryStreamEnd memory:
                memory.CloseWriting();
                break;
            default:
                break;
        }
    }
}
