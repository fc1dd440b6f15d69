using Okapi.Recipes.Nodes;

namespace Okapi.Recipes.Locks;

/// <summary>Whom somebody in a line has to wait for; null: nobody.</summary>
/// <param name="line">All who are in the line, in order.</param>
/// <param name="mine">Where in it he is.</param>
internal delegate Contender? FindBlocker(IReadOnlyList<Contender> line, int mine);

/// <summary>
/// The one way in which a turn is waited for: an ephemeral sequential znode for each who waits, and a watch of the one whom he waits for, so that a release wakes one and not all (H62). What
/// differs between a lock, a reader-writer lock and an election is the markers and <see cref="FindBlocker"/>.
/// </summary>
internal sealed class Line(ZooKeeperClient zk, string path, RecipeOptions options, IReadOnlyList<string> markers) : IAsyncDisposable
{
    private readonly Holdings _holdings = new(zk, path, options);

    public string Path => path;

    /// <summary>Waits in the line until its turn.</summary>
    /// <param name="marker">What is wanted.</param>
    /// <param name="data">What others can read of who waits.</param>
    /// <param name="findBlocker">Whom to wait for.</param>
    /// <param name="timeout">How long to wait; zero: not at all, but for the servers' answers; null: for ever.</param>
    /// <param name="cancellationToken">Leaves the line.</param>
    /// <returns>What is held then; null when the time was up.</returns>
    public Task<LockHandle?> EnterAsync(string marker, ReadOnlyMemory<byte> data, FindBlocker findBlocker, TimeSpan? timeout, CancellationToken cancellationToken) =>
        _holdings.WaitAsync(limit => TakeTurnAsync(marker, data, findBlocker, limit), timeout, cancellationToken);

    /// <summary>Who is in the line, in order.</summary>
    public async Task<List<Contender>> ListAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<string>? names = await Endurance.AcrossSessions.AskAsync(zk, ct => zk.TryGetChildrenAsync(path, ct).AsTask(), cancellationToken).ConfigureAwait(false);
        return Contender.Line(names ?? [], markers);
    }

    public ValueTask DisposeAsync() => _holdings.DisposeAsync();

    private async Task<Turn> TakeTurnAsync(string marker, ReadOnlyMemory<byte> data, FindBlocker findBlocker, Limit limit)
    {
        string prefix = options.Naming == NodeNaming.Kazoo ? $"{Guid.NewGuid():N}" : $"_c_{Guid.NewGuid():D}-";
        var node = new ProtectedNode(zk, path, prefix, marker) { Naming = options.Naming };
        await _holdings.StepAsync(LineStep.Create, path).ConfigureAwait(false);
        long session = zk.SessionId;
        string mine = await node.CreateAsync(data, CreateMode.EphemeralSequential, options.Acl, limit.Token).ConfigureAwait(false);
        var turn = Turn.Gone;
        try
        {
            turn = await WaitAsync(prefix, session, findBlocker, limit).ConfigureAwait(false);
            return turn;
        }
        finally
        {
            // Not waited for: whoever has given up need not know, and whatever is asked for next on this session comes after it.
            if (turn.Handle is null) Background.Leave(Removal.DeleteAsync(zk, mine));
        }
    }

    private async Task<Turn> WaitAsync(string prefix, long session, FindBlocker findBlocker, Limit limit)
    {
        while (true)
        {
            await _holdings.StepAsync(LineStep.List, path).ConfigureAwait(false);
            List<Contender> line = await ListAsync(limit.Token).ConfigureAwait(false);
            int mine = line.FindIndex(each => each.Name.StartsWith(prefix, StringComparison.Ordinal));
            if (mine < 0 || zk.SessionId != session) return Turn.Gone; // with its session, or deleted by hand
            DropSecondOf(line, prefix, mine);
            if (findBlocker(line, mine) is { } blocker)
            {
                if (limit.IsZero) return Turn.TimeUp;
                await WaitForAsync(blocker, session, limit.Token).ConfigureAwait(false);
                continue;
            }

            await _holdings.StepAsync(LineStep.Confirm, line[mine].Name).ConfigureAwait(false);
            if (await _holdings.ConfirmAsync(ZnodePath.Combine(path, line[mine].Name), session, limit.Token).ConfigureAwait(false) is { } handle) return new(handle);
        }
    }

    private async Task WaitForAsync(Contender blocker, long session, CancellationToken cancellationToken)
    {
        string ahead = ZnodePath.Combine(path, blocker.Name);
        await _holdings.StepAsync(LineStep.Watch, blocker.Name).ConfigureAwait(false);
        OneShotWatch<NodeData>? watch = await Endurance.WithinSession.AskAsync(zk, ct => zk.TryWatchDataAsync(ahead, ct), cancellationToken).ConfigureAwait(false);
        if (watch is null) return;
        try
        {
            if (zk.SessionId != session) return; // its place has gone with its session: it has to line up again, not to wait
            await _holdings.StepAsync(LineStep.Wait, blocker.Name).ConfigureAwait(false);
            await watch.Fired.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Background.Leave(watch.DisposeAsync().AsTask()); // not waited for: whoever has given up does not wait for servers
        }
    }

    /// <summary>A create that was made twice, because the first came through after it had been looked for in vain.</summary>
    private void DropSecondOf(List<Contender> line, string prefix, int mine)
    {
        for (int i = line.Count - 1; i > mine; i--)
        {
            if (!line[i].Name.StartsWith(prefix, StringComparison.Ordinal)) continue;
            Background.Leave(Removal.DeleteAsync(zk, ZnodePath.Combine(path, line[i].Name)));
            line.RemoveAt(i);
        }
    }
}
