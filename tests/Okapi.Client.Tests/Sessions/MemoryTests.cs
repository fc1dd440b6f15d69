#pragma warning disable CA2012 // one thread does both ends, so results are there when they are taken
using Okapi.Protocol;
using Okapi.Requests;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Sessions;

/// <summary>What stays in memory, and what is not even allocated. Beside no other test: they share one heap.</summary>
[CollectionDefinition(DisableParallelization = true)]
public sealed class AloneCollection;

[Collection<AloneCollection>]
public class MemoryTests
{
    [Fact]
    public void A_steady_stream_of_reads_and_writes_allocates_nothing()
    {
        using var driver = new Steady();
        for (int i = 0; i < 10_000; i++) driver.RoundTrip();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 20_000; i++) driver.RoundTrip();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void H30_A_million_calls_with_one_long_lived_token_leave_nothing_behind()
    {
        using var driver = new Steady();
        using var cancellation = new CancellationTokenSource();
        for (int i = 0; i < 10_000; i++) driver.RoundTrip(cancellation.Token);
        long heap = GC.GetTotalMemory(forceFullCollection: true);
        for (int i = 0; i < 500_000; i++) driver.RoundTrip(cancellation.Token); // two calls each
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - heap, long.MinValue, 1 << 20);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task H30_Calls_that_are_cancelled_or_time_out_while_no_server_can_be_reached_leave_nothing_behind(bool timeOut)
    {
        using var driver = new OutboxDriver(new(1_000, 1 << 20, 1 << 20));
        async Task FailAsync(int calls)
        {
            for (int i = 0; i < calls; i += 100)
            {
                using var cancellation = new CancellationTokenSource();
                Task<int>[] pending = [.. Enumerable.Range(i, 100).Select(id => driver.Send(id, token: cancellation.Token).AsTask())];
                driver.Time.Advance(TimeSpan.FromSeconds(1));
                if (timeOut) driver.Expire(TimeSpan.FromSeconds(1), out _);
                else await cancellation.CancelAsync();
                await Task.WhenAll(pending).ContinueWith(all => Assert.False(all.IsCompletedSuccessfully), TaskScheduler.Default).WaitAsync(ScriptedPeer.Patience);
            }
        }

        await FailAsync(2_000);
        long heap = GC.GetTotalMemory(forceFullCollection: true);
        await FailAsync(100_000);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - heap, long.MinValue, 1 << 20);
        Assert.InRange(driver.Outbox.Count, 0, 1_000);
        Task<int> live = driver.Send(1).AsTask();
        driver.Connect();
        driver.Reply(Assert.Single(driver.TakeAll()));
        Assert.Equal(1, await live);
    }

    [Fact]
    public async Task H21_Five_minutes_of_black_hole_keep_the_heap_flat_and_cause_few_steps()
    {
        var time = new ManualTime();
        var peer = new ScriptedPeer { OnConnecting = (_, token) => new(Task.Delay(Timeout.Infinite, token)) };
        ZooKeeperClient zk = ZooKeeperClient.Start(peer.Options(time));
        time.Advance(TimeSpan.FromMinutes(5));
        long fired = time.Fired;
        int attempts = peer.Attempts;
        long heap = GC.GetTotalMemory(forceFullCollection: true);
        time.Advance(TimeSpan.FromMinutes(5));
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - heap, long.MinValue, 1 << 20);
        Assert.InRange(peer.Attempts - attempts, 20, 60); // 6 s for an attempt and 2.5 to 5 s of pause
        Assert.InRange(time.Fired - fired, 40, 200);
        await zk.DisposeAsync().AsTask().WaitAsync(ScriptedPeer.Patience);
        Assert.Equal(0, time.ActiveTimers);
    }

    [Fact]
    public async Task H20_Thousands_of_refused_connections_leak_no_socket()
    {
        if (!OperatingSystem.IsLinux()) return; // counts descriptors where the system lists them
        using var closed = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        closed.Start();
        int port = ((System.Net.IPEndPoint)closed.LocalEndpoint).Port;
        closed.Stop();
        var connector = new Okapi.Connections.TcpConnector(null, new Random(1), TimeProvider.System, (_, _) => Task.FromResult<System.Net.IPAddress[]>([System.Net.IPAddress.Loopback, System.Net.IPAddress.Parse("127.0.0.2")]));
        async Task FailAsync(int times)
        {
            for (int i = 0; i < times; i++)
                await Assert.ThrowsAsync<IOException>(async () => await connector.ConnectAsync(new("refuses", port), TimeSpan.FromSeconds(10), CancellationToken.None));
        }

        await FailAsync(10);
        int before = CountDescriptors();
        await FailAsync(1_500); // two addresses each
        Assert.InRange(CountDescriptors() - before, -2, 2);
    }

    private static int CountDescriptors() => Directory.GetFiles("/proc/self/fd").Length;

    /// <summary>An exists and a set, call to result, as one thread would do both ends of the wire.</summary>
    private sealed class Steady : IFlushTarget, IDisposable
    {
        private readonly Outbox _outbox = new(new(65_536, 16 << 20, 1 << 20), TimeProvider.System);
        private readonly byte[] _stat = new byte[68];
        private readonly byte[] _data = new byte[100];
        private JuteBuffer _batch = new(16 * 1024);
        private int _xid;

        public Steady()
        {
            _outbox.Attach(this);
            _outbox.Open();
        }

        public void RoundTrip(CancellationToken token = default)
        {
            ValueTask<Stat?> exists = _outbox.SendAsync<ExistsOperation, Stat?>(new("/some/path"), token);
            ValueTask<Stat> set = _outbox.SendAsync<SetOperation, Stat>(new(new SetDataRequest("/some/path", _data, -1)), token);
            while (_outbox.TakeBatch(this, ref _batch))
            {
            }

            Reply();
            Reply();
            if (exists.GetAwaiter().GetResult() is null) throw new InvalidOperationException();
            set.GetAwaiter().GetResult();
        }

        public void Flush(bool atOnce)
        {
        }

        public void Dispose()
        {
            _outbox.Dispose();
            _batch.Dispose();
        }

        private void Reply()
        {
            _xid = Xids.Next(_xid);
            if (!_outbox.TakeReply(this, _xid, out PendingOperation? operation)) throw new InvalidOperationException();
            var body = new JuteReader(_stat);
            operation!.Read(ErrorCode.Ok, ref body);
            operation.Complete();
        }
    }
}
