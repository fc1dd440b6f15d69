using Okapi.Recipes.Nodes;
using Okapi.Recipes.Queues;

namespace Okapi.Recipes;

/// <summary>
/// A queue for many producers and consumers: first in first out, or by priority, lower numbers first. Curator's <c>DistributedQueue</c> and <c>DistributedPriorityQueue</c>, or kazoo's <c>Queue</c> and
/// <c>LockingQueue</c> with <see cref="NodeNaming.Kazoo"/>. It holds nothing by itself, so there is nothing to dispose; what was received is held by its own handle.
/// </summary>
/// <remarks>
/// <para>Two ways to consume; use one of them on a queue. <b>Dequeue</b> deletes an entry before it hands it out: at most once. <b>Receive</b> locks it and deletes it when it is completed: at least once.</para>
/// <para>Each consumer that waits watches the children of the queue's znode: an entry wakes all who wait, and all but one look again in vain (a list of the children and two requests for each). Where very
/// many consumers share a process, let one of them dequeue and feed the others. Each take reads the names of all entries, so a queue should hold some thousands at most.</para>
/// <para>Children of the znode that are not named as entries are, and entries that have children, are left alone.</para>
/// </remarks>
public sealed class DistributedQueue
{
    private readonly QueueFolder _folder;
    private readonly Enqueuing _enqueuing;
    private readonly Taking _taking;
    private readonly Receiving _receiving;

    internal DistributedQueue(ZooKeeperClient zk, string path, QueueOptions options)
    {
        Path = path;
        LockPath = options.LockPath ?? path + "-locks";
        _folder = new(zk, path, LockPath, options.Naming, options.Acl);
        _enqueuing = new(_folder, options.MaxLength);
        _taking = new(_folder);
        _receiving = new(_folder);
    }

    /// <summary>The znode with the entries below it.</summary>
    public string Path { get; }

    /// <summary>The znode with the locks of received entries below it.</summary>
    public string LockPath { get; }

    /// <summary>Adds an item; with <see cref="QueueOptions.MaxLength"/>, waits until there is room.</summary>
    /// <param name="item">The item.</param>
    /// <param name="cancellationToken">Cancels the call; the item may then be in the queue, unless it was still waiting for room.</param>
    /// <returns>The path of its entry.</returns>
    /// <exception cref="ConnectionLossException">The reply was lost, and the item may be in the queue. It is not added again: that could be twice.</exception>
    /// <exception cref="SessionEndedException">The client is over; a request under way may have been applied.</exception>
    public Task<string> EnqueueAsync(ReadOnlyMemory<byte> item, CancellationToken cancellationToken = default) => EnqueueAsync(item, priority: null, cancellationToken);

    /// <summary>Adds an item with a priority; with <see cref="QueueOptions.MaxLength"/>, waits until there is room.</summary>
    /// <param name="item">The item.</param>
    /// <param name="priority">The priority: lower numbers are taken first. Any with Curator's naming, where items without a priority come before all others; 0 to 999 with kazoo's, where they have 100.</param>
    /// <param name="cancellationToken">Cancels the call; the item may then be in the queue, unless it was still waiting for room.</param>
    /// <returns>The path of its entry.</returns>
    /// <inheritdoc cref="EnqueueAsync(ReadOnlyMemory{byte}, CancellationToken)" path="/exception"/>
    public Task<string> EnqueueAsync(ReadOnlyMemory<byte> item, int? priority, CancellationToken cancellationToken = default) =>
        EnqueueAsync(item, priority, patience: cancellationToken, cancellationToken);

    /// <summary>Adds an item unless there is no room within a time.</summary>
    /// <param name="item">The item.</param>
    /// <param name="priority">The priority, as in <see cref="EnqueueAsync(ReadOnlyMemory{byte}, int?, CancellationToken)"/>; null: none.</param>
    /// <param name="timeout">How long to wait for room; zero: not at all. It does not bound the requests: a server out of reach is not a full queue.</param>
    /// <param name="cancellationToken">Cancels the call; the item may then be in the queue, unless it was still waiting for room.</param>
    /// <returns>The path of its entry; null if the time was up, and then nothing was added.</returns>
    /// <inheritdoc cref="EnqueueAsync(ReadOnlyMemory{byte}, CancellationToken)" path="/exception"/>
    public Task<string?> TryEnqueueAsync(ReadOnlyMemory<byte> item, int? priority, TimeSpan timeout, CancellationToken cancellationToken = default) =>
        Waits.WithinAsync(_folder.Zk.TimeProvider, timeout, patience => EnqueueAsync(item, priority, patience, cancellationToken), cancellationToken);

    /// <summary>Takes the first entry, if there is one: at most once, as it is deleted before it is handed out.</summary>
    /// <param name="cancellationToken">Cancels the call. Once the deletion is under way, the call ends with what became of it.</param>
    /// <returns>The entry; null if the queue is empty.</returns>
    /// <exception cref="EntryInDoubtException">The reply to the deletion was lost, the entry is gone, and whether this call took it is unknown. The exception has its content.</exception>
    /// <exception cref="SessionEndedException">The client is over; nothing was taken.</exception>
    public Task<QueueEntry?> TryDequeueAsync(CancellationToken cancellationToken = default) => _taking.TryTakeAsync(cancellationToken);

