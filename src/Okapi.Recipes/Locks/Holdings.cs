using System.Collections.Concurrent;
using Okapi.Recipes.Nodes;

namespace Okapi.Recipes.Locks;

/// <summary>How a wait ended: with something held, with nothing because the time was up, or with the loss of one's place, after which it begins again.</summary>
internal readonly record struct Turn(LockHandle? Handle, bool IsGone = false)
{
    public static Turn Gone => new(null, IsGone: true);

    public static Turn TimeUp => new(null);
}

/// <summary>What is held and waited for through one recipe object: makes handles sure before they are handed out, gives them back at the end.</summary>
internal sealed class Holdings(ZooKeeperClient zk, string path, RecipeOptions options) : IAsyncDisposable
{
    private readonly CancellationTokenSource _disposed = new();
    private readonly ConcurrentDictionary<LockHandle, byte> _held = new();
    private int _isDisposed;

    /// <summary>Takes turns until one ends with something held, the time is up or nobody waits any more. A session that ends takes the place with it; the next turn is in the next session.</summary>
    /// <exception cref="SessionEndedException">No other session follows.</exception>
    public async Task<LockHandle?> WaitAsync(Func<Limit, Task<Turn>> takeTurn, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed.IsCancellationRequested, typeof(LockHandle));
        using var limit = new Limit(zk.TimeProvider, timeout, cancellationToken, _disposed.Token);
        try
        {
            while (true)
            {
                try
                {
                    Turn turn = await takeTurn(limit).ConfigureAwait(false);
                    if (turn.IsGone) continue;
                    if (turn.Handle is { } handle) await KeepAsync(handle).ConfigureAwait(false);
                    return turn.Handle;
                }
                catch (SessionExpiredException)
                {
                    await zk.WaitConnectedAsync(cancellationToken: limit.Token).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (limit.IsTimeUp)
        {
            return null;
        }
        catch (OperationCanceledException ended) when (_disposed.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new ObjectDisposedException($"What was waited for at {path} was disposed.", ended);
        }
    }

    /// <summary>Makes sure that what is about to be held is there and the session's own, and for how long that is certain (H56).</summary>
    /// <param name="mine">Its znode.</param>
    /// <param name="session">The session that has created it.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The handle; null if it is not certain any more, or has gone: look again.</returns>
    public async Task<LockHandle?> ConfirmAsync(string mine, long session, CancellationToken cancellationToken)
    {
        CancellationToken atRisk = zk.SessionAtRisk; // before the question, so that it covers the answer
        OneShotWatch<NodeData>? watch = await Endurance.WithinSession.AskAsync(zk, ct => zk.TryWatchDataAsync(mine, ct), cancellationToken).ConfigureAwait(false);
        if (watch is null) return null;
        if (watch.Value.Stat.EphemeralOwner == session && zk.SessionId == session && !atRisk.IsCancellationRequested)
            return new LockHandle(zk, mine, watch.Value.Stat.Czxid, watch, LeaveAsync, atRisk);
        await watch.DisposeAsync().ConfigureAwait(false);
        return null;
    }

    /// <summary>Gives back what is held, each even if another's return is refused, and ends what is waited for.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0) return;
        await _disposed.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_held.Keys.Select(static handle => handle.DisposeAsync().AsTask())).ConfigureAwait(false);
    }

    public ValueTask StepAsync(LineStep step, string name) => options.Steps is { } steps ? steps(step, name) : default;

    private async Task KeepAsync(LockHandle handle)
    {
        _held.TryAdd(handle, 0);
        if (!_disposed.IsCancellationRequested) return;
        await handle.DisposeAsync().ConfigureAwait(false); // whoever disposes may not have seen it
        throw new ObjectDisposedException(path);
    }

    private async Task LeaveAsync(LockHandle handle)
    {
        _held.TryRemove(handle, out _);
        await StepAsync(LineStep.Leave, ZnodePath.GetName(handle.Path)).ConfigureAwait(false);
        await Removal.DeleteAsync(zk, handle.Path).ConfigureAwait(false);
    }
}

/// <summary>What somebody who waits is about to do; tests stop him there.</summary>
internal enum LineStep
{
    Create,
    List,
    Watch,
    Wait,
    Confirm,
    Leave,
}
