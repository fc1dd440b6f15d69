using Okapi.Recipes.Nodes;

namespace Okapi.Recipes;

/// <summary>
/// Something held: a lock, a lease of a semaphore, a term of leadership. Disposing it gives it back.
/// </summary>
/// <remarks>
/// No lock of any service can keep a process from going on after it has lost it: the process may be paused just then. What must not happen twice has to be guarded where it happens, by the
/// <see cref="FencingToken"/> (a store refuses a token that is lower than one it has seen), or, in ZooKeeper itself, by a transaction that begins with <c>Check(handle.Path)</c>.
/// </remarks>
public sealed class LockHandle : IAsyncDisposable
{
    private readonly ZooKeeperClient _zk;
    private readonly CancellationToken _atRisk;
    private readonly CancellationTokenRegistration _registration;
    private readonly CancellationTokenSource _lost = new();
    private readonly Func<LockHandle, Task> _leave;
    private int _isReleased;

    internal LockHandle(ZooKeeperClient zk, string path, long czxid, OneShotWatch<NodeData> own, Func<LockHandle, Task> leave, CancellationToken atRisk)
    {
        _zk = zk;
        _atRisk = atRisk;
        _leave = leave;
        Path = path;
        FencingToken = czxid;
        Lost = _lost.Token;
        _registration = atRisk.UnsafeRegister(static self => ((LockHandle)self!).Lose(), this);
        Background.Leave(GuardAsync(own));
    }

    /// <summary>The znode that stands for it. As long as it is there, nobody else holds the same: <c>zk.Transaction().Check(handle.Path)</c> makes a write depend on it.</summary>
    public string Path { get; }

    /// <summary>The czxid of the znode: higher for each who holds it after this one, unless the servers have lost data between them.</summary>
    public long FencingToken { get; }

    /// <summary>
    /// Trips when it is lost, or may be: before the server can give it to somebody else (<see cref="ZooKeeperClient.SessionAtRisk"/>), or when its znode was deleted. What depends on it has to
    /// stop then. It does not trip any more once it has been given back.
    /// </summary>
    public CancellationToken Lost { get; }

    /// <summary>Whether it is still held for certain. Looks at the clock, so it is right even where timers are late.</summary>
    public bool IsHeld
    {
        get
        {
            _ = _zk.SessionAtRisk; // trips what is due
            return Volatile.Read(ref _isReleased) == 0 && !_atRisk.IsCancellationRequested && !_lost.IsCancellationRequested;
        }
    }

    /// <summary>Gives it back. When this returns others can have it, or no server takes writes and it is given back as soon as one does, or with the session.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isReleased, 1) != 0) return;
        await _registration.DisposeAsync().ConfigureAwait(false);
        await _leave(this).ConfigureAwait(false);
    }

    /// <summary>Sees to it that whoever deletes the znode of a holder is noticed (H59).</summary>
    private async Task GuardAsync(OneShotWatch<NodeData>? own)
    {
        try
        {
            while (own is not null && (await own.Fired.ConfigureAwait(false)).Type != WatchedEventType.NodeDeleted)
            {
                await own.DisposeAsync().ConfigureAwait(false);
                own = await Endurance.WithinSession.AskAsync(_zk, ct => _zk.TryWatchDataAsync(Path, ct), CancellationToken.None).ConfigureAwait(false);
            }
        }
        catch (ZooKeeperException)
        {
            // The session is over, or the znode may not be read any more: either way nothing is certain.
        }

        Lose();
    }

    private void Lose()
    {
        if (Volatile.Read(ref _isReleased) == 0) _ = _lost.CancelAsync();
    }
}