    /// <summary>Takes the first entry, or waits for one until a time is up.</summary>
    /// <param name="timeout">How long to wait; zero: not at all.</param>
    /// <param name="cancellationToken">Cancels the call. Once the deletion is under way, the call ends with what became of it.</param>
    /// <returns>The entry; null if the time was up first.</returns>
    /// <inheritdoc cref="TryDequeueAsync(CancellationToken)" path="/exception"/>
    public async Task<QueueEntry?> TryDequeueAsync(TimeSpan timeout, CancellationToken cancellationToken = default) =>
        await TryDequeueAsync(cancellationToken).ConfigureAwait(false) is { } entry ? entry
        : timeout == TimeSpan.Zero ? null
        : await Waits.WithinAsync(_folder.Zk.TimeProvider, timeout, DequeueAsync, cancellationToken).ConfigureAwait(false);

    /// <summary>Takes the first entry, or waits for one: at most once, as it is deleted before it is handed out.</summary>
    /// <param name="cancellationToken">Ends the waiting; no watch stays behind. Once the deletion is under way, the call ends with what became of it.</param>
    /// <returns>The entry.</returns>
    /// <inheritdoc cref="TryDequeueAsync(CancellationToken)" path="/exception"/>
    public Task<QueueEntry> DequeueAsync(CancellationToken cancellationToken = default) => _taking.TakeAsync(cancellationToken);

    /// <summary>Locks the first entry that nobody holds, if there is one: at least once, as it stays in the queue until it is completed.</summary>
    /// <param name="cancellationToken">Cancels the call; no lock stays behind.</param>
    /// <returns>The entry; null if there is none that nobody holds.</returns>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    public Task<ReceivedEntry?> TryReceiveAsync(CancellationToken cancellationToken = default) => _receiving.TryReceiveAsync(cancellationToken);

    /// <summary>Locks the first entry that nobody holds, or waits for one until a time is up.</summary>
    /// <param name="timeout">How long to wait; zero: not at all.</param>
    /// <param name="cancellationToken">Ends the waiting; neither a lock nor a watch stays behind.</param>
    /// <returns>The entry; null if the time was up first.</returns>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    public async Task<ReceivedEntry?> TryReceiveAsync(TimeSpan timeout, CancellationToken cancellationToken = default) =>
        await TryReceiveAsync(cancellationToken).ConfigureAwait(false) is { } entry ? entry
        : timeout == TimeSpan.Zero ? null
        : await Waits.WithinAsync(_folder.Zk.TimeProvider, timeout, ReceiveAsync, cancellationToken).ConfigureAwait(false);

    /// <summary>Locks the first entry that nobody holds, or waits for one: at least once, as it stays in the queue until it is completed.</summary>
    /// <param name="cancellationToken">Ends the waiting; neither a lock nor a watch stays behind.</param>
    /// <returns>The entry.</returns>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    public Task<ReceivedEntry> ReceiveAsync(CancellationToken cancellationToken = default) => _receiving.ReceiveAsync(cancellationToken);

    /// <summary>How many entries there are, those being processed included. The server in use may lag behind.</summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>How many.</returns>
    public async Task<int> CountAsync(CancellationToken cancellationToken = default) => EntryName.Count(
        _folder.Naming,
        await Endurance.AcrossSessions.AskAsync(_folder.Zk, ct => _folder.Zk.TryGetChildrenAsync(Path, ct).AsTask(), cancellationToken).ConfigureAwait(false) ?? []);

    private Task<string> EnqueueAsync(ReadOnlyMemory<byte> item, int? priority, CancellationToken patience, CancellationToken cancellationToken) =>
        _enqueuing.EnqueueAsync(EntryName.PrefixFor(_folder.Naming, priority), ItemFormat.Write(_folder.Naming, item), patience, cancellationToken);
}

/// <summary>Queues on a client.</summary>
public static class ZooKeeperQueues
{
    /// <summary>A queue.</summary>
    /// <param name="zk">The client.</param>
    /// <param name="path">The znode with the entries below it; it is persistent, missing parents are created as containers.</param>
    /// <param name="options">Options; null: Curator's format, no bound. They are copied.</param>
    /// <returns>The queue; nothing is sent yet.</returns>
    public static DistributedQueue Queue(this ZooKeeperClient zk, string path, QueueOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(zk);
        ZnodePath.Validate(path);
        if (path == "/") throw new ArgumentException("The root cannot be a queue.", nameof(path));
        options ??= new();
        if (options.MaxLength < 1) throw new ArgumentOutOfRangeException(nameof(options), options.MaxLength, "MaxLength is 1 or more; null means no bound.");
        if (options.LockPath is { } lockPath)
        {
            ZnodePath.Validate(lockPath);
            if (ZnodePath.IsSameOrBelow(lockPath, path)) throw new ArgumentException($"LockPath {lockPath} is the queue {path} or below it.", nameof(options));
        }

        return new(zk, path, options);
    }
}
