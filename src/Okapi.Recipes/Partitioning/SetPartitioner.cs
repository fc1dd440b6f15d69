using System.Runtime.CompilerServices;
using Okapi.Recipes.Partitioning;

namespace Okapi.Recipes;

/// <summary>
/// Divides a set of items among the members of a party, so that no item is held by two at once, and divides it anew when members come and go. Every member gets each n-th item of the sorted set,
/// beginning at his place among the sorted members; he holds an item by its lock, so that exclusion rests on ZooKeeper and not on time. Compatible with kazoo's SetPartitioner.
/// </summary>
public sealed class SetPartitioner : IAsyncDisposable
{
    private readonly ZooKeeperClient _zk;
    private readonly IReadOnlyList<string> _items;
    private readonly IReadOnlyList<Acl>? _acl;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile Allocation? _allocation;
    private int _isRead;

    internal SetPartitioner(ZooKeeperClient zk, string path, IReadOnlyList<string> items, SetPartitionerOptions options)
    {
        (_zk, Path, _items, _acl) = (zk, path, items, options.Acl);
        MemberId = options.MemberId ?? Guid.NewGuid().ToString("N");
        _ = new LockOptions { Identity = MemberId }.ValidIdentity();
        if (MemberId.Length == 0 || MemberId.Contains('/', StringComparison.Ordinal)) throw new ArgumentException($"\"{MemberId}\" cannot be in a znode's name.", nameof(options));
    }

    /// <summary>The znode below which the members (<c>party</c>) and the items' locks (<c>locks</c>) are.</summary>
    public string Path { get; }

    /// <summary>This member's id.</summary>
    public string MemberId { get; }

    /// <summary>Where it stands.</summary>
    public PartitionState State => _ended.Task.IsCompleted ? PartitionState.Failed : _allocation?.State ?? PartitionState.Allocating;

    /// <summary>
    /// Joins, and gives the shares of this member, one after another, until the reading ends, which is to leave. A share is given when all of it is held.
    /// </summary>
    /// <remarks>
    /// <para>
    /// Asking for the next share says that the work on the last one has stopped: only then do others get its items, however long after <see cref="Partition.Lost"/> that is. So the body of the loop
    /// has to last as long as the work does:
    /// </para>
    /// <code>
    /// await foreach (Partition share in partitioner.PartitionsAsync(ct))
    ///     await WorkAsync(share.Items, share.Lost);
    /// </code>
    /// <para>A body that ends early leaves its share held, unworked, until the set is divided anew. With <see cref="SessionRecovery.NewSession"/> it goes on in the next session.</para>
    /// </remarks>
    /// <param name="cancellationToken">Ends the reading, and the share in hand.</param>
    /// <returns>The shares; one reader, once.</returns>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    /// <exception cref="InvalidOperationException">They are read, or were read, already.</exception>
    public async IAsyncEnumerable<Partition> PartitionsAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        if (Interlocked.Exchange(ref _isRead, 1) != 0 && !_stop.IsCancellationRequested) throw new InvalidOperationException("The partitions are read once; make another partitioner to join again.");
        if (_ended.Task.IsCompleted) yield break; // disposed before
        try
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stop.Token);
            var allocation = new Allocation(_zk, Path, MemberId, _items, _acl, stop.Token);
            await using (allocation.ConfigureAwait(false))
            {
                _allocation = allocation;
                while (await NextAsync(allocation, cancellationToken).ConfigureAwait(false) is { } partition) yield return partition;
            }
        }
        finally
        {
            _ended.TrySetResult();
        }
    }

    /// <summary>Ends the reading: the share in hand is lost, and given back when its reader asks for the next.</summary>
    /// <returns>Completes when this member has left; at once if a share is in a reader's hands.</returns>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        if (Interlocked.Exchange(ref _isRead, 1) == 0) _ended.TrySetResult();
        else if (_allocation is not { IsHandedOut: true }) await _ended.Task.ConfigureAwait(false);
    }

    private async Task<Partition?> NextAsync(Allocation allocation, CancellationToken cancellationToken)
    {
        try
        {
            return await allocation.NextAsync().ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            return null; // disposed: an end in order
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
    }
}
