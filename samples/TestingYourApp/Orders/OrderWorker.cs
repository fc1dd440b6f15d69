using System.Globalization;
using System.Text;

namespace Okapi.Samples.Orders;

/// <summary>
/// Takes orders. It is listed below /workers as long as its session lives, and goes by the number in /config/batch-size. The application that is tested here; it knows nothing of tests.
/// </summary>
public sealed class OrderWorker : IAsyncDisposable
{
    private const string BatchSizePath = "/config/batch-size";
    private const int DefaultBatchSize = 10;

    private readonly ZooKeeperClient _zk;
    private readonly string _name;
    private readonly Watch _config;
    private readonly Action<int> _onBatchSize;

    private OrderWorker(ZooKeeperClient zk, string name, Watch config, Action<int> onBatchSize)
    {
        (_zk, _name, _config, _onBatchSize) = (zk, name, config, onBatchSize);
        Completion = Task.CompletedTask;
    }

    /// <summary>Ends with the worker. It faults when the session is over and the client is to open no other.</summary>
    public Task Completion { get; private set; }

    /// <summary>Lists the worker and begins to follow the configuration.</summary>
    /// <param name="onBatchSize">Is told the batch size: at the start, and when it may have changed.</param>
    public static async Task<OrderWorker> StartAsync(ZooKeeperClient zk, string name, Action<int> onBatchSize, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(zk);
        await zk.EnsurePathAsync("/workers", cancellationToken: cancellationToken);
        await zk.EnsurePathAsync("/orders", cancellationToken: cancellationToken);
        // The watch comes first: what changes after it is set is told, and what was there before is read below.
        var worker = new OrderWorker(zk, name, await zk.WatchAsync(BatchSizePath, cancellationToken: cancellationToken), onBatchSize);
        await worker.ListAsync();
        await worker.ReadBatchSizeAsync();
        worker.Completion = worker.FollowAsync();
        return worker;
    }

    /// <summary>Takes an order, unless another worker has it.</summary>
    /// <returns>Whether the order is this worker's.</returns>
    public async Task<bool> TakeAsync(string order, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            NodeData node = await _zk.GetAsync("/orders/" + order, cancellationToken);
            if (node.Data.Length > 0) return Encoding.UTF8.GetString(node.Data) == _name;
            try
            {
                await _zk.SetAsync("/orders/" + order, Encoding.UTF8.GetBytes(_name), node.Stat.Version, cancellationToken);
                return true;
            }
            catch (BadVersionException)
            {
                // Somebody was faster.
            }
            catch (ConnectionLossException)
            {
                // Done or not: the znode tells.
            }
        }
    }

    public ValueTask DisposeAsync() => _config.DisposeAsync();

    private async Task FollowAsync()
    {
        await foreach (WatchedEvent change in _config)
        {
            try
            {
                // After a gap there may be a new session, which has none of the old one's ephemeral znodes.
                if (change.Type == WatchedEventType.Resync) await ListAsync();
                if (change.Type != WatchedEventType.None) await ReadBatchSizeAsync();
            }
            catch (SessionExpiredException)
            {
                // With the next session comes the next Resync; if there is to be none, the stream ends with this error.
            }
        }
    }

    private async Task ListAsync()
    {
        string path = "/workers/" + _name;
        while (true)
        {
            try
            {
                if ((await _zk.TryCreateAsync(path, mode: CreateMode.Ephemeral)).Outcome == CreateOutcome.Created) return;
                await using OneShotWatch<Stat?> listed = await _zk.WatchExistsAsync(path);
                if (listed.Value is { } stat && stat.EphemeralOwner == _zk.SessionId) return;
                // A session before this one left it, and will not have it for long.
                if (listed.Value is not null) await listed.Fired;
            }
            catch (ConnectionLossException)
            {
                // Created or not: the next round tells.
            }
        }
    }

    private async Task ReadBatchSizeAsync()
    {
        NodeData? node = await _zk.TryGetAsync(BatchSizePath);
        _onBatchSize(node is { } found ? int.Parse(Encoding.UTF8.GetString(found.Data), CultureInfo.InvariantCulture) : DefaultBatchSize);
    }
}
