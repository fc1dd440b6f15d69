using Okapi.Recipes.Membership;
using Okapi.Recipes.Nodes;

namespace Okapi.Recipes;

/// <summary>
/// An ephemeral znode that is kept: created, and created again when its session has ended (with <see cref="SessionRecovery.NewSession"/>) or somebody has deleted it, until it is disposed. What Curator
/// calls a PersistentNode.
/// </summary>
/// <remarks>
/// <para>
/// A znode of another session at its path is left alone and waited for: after a crash and a restart within the session timeout it is this program's own, which goes when its session expires
/// (<see cref="Obstacle"/> shows it). A znode of the client's present session is taken for its own, so that a resumed session finds it again; keep one per path and client.
/// </para>
/// <para>It is kept until the client is over or the server refuses it (no permission, for instance); waits then throw what happened.</para>
/// </remarks>
public sealed class EphemeralNode : IAsyncDisposable
{
    private readonly ZooKeeperClient _zk;
    private readonly NodeNaming _naming;
    private readonly IReadOnlyList<Acl>? _acl;
    private readonly CancellationTokenSource _stop = new();
    private readonly Signal _heldChanged = new();
    private readonly Signal _wantedChanged = new();
    private readonly Lock _lock = new();
    private readonly Task _run;
    private readonly Lazy<Task> _disposal;
    private Wanted _wanted;
    private Wanted? _written;
    private long _writtenTo;
    private Task<CreatedNode>? _creating;
    private volatile HeldNode? _held;
    private Blocking? _obstacle;
    private bool _mayExist;

    internal EphemeralNode(ZooKeeperClient zk, string path, ReadOnlyMemory<byte> data, RecipeOptions? options)
    {
        ZnodePath.Validate(path);
        if (path == "/") throw new ArgumentException("The root cannot be ephemeral.", nameof(path));
        (_zk, Path, _naming, _acl) = (zk, path, options?.Naming ?? NodeNaming.Curator, options?.Acl);
        _wanted = new(data.ToArray(), Wanted.NewDone());
        _disposal = new(DisposeOnceAsync);
        _run = Task.Run(RunAsync);
        Background.Leave(_run); // told to whoever waits
    }

    /// <summary>Its path.</summary>
    public string Path { get; }

    /// <summary>Its present life; null while it is not there, or not surely.</summary>
    public HeldNode? Held => _held is { IsHeld: true } held ? held : null;

    /// <summary>The znode that is in its way: that of another session, or one that is not ephemeral. Null if there is none.</summary>
    public Stat? Obstacle => Volatile.Read(ref _obstacle)?.Stat;

    /// <summary>Ends when it is kept no more: with what happened, or as cancelled by disposal.</summary>
    internal Task Keeping => _run;

    /// <summary>Waits until it is there.</summary>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>Its present life.</returns>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    /// <exception cref="ZooKeeperException">The server refuses it.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public async Task<HeldNode> WaitHeldAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            Task changed = _heldChanged.Next;
            if (Held is { } held) return held;
            await WaitOrThrowAsync(changed, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Waits until it is there, for a time.</summary>
    /// <param name="timeout">How long, by the client's clock.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>Its present life, or null if the time was up.</returns>
    /// <inheritdoc cref="WaitHeldAsync" path="/exception"/>
    public Task<HeldNode?> TryWaitHeldAsync(TimeSpan timeout, CancellationToken cancellationToken = default) =>
        Waits.WithinAsync(_zk.TimeProvider, timeout, WaitHeldAsync, cancellationToken);

    /// <summary>Gives it other data, now and whenever it is created again.</summary>
    /// <param name="data">The data.</param>
    /// <param name="cancellationToken">Ends the waiting; the data stays what the znode gets.</param>
    /// <returns>Completes when the znode has this data, or newer data of a later call.</returns>
    /// <inheritdoc cref="WaitHeldAsync" path="/exception"/>
    public async Task UpdateAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default)
    {
        Task done;
        lock (_lock)
        {
            // One that was not written yet is passed over, and is as good as written when this one is.
            _wanted = new(data.ToArray(), _wanted.Done.Task.IsCompleted ? Wanted.NewDone() : _wanted.Done);
            done = _wanted.Done.Task;
        }

        _wantedChanged.Set();
        await WaitOrThrowAsync(done, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Ends the keeping and deletes the znode.
    /// </summary>
    /// <returns>
    /// Completes when it is gone; or when the session is at risk, or a server has answered that it takes no writes, and then the deletion goes on in the background until one has taken it or the session is over.
    /// </returns>
    public ValueTask DisposeAsync() => new(_disposal.Value);

    private async Task DisposeOnceAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        CancellationToken atRisk = _zk.SessionAtRisk;
        await _run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!_mayExist) return;
        Task removing = RemoveAsync();
        Background.Leave(removing); // it may go on when nobody waits any more
        await removing.WaitAsync(atRisk).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task WaitOrThrowAsync(Task task, CancellationToken cancellationToken)
    {
        await Task.WhenAny(task, _run).WaitAsync(cancellationToken).ConfigureAwait(false);
        if (task.IsCompleted) return;
        ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, this);
        await _run.ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        try
        {
            while (true) await Endurance.Unlimited.AskAsync(_zk, StepAsync, _stop.Token).ConfigureAwait(false);
        }
        finally
        {
            EndHeld();
        }
    }

