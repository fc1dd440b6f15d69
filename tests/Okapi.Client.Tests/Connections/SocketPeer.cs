using System.Net;
using System.Net.Sockets;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Connections;

/// <summary>A scripted server behind a real socket: passes bytes on in both directions.</summary>
internal sealed class SocketPeer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public SocketPeer(ScriptedPeer peer)
    {
        _listener.Start();
        _ = ServeAsync(peer);
    }

    public string ConnectString => _listener.LocalEndpoint.ToString()!;

    public void Dispose() => _listener.Stop();

    private async Task ServeAsync(ScriptedPeer peer)
    {
        while (true)
        {
            TcpClient client;
            try
            {
                client = await _listener.AcceptTcpClientAsync();
            }
            catch (Exception error) when (error is SocketException or InvalidOperationException)
            {
                return; // the test is over
            }

            Stream script = await peer.ConnectAsync(new("peer", 1), CancellationToken.None);
            _ = PassAsync(client.GetStream(), script);
            _ = PassAsync(script, client.GetStream());
        }
    }

    private static async Task PassAsync(Stream from, Stream to)
    {
        try
        {
            await from.CopyToAsync(to);
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // One side has ended, and so does the other.
        }

        await from.DisposeAsync();
        await to.DisposeAsync();
    }
}
