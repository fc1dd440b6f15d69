using System.Net.Sockets;

namespace Okapi.Server.Proxies;

/// <summary>A client's connection, and the one to the server that belongs to it.</summary>
#pragma warning disable CA1001 // the token source holds nothing when the connection has ended, and who cuts may be late
internal sealed class ProxyConnection
#pragma warning restore CA1001
{
    /// <summary>How long a connection that was closed in good order waits for both sides to close as well, before it is reset. (As ZooKeeper's own servers: they do not wait at all.)</summary>
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(2);

    private readonly ProxyTarget _target;
    private readonly FaultProxyOptions _options;
    private readonly Socket _client;
    private readonly Socket _server;
    private readonly ProxyLine _requests;
    private readonly ProxyLine _replies;
    private readonly CancellationTokenSource _cut;

    public ProxyConnection(long number, Socket client, ProxyTarget target, FaultBook book, FaultProxyOptions options, Traffic traffic)
    {
        Number = number;
        _target = target;
        _options = options;
        _client = client;
        _server = target.CreateSocket();
        _client.NoDelay = _server.NoDelay = true;
        _cut = new(Timeout.InfiniteTimeSpan, options.TimeProvider);
        _requests = new(_client, _server, FaultDirection.Requests, number, book, options, traffic, Cut);
        _replies = new(_server, _client, FaultDirection.Replies, number, book, options, traffic, Cut);
    }

    /// <summary>The first that came is 1.</summary>
    public long Number { get; }

    /// <summary>Runs it to its end, whatever that is.</summary>
    public async Task RunAsync()
    {
        CancellationToken ct = _cut.Token;
        using (ct.UnsafeRegister(static self => ((ProxyConnection)self!).Reset(), this))
        {
            try
            {
                using (var timeout = new CancellationTokenSource(_options.ConnectTimeout, _options.TimeProvider))
                using (var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, ct))
                    await _target.ConnectAsync(_server, either.Token).ConfigureAwait(false);
                await Task.WhenAll(_requests.RunAsync(ct), _replies.RunAsync(ct)).ConfigureAwait(false);
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException or OperationCanceledException)
            {
                Reset(); // no server: the client sees its connection go
            }
        }

        _cut.CancelAfter(Timeout.InfiniteTimeSpan);
        _client.Dispose();
        _server.Dispose();
    }

    /// <summary>Cuts it now.</summary>
    /// <param name="kind">How.</param>
    /// <param name="direction">Which way a half close ends.</param>
    public void Cut(CutKind kind, FaultDirection direction)
    {
        if (kind == CutKind.Reset)
        {
            Reset();
            _cut.Cancel();
            return;
        }

        if (kind == CutKind.Close || direction.HasFlag(FaultDirection.Requests)) _requests.Close();
        if (kind == CutKind.Close || direction.HasFlag(FaultDirection.Replies)) _replies.Close();
        if (kind == CutKind.Close) _cut.CancelAfter(CloseTimeout);
    }

    private void Reset()
    {
        _client.Close(timeout: 0); // sends a reset
        _server.Close(timeout: 0);
    }
}
