using System.Buffers.Binary;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Security;

/// <summary>What a TLS handshake came to on the server's side.</summary>
internal sealed record TlsArrival(SslProtocols Protocol, string? ServerName, X509Certificate2? Client);

/// <summary>A server in this process that opens sessions over TLS, with any certificate and any settings, also such as no sound server has.</summary>
internal sealed class TlsServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Channel<TlsArrival> _arrivals = Channel.CreateUnbounded<TlsArrival>();
    private readonly CancellationTokenSource _end = new();
    private readonly Func<SslServerAuthenticationOptions> _options;
    private readonly Task _accepting;

    public TlsServer(X509Certificate2 certificate, SslProtocols protocols = SslProtocols.Tls12 | SslProtocols.Tls13, bool asksForClient = false)
        : this(() => new SslServerAuthenticationOptions
        {
            ServerCertificateContext = SslStreamCertificateContext.Create(certificate, additionalCertificates: null, offline: true),
            EnabledSslProtocols = protocols,
            ClientCertificateRequired = asksForClient,
            RemoteCertificateValidationCallback = (_, client, _, _) => !asksForClient || client is not null,
        })
    {
    }

    public TlsServer(Func<SslServerAuthenticationOptions> options)
    {
        _options = options;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Waits for the next session.</summary>
    public async Task<TlsArrival> ArrivalAsync()
    {
        using var patience = new CancellationTokenSource(ScriptedPeer.Patience);
        return await _arrivals.Reader.ReadAsync(patience.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _accepting;
        _listener.Dispose();
    }

    private async Task AcceptAsync()
    {
        var serving = new List<Task>();
        try
        {
            while (true) serving.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_end.Token)));
        }
        catch (Exception end) when (end is OperationCanceledException or SocketException or InvalidOperationException)
        {
            await Task.WhenAll(serving);
        }
    }

    private async Task ServeAsync(TcpClient accepted)
    {
        using TcpClient client = accepted;
        await using var stream = new SslStream(client.GetStream());
        try
        {
            SslServerAuthenticationOptions options = _options();
            await stream.AuthenticateAsServerAsync(options, _end.Token);
            byte[] first = await ReadAsync(stream, 4);
            if (first.AsSpan().SequenceEqual("isro"u8))
            {
                await stream.WriteAsync("rw"u8.ToArray(), _end.Token);
                return;
            }

            await ReadAsync(stream, BinaryPrimitives.ReadInt32BigEndian(first));
            _arrivals.Writer.TryWrite(new(stream.SslProtocol, stream.TargetHostName, stream.RemoteCertificate is { } certificate ? X509CertificateLoader.LoadCertificate(certificate.GetRawCertData()) : null));
            await stream.WriteAsync(PeerConnection.Frame(new ConnectResponse(0, 10_000, 0x77, new byte[16], ReadOnly: false).Write), _end.Token);
            while (true)
            {
                byte[] frame = await ReadAsync(stream, BinaryPrimitives.ReadInt32BigEndian(await ReadAsync(stream, 4)));
                RequestHeader header = PeerConnection.Read(frame, RequestHeader.Read);
                await stream.WriteAsync(PeerConnection.Frame(new ReplyHeader(header.Xid, 1, ErrorCode.Ok).Write), _end.Token);
            }
        }
        catch (Exception end) when (end is IOException or AuthenticationException or OperationCanceledException or ObjectDisposedException)
        {
            // The client has gone, or would not have come in the first place.
        }
    }

    private async Task<byte[]> ReadAsync(SslStream stream, int length)
    {
        var bytes = new byte[length];
        await stream.ReadExactlyAsync(bytes, _end.Token);
        return bytes;
    }
}
