using System.Globalization;
using System.Text;
using Okapi.Recipes;
using Okapi.State.Json;
using Okapi.State.Sharing;

namespace Okapi.State.Updating;

/// <summary>What an update wants to write.</summary>
/// <param name="From">The version that it started from; it is written only in place of this one.</param>
/// <param name="To">The new value, without its version.</param>
/// <param name="Data">Its bytes.</param>
/// <param name="Number">Tells it from all other updates of this instance.</param>
internal sealed record Attempt<T>(Versioned<T> From, Versioned<T> To, byte[] Data, long Number)
{
    /// <param name="version">The version that it has become.</param>
    /// <param name="czxid">The transaction that created the znode.</param>
    /// <param name="entry">The listener entry, which the same transaction has written.</param>
    public Versioned<T> Written(int version, long czxid, in Stat entry) => To with { Version = version, Zxid = entry.Mzxid, Czxid = czxid, ModifiedMilliseconds = entry.ModifiedMilliseconds };
}

/// <summary>What became of an attempt.</summary>
internal enum CommitStatus
{
    /// <summary>It was written.</summary>
    Written,

    /// <summary>It was not written, and never will be: somebody else was faster, the lock is lost, or the request was not sent. To be made again from the newest value.</summary>
    Again,

    /// <summary>Whether it was written cannot be told from this session, which is over.</summary>
    Unknown,
}

/// <param name="Status">What became of it.</param>
/// <param name="Value">What was written, if it was.</param>
/// <param name="Why">Why it is not known.</param>
internal readonly record struct CommitResult<T>(CommitStatus Status, Versioned<T>? Value = null, Exception? Why = null);

