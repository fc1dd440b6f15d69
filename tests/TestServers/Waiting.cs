using System.Diagnostics;

namespace Okapi.TestServers;

/// <summary>Bounded waits. The bound only says when a test has failed, so it is far above what anything takes.</summary>
internal static class Waiting
{
    public static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);

    public static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(Bound, TestContext.Current.CancellationToken);

    public static Task Soon(this Task task) => task.WaitAsync(Bound, TestContext.Current.CancellationToken);

    /// <summary>Waits for what only a server can tell, and only when asked.</summary>
    public static async Task UntilAsync(Func<Task<bool>> isSo, string what)
    {
        var watch = Stopwatch.StartNew();
        while (!await isSo())
        {
            if (watch.Elapsed > Bound) Assert.Fail($"Not within {Bound.TotalSeconds} s: {what}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Completes when a session's token trips.</summary>
    public static async Task LostAsync(this ZooKeeperClient zk)
    {
        var lost = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using CancellationTokenRegistration registration = zk.SessionLost.Register(lost.SetResult);
        await lost.Task.Soon();
    }
}

/// <summary>Reads a client's states one by one and keeps them.</summary>
internal sealed class StateLog : IAsyncDisposable
{
    private readonly IAsyncEnumerator<SessionStateChange> _states;

    private StateLog(ZooKeeperClient zk) => _states = zk.StateChangesAsync(TestContext.Current.CancellationToken).GetAsyncEnumerator();

    public List<SessionStateChange> Seen { get; } = [];

    public IEnumerable<SessionState> States => Seen.Select(change => change.State);

    /// <summary>Begins with the present state, so nothing after this call is missed.</summary>
    public static async Task<StateLog> OpenAsync(ZooKeeperClient zk)
    {
        var log = new StateLog(zk);
        await log.NextAsync();
        return log;
    }

    /// <summary>Reads up to the next change to a state.</summary>
    public async Task<SessionStateChange> UntilAsync(SessionState state)
    {
        while (await NextAsync() is { } change)
            if (change.State == state) return change;
        throw new InvalidOperationException($"The states ended without {state}: {string.Join(", ", States)}.");
    }

    /// <summary>Reads to the end of the stream.</summary>
    public async Task ToEndAsync()
    {
        while (await NextAsync() is not null);
    }

    public ValueTask DisposeAsync() => _states.DisposeAsync();

    private async Task<SessionStateChange?> NextAsync()
    {
        if (!await _states.MoveNextAsync().AsTask().Soon()) return null;
        Seen.Add(_states.Current);
        return _states.Current;
    }
}

/// <summary>Ways to read a persistent watch in a test.</summary>
internal static class WatchReading
{
    /// <summary>
    /// All events that are in the stream now. After a reply on the same client these are all events up to that reply, so what is missing then never comes.
    /// </summary>
    public static async Task<List<WatchedEvent>> DrainAsync(this Watch watch)
    {
        using var stop = new CancellationTokenSource();
        var seen = new List<WatchedEvent>();
        await using IAsyncEnumerator<WatchedEvent> events = watch.GetAsyncEnumerator(stop.Token);
        try
        {
            while (true)
            {
                ValueTask<bool> next = events.MoveNextAsync();
                if (!next.IsCompleted) await stop.CancelAsync();
                if (!await next) return seen;
                seen.Add(events.Current);
            }
        }
        catch (OperationCanceledException)
        {
            return seen;
        }
    }

    /// <summary>As <see cref="DrainAsync"/>, as text that reads well in a table: <c>DataChanged /a</c>.</summary>
    public static async Task<string[]> DrainTextAsync(this Watch watch) => [.. (await watch.DrainAsync()).Select(Text)];

    /// <summary>Waits for the next event.</summary>
    public static async Task<WatchedEvent> NextAsync(this Watch watch)
    {
        await using IAsyncEnumerator<WatchedEvent> events = watch.GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await events.MoveNextAsync().AsTask().Soon(), "The stream has ended.");
        return events.Current;
    }

    /// <summary>Reads up to the next Resync.</summary>
    public static async Task UntilResyncAsync(this Watch watch)
    {
        while ((await watch.NextAsync()).Type != WatchedEventType.Resync);
    }

    public static string Text(this WatchedEvent each)
    {
        string type = each.Type.ToString();
        return $"{(type.StartsWith("Node", StringComparison.Ordinal) ? type[4..] : type)} {each.Path}";
    }
}
