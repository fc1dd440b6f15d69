using Okapi.Chaos.Histories;

namespace Okapi.Chaos;

/// <summary>Keeps one persistent watch for as long as its sessions go on, and writes down every event.</summary>
internal sealed class PersistentWatching(Calls calls, WatchNumbers numbers, string path, WatchMode mode) : Activity
{
    private Task _reading = Task.CompletedTask;

    // Not ended with the load: what the watch is told until the client closes belongs to it.
    public override Task RunAsync(CancellationToken stop) => RepeatAsync(
        async () =>
        {
            if (_reading.IsCompleted)
            {
                await ArmAsync();
            }
        },
        () => TimeSpan.FromMilliseconds(250),
        stop);

    private async Task ArmAsync()
    {
        long invoked = HistoryWriter.Now;
        Watch watch = await calls.Zk.WatchAsync(path, mode);
        long number = numbers.Next();
        calls.History.Add(new WatchArmedEntry
        {
            Client = calls.Client,
            Watch = number,
            Kind = mode == WatchMode.PersistentRecursive ? WatchKind.PersistentRecursive : WatchKind.Persistent,
            Path = path,
            Session = calls.Zk.SessionId,
            Invoked = invoked,
        });
        _reading = ReadAsync(watch, number);
    }

    private async Task ReadAsync(Watch watch, long number)
    {
        try
        {
            await foreach (WatchedEvent change in watch)
            {
                // What becomes of the session is told here too; it is no event of the tree.
                if (change.Type == WatchedEventType.None)
                {
                    continue;
                }

                calls.History.Add(new WatchEventEntry { Client = calls.Client, Watch = number, Type = change.Type, Path = change.Path });
            }
        }
        catch (SessionEndedException)
        {
            // The client was closed.
        }

        calls.History.Add(new WatchEndedEntry { Client = calls.Client, Watch = number, WithSession = true });
    }
}
