using Okapi.Simulation.Tests.Checks;

namespace Okapi.Simulation.Tests.Work;

/// <summary>The client's calls for watches, and the end of these.</summary>
internal sealed class WatchCalls(Scene scene, CallLedger calls, HeldWatches watches)
{
    private ZooKeeperClient Client => scene.Client;

    /// <summary>Whether one was asked for where no znode was.</summary>
    public bool HadFruitless { get; private set; }

    public void AddExists(string path, CancellationTokenSource? cancel)
    {
        long before = Client.LastZxid;
        AddOneShot(path, cancel, Client.WatchExistsAsync(path, TokenOf(cancel)), watch => watch.Fired, watch => watch.Value is { } stat ? (WatchKind.Data, stat.Mzxid) : (WatchKind.Absent, before));
    }

    public void AddData(string path, CancellationTokenSource? cancel) =>
        AddOneShot(path, cancel, Client.TryWatchDataAsync(path, TokenOf(cancel)), watch => watch!.Fired, watch => (WatchKind.Data, watch!.Value.Stat.Mzxid));

    public void AddChildren(string path, CancellationTokenSource? cancel) =>
        AddOneShot(path, cancel, Client.TryWatchChildrenAsync(path, TokenOf(cancel)), watch => watch!.Fired, watch => (WatchKind.Children, watch!.Value.Stat.Pzxid));

    public void AddStream(string path, CancellationTokenSource? cancel)
    {
        WatchMode mode = scene.Simulator.Chance(0.5) ? WatchMode.Persistent : WatchMode.PersistentRecursive;
        if (scene.Simulator.Chance(0.2)) path = "/";
        bool isSlow = scene.HasSmallBuffers || scene.Simulator.Chance(0.2);
        long before = Client.LastZxid;
        calls.Add($"watch {path} {mode}", new ValueTask<Watch>(Client.WatchAsync(path, mode, TokenOf(cancel))), watch =>
        {
            watches.Add(new(scene.ServerPath(path), mode == WatchMode.Persistent ? WatchKind.Persistent : WatchKind.Recursive, scene.Session!)
            {
                After = before,
                ArmedBy = Client.LastZxid,
                Stream = watch,
                Dispose = watch.DisposeAsync,
                IsSlow = isSlow,
            });
            return true;
        }, cancel, isRead: true);
    }

    public void ReleaseOne()
    {
        if (watches.All.Count > 0) Release(scene.Simulator.Pick(watches.All));
    }

    public void ReleaseAll()
    {
        foreach (WatchRecord watch in watches.All.ToArray()) Release(watch);
    }

    private static CancellationToken TokenOf(CancellationTokenSource? cancel) => cancel?.Token ?? CancellationToken.None;

    private static async ValueTask<bool> EndAsync(WatchRecord watch)
    {
        await watch.Dispose().ConfigureAwait(false);
        return true;
    }

    /// <summary>Asks for a watch that tells of one event.</summary>
    private void AddOneShot<T>(string path, CancellationTokenSource? cancel, Task<T> asked, Func<T, Task<WatchedEvent>> firedOf, Func<T, (WatchKind Kind, long After)> describe)
        where T : class?, IAsyncDisposable?
    {
        calls.Add($"watch {path} once", new ValueTask<T>(asked), watch =>
        {
            if (watch is null)
            {
                HadFruitless = true;
                return true;
            }

            (WatchKind kind, long after) = describe(watch);
            Task<WatchedEvent> fired = firedOf(watch);
            if (fired.IsFaulted) return true; // the session ended with the reply
            watches.Add(new(scene.ServerPath(path), kind, scene.Session!) { After = after, Fired = fired, Dispose = watch.DisposeAsync });
            return true;
        }, cancel, isRead: true);
    }

    private void Release(WatchRecord watch)
    {
        watches.Remove(watch);
        calls.Add($"end the watch of {watch.Path} {watch.Kind}", EndAsync(watch), _ => true, isOrdered: false);
    }
}
