using System.Runtime.CompilerServices;
using Okapi.Recipes.Counters;
using Okapi.Recipes.Nodes;

namespace Okapi.Recipes;

/// <summary>A value as it was at one version of its znode.</summary>
/// <typeparam name="T">The value's type.</typeparam>
/// <param name="Value">The value.</param>
/// <param name="Version">The znode's version; a write can expect it.</param>
/// <param name="Zxid">The transaction that wrote it: of two values the one with the greater zxid is the newer, unless the servers have lost data between them.</param>
public readonly record struct VersionedValue<T>(T Value, int Version, long Zxid);

/// <summary>
/// Bytes that many processes share, with a version: Curator's <c>SharedValue</c>. It keeps no copy and no watch of its own, so there is nothing to dispose; each stream of changes has its own watch.
/// </summary>
public sealed class SharedValue
{
    private readonly ZooKeeperClient _zk;
    private readonly VersionedNode _node;
    private readonly byte[] _seed;

    internal SharedValue(ZooKeeperClient zk, string path, ReadOnlyMemory<byte> seed, RecipeOptions options)
    {
        (_zk, Path, _seed) = (zk, path, seed.ToArray());
        _node = new(zk, path, options.Acl);
    }

    /// <summary>The znode.</summary>
    public string Path { get; }

    /// <summary>Reads the value; where there is no znode, it is created with the seed. The server in use may lag behind; call <see cref="ZooKeeperClient.SyncAsync"/> first where that matters.</summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The value and its version.</returns>
    public async Task<VersionedValue<byte[]>> GetAsync(CancellationToken cancellationToken = default) => ToValue(await ReadOrSeedAsync(cancellationToken).ConfigureAwait(false));

    /// <summary>Writes a value, whatever is there.</summary>
    /// <param name="value">The value.</param>
    /// <param name="cancellationToken">Cancels the call; it may then have been written.</param>
    /// <returns>The value with its new version.</returns>
    /// <exception cref="ConnectionLossException">The reply was lost; its outcome says whether the value may have been written.</exception>
    public async Task<VersionedValue<byte[]>> SetAsync(ReadOnlyMemory<byte> value, CancellationToken cancellationToken = default)
    {
        Stat written = await _node.WriteAsync(value, cancellationToken).ConfigureAwait(false);
        return new(value.ToArray(), written.Version, written.Mzxid);
    }

    /// <summary>Writes a value if nobody has written since another was read.</summary>
    /// <param name="expected">What was read.</param>
    /// <param name="value">The value.</param>
    /// <param name="cancellationToken">Cancels the call; it may then have been written.</param>
    /// <returns>The value with its new version; null if somebody has written.</returns>
    /// <exception cref="ConnectionLossException">The reply was lost, and nobody can tell whether the value was written.</exception>
    public async Task<VersionedValue<byte[]>?> TrySetAsync(VersionedValue<byte[]> expected, ReadOnlyMemory<byte> value, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(expected.Version, nameof(expected));
        var seen = new NodeData([], new Stat { Version = expected.Version, Mzxid = expected.Zxid });
        return await _node.TryWriteAsync(seen, value, cancellationToken).ConfigureAwait(false) is { } written ? new(value.ToArray(), written.Version, written.Mzxid) : null;
    }

    /// <summary>
    /// The value as it is, and then each newer one. A reader that is slower than the writers misses values in between and never the latest, not even over a lost connection or, with
    /// <see cref="SessionRecovery.NewSession"/>, a lost session. While there is no znode nothing comes. An older value comes only after servers have lost data (an emptied disk, a backup), when a transaction has proven it.
    /// </summary>
    /// <param name="cancellationToken">Ends the stream with <see cref="OperationCanceledException"/>.</param>
    /// <returns>The values, newer ones later.</returns>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    public async IAsyncEnumerable<VersionedValue<byte[]>> ChangesAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        NodeData last = await ReadOrSeedAsync(cancellationToken).ConfigureAwait(false);
        yield return ToValue(last);
        while (true)
        {
            OneShotWatch<NodeData>? watch = await Endurance.AcrossSessions.AskAsync(_zk, ct => _zk.TryWatchDataAsync(Path, ct), cancellationToken).ConfigureAwait(false);
            if (watch is null)
            {
                await Endurance.AcrossSessions.AskAsync(_zk, WaitUntilCreatedAsync, cancellationToken).ConfigureAwait(false);
                continue;
            }

            await using (watch.ConfigureAwait(false))
            {
                if (await FindNextAsync(last, watch.Value, cancellationToken).ConfigureAwait(false) is { } next)
                {
                    last = next;
                    yield return ToValue(last);
                }

                await UntilFiredAsync(watch, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private static VersionedValue<byte[]> ToValue(NodeData node) => new(node.Data, node.Stat.Version, node.Stat.Mzxid);

    private async Task<NodeData> ReadOrSeedAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            if (await _node.ReadAsync(cancellationToken).ConfigureAwait(false) is { } node) return node;
            // To create it twice is not possible, so a lost reply does no harm.
            await Endurance.AcrossSessions.AskAsync(_zk, ct => _node.TryCreateAsync(_seed, ct), cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// What a reader is told after the last value, if that has changed. What looks older is of a server that lags behind the last one, whose watch will tell what it has not seen yet; or the servers have lost data, and their
    /// transactions count anew. The quorum knows.
    /// </summary>
    private async Task<NodeData?> FindNextAsync(NodeData last, NodeData seen, CancellationToken cancellationToken)
    {
        if (seen.Stat.IsSameWriteAs(last.Stat)) return null;
        if (seen.Stat.Mzxid > last.Stat.Mzxid) return seen;
        return await _node.ReadThroughQuorumAsync(cancellationToken).ConfigureAwait(false) is { } proven && !proven.Stat.IsSameWriteAs(last.Stat) ? proven : null;
    }

    /// <summary>A watch that ended with its session has done its duty: the value is read again in the next one.</summary>
    private async Task UntilFiredAsync(OneShotWatch<NodeData> watch, CancellationToken cancellationToken)
    {
        try
        {
            await watch.Fired.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (SessionExpiredException)
        {
            await _zk.WaitConnectedAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<bool> WaitUntilCreatedAsync(CancellationToken cancellationToken)
    {
        OneShotWatch<Stat?> watch = await _zk.WatchExistsAsync(Path, cancellationToken).ConfigureAwait(false);
        await using (watch.ConfigureAwait(false))
        {
            if (watch.Value is null) await watch.Fired.WaitAsync(cancellationToken).ConfigureAwait(false);
            return true;
        }
    }
}
