using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Okapi.Chaos;

/// <summary>
/// Opens a session and closes it, with not a line of the client under test. The server answers only when a quorum has
/// written the session down, so a success says: the ensemble takes writes, through this server.
/// </summary>
internal static class SessionProbe
{
    public static async Task<bool> TryAsync(IPEndPoint server, TimeSpan sessionTimeout, TimeSpan patience)
    {
        using var limit = new CancellationTokenSource(patience);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(server, limit.Token);
            await socket.SendAsync(ConnectRequest(sessionTimeout), limit.Token);
            byte[] reply = new byte[64];
            // Length, protocol version, timeout, session id, password, read-only.
            const int TimeoutAt = 8;
            for (int length = 0; length < TimeoutAt + 4;)
            {
                int received = await socket.ReceiveAsync(reply.AsMemory(length), limit.Token);
                if (received == 0)
                {
                    return false;
                }

                length += received;
            }

            bool isOpen = BinaryPrimitives.ReadInt32BigEndian(reply.AsSpan(TimeoutAt)) > 0;
            if (isOpen)
            {
                await socket.SendAsync(CloseRequest(), limit.Token);
                while (await socket.ReceiveAsync(reply, limit.Token) > 0)
                {
                    // Until the server has closed the connection, so that the session is not left to expire.
                }
            }

            return isOpen;
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            return false;
        }
    }

    private static byte[] ConnectRequest(TimeSpan sessionTimeout)
    {
        // Protocol version 0, last zxid 0, timeout, session 0, a password of 16 zeros, not read-only.
        byte[] frame = new byte[4 + 4 + 8 + 4 + 8 + 4 + 16 + 1];
        BinaryPrimitives.WriteInt32BigEndian(frame, frame.Length - 4);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(16), (int)sessionTimeout.TotalMilliseconds);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(28), 16);
        return frame;
    }

    private static byte[] CloseRequest()
    {
        byte[] frame = new byte[12];
        BinaryPrimitives.WriteInt32BigEndian(frame, 8);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(4), 1);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(8), -11);
        return frame;
    }
}
