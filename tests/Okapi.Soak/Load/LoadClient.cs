using Okapi.Recipes;

namespace Okapi.Soak.Load;

/// <summary>One client of the load: it has a znode, an ephemeral and two watches that stay, and does what clients do.</summary>
internal sealed class LoadClient : IAsyncDisposable
{
    public const string Root = "/soak";
    public const int SharedNodes = 10;

    /// <summary>How many clients share one lock.</summary>
    private const int PerLock = 4;

    private static readonly byte[] s_data = new byte[128];

    private readonly ZooKeeperClient _zk;
    private readonly int _number;
    private readonly Tally _tally;
    private readonly Random _random;
    private readonly string _own;
    private readonly string _fleeting;
    private readonly DistributedLock _lock;
    private Watch? _standing;
    private Task _reading = Task.CompletedTask;

    private LoadClient(ZooKeeperClient zk, int number, Tally tally, Random random)
    {
        (_zk, _number, _tally, _random) = (zk, number, tally, random);
        (_own, _fleeting) = ($"{Root}/own-{number}", $"{Root}/fleeting-{number}");
        _lock = zk.Lock($"{Root}/locks/{number / PerLock}");
    }

    public bool IsConnected => _zk.IsConnected;

    public static async Task<LoadClient> ConnectAsync(string address, int number, Tally tally, int seed)
    {
        var options = new ZooKeeperOptions { RandomSeed = seed + number, BackoffMaximum = TimeSpan.FromSeconds(1) };
        var client = new LoadClient(await ZooKeeperClient.ConnectAsync(address, options), number, tally, new Random(seed + number));
        await client._zk.TryCreateAsync(client._own, s_data);
        await client._zk.CreateAsync($"{Root}/here-{number}", s_data, CreateMode.Ephemeral);
        client._standing = await client._zk.WatchAsync($"{Root}/shared-{number % SharedNodes}");
        client._reading = client.ReadAsync();
        return client;
    }

    /// <summary>One operation after the other, at a pace, until told to stop.</summary>
    public async Task RunAsync(TimeSpan period, CancellationToken stop)
    {
        // Not all at once.
        await Task.Delay(period * _random.NextDouble(), CancellationToken.None);
        using var pace = new PeriodicTimer(period);
        while (!stop.IsCancellationRequested)
        {
            await pace.WaitForNextTickAsync(CancellationToken.None);
            try
            {
                await OperateAsync();
                _tally.Did();
            }
            catch (ConnectionLossException)
            {
                _tally.Lose();
            }
            catch (SessionEndedException error)
            {
                _tally.Fail(error);
                return;
            }
            catch (Exception error)
            {
                _tally.Fail(error);
            }
        }
    }

    /// <summary>Leaves what was there before the load, and waits until the session's watches are armed.</summary>
    public async Task RestAsync()
    {
        await TryAgainAsync(async () => await _zk.TryDeleteAsync(_fleeting));
        await TryAgainAsync(async () => await _zk.SyncAsync(Root));
    }

    public async ValueTask DisposeAsync()
    {
        await _lock.DisposeAsync();
        if (_standing is not null) await TryAgainAsync(async () => await _standing.DisposeAsync());
        await _zk.DisposeAsync();
        await _reading;
    }

    private static async Task TryAgainAsync(Func<Task> act)
    {
        for (int i = 0; ; i++)
        {
            try
            {
                await act();
                return;
            }
            catch (ConnectionLossException) when (i < 10)
            {
                // The next try waits for a connection.
            }
        }
    }

    private async Task OperateAsync()
    {
        string shared = $"{Root}/shared-{_random.Next(SharedNodes)}";
        switch (_random.Next(100))
        {
            case < 50:
                await _zk.GetAsync(shared);
                break;
            case < 65:
                await _zk.ExistsAsync(_own);
                break;
            case < 70:
                await _zk.SetAsync(shared, s_data);
                break;
            case < 85:
                await _zk.SetAsync(_own, s_data);
                break;
            case < 92:
                await FireAsync();
                break;
            case < 96:
                await _zk.TryCreateAsync(_fleeting, s_data, CreateMode.Ephemeral);
                await _zk.TryDeleteAsync(_fleeting);
                break;
            default:
                await using (await _lock.AcquireAsync(TimeSpan.FromSeconds(20)))
                {
                }

                break;
        }
    }

    private async Task FireAsync()
    {
        await using OneShotWatch<NodeData> watch = await _zk.WatchDataAsync(_own);
        await _zk.SetAsync(_own, s_data);
        await watch.Fired.WaitAsync(TimeSpan.FromSeconds(20));
    }

    private async Task ReadAsync()
    {
        try
        {
            await foreach (WatchedEvent _ in _standing!) _tally.Saw();
        }
        catch (Exception error)
        {
            _tally.Fail($"The stream of client {_number} ended: {error.Message}");
        }
    }
}
