using Okapi.Chaos.Histories;

namespace Okapi.Chaos;

/// <summary>Leaves one-shot watches of all three kinds behind, a few at a time, and writes down what comes of them.</summary>
internal sealed class OneShotWatching(Calls calls, WatchNumbers numbers, Random random, double perSecond) : Activity
{
    private const int MostOpen = 8;
    private readonly Queue<Func<Task>> _open = new();

    public override async Task RunAsync(CancellationToken stop)
    {
        await RepeatAsync(StepAsync, () => TimeSpan.FromSeconds(random.NextDouble() * 2 / perSecond), stop);
        while (_open.TryDequeue(out Func<Task>? end))
        {
            await end();
        }
    }

    private async Task StepAsync()
    {
        string key = Layout.AllKeys[random.Next(Layout.AllKeys.Count)];
        string branch = Layout.Branches[random.Next(Layout.Branches.Count)];
        switch (random.Next(3))
        {
            case 0:
                await ArmAsync(WatchKind.Data, key, () => calls.Zk.WatchDataAsync(key));
                break;
            case 1:
                // Absent: it fires when somebody makes it, which with this name nobody does, or with the key.
                string path = random.Next(4) == 0 ? branch + "/nobody" : key;
                await ArmAsync(WatchKind.Exists, path, () => calls.Zk.WatchExistsAsync(path));
                break;
            default:
                await ArmAsync(WatchKind.Children, branch, () => calls.Zk.WatchChildrenAsync(branch));
                break;
        }

        if (_open.Count > MostOpen)
        {
            await _open.Dequeue()();
        }
    }

    private async Task ArmAsync<T>(WatchKind kind, string path, Func<Task<OneShotWatch<T>>> arm)
    {
        long invoked = HistoryWriter.Now;
        OneShotWatch<T> watch = await arm();
        long number = numbers.Next();
        calls.History.Add(new WatchArmedEntry
        {
            Client = calls.Client,
            Watch = number,
            Kind = kind,
            Path = path,
            Session = calls.Zk.SessionId,
            Invoked = invoked,
        });
        Task reading = ReadAsync(watch, number);
        _open.Enqueue(async () =>
        {
            if (!reading.IsCompleted)
            {
                calls.History.Add(new WatchEndedEntry { Client = calls.Client, Watch = number });
                await watch.DisposeAsync();
            }

            await reading;
        });
    }

    private async Task ReadAsync<T>(OneShotWatch<T> watch, long number)
    {
        try
        {
            WatchedEvent fired = await watch.Fired;
            calls.History.Add(fired.Type == WatchedEventType.None
                ? new WatchEndedEntry { Client = calls.Client, Watch = number, WithSession = true }
                : new WatchEventEntry { Client = calls.Client, Watch = number, Type = fired.Type, Path = fired.Path });
        }
        catch (SessionEndedException)
        {
            calls.History.Add(new WatchEndedEntry { Client = calls.Client, Watch = number, WithSession = true });
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }
}

/// <summary>Numbers for the watches of one client.</summary>
internal sealed class WatchNumbers
{
    private long _last;

    public long Next() => Interlocked.Increment(ref _last);
}
