using System.Text;
using System.Threading.Channels;
using Okapi.Protocol;
using Okapi.Server;

namespace Okapi.Samples.Orders.Tests;

/// <summary>Each test has a ZooKeeper of its own, which takes milliseconds to start. Nothing here sleeps: every test waits for what it is about.</summary>
public sealed class OrderWorkerTests : IAsyncLifetime
{
    private readonly Channel<int> _batchSizes = Channel.CreateUnbounded<int>();
    private EmbeddedServer _server = null!;
    private ZooKeeperClient _observer = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await EmbeddedServer.StartAsync(cancellationToken: Cancel);
        _observer = await ConnectAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _observer.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_worker_is_listed_and_follows_the_batch_size()
    {
        await using ZooKeeperClient zk = await ConnectAsync();
        await using OrderWorker worker = await StartAsync(zk);
        Assert.Equal(["ann"], await _observer.GetChildrenAsync("/workers", Cancel));
        Assert.Equal(10, await NextBatchSizeAsync());
        await _observer.EnsurePathAsync("/config", cancellationToken: Cancel);
        await _observer.CreateAsync("/config/batch-size", "20"u8.ToArray(), cancellationToken: Cancel);
        Assert.Equal(20, await NextBatchSizeAsync());
        await _observer.SetAsync("/config/batch-size", "30"u8.ToArray(), cancellationToken: Cancel);
        Assert.Equal(30, await NextBatchSizeAsync());
        await zk.DisposeAsync();
        Assert.Empty(await _observer.GetChildrenAsync("/workers", Cancel));
    }

    [Fact]
    public async Task An_order_is_taken_by_one_of_two_workers()
    {
        await using ZooKeeperClient zk = await ConnectAsync(), zk2 = await ConnectAsync();
        await using OrderWorker ann = await StartAsync(zk), bob = await StartAsync(zk2, "bob");
        await _observer.CreateAsync("/orders/1", cancellationToken: Cancel);
        bool[] taken = await Task.WhenAll(ann.TakeAsync("1", Cancel), bob.TakeAsync("1", Cancel));
        Assert.Single(taken, isTaken => isTaken);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task When_the_connection_is_cut_in_the_middle_of_a_write_the_order_is_taken_once(bool isCarriedOut)
    {
        await using ZooKeeperClient zk = await ConnectAsync();
        await using OrderWorker worker = await StartAsync(zk);
        await _observer.CreateAsync("/orders/1", cancellationToken: Cancel);
        bool IsWrite(FaultyRequest request) => request.Type == OpCode.SetData;
        using Fault fault = isCarriedOut ? _server.Faults.CutInsteadOfReply(IsWrite) : _server.Faults.CutInsteadOfRequest(IsWrite);
        Assert.True(await worker.TakeAsync("1", Cancel));
        Assert.Equal(1, fault.Strikes);
        NodeData order = await _observer.GetAsync("/orders/1", Cancel);
        Assert.Equal(("ann", 1), (Encoding.UTF8.GetString(order.Data), order.Stat.Version));
    }

    [Fact]
    public async Task A_worker_whose_session_expired_is_listed_again_by_the_next_session()
    {
        await using ZooKeeperClient zk = await ConnectAsync(SessionRecovery.NewSession);
        await using OrderWorker worker = await StartAsync(zk);
        long first = zk.SessionId;
        await using Watch listed = await _observer.WatchAsync("/workers/ann", cancellationToken: Cancel);
        Assert.True(await _server.ExpireSessionAsync(first));
        Assert.Equal(WatchedEventType.NodeDeleted, await NextAsync(listed));
        Assert.Equal(WatchedEventType.NodeCreated, await NextAsync(listed));
        Assert.NotEqual(first, (await _observer.ExistsAsync("/workers/ann", Cancel))!.Value.EphemeralOwner);
    }

    [Fact]
    public async Task Without_recovery_a_worker_whose_session_expired_says_so()
    {
        await using ZooKeeperClient zk = await ConnectAsync();
        await using OrderWorker worker = await StartAsync(zk);
        await _server.ExpireSessionAsync(zk.SessionId);
        SessionExpiredException over = await Assert.ThrowsAsync<SessionExpiredException>(() => worker.Completion.WaitAsync(Cancel));
        Assert.Equal(zk.SessionId, over.SessionId);
    }

    [Fact]
    public async Task A_restart_of_the_server_costs_a_worker_nothing()
    {
        await using ZooKeeperClient zk = await ConnectAsync();
        await using OrderWorker worker = await StartAsync(zk);
        Assert.Equal(10, await NextBatchSizeAsync());
        await _server.RestartAsync();
        Assert.Equal(10, await NextBatchSizeAsync()); // it read again, for there was a gap
        Assert.Equal(zk.SessionId, (await _observer.ExistsAsync("/workers/ann", Cancel))!.Value.EphemeralOwner);
        await _observer.EnsurePathAsync("/config", cancellationToken: Cancel);
        await _observer.CreateAsync("/config/batch-size", "20"u8.ToArray(), cancellationToken: Cancel);
        Assert.Equal(20, await NextBatchSizeAsync());
    }

    private static async Task<WatchedEventType> NextAsync(Watch watch)
    {
        await using IAsyncEnumerator<WatchedEvent> events = watch.GetAsyncEnumerator(Cancel);
        Assert.True(await events.MoveNextAsync());
        return events.Current.Type;
    }

    private Task<ZooKeeperClient> ConnectAsync(SessionRecovery recovery = SessionRecovery.None) =>
        ZooKeeperClient.ConnectAsync(_server.ConnectionString, new() { Recovery = recovery, BackoffMinimum = TimeSpan.FromMilliseconds(10) }, Cancel);

    private Task<OrderWorker> StartAsync(ZooKeeperClient zk, string name = "ann") => OrderWorker.StartAsync(zk, name, size => _batchSizes.Writer.TryWrite(size), Cancel);

    private ValueTask<int> NextBatchSizeAsync() => _batchSizes.Reader.ReadAsync(Cancel);
}
