using System.Diagnostics;
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
    public Task H26_A_session_lives_calls_are_answered_and_events_told_while_every_thread_of_the_pool_is_blocked() =>
        OperatingSystem.IsLinux() ? Task.Factory.StartNew(Starve, TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default) : Task.CompletedTask;

    private static void Starve()
    {
        ThreadPool.GetMinThreads(out int minWorkers, out int minPorts);
        ThreadPool.GetMaxThreads(out int maxWorkers, out int maxPorts);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        ZooKeeperClient zk = ZooKeeperClient.Start(listener.LocalEndpoint.ToString()!, new ZooKeeperOptions { SessionTimeout = TimeSpan.FromSeconds(2), CloseTimeout = TimeSpan.FromMilliseconds(20) });
        using Socket socket = listener.AcceptSocket();
        using var stream = new NetworkStream(socket) { ReadTimeout = (int)Scripts.Patience.TotalMilliseconds };
        var server = new BlockingServer(stream);
        server.AnswerHandshake();
        Assert.True(SpinWait.SpinUntil(() => zk.IsConnected, Scripts.Patience));
        Task<OneShotWatch<Stat?>> watching = zk.WatchExistsAsync("/watched");
        server.AnswerUntil(exists: 1, pings: 0);
        Assert.True(watching.Wait(Scripts.Patience));
        Task<WatchedEvent> fired = watching.Result.Fired;
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

            server.AnswerPingsUntil(allAreBlocked); // the pool may take its time to start a thread
            // Many at once: what one thread is sending while another submits has to go out, too.
            var calls = new ValueTask<Stat?>[1000]; // no tasks: one that is asked for while its result comes would wait for the pool
            Thread[] callers = [.. Enumerable.Range(0, 2).Select(caller => new Thread(() =>
            {
#pragma warning disable CA2012 // looked at, and never awaited
                for (int i = caller; i < calls.Length; i += 2) calls[i] = zk.ExistsAsync($"/{i}");
#pragma warning restore CA2012
            }))];
            foreach (Thread caller in callers) caller.Start();
            server.AnswerUntil(exists: calls.Length, pings: 9); // three time-outs long
            foreach (Thread caller in callers) Assert.True(caller.Join(Scripts.Patience));
            Assert.True(SpinWait.SpinUntil(() => Array.TrueForAll(calls, call => call.IsCompletedSuccessfully), Scripts.Patience));
            Assert.True(zk.IsConnected);
            server.Tell("/watched");
            Assert.True(fired.Wait(Scripts.Patience));
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
            Send(new ConnectResponse(0, 2000, 0x1234, new byte[16], ReadOnly: false).Write);
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

        public void AnswerPingsUntil(ManualResetEventSlim isReached)
        {
            long start = Stopwatch.GetTimestamp();
            while (!isReached.Wait(TimeSpan.FromMilliseconds(5)))
            {
                if (stream.DataAvailable) AnswerUntil(exists: 0, pings: 1);
                Assert.True(Stopwatch.GetElapsedTime(start) < Scripts.Patience);
            }
        }

        public void Tell(string created)
        {
            var happened = new WatcherEvent(WatchedEventType.NodeCreated, KeeperState.SyncConnected, created);
            Send((ref JuteWriter writer) =>
            {
                new ReplyHeader(Xids.Notification, -1, ErrorCode.Ok).Write(ref writer);
                happened.Write(ref writer);
            });
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