/// <summary>
/// Writes an attempt: in one transaction the lock is checked, the attempt's number is written into this instance's listener entry, and the payload is set if it has the version that the attempt started from. When the reply
/// is lost the number tells whether the transaction happened; the payload alone could not, since two processes can write the same.
/// </summary>
internal sealed class Commit<T>(ZooKeeperClient zk, StatePaths paths, ListenerEntry listener, IReadOnlyList<Acl>? acl)
    where T : notnull
{
    /// <summary>Whether versions cannot guard a write, and only the lock can: a client cannot expect a negative version, and -1 is any to a server (H65).</summary>
    public static bool NeedsLock(Versioned<T> from) => from.Version < 0;

    /// <summary>Writes. Once begun it is not cancelled: its outcome has to be known.</summary>
    /// <param name="attempt">What to write.</param>
    /// <param name="held">The lock; null: none.</param>
    /// <param name="cancellationToken">Ends the search for the outcome after a lost connection.</param>
    public async Task<CommitResult<T>> WriteAsync(Attempt<T> attempt, LockHandle? held, CancellationToken cancellationToken)
    {
        bool renews = attempt.From.Version is < 0 or int.MaxValue;
        Transaction transaction = await BuildAsync(attempt, held, renews, cancellationToken).ConfigureAwait(false);
        long session = zk.SessionId;
        try
        {
            TransactionResult result = await transaction.CommitAsync(CancellationToken.None).ConfigureAwait(false);
            return new(CommitStatus.Written, ToValue(attempt, renews, result.Operations.First(operation => operation.Path == paths.Listener).Stat!.Value));
        }
        catch (TransactionFailedException refused) when (refused.Code is ErrorCode.BadVersion or ErrorCode.NoNode)
        {
            return await OnRefusalAsync(attempt, renews, session, refused.Path, cancellationToken).ConfigureAwait(false);
        }
        catch (RequestTimeoutException unsent) when (unsent.Outcome == RequestOutcome.NotSent)
        {
            return new(CommitStatus.Again);
        }
        catch (ZooKeeperException lost) when (Patience.IsLoss(lost) || lost is SessionEndedException)
        {
            return await FindOutAsync(attempt, renews, session, lost, cancellationToken).ConfigureAwait(false);
        }
    }

    private static Versioned<T> ToValue(Attempt<T> attempt, bool renews, in Stat entry) => renews ? attempt.Written(0, entry.Mzxid, entry) : attempt.Written(attempt.From.Version + 1, attempt.From.Czxid, entry);

    /// <summary>A version that is about to wrap, or has, ends with the znode: it is created anew in the same transaction (H65, ZOOKEEPER-4743).</summary>
    private async Task<Transaction> BuildAsync(Attempt<T> attempt, LockHandle? held, bool renews, CancellationToken cancellationToken)
    {
        Transaction transaction = zk.Transaction();
        if (held is not null) transaction.Check(held.Path);
        transaction.Set(paths.Listener, Encoding.ASCII.GetBytes(attempt.Number.ToString(CultureInfo.InvariantCulture)));
        if (!renews) return transaction.Set(paths.Payload, attempt.Data, attempt.From.Version);
        IReadOnlyList<Acl>? own = acl;
        try
        {
            own = (await Patience.AskAsync(zk, () => zk.GetAclAsync(paths.Payload, cancellationToken).AsTask(), cancellationToken).ConfigureAwait(false)).Acl;
        }
        catch (NoNodeException)
        {
            // The transaction says so too.
        }

        // Servers show this in place of a digest to who has not the right Admin (ZOOKEEPER-1392): with it, its owner would be locked out.
        if (own?.Any(each => each.Scheme == "digest" && each.Id.EndsWith(":x", StringComparison.Ordinal)) == true)
            throw new InvalidOperationException($"The versions of {paths.Payload} are used up. It has to be created anew with its ACL, which this client may not read whole: that takes the right {nameof(Permissions.Admin)}.");

        return transaction.Delete(paths.Payload, NeedsLock(attempt.From) ? null : attempt.From.Version).Create(paths.Payload, attempt.Data, CreateMode.Persistent, own);
    }

    private async Task<CommitResult<T>> OnRefusalAsync(Attempt<T> attempt, bool renews, long session, string? refused, CancellationToken cancellationToken)
    {
        if (refused == paths.Listener) await Patience.AskAsync(zk, () => EnsureAsync(cancellationToken), cancellationToken).ConfigureAwait(false);
        // A client that sends writes again by itself (RetryPolicy.RetryUnknownOutcome) reports the refusal of the second time, when the first may have been written.
        return refused == paths.Payload ? await FindOutAsync(attempt, renews, session, lost: null, cancellationToken).ConfigureAwait(false) : new(CommitStatus.Again);
    }

    private async Task<bool> EnsureAsync(CancellationToken cancellationToken)
    {
        await listener.EnsureAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>Looks whether an attempt was written. What the session has sent on an earlier connection cannot come through any more: a server that takes the session over makes the others refuse it (SessionMoved).</summary>
    private async Task<CommitResult<T>> FindOutAsync(Attempt<T> attempt, bool renews, long session, Exception? lost, CancellationToken cancellationToken)
    {
        NodeData? own;
        try
        {
            own = await Patience.AskAsync(zk, () => ReadListenerAsync(cancellationToken), cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is OperationCanceledException or ZooKeeperException)
        {
            throw new UpdateOutcomeUnknownException(paths.Directory, $"the connection was lost, and then {(error is OperationCanceledException ? "the update was cancelled" : "the state could not be read")}: {error.Message}", error);
        }

        if (own is { } mine && mine.Stat.EphemeralOwner == session)
        {
            return long.TryParse(mine.Data, NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number == attempt.Number
                ? new(CommitStatus.Written, ToValue(attempt, renews, mine.Stat))
                : new(CommitStatus.Again);
        }

        return new(CommitStatus.Unknown, Why: lost);
    }

    private async Task<NodeData?> ReadListenerAsync(CancellationToken cancellationToken)
    {
        Task synced = zk.SyncAsync(paths.Listener, cancellationToken).AsTask();
        Task<NodeData?> asked = zk.TryGetAsync(paths.Listener, cancellationToken).AsTask();
        await Task.WhenAll(synced, asked).ConfigureAwait(false);
        return await asked.ConfigureAwait(false);
    }
}
