using System.Runtime.CompilerServices;

namespace Okapi;

/// <summary>A znode met on a walk through a tree.</summary>
/// <param name="Path">Its path.</param>
/// <param name="Stat">Its Stat.</param>
public readonly record struct WalkedNode(string Path, Stat Stat);

/// <summary>What takes more than one request: paths with their parents, whole trees, and creates that survive a lost reply.</summary>
public static class ZooKeeperTrees
{
    /// <summary>Creates a znode and whichever of its ancestors are missing, all persistent and without data. Safe when others do the same at the same time.</summary>
    /// <param name="client">The client.</param>
    /// <param name="path">The path that must exist afterwards.</param>
    /// <param name="acl">The ACL of created znodes; null: the default.</param>
    /// <param name="cancellationToken">Cancels between requests.</param>
    /// <returns>Completes when it exists.</returns>
    public static async Task EnsurePathAsync(this ZooKeeperClient client, string path, IReadOnlyList<Acl>? acl = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ZnodePath.Validate(path);
        if (path == "/" && client.Chroot.Length == 0) return;
        // Most often the path exists, or only its last element is missing. No permission on an ancestor is needed (H64).
        if (await client.ExistsAsync(path, cancellationToken).ConfigureAwait(false) is not null) return;
        List<string> whole = WithAncestors(path), chain = [path];
        while (true)
        {
            Attempt[] attempts = await CreateAllAsync(client, chain, acl, cancellationToken).ConfigureAwait(false);
            Attempt last = attempts[^1];
            if (last.Outcome is CreateOutcome.Created or CreateOutcome.NodeExists) return;
            if (last.Outcome != CreateOutcome.NoParent) throw last.ToException();
            if (chain.Count < whole.Count) chain = whole;
            else if (attempts[0].Outcome == CreateOutcome.NoParent) await EnsureChrootAsync(client, acl, cancellationToken).ConfigureAwait(false);
            else if (WhyMissing(attempts) is { } why) throw why;
        }
    }

    /// <summary>
    /// Deletes a znode and everything below it, children first, as far as it goes: what others create meanwhile is deleted too. It is not a transaction.
    /// </summary>
    /// <param name="client">The client.</param>
    /// <param name="path">The top of the tree; the root is refused.</param>
    /// <param name="cancellationToken">Cancels between requests.</param>
    /// <returns>How many znodes this call deleted; 0 if there was none.</returns>
    public static async Task<int> DeleteRecursiveAsync(this ZooKeeperClient client, string path, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ZnodePath.Validate(path);
        if (path == "/") throw new ArgumentException("\"/\" cannot be deleted; delete its children one by one.", nameof(path));
        int deleted = 0;
        while (true)
        {
            switch (await client.TryDeleteAsync(path, cancellationToken: cancellationToken).ConfigureAwait(false))
            {
                case DeleteOutcome.Deleted:
                    return deleted + 1;
                case DeleteOutcome.NoNode:
                    return deleted;
                default:
                    deleted += await DeleteChildrenAsync(client, path, cancellationToken).ConfigureAwait(false);
                    break;
            }
        }
    }

    /// <summary>
    /// Walks through a tree, parents before children, a level at a time with its requests in one go. It is not a snapshot: znodes may come and go meanwhile.
    /// </summary>
    /// <param name="client">The client.</param>
    /// <param name="path">The top of the tree.</param>
    /// <param name="cancellationToken">Ends the walk.</param>
    /// <returns>The znodes, the top included; nothing if it does not exist.</returns>
    public static async IAsyncEnumerable<WalkedNode> WalkAsync(this ZooKeeperClient client, string path, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ZnodePath.Validate(path);
        var level = new List<string> { path };
        while (level.Count > 0)
        {
            var below = new List<string>();
            foreach (string[] batch in level.Chunk(BatchSize))
            {
                Task<NodeChildren?>[] reads = [.. batch.Select(node => TryListAsync(client, node, cancellationToken))];
                for (int i = 0; i < reads.Length; i++)
                {
                    if (await reads[i].ConfigureAwait(false) is not { } children) continue;
                    below.AddRange(children.Names.Order(StringComparer.Ordinal).Select(name => ZnodePath.Combine(batch[i], name)));
                    yield return new(batch[i], children.Stat);
                }
            }

            level = below;
        }
    }

    /// <summary>
    /// Creates a znode whose name carries a GUID, so that it can be found again if the reply is lost: then the znode that was created is returned, and not a second one made.
    /// An ephemeral one that belongs to an earlier session is never taken for one's own.
    /// </summary>
    /// <param name="client">The client.</param>
    /// <param name="path">The path; the last element becomes <c>_c_GUID-element</c>, as Curator writes it.</param>
    /// <param name="data">Its data; null: none.</param>
    /// <param name="mode">What kind of znode.</param>
    /// <param name="acl">Who may do what; null: the default.</param>
    /// <param name="cancellationToken">Cancels the call; the znode may then exist.</param>
    /// <returns>Its path.</returns>
    public static async Task<string> CreateProtectedAsync(this ZooKeeperClient client, string path, ReadOnlyMemory<byte>? data = null, CreateMode mode = CreateMode.EphemeralSequential, IReadOnlyList<Acl>? acl = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ZnodePath.Validate(path, mode.IsSequential());
        if (mode.HasTtl()) throw new ArgumentException($"{mode} needs a time to live, which a protected create does not take.", nameof(mode));
        string parent = ZnodePath.GetParent(path) ?? throw new ArgumentException("The root cannot be created.", nameof(path));
        string mark = $"_c_{Guid.NewGuid():D}-";
        string marked = ZnodePath.Combine(parent, mark + ZnodePath.GetName(path));
        while (true)
        {
            try
            {
                return await client.CreateAsync(marked, data, mode, acl, cancellationToken: cancellationToken).ConfigureAwait(false);
            }
            catch (ZooKeeperException lost) when (lost is ConnectionLossException or RequestTimeoutException or NodeExistsException)
            {
                // Reads wait for the next connection, so this asks once there is one.
                string? found;
                try
                {
                    found = await FindAsync(client, parent, mark, mode, cancellationToken).ConfigureAwait(false);
                }
                catch (ZooKeeperException unreachable) when (unreachable is ConnectionLossException or RequestTimeoutException)
                {
                    throw lost; // whether it was created is what the caller has to know
                }

                if (found is not null) return found;
                if (lost is NodeExistsException) throw;
            }
        }
    }

