using Okapi.Recipes.Locks;

namespace Okapi.Recipes;

/// <summary>
/// A lock that either many hold who read, or one who writes. Fair: who reads waits for writers that came before him, so neither starves. Not re-entrant, and a reader cannot become a writer
/// without giving it back first. Compatible with Curator's InterProcessReadWriteLock, and with kazoo's ReadLock and WriteLock (<see cref="NodeNaming.Kazoo"/>).
/// </summary>
public sealed class DistributedReaderWriterLock : IAsyncDisposable
{
    private readonly ZooKeeperClient _zk;
    private readonly Line _line;
    private readonly string _reads;
    private readonly string _writes;
    private readonly byte[] _identity;

    internal DistributedReaderWriterLock(ZooKeeperClient zk, string path, LockOptions options)
    {
        _zk = zk;
        _identity = options.ValidIdentity();
        (_reads, _writes) = options.Naming == NodeNaming.Kazoo ? ("__rlock__", "__lock__") : ("__READ__", "__WRIT__");
        _line = new Line(zk, path, options, [_reads, _writes]);
    }

    /// <summary>The znode that the contenders' znodes are children of.</summary>
    public string Path => _line.Path;

    /// <summary>Waits until it may be read.</summary>
    /// <param name="cancellationToken">Ends the waiting; nothing of it is left behind.</param>
    /// <returns>The lock, held with other readers.</returns>
    public async Task<LockHandle> AcquireReadAsync(CancellationToken cancellationToken = default) => (await EnterAsync(_reads, null, cancellationToken).ConfigureAwait(false))!;

    /// <summary>Waits until it may be written.</summary>
    /// <param name="cancellationToken">Ends the waiting; nothing of it is left behind.</param>
    /// <returns>The lock, held alone.</returns>
    public async Task<LockHandle> AcquireWriteAsync(CancellationToken cancellationToken = default) => (await EnterAsync(_writes, null, cancellationToken).ConfigureAwait(false))!;

    /// <summary>Waits until it may be read, but not for ever.</summary>
    /// <param name="timeout">How long.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>The lock, held with other readers.</returns>
    /// <exception cref="TimeoutException">The time was up.</exception>
    public async Task<LockHandle> AcquireReadAsync(TimeSpan timeout, CancellationToken cancellationToken = default) =>
        await EnterAsync(_reads, timeout, cancellationToken).ConfigureAwait(false) ?? throw TimeUp("read", timeout);

    /// <summary>Waits until it may be written, but not for ever.</summary>
    /// <param name="timeout">How long.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>The lock, held alone.</returns>
    /// <exception cref="TimeoutException">The time was up.</exception>
    public async Task<LockHandle> AcquireWriteAsync(TimeSpan timeout, CancellationToken cancellationToken = default) =>
        await EnterAsync(_writes, timeout, cancellationToken).ConfigureAwait(false) ?? throw TimeUp("write", timeout);

    /// <summary>Takes it for reading if that can be had in time.</summary>
    /// <param name="timeout">How long to wait. Zero, the default: only for the servers' answers.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>The lock, held with other readers; null: it could not be had.</returns>
    public Task<LockHandle?> TryAcquireReadAsync(TimeSpan timeout = default, CancellationToken cancellationToken = default) => EnterAsync(_reads, timeout, cancellationToken);

    /// <summary>Takes it for writing if that can be had in time.</summary>
    /// <param name="timeout">How long to wait. Zero, the default: only for the servers' answers.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>The lock, held alone; null: it could not be had.</returns>
    public Task<LockHandle?> TryAcquireWriteAsync(TimeSpan timeout = default, CancellationToken cancellationToken = default) => EnterAsync(_writes, timeout, cancellationToken);

    /// <summary>Who holds it and who waits for it, in order.</summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The contenders at some moment of the call.</returns>
    public Task<IReadOnlyList<LockContender>> GetContendersAsync(CancellationToken cancellationToken = default) => Contenders.ReadAsync(_zk, _line, cancellationToken);

    /// <summary>Gives back what is held through this object, and ends what is waited for through it.</summary>
    public ValueTask DisposeAsync() => _line.DisposeAsync();

    private TimeoutException TimeUp(string what, TimeSpan timeout) => new($"The {what} lock of {Path} could not be had within {timeout.TotalSeconds:0.###} s.");

    private Task<LockHandle?> EnterAsync(string marker, TimeSpan? timeout, CancellationToken cancellationToken) =>
        _line.EnterAsync(marker, _identity, marker == _writes ? Before : LastWriterBefore, timeout, cancellationToken);

    private static Contender? Before(IReadOnlyList<Contender> line, int mine) => mine == 0 ? null : line[mine - 1];

    /// <summary>Who reads waits for the last writer before him: once that one is gone, so are those before it.</summary>
    private Contender? LastWriterBefore(IReadOnlyList<Contender> line, int mine)
    {
        for (int i = mine - 1; i >= 0; i--)
            if (line[i].Marker == _writes) return line[i];
        return null;
    }
}
