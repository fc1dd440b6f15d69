using System.Net;
using System.Net.Sockets;
using Okapi.Client.Tests.Protocol;
using Okapi.Protocol;

namespace Okapi.Client.Tests.Connections;

/// <summary>Alone, because nothing of the process that needs the thread pool gets on meanwhile.</summary>
[Collection(Alone.Name)]
public class StarvedPoolTests
{
    [Fact]
    public Task H26_A_session_lives_and_calls_are_answered_while_every_thread_of_the_pool_is_blocked() =>
        OperatingSystem.IsLinux() ? Task.Factory.StartNew(Starve, TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default) : Task.CompletedTask;

    private static void Starve()
    {
        ThreadPool.GetMinThreads(out int minWorkers, out int minPorts);
        ThreadPool.GetMaxThreads(out int maxWorkers, out int maxPorts);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        ZooKeeperClient zk = ZooKeeperClient.Start(listener.LocalEndpoint.ToString()!, new ZooKeeperOptions { SessionTimeout = TimeSpan.FromSeconds(1), CloseTimeout = TimeSpan.FromMilliseconds(20) });
        using Socket socket = listener.AcceptSocket();
        using var stream = new NetworkStream(socket) { ReadTimeout = (int)Scripts.Patience.TotalMilliseconds };
        var server = new BlockingServer(stream);
        server.AnswerHandshake();
        Assert.True(SpinWait.SpinUntil(() => zk.IsConnected, Scripts.Patience));
        var release = new ManualResetEventSlim(); // not disposed: work that is still queued then comes to it later
        using var allAreBlocked = new ManualResetEventSlim();
        int blocked = 0;
        try
        {
            Assert.True(ThreadPool.SetMaxThreads(minWorkers, maxPorts));
            for (int i = 0; i < 200; i++)
            {
                ThreadPool.UnsafeQueueUserWorkItem(
                    _ =>
                    {
                        if (Interlocked.Increment(ref blocked) == minWorkers) allAreBlocked.Set();
                        release.Wait();
                    },
                    null);
            }

            Assert.True(allAreBlocked.Wait(Scripts.Patience));
            Task<Stat?>[] calls = [.. Enumerable.Range(0, 3).Select(i => zk.ExistsAsync($"/{i}").AsTask())];
            server.AnswerUntil(exists: calls.Length, pings: 9); // three time-outs long
            Assert.All(calls, call => Assert.True(call.Wait(Scripts.Patience)));
            Assert.True(zk.IsConnected);
        }
        finally
        {
            ThreadPool.SetMaxThreads(maxWorkers, maxPorts);
            release.Set();
        }

        zk.DisposeAsync().AsTask().Wait(Scripts.Patience);
    }

    /// <summary>A server on this thread: one that needs the pool would starve, too.</summary>
    private sealed class BlockingServer(NetworkStream stream)
    {
        public void AnswerHandshake()
        {
            ReadFrame();
            Send(new ConnectResponse(0, 1000, 0x1234, new byte[16], ReadOnly: false).Write);
        }

        public void AnswerUntil(int exists, int pings)
        {
            while (exists > 0 || pings > 0)
            {
                var reader = new JuteReader(ReadFrame());
                RequestHeader request = RequestHeader.Read(ref reader);
                if (request.Type == OpCode.Ping) pings--;
                else exists--;
                Send(new ReplyHeader(request.Xid, 1, request.Type == OpCode.Ping ? ErrorCode.Ok : ErrorCode.NoNode).Write);
            }
        }

        private byte[] ReadFrame()
        {
            byte[] length = new byte[4];
            stream.ReadExactly(length);
            byte[] frame = new byte[System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(length)];
            stream.ReadExactly(frame);
            return frame;
        }

        private void Send(Requests.FrameWriter body) => stream.Write(TestSupport.PeerConnection.Frame((ref JuteWriter writer) => body(ref writer)));
    }
}
