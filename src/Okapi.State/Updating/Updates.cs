using System.Text.Json;
using Okapi.Recipes;
using Okapi.State.Json;
using Okapi.State.Sharing;

namespace Okapi.State.Updating;

/// <summary>
/// Makes updates, one at a time in this process, and among processes one at a time (the write lock) or by comparing and setting. An update starts from the newest value, works on a copy of its own, and shows nowhere before it is written.
/// </summary>
internal sealed class Updates<T>(ZooKeeperClient zk, StatePaths paths, SharedStateOptions options, PayloadFormat<T> format, Payload<T> payload, Replica<T> replica, ListenerEntry listener, string id) : IAsyncDisposable
    where T : notnull
{
    private static readonly TimeSpan s_maxPause = TimeSpan.FromMilliseconds(250);

    private readonly SemaphoreSlim _turn = new(1);
    private readonly AsyncLocal<Running?> _running = new();
    private readonly CancellationTokenSource _disposed = new();
    private readonly WriteLock _lock = new(zk, paths.WriteLock, id, options.Acl);
    private readonly Commit<T> _commit = new(zk, paths, listener, options.Acl);
    private readonly Random _random = zk.NewRandom();
    private long _number;
    private int _isDisposed;

    /// <summary>Makes an update.</summary>
    /// <param name="change">Makes the new value.</param>
    /// <param name="timeout">How long to wait for a turn.</param>
    /// <param name="cancellationToken">Ends the update, unless it is being written.</param>
    /// <returns>What was written, or, if the update changed nothing, what was there; null: the turn did not come in time.</returns>
    public async Task<Versioned<T>?> RunAsync(Func<T, CancellationToken, ValueTask<T>> change, TimeSpan timeout, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed.IsCancellationRequested, this);
        if (_running.Value is { IsOver: false }) throw new InvalidOperationException($"An update of the state {paths.Directory} cannot be made from within an update of it: it would wait for itself.");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _disposed.Token);
        using var time = new CancellationTokenSource(timeout, zk.TimeProvider);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop.Token, time.Token);
        var turn = new TurnLimit(limit.Token, stop.Token);
        try
        {
            await _turn.WaitAsync(limit.Token).ConfigureAwait(false);
            var running = new Running();
            _running.Value = running;
            try
            {
                return await UpdateAsync(change, turn).ConfigureAwait(false);
            }
            finally
            {
                running.IsOver = true;
                _turn.Release();
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
        catch (OperationCanceledException cancelled) when (_disposed.IsCancellationRequested)
        {
            throw new ObjectDisposedException($"The state {paths.Directory} was disposed before the update was written.", cancelled);
        }
        catch (OperationCanceledException) when (time.IsCancellationRequested && !turn.IsTaken)
        {
            return null;
        }
    }

    /// <summary>Ends what waits for its turn, and waits for what is being written.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0) return;
        await _disposed.CancelAsync().ConfigureAwait(false);
        if (_running.Value is not { IsOver: false }) await _turn.WaitAsync().ConfigureAwait(false);
        await _lock.DisposeAsync().ConfigureAwait(false);
    }

    private async Task<Versioned<T>> UpdateAsync(Func<T, CancellationToken, ValueTask<T>> change, TurnLimit turn)
    {
        Attempt<T>? suspect = null;
        bool isExclusive = options.UpdateMode == UpdateMode.Exclusive;
        for (int failures = 0; ; failures++)
        {
            if (failures > 0 && !isExclusive) await PauseAsync(failures, turn.Work).ConfigureAwait(false);
            LockHandle? held = isExclusive ? await _lock.AcquireAsync(turn.Turn).ConfigureAwait(false) : null;
            turn.IsTaken = true;
            try
            {
                Versioned<T> from = await payload.ReadLatestAsync(throughQuorum: false, turn.Work).ConfigureAwait(false);
                suspect = Acquit(suspect, from);
                if (held is null && Commit<T>.NeedsLock(from))
                {
                    isExclusive = true;
                    continue;
                }

                if (await PrepareAsync(from, change, turn.Work).ConfigureAwait(false) is not { } attempt) return from;
                CommitResult<T> result = await WriteAsync(attempt, held, turn.Work).ConfigureAwait(false);
                if (result.Value is { } written) return written;
                if (result.Status == CommitStatus.Unknown) suspect = attempt;
            }
            finally
            {
                if (held is not null) await _lock.ReleaseAsync(held).ConfigureAwait(false);
            }
        }
    }

    private async Task<CommitResult<T>> WriteAsync(Attempt<T> attempt, LockHandle? held, CancellationToken cancellationToken)
    {
        // So that what cannot be sent yet is not under way when somebody gives up.
        await zk.WaitConnectedAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        long askedAt = zk.TimeProvider.GetTimestamp();
        CommitResult<T> result = await _commit.WriteAsync(attempt, held, cancellationToken).ConfigureAwait(false);
        if (result.Value is { } written) replica.Adopt(written, askedAt);
        return result;
    }

    /// <returns>What is to be written; null: nothing has changed.</returns>
    private async Task<Attempt<T>?> PrepareAsync(Versioned<T> from, Func<T, CancellationToken, ValueTask<T>> change, CancellationToken cancellationToken)
    {
        T own = format.Read(from.Document, from.Version, from.Zxid, from.Czxid).Value;
        JsonElement before = format.Write(own); // now, since the function may change what it is given
        T made = await change(own, cancellationToken).ConfigureAwait(false) ?? throw new InvalidOperationException($"The update of the state {paths.Directory} has made null of it.");
        JsonElement document = format.Merge(from.Document, before, format.Write(made));
        if (JsonDifference.Between(from.Document, document).Count == 0) return null;
        byte[] data = format.Encode(document);
        return new(from, format.Read(document, from.Version, from.Zxid, from.Czxid), data, Interlocked.Increment(ref _number));
    }

    /// <summary>
    /// An attempt whose session is over may have been written, or be yet. As long as the version that it started from is there it was not, and the next attempt and it exclude each other. If the next version is not what it wanted to write,
    /// somebody else has written it, and the attempt is void. Otherwise nobody can tell.
    /// </summary>
    private Attempt<T>? Acquit(Attempt<T>? suspect, Versioned<T> now)
    {
        if (suspect is null || now.IsSameAs(suspect.From)) return suspect;
        bool isNext = now.Czxid == suspect.From.Czxid && now.Version == suspect.From.Version + 1;
        if (isNext && JsonDifference.Between(suspect.To.Document, now.Document).Count > 0) return null;
        throw new UpdateOutcomeUnknownException(paths.Directory, "the session ended while it was being written, and the state was written since.", null);
    }

    private Task PauseAsync(int failures, CancellationToken cancellationToken)
    {
        double longest = Math.Min(s_maxPause.TotalMilliseconds, 2 << Math.Min(failures, 10));
        return Task.Delay(TimeSpan.FromMilliseconds(1 + (_random.NextDouble() * longest)), zk.TimeProvider, cancellationToken);
    }

    /// <summary>An update that runs.</summary>
    private sealed class Running
    {
        public volatile bool IsOver;
    }

    /// <param name="Waiting">Ends the waiting for a turn.</param>
    /// <param name="Work">Ends the rest.</param>
    private sealed record TurnLimit(CancellationToken Waiting, CancellationToken Work)
    {
        /// <summary>What ends the waiting; once the turn has come the time is no matter.</summary>
        public CancellationToken Turn => IsTaken ? Work : Waiting;

        public bool IsTaken { get; set; }
    }
}
