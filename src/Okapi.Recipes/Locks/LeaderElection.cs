using System.Runtime.CompilerServices;
using Okapi.Recipes.Locks;
using Okapi.Recipes.Nodes;

namespace Okapi.Recipes;

/// <summary>
/// An election among the processes that use the same path: one leads, and when it goes, resigns or is lost, the next in line does. Compatible with Curator's LeaderLatch, and with kazoo's
/// Election (<see cref="NodeNaming.Kazoo"/>).
/// </summary>
public sealed class LeaderElection : IAsyncDisposable
{
    private readonly ZooKeeperClient _zk;
    private readonly Line _line;
    private readonly string _marker;
    private readonly byte[] _name;

    internal LeaderElection(ZooKeeperClient zk, string path, LockOptions options)
    {
        _zk = zk;
        _name = options.ValidIdentity();
        _marker = options.Naming == NodeNaming.Kazoo ? "__lock__" : "latch-";
        _line = new Line(zk, path, options, [_marker]);
        Name = options.Identity;
    }

    /// <summary>The znode that the candidates' znodes are children of.</summary>
    public string Path => _line.Path;

    /// <summary>The name of this candidate.</summary>
    public string Name { get; }

    /// <summary>Stands for election and waits to lead.</summary>
    /// <param name="cancellationToken">Withdraws; nothing of it is left behind.</param>
    /// <returns>The term: it lasts until it is disposed, which is to resign, or <see cref="LockHandle.Lost"/>.</returns>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    public async Task<LockHandle> LeadAsync(CancellationToken cancellationToken = default) => (await EnterAsync(timeout: null, cancellationToken).ConfigureAwait(false))!;

    /// <summary>Stands for election, and withdraws if it cannot lead in time.</summary>
    /// <param name="timeout">How long to wait. Zero, the default: only for the servers' answers.</param>
    /// <param name="cancellationToken">Withdraws.</param>
    /// <returns>The term; null: others lead.</returns>
    public Task<LockHandle?> TryLeadAsync(TimeSpan timeout = default, CancellationToken cancellationToken = default) => EnterAsync(timeout, cancellationToken);

    /// <summary>
    /// The terms of this candidate, one after another, for as long as they are read: it stands again when a term is over. A term ends when it is disposed, which is to resign, when it is lost, or
    /// when the next is asked for.
    /// </summary>
    /// <param name="cancellationToken">Ends the stream, and the term in hand.</param>
    /// <returns>The terms. With <see cref="SessionRecovery.NewSession"/> they go on in the next session.</returns>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    public async IAsyncEnumerable<LockHandle> TermsAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (true)
        {
            LockHandle term = await LeadAsync(cancellationToken).ConfigureAwait(false);
            await using (term.ConfigureAwait(false))
            {
                yield return term;
            }
        }
    }

    /// <summary>Who leads now.</summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The leader at some moment of the call; null: nobody. It may be about to find out that it leads, or that it does not any more.</returns>
    public async Task<LockContender?> GetLeaderAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            List<Contender> line = await _line.ListAsync(cancellationToken).ConfigureAwait(false);
            if (line.Count == 0) return null;
            if (await Contenders.ReadAsync(_zk, _line, line[0], cancellationToken).ConfigureAwait(false) is { } leader) return leader;
        }
    }

    /// <summary>All candidates, the leader first, then in the order in which they would follow.</summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The candidates at some moment of the call.</returns>
    public Task<IReadOnlyList<LockContender>> GetCandidatesAsync(CancellationToken cancellationToken = default) => Contenders.ReadAsync(_zk, _line, cancellationToken);

    /// <summary>Who leads, now and after each change.</summary>
    /// <param name="cancellationToken">Ends the stream.</param>
    /// <returns>The leader; null while nobody leads. Leaders who follow each other faster than they are read are left out.</returns>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    public async IAsyncEnumerable<LockContender?> LeadersAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        string? last = null;
        for (bool isFirst = true;; isFirst = false)
        {
            Sight sight = await LookAsync(cancellationToken).ConfigureAwait(false);
            await using (sight.Watch.ConfigureAwait(false))
            {
                LockContender? leader = await FirstOfAsync(sight.Names, cancellationToken).ConfigureAwait(false);
                if (isFirst || leader?.Path != last) yield return leader;
                last = leader?.Path;
                await WaitAsync(sight.Changed, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Withdraws, or resigns.</summary>
    public ValueTask DisposeAsync() => _line.DisposeAsync();

    private Task<LockHandle?> EnterAsync(TimeSpan? timeout, CancellationToken cancellationToken) =>
        _line.EnterAsync(_marker, _name, static (line, mine) => mine == 0 ? null : line[mine - 1], timeout, cancellationToken);

    /// <summary>Looks who is there, and watches for a change.</summary>
    private async Task<Sight> LookAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            OneShotWatch<NodeChildren>? children = await Endurance.AcrossSessions.AskAsync(_zk, ct => _zk.TryWatchChildrenAsync(Path, ct), cancellationToken).ConfigureAwait(false);
            if (children is not null) return new(children.Value.Names, children.Fired, children);
            OneShotWatch<Stat?> absent = await Endurance.AcrossSessions.AskAsync(_zk, ct => _zk.WatchExistsAsync(Path, ct), cancellationToken).ConfigureAwait(false);
            if (absent.Value is null) return new([], absent.Fired, absent);
            await absent.DisposeAsync().ConfigureAwait(false); // it has come meanwhile
        }
    }

    private async Task<LockContender?> FirstOfAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        foreach (Contender contender in Contender.Line(names, [_marker]))
            if (await Contenders.ReadAsync(_zk, _line, contender, cancellationToken).ConfigureAwait(false) is { } leader) return leader;
        return null;
    }

    private async Task WaitAsync(Task<WatchedEvent> changed, CancellationToken cancellationToken)
    {
        try
        {
            await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (SessionExpiredException)
        {
            await _zk.WaitConnectedAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Who is there, as far as can be seen, and what tells of a change.</summary>
    private readonly record struct Sight(IReadOnlyList<string> Names, Task<WatchedEvent> Changed, IAsyncDisposable Watch);
}
