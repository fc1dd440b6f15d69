using System.Net;
using System.Net.Sockets;
using Okapi.Client.Tests.Protocol;
using Okapi.Client.Tests.Sessions;
using Okapi.Connections;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Connections;

public class SocketStreamTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_the_peer_sends_is_read_and_its_end_is_the_end()
    {
        await using SocketStream stream = await OpenAsync(out Task<Socket> accepting);
        using Socket peer = await accepting;
        Task<byte[]> reading = ReadOnThreadAsync(stream, 6);
        await peer.SendAsync("abc"u8.ToArray(), Stop);
        await peer.SendAsync("def"u8.ToArray(), Stop);
        Assert.Equal("abcdef"u8.ToArray(), await reading.Soon());
        peer.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, await stream.ReadAsync(new byte[1], Stop).Soon());
    }

    [Fact]
    public async Task A_write_that_is_larger_than_the_kernel_takes_completes_when_the_peer_reads()
    {
        await using SocketStream stream = await OpenAsync(out Task<Socket> accepting);
        using Socket peer = await accepting;
        byte[] sent = new byte[32 << 20];
        new Random(1).NextBytes(sent);
        Task writing = stream.WriteAsync(sent, Stop).AsTask();
        Assert.False(writing.IsCompleted);
        byte[] received = new byte[sent.Length];
        for (int length = 0; length < received.Length;) length += await peer.ReceiveAsync(received.AsMemory(length), Stop);
        await writing.Soon();
        Assert.True(received.AsSpan().SequenceEqual(sent));
    }

    [Fact]
    public async Task Disposing_ends_a_read_and_a_write_that_wait()
    {
        SocketStream stream = await OpenAsync(out Task<Socket> accepting);
        using Socket peer = await accepting;
        Task reading = ReadOnThreadAsync(stream, 1);
        Task writing = stream.WriteAsync(new byte[32 << 20], Stop).AsTask();
        await stream.DisposeAsync();
        await Assert.ThrowsAnyAsync<Exception>(reading.Soon);
        await Assert.ThrowsAnyAsync<Exception>(writing.Soon);
    }

    [Fact]
    public async Task Disposing_while_a_read_waits_is_an_orderly_end_for_the_peer()
    {
        for (int i = 0; i < 50; i++)
        {
            SocketStream stream = await OpenAsync(out Task<Socket> accepting);
            using Socket peer = await accepting;
            var waits = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            stream.WaitLimit = () =>
            {
                waits.TrySetResult();
                return Timeout.InfiniteTimeSpan;
            };
            Task reading = ReadOnThreadAsync(stream, 1);
            await waits.Task.Soon();
            await stream.WriteAsync("bye"u8.ToArray(), Stop);
            await stream.DisposeAsync();
            await Assert.ThrowsAsync<EndOfStreamException>(reading.Soon);
            byte[] rest = new byte[8];
            Assert.Equal(3, await peer.ReceiveAsync(rest, Stop));
            Assert.Equal(0, await peer.ReceiveAsync(rest, Stop));
        }
    }

    [Fact]
    public async Task Whoever_limits_the_waits_is_asked_again_until_something_comes()
    {
        await using SocketStream stream = await OpenAsync(out Task<Socket> accepting);
        using Socket peer = await accepting;
        int asked = 0;
        var often = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        stream.WaitLimit = () =>
        {
            if (++asked == 5) often.SetResult();
            return TimeSpan.FromMilliseconds(1);
        };
        Task<byte[]> reading = ReadOnThreadAsync(stream, 1);
        await often.Task.Soon();
        Assert.False(reading.IsCompleted);
        await peer.SendAsync("x"u8.ToArray(), Stop);
        Assert.Equal("x"u8.ToArray(), await reading.Soon());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Replies_are_read_whether_they_come_soon_or_late(bool isSoon)
    {
        // Soon: they are there before the read, which then never sleeps. Late: it gives up looking, and sleeps.
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await using SocketStream stream = await OpenAsync(out Task<Socket> accepting, socket);
        using Socket peer = await accepting;
        int sleeps = 0;
        using var asleep = new SemaphoreSlim(0);
        stream.AwaitsOneReply = static () => true;
        stream.WaitLimit = () =>
        {
            Interlocked.Increment(ref sleeps);
            asleep.Release();
            return Timeout.InfiniteTimeSpan;
        };
        for (int i = 0; i < 300; i++)
        {
            if (isSoon)
            {
                await peer.SendAsync("x"u8.ToArray(), Stop);
                await Scripts.EventuallyAsync(() => socket.Available > 0); // a busy kernel has taken it, and not passed it on
                Assert.Equal("x"u8.ToArray(), await ReadOnThreadAsync(stream, 1).Soon());
                continue;
            }

            Task<byte[]> reading = ReadOnThreadAsync(stream, 1);
            await asleep.WaitAsync(Scripts.Patience, Stop);
            await peer.SendAsync("x"u8.ToArray(), Stop);
            Assert.Equal("x"u8.ToArray(), await reading.Soon());
        }

        Assert.InRange(sleeps, isSoon ? 0 : 300, isSoon ? 63 : 300); // it takes some calls to find out that looking pays
    }

    [Fact]
    public async Task A_peer_that_resets_the_connection_is_an_error_that_says_so()
    {
        await using SocketStream stream = await OpenAsync(out Task<Socket> accepting);
        Socket peer = await accepting;
        peer.LingerState = new LingerOption(true, 0);
        peer.Dispose();
        IOException error = await Assert.ThrowsAsync<IOException>(() => ReadOnThreadAsync(stream, 1).Soon());
        Assert.Equal(SocketError.ConnectionReset, Assert.IsType<SocketException>(error.InnerException).SocketErrorCode);
    }

    [Fact]
    public async Task A_refused_connection_says_so()
    {
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // and nobody listens: a port that was only free would soon be somebody else's
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        SocketException error = await Assert.ThrowsAsync<SocketException>(() => SocketStream.ConnectAsync(socket, (IPEndPoint)taken.LocalEndPoint!, Stop));
        Assert.Equal(SocketError.ConnectionRefused, error.SocketErrorCode);
    }

    [Fact]
    public async Task Cancelling_ends_an_attempt_that_nobody_answers()
    {
        if (!OperatingSystem.IsLinux()) return; // elsewhere a full queue of connections refuses
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(0);
        var endPoint = (IPEndPoint)listener.LocalEndPoint!;
        using var waiting = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await waiting.ConnectAsync(endPoint, Stop);
        Assert.True(listener.Poll(Scripts.Patience, SelectMode.SelectRead)); // it waits to be accepted, which never happens, and there is room for no other
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        Task<SocketStream> connecting = SocketStream.ConnectAsync(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp), endPoint, cancel.Token);
        Assert.False(connecting.IsCompleted);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(connecting.Soon);
    }

    [Fact]
    public async Task H28_Code_that_blocks_after_a_reply_does_not_hold_up_others_on_a_real_socket()
    {
        var peer = new ScriptedPeer();
        using var socket = new SocketPeer(peer);
        ZooKeeperClient zk = ZooKeeperClient.Start(socket.ConnectString, new ZooKeeperOptions { CloseTimeout = TimeSpan.FromMilliseconds(20) });
        PeerConnection connection = await peer.AcceptSessionAsync();
        await zk.WaitConnectedAsync(Scripts.Patience, Stop);
        using var release = new ManualResetEventSlim();
        using var blocked = new ManualResetEventSlim();
        async Task BlockAfterAsync()
        {
            await zk.ExistsAsync("/a").ConfigureAwait(false);
            blocked.Set();
            release.Wait(Scripts.Patience);
        }

        Task blocking = BlockAfterAsync();
        Task<Stat?> second = zk.ExistsAsync("/b").AsTask();
        PeerRequest a = await connection.ExpectAsync(OpCode.Exists), b = await connection.ExpectAsync(OpCode.Exists);
        await connection.ReplyAsync(a, error: ErrorCode.NoNode);
        Assert.True(blocked.Wait(Scripts.Patience, Stop));
        await connection.ReplyAsync(b, error: ErrorCode.NoNode);
        Assert.Null(await second.Soon());
        Assert.False(blocking.IsCompleted);
        release.Set();
        await blocking.Soon();
        connection.Close();
        await zk.DisposeAsync();
    }

    [Fact]
    public async Task Code_that_waits_for_the_next_reply_without_awaiting_it_gets_it()
    {
        // Not how it should be written, and yet it must not hang.
        var peer = new ScriptedPeer();
        using var socket = new SocketPeer(peer);
        ZooKeeperClient zk = ZooKeeperClient.Start(socket.ConnectString);
        PeerConnection connection = await peer.AcceptSessionAsync();
        Task serving = connection.ServeAsync(request => request.OpCode == OpCode.Exists ? connection.ReplyAsync(request, error: ErrorCode.NoNode) : connection.ReplyAsync(request));
        async Task BlockTwiceAsync(string path)
        {
            await zk.ExistsAsync(path).ConfigureAwait(false);
            for (int i = 0; i < 3; i++) Assert.True(zk.ExistsAsync(path).AsTask().Wait(Scripts.Patience));
        }

        await Task.WhenAll(Enumerable.Range(0, 4).Select(i => BlockTwiceAsync($"/{i}"))).Soon();
        await zk.DisposeAsync();
        await serving.Soon();
    }

    private static Task<SocketStream> OpenAsync(out Task<Socket> accepting, Socket? socket = null)
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        accepting = AcceptAsync();
        return SocketStream.ConnectAsync(socket ?? new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp), (IPEndPoint)listener.LocalEndpoint, Stop);

        async Task<Socket> AcceptAsync()
        {
            using (listener) return await listener.AcceptSocketAsync(Stop);
        }
    }

    private static Task<byte[]> ReadOnThreadAsync(SocketStream stream, int count) => Task.Factory.StartNew(
        () =>
        {
            byte[] buffer = new byte[count];
            stream.ReadExactly(buffer);
            return buffer;
        },
        Stop,
        TaskCreationOptions.LongRunning,
        TaskScheduler.Default);
}
