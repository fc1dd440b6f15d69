using Okapi.Simulation.Checks;
using Okapi.Simulation.Truth;

namespace Okapi.Simulation.Work;

/// <summary>The watches of one client, and what they have told.</summary>
internal sealed class Watching(World world, Player player)
{
    private readonly ZooKeeperClient _zk = player.Zk;
    private readonly List<OneShot> _oneShots = [];
    private readonly List<Persistent> _persistent = [];

    public async Task WatchDataAsync(string path)
    {
        Attempt<OneShotWatch<NodeData>?> attempt = await Attempts.MakeAsync(world, player, $"watch data {path}", async () => await _zk.TryWatchDataAsync(path));
        if (attempt is { IsDone: true, Value: { } watch }) Add(new(path, "data", watch.Value.Stat.Mzxid, attempt.ZxidAfter, watch.Fired, watch));
    }

    public async Task WatchExistsAsync(string path)
    {
        Attempt<OneShotWatch<Stat?>> attempt = await Attempts.MakeAsync(world, player, $"watch exists {path}", async () => await _zk.WatchExistsAsync(path));
        if (attempt is { IsDone: true, Value: { } watch }) Add(new(path, watch.Value is null ? "exists" : "data", watch.Value?.Mzxid ?? attempt.ZxidBefore, attempt.ZxidAfter, watch.Fired, watch));
    }

    public async Task WatchChildrenAsync(string path)
    {
        Attempt<OneShotWatch<NodeChildren>?> attempt = await Attempts.MakeAsync(world, player, $"watch children {path}", async () => await _zk.TryWatchChildrenAsync(path));
        if (attempt is { IsDone: true, Value: { } watch }) Add(new(path, "children", watch.Value.Stat.Pzxid, attempt.ZxidAfter, watch.Fired, watch));
    }

    public async Task WatchAsync(string path, WatchMode mode)
    {
        Attempt<Watch> attempt = await Attempts.MakeAsync(world, player, $"watch {mode} {path}", async () => await _zk.WatchAsync(path, mode));
        if (!attempt.IsDone) return;
        var watch = new Persistent(attempt.Value!, path, mode, attempt.ZxidBefore, attempt.ZxidAfter);
        _persistent.Add(watch);
        watch.Reading = ReadAsync(watch);
    }

    /// <summary>Which watches are armed before a read is sent.</summary>
    public void BeforeRead(string path, out object? armed) => armed = _oneShots.Find(watch => watch.Path == path && watch.Kind == "data" && !watch.Fired.IsCompleted);

    /// <summary>I7: whoever reads what is new has been told before.</summary>
    public void AfterRead(object? armed, long mzxid)
    {
        if (armed is OneShot watch && mzxid > watch.Armed && !watch.Fired.IsCompleted && world is { HasLostData: false, IsLenient: false })
            world.Fail($"I7: client {player.Number} reads {watch.Path} as of 0x{mzxid:x}, and its watch as of 0x{watch.Armed:x} has not told it");
    }

    /// <summary>Called when all is well again and each watched znode was touched once more.</summary>
    public async Task CheckAsync()
    {
        foreach (OneShot watch in _oneShots) Check(watch);
        foreach (Persistent watch in _persistent)
        {
            await watch.Watch.DisposeAsync();
            await watch.Reading;
            PersistentChecks.Check(world, player, watch.Path, watch.Mode, watch.ZxidBefore, watch.ZxidAfter, watch.Events, watch.HasEnded);
        }

        foreach (OneShot watch in _oneShots.Where(each => !each.Fired.IsCompleted)) await watch.Handle.DisposeAsync();
    }

    private void Add(OneShot watch)
    {
        _oneShots.Add(watch);
        _ = NoteAsync(watch);
    }

    private async Task NoteAsync(OneShot watch)
    {
        try
        {
            WatchedEvent fired = await watch.Fired;
            world.Trace.Note(30, player.Number, fired.Zxid, (int)fired.Type);
            world.Trace.Say($"c{player.Number} told {fired.Type} {fired.Path}");
        }
        catch (Exception error)
        {
            world.Trace.Note(31, player.Number);
            if (error is not (SessionEndedException or ObjectDisposedException or OperationCanceledException)) world.Fail($"I6: a watch of client {player.Number} ends with {error}");
        }
    }

    private void Check(OneShot watch)
    {
        if (world.HasLostData || world.IsLenient) return;
        if (watch.Fired.IsFaulted || watch.Fired.IsCanceled) return; // the session has ended
        Entry? next = world.Chronicle.All.FirstOrDefault(entry => entry.Zxid > watch.Armed && Concerns(watch, entry));
        if (!watch.Fired.IsCompleted)
        {
            // What was created and deleted again while the client was away does not show (ZooKeeper guide, watches; H51).
            if (watch.Kind == "exists") next = world.Chronicle.All.FirstOrDefault(entry => entry.Zxid >= world.TouchedFrom && Concerns(watch, entry));
            if (next is not null && next.Zxid > watch.ArmedAtMost) world.Fail($"I6: client {player.Number} was not told that {watch.Path} has changed at 0x{next.Zxid:x}: a {watch.Kind} watch as of 0x{watch.Armed:x}");
            return;
        }

        if (next is null) world.Fail($"I6: client {player.Number} was told {watch.Fired.Result.Type} of {watch.Path}, and nothing has happened since 0x{watch.Armed:x}");
        else if (watch.Fired.Result.Path != watch.Path) world.Fail($"I6: a watch of {watch.Path} was told of {watch.Fired.Result.Path}");
    }

    private static bool Concerns(OneShot watch, Entry entry) => watch.Kind switch
    {
        "data" => entry.Path == watch.Path && entry.Deed != Deed.Created,
        "exists" => entry.Path == watch.Path && entry.Deed != Deed.Deleted,
        _ => (entry.Deed != Deed.Changed && ZnodePath.GetParent(entry.Path) == watch.Path) || (entry.Path == watch.Path && entry.Deed == Deed.Deleted),
    };

    private async Task ReadAsync(Persistent watch)
    {
        try
        {
            await foreach (WatchedEvent told in watch.Watch)
            {
                watch.Events.Add(told);
                world.Trace.Note(32, player.Number, told.Zxid, (int)told.Type);
                world.Trace.Say($"c{player.Number} sees {told.Type} {told.Path} 0x{told.Zxid:x}");
            }
        }
        catch (SessionEndedException)
        {
            watch.HasEnded = true;
        }
    }

    private sealed record OneShot(string Path, string Kind, long Armed, long ArmedAtMost, Task<WatchedEvent> Fired, IAsyncDisposable Handle);

    private sealed record Persistent(Watch Watch, string Path, WatchMode Mode, long ZxidBefore, long ZxidAfter)
    {
        public List<WatchedEvent> Events { get; } = [];

        public Task Reading { get; set; } = Task.CompletedTask;

        public bool HasEnded { get; set; }
    }
}