    /// <summary>How many requests a walk has under way at most.</summary>
    private const int BatchSize = 256;

    /// <summary>A path and its ancestors, the highest first.</summary>
    private static List<string> WithAncestors(string path)
    {
        var chain = new List<string> { path };
        while (ZnodePath.GetParent(chain[0]) is { Length: > 1 } parent) chain.Insert(0, parent);
        return chain;
    }

    /// <summary>Asks for all at once and in order: one round trip, and whoever else deletes them has little time in between.</summary>
    private static Task<Attempt[]> CreateAllAsync(ZooKeeperClient client, List<string> chain, IReadOnlyList<Acl>? acl, CancellationToken cancellationToken)
    {
        return Task.WhenAll([.. chain.Select(TryAsync)]);

        async Task<Attempt> TryAsync(string path)
        {
            try
            {
                return new(path, (await client.TryCreateAsync(path, acl: acl, cancellationToken: cancellationToken).ConfigureAwait(false)).Outcome, null);
            }
            catch (ZooKeeperException refusal)
            {
                return new(path, null, refusal); // of an ancestor it says nothing: it may be there all the same
            }
        }
    }

    /// <summary>Why the first ancestor that is missing was not created; null if it was, and somebody has deleted it since.</summary>
    private static ZooKeeperException? WhyMissing(Attempt[] attempts)
    {
        Attempt parent = attempts[Array.FindIndex(attempts, static attempt => attempt.Outcome == CreateOutcome.NoParent) - 1];
        return parent.Outcome is CreateOutcome.Created or CreateOutcome.NodeExists ? null : parent.ToException();
    }

    private static Task EnsureChrootAsync(ZooKeeperClient client, IReadOnlyList<Acl>? acl, CancellationToken cancellationToken) => client.Chroot.Length > 0
        ? client.WithoutChroot().EnsurePathAsync(client.Chroot, acl, cancellationToken)
        : throw ServerErrors.Create(ErrorCode.NoNode, Protocol.OpCode.Create, "/"); // a server without a root

    private static async Task<int> DeleteChildrenAsync(ZooKeeperClient client, string path, CancellationToken cancellationToken)
    {
        if (await client.TryGetChildrenAsync(path, cancellationToken).ConfigureAwait(false) is not { } children) return 0;
        int deleted = 0;
        foreach (string[] batch in children.Chunk(BatchSize))
        {
            // Leaves, the most common, go in one go; what has children is taken apart afterwards.
            Task<DeleteOutcome>[] deletes = [.. batch.Select(child => client.TryDeleteAsync(ZnodePath.Combine(path, child), cancellationToken: cancellationToken).AsTask())];
            DeleteOutcome[] outcomes = await Task.WhenAll(deletes).ConfigureAwait(false);
            for (int i = 0; i < batch.Length; i++)
            {
                if (outcomes[i] == DeleteOutcome.Deleted) deleted++;
                else if (outcomes[i] == DeleteOutcome.NotEmpty) deleted += await client.DeleteRecursiveAsync(ZnodePath.Combine(path, batch[i]), cancellationToken).ConfigureAwait(false);
            }
        }

        return deleted;
    }

    private static async Task<NodeChildren?> TryListAsync(ZooKeeperClient client, string path, CancellationToken cancellationToken)
    {
        try
        {
            return await client.GetChildrenWithStatAsync(path, cancellationToken).ConfigureAwait(false);
        }
        catch (NoNodeException)
        {
            return null;
        }
    }

    private static async Task<string?> FindAsync(ZooKeeperClient client, string parent, string mark, CreateMode mode, CancellationToken cancellationToken)
    {
        await client.SyncAsync(parent, cancellationToken).ConfigureAwait(false);
        foreach (string name in await client.TryGetChildrenAsync(parent, cancellationToken).ConfigureAwait(false) ?? [])
        {
            if (!name.StartsWith(mark, StringComparison.Ordinal)) continue;
            string found = ZnodePath.Combine(parent, name);
            if (!mode.IsEphemeral()) return found;
            if (await client.ExistsAsync(found, cancellationToken).ConfigureAwait(false) is { } stat && stat.EphemeralOwner == client.SessionId) return found;
        }

        return null;
    }

    /// <summary>One create of a chain.</summary>
    private sealed record Attempt(string Path, CreateOutcome? Outcome, ZooKeeperException? Refusal)
    {
        public ZooKeeperException ToException() => Refusal ?? ServerErrors.Create(ErrorCode.NoChildrenForEphemerals, Protocol.OpCode.Create, Path);
    }
}