    /// <summary>Looks at what is there, does the one thing that follows from it, and waits for a change if that is nothing.</summary>
    private async Task StepAsync(CancellationToken stop)
    {
        stop.ThrowIfCancellationRequested();
        CancellationToken atRisk = _zk.SessionAtRisk; // before the reading that it is to cover
        Task wantedChanged = _wantedChanged.Next;
        OneShotWatch<Stat?> watch = await _zk.WatchExistsAsync(Path, stop).ConfigureAwait(false);
        await using (watch.ConfigureAwait(false))
        {
            Stat? stat = watch.Value;
            bool isOwn = stat is { IsEphemeral: true } && stat.Value.EphemeralOwner == _zk.SessionId; // never one of an earlier session: it is about to go (H55)
            if (isOwn) _mayExist = true;
            Volatile.Write(ref _obstacle, stat is null || isOwn ? null : new(stat.Value));
            if (!isOwn || stat!.Value.Czxid != _held?.FencingToken) EndHeld();
            if (stat is null) await CreateAsync(stop).ConfigureAwait(false);
            else if (!isOwn) await Waits.AnyAsync(watch.Fired, stop, stop).ConfigureAwait(false);
            else if (atRisk.IsCancellationRequested) await Endurance.WaitWritableAsync(_zk, stop).ConfigureAwait(false);
            else if (!IsWritten(stat.Value)) await WriteAsync(stat.Value, stop).ConfigureAwait(false);
            else await KeepAsync(stat.Value, watch, wantedChanged, atRisk, stop).ConfigureAwait(false);
        }
    }

    private async Task KeepAsync(Stat stat, OneShotWatch<Stat?> watch, Task wantedChanged, CancellationToken atRisk, CancellationToken stop)
    {
        if (_held is not { IsHeld: true } held)
        {
            EndHeld();
            _held = held = new(_zk, Path, stat, atRisk);
            _heldChanged.Set();
        }

        await Waits.AnyAsync(Task.WhenAny(watch.Fired, wantedChanged), held.Lost, stop).ConfigureAwait(false);
        if (watch.Fired is { IsCompletedSuccessfully: true } fired && (await fired.ConfigureAwait(false)).Type == WatchedEventType.NodeDeleted) EndHeld();
    }

    private async Task CreateAsync(CancellationToken stop)
    {
        Wanted wanted = TakeWanted();
        _mayExist = true;
        // It cannot be called off, so that its outcome is known in the end: a znode that comes after disposal would stay.
        _creating = _zk.CreateWithStatAsync(Path, wanted.Data, CreateMode.Ephemeral, _acl, cancellationToken: CancellationToken.None).AsTask();
        try
        {
            CreatedNode created = await _creating.WaitAsync(stop).ConfigureAwait(false);
            MarkWritten(wanted, created.Stat);
        }
        catch (NoNodeException)
        {
            await Containers.EnsureAsync(_zk, ZnodePath.GetParent(Path)!, _naming, null, _acl, stop).ConfigureAwait(false);
        }
        catch (NodeExistsException)
        {
            // Whose it is shows the next look.
        }
    }

    private async Task WriteAsync(Stat stat, CancellationToken stop)
    {
        Wanted wanted = TakeWanted();
        SetResult result = await _zk.TrySetAsync(Path, wanted.Data, stat.Version, stop).ConfigureAwait(false);
        if (result.IsWritten) MarkWritten(wanted, result.Stat);
    }

    private Wanted TakeWanted()
    {
        lock (_lock) return _wanted;
    }

    private bool IsWritten(Stat stat)
    {
        lock (_lock) return _written == _wanted && _writtenTo == stat.Czxid;
    }

    private void MarkWritten(Wanted wanted, Stat stat)
    {
        lock (_lock)
        {
            (_written, _writtenTo) = (wanted, stat.Czxid);
            if (_wanted == wanted) wanted.Done.TrySetResult();
        }
    }

    private void EndHeld()
    {
        if (_held is not { } held) return;
        _held = null;
        held.End();
    }

    /// <summary>
    /// Deletes it if it is there and of the present session. Its name can become another's, so each try looks first: a deletion whose reply was lost must not be made again blindly.
    /// </summary>
    private async Task RemoveAsync()
    {
        if (_creating is Task creating) await creating.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        long session = _zk.SessionId;
        Task? first = Endurance.AcrossSessions.AskAsync(_zk, _ => RemoveOnceAsync(session), CancellationToken.None);
        try
        {
            await first.ConfigureAwait(false);
        }
        catch (NotReadOnlyException)
        {
            // It may be long until a server takes writes, and sessions of a read-only one are never at risk.
            Background.Leave(Endurance.Unlimited.AskAsync(_zk, _ => Interlocked.Exchange(ref first, null) ?? RemoveOnceAsync(session), CancellationToken.None));
        }
    }

    private async Task RemoveOnceAsync(long session)
    {
        DeleteOutcome outcome;
        do
        {
            await _zk.SyncAsync(Path).ConfigureAwait(false); // the server in use may not have seen yet what the last one did
            if (_zk.SessionId != session) return; // gone with its session
            if (await _zk.ExistsAsync(Path).ConfigureAwait(false) is not { } stat || stat.EphemeralOwner != session) return;
            outcome = await _zk.TryDeleteAsync(Path, stat.Version).ConfigureAwait(false);
        }
        while (outcome == DeleteOutcome.BadVersion);
    }

    /// <summary>What the znode is to have; equal only to itself.</summary>
    private sealed class Wanted(byte[] data, TaskCompletionSource done)
    {
        public byte[] Data => data;

        public TaskCompletionSource Done => done;

        public static TaskCompletionSource NewDone() => new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private sealed class Blocking(Stat stat)
    {
        public Stat Stat => stat;
    }
}
