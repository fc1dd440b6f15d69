using Okapi.Recipes.Queues;

namespace Okapi.Recipes;

/// <summary>
/// An entry that this consumer holds, and no other while its session lasts. It stays in the queue until it is completed; if the consumer abandons it, disposes of it or dies, it comes to another, in its
/// old place.
/// </summary>
public sealed class ReceivedEntry : IAsyncDisposable
{
    private readonly EntryClaim _claim;
    private readonly CancellationToken _sessionLost;
    private int _isReleased;

    internal ReceivedEntry(EntryClaim claim, QueueEntry entry, long fencingToken, CancellationToken lost, CancellationToken sessionLost) =>
        (_claim, Entry, FencingToken, Lost, _sessionLost) = (claim, entry, fencingToken, lost, sessionLost);

    /// <summary>The entry: its items, its znode.</summary>
    public QueueEntry Entry { get; }

    /// <inheritdoc cref="QueueEntry.Data"/>
    public ReadOnlyMemory<byte> Data => Entry.Data;

    /// <summary>The ephemeral znode that exists while the entry is held, with a name of its own: a transaction that checks it is applied only while the entry is held.</summary>
    public string Path => _claim.MarkPath;

    /// <summary>The transaction that gave this consumer the entry: of two consumers that were given an entry, the later one has the greater number.</summary>
    public long FencingToken { get; }

    /// <summary>Trips when the entry may come to another consumer (<see cref="ZooKeeperClient.SessionAtRisk"/>). It does not tell that somebody deletes the lock by hand.</summary>
    public CancellationToken Lost { get; }

    /// <summary>Whether the entry is held: neither completed nor abandoned, and the session is safe.</summary>
    public bool IsHeld => Volatile.Read(ref _isReleased) == 0 && !Lost.IsCancellationRequested;

    /// <summary>Deletes the entry: it has been processed. One transaction, which is applied only while the entry is held.</summary>
    /// <param name="cancellationToken">Cancels the call; the entry may then be completed, and stays held otherwise.</param>
    /// <returns>Completes when it is deleted. A lost reply is found out about.</returns>
    /// <exception cref="EntryLostException">It was not held any more, so it is processed by another consumer as well.</exception>
    /// <exception cref="ConnectionLossException">The reply was lost and the session ended: the entry is gone, and whether by this call or another consumer's is unknown.</exception>
    /// <exception cref="SessionEndedException">The client is over; the entry comes to another consumer unless it was completed just before.</exception>
    public async Task CompleteAsync(CancellationToken cancellationToken = default)
    {
        if (!await TryCompleteAsync(cancellationToken).ConfigureAwait(false)) throw new EntryLostException(Entry.Path);
    }

    /// <summary>Deletes the entry if it is still held.</summary>
    /// <returns>False if it was not held any more.</returns>
    /// <inheritdoc cref="CompleteAsync" path="/*[not(self::summary or self::returns or contains(@cref, 'EntryLost'))]"/>
    public async Task<bool> TryCompleteAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _isReleased) != 0, this);
        bool isCompleted = await _claim.TryCompleteAsync(_sessionLost, cancellationToken).ConfigureAwait(false);
        Volatile.Write(ref _isReleased, 1);
        return isCompleted;
    }

    /// <summary>Gives the entry back to the queue.</summary>
    /// <returns>Completes when it is back; or there is no connection, or no server that takes writes, and the giving back goes on in the background.</returns>
    public Task AbandonAsync() => Interlocked.Exchange(ref _isReleased, 1) == 0 ? _claim.ReleaseAsync() : Task.CompletedTask;

    /// <summary>As <see cref="AbandonAsync"/>, unless the entry is completed.</summary>
    /// <inheritdoc cref="AbandonAsync" path="/returns"/>
    public ValueTask DisposeAsync() => new(AbandonAsync());
}
