using System.Text;
using Okapi.Protocol;
using Okapi.Recipes.Locks;
using Okapi.Server;

namespace Okapi.Recipes.Tests.Schedules;

/// <summary>
/// A server in memory and clients that move one at a time. After each move it is known for certain who has to go on by himself, because what he waited for has gone; they are waited for, so that
/// no moment is left to chance.
/// </summary>
internal sealed class World : IAsyncDisposable
{
    private static readonly NoPauses s_time = new();

    private readonly Subject _subject;
    private readonly EmbeddedServer _server;
    private readonly ZooKeeperClient _observer;
    private readonly Actor[] _actors;
    private readonly Dictionary<long, int> _actorsBySession = [];
    private readonly Dictionary<string, Stat> _stats = new(StringComparer.Ordinal);
    private readonly List<(string Want, long Token)> _granted = [];
    private NodeChildren[] _folders;

    private World(Subject subject, EmbeddedServer server, ZooKeeperClient observer, Actor[] actors)
    {
        _subject = subject;
        _server = server;
        _observer = observer;
        _actors = actors;
        _folders = new NodeChildren[subject.Folders.Length];
    }

    public int Used { get; private set; }

    /// <summary>All moves since the beginning.</summary>
    public List<Move> Made { get; } = [];

    public IReadOnlyList<Actor> Actors => _actors;

    public static Task<EmbeddedServer> StartServerAsync(int members = 1)
    {
        EmbeddedServerOptions options = EmbeddedTarget.ToServerOptions(new());
        (options.UseSockets, options.Members) = (false, members);
        options.ContainerCheckInterval = TimeSpan.FromHours(1); // no folder goes in the middle of a schedule
        return EmbeddedServer.StartAsync(options);
    }

    public static ZooKeeperOptions OptionsFor(EmbeddedServer server, int member = 1) => new()
    {
        ConnectString = server.Members[member - 1].ConnectionString,
        ConnectCallback = (to, ct) => server.ConnectAsync(to.Port, ct),
        SessionTimeout = TimeSpan.FromMinutes(10),
        ConnectTimeout = TimeSpan.FromMinutes(10),
        RequestTimeout = TimeSpan.FromMinutes(10),
        BackoffMinimum = TimeSpan.FromMilliseconds(1),
        BackoffMaximum = TimeSpan.FromMilliseconds(1),
        Recovery = SessionRecovery.NewSession,
        TimeProvider = s_time,
    };

    public static async Task<World> StartAsync(Subject subject, int clients)
    {
        EmbeddedServer server = await StartServerAsync();
        Actor[] actors = [.. Enumerable.Range(0, clients).Select(index => new Actor(index, server))];
        foreach (Actor actor in actors) await actor.ConnectAsync(subject);
        return new(subject, server, await ZooKeeperClient.ConnectAsync(OptionsFor(server)), actors);
    }

    public void Begin()
    {
        Used = 0;
        Made.Clear();
        _granted.Clear();
        foreach (Actor actor in _actors) actor.Begin();
    }

    /// <summary>What can happen next, with so many operations left.</summary>
    public List<Move> Moves(int left, bool withCuts)
    {
        var moves = new List<Move>();
        // Who confirms looks at his own znode alone, which nobody else touches: whatever others do may as well come after it.
        IEnumerable<Actor> who = _actors.FirstOrDefault(actor => actor.IsAt(LineStep.Confirm)) is { } alone ? [alone] : _actors;
        bool hasIdle = false;
        foreach (Actor actor in who)
        {
            if (actor.IsCutOff) moves.Add(new(actor.Index, MoveKind.Heal));
            switch (actor.Phase)
            {
                case Phase.Idle when !actor.IsCutOff && !hasIdle: // those who have nothing are all alike
                    hasIdle = true;
                    foreach (string want in _subject.Wants) WithCuts(new(actor.Index, MoveKind.Acquire, want));
                    break;
                case Phase.Holding:
                    WithCuts(new(actor.Index, MoveKind.Release));
                    moves.Add(new(actor.Index, MoveKind.Expire));
                    break;
                case Phase.At:
                    WithCuts(new(actor.Index, MoveKind.Step));
                    if (!actor.HasCancelled) moves.Add(new(actor.Index, MoveKind.Cancel));
                    moves.Add(new(actor.Index, MoveKind.Expire));
                    break;
                case Phase.Waiting:
                    if (!actor.HasCancelled) moves.Add(new(actor.Index, MoveKind.Cancel));
                    if (!actor.HasExpired) moves.Add(new(actor.Index, MoveKind.Expire));
                    if (withCuts && !actor.IsCutOff) moves.Add(new(actor.Index, MoveKind.CutOff));
                    break;
            }
        }

        moves.RemoveAll(move => move.Cost > left);
        return moves;

        void WithCuts(Move move)
        {
            moves.Add(move);
            if (!withCuts) return;
            moves.Add(move with { Cut = Cut.BeforeRequest });
            moves.Add(move with { Cut = Cut.AfterRequest });
        }
    }

    public async Task ApplyAsync(Move move)
    {
        Actor actor = _actors[move.Actor];
        Used += move.Cost;
        Made.Add(move);
        bool isRead = move is { Kind: MoveKind.Step, Cut: Cut.None } && actor.Step is LineStep.List or LineStep.Watch or LineStep.Confirm;
        if (actor.IsAt(LineStep.Watch)) actor.Looked = ChangesOf(actor.Name);
        Fault? fault = Arm(move, actor);
        bool wasHolding = actor.Phase == Phase.Holding, wasWaiting = actor.Phase == Phase.Waiting, wasCutOff = actor.IsCutOff;
        switch (move.Kind)
        {
            case MoveKind.Acquire:
                await actor.AcquireAsync(move.Want!);
                await actor.GoAsync();
                break;
            case MoveKind.Step:
                await actor.GoAsync();
                break;
            case MoveKind.Release:
                await actor.ReleaseAsync();
                await actor.GoAsync();
                break;
            case MoveKind.Cancel:
                await actor.CancelAsync();
                break;
            case MoveKind.Expire:
                await actor.ExpireAsync();
                if (wasWaiting && !wasCutOff) await actor.NextAsync();
                break;
            case MoveKind.CutOff:
                await actor.CutOffAsync();
                break;
            case MoveKind.Heal:
                bool isNews = actor.HasExpired && wasWaiting;
                await actor.HealAsync();
                if (isNews) await actor.NextAsync();
                break;
        }

        fault?.Dispose();
        if (!wasHolding && actor.Phase == Phase.Holding)
        {
            // Its session may have ended between the confirmation and now; then it is told so by the handle.
            if (actor.TurnSession == actor.Zk.SessionId) Grant(actor);
            else await actor.LoseAsync();
        }

        if (move.Cut != Cut.None) await actor.Zk.WaitConnectedAsync(cancellationToken: TestContext.Current.CancellationToken).Soon();
        if (move.Kind is MoveKind.Cancel or MoveKind.Expire or MoveKind.Heal || move.Cut != Cut.None) await SettleAsync(actor);
        else if (!isRead) await ObserveAsync();
        await WakeAsync(actor);
    }

    /// <summary>What no schedule may lead to.</summary>
    public void Check()
    {
        foreach (Actor actor in _actors)
            if (actor.HasMoved) throw new ViolationException($"{(char)('a' + actor.Index)} goes on though nothing has changed for it: it was {actor.Describe()} and is {actor.Said}");
        List<Actor> holders = [.. _actors.Where(static actor => actor.Phase == Phase.Holding)];
        if (!_subject.MayHold([.. holders.Select(static actor => actor.Want)])) throw new ViolationException($"{holders.Count} hold it at once");
        if (holders.Find(static actor => !actor.Handle!.IsHeld) is { } lost) throw new ViolationException($"{(char)('a' + lost.Index)} has lost it for no reason");
        if (holders.Count == 0 && _actors.Any(static actor => actor.Phase == Phase.Waiting) && !_actors.Any(static actor => actor.Phase == Phase.At || actor.IsCutOff))
            throw new ViolationException("a deadlock: " + string.Join("; ", _actors.Select(static actor => actor.Describe())));
    }

    /// <summary>All that the future depends on. Who is who does not matter, nor what znodes are called.</summary>
    public async Task<string> StateAsync()
    {
        await ObserveAsync();
        var order = new List<int>();
        var lines = new StringBuilder();
        var places = new Dictionary<string, string>(StringComparer.Ordinal);
        long highest = _granted.Select(static each => each.Token).DefaultIfEmpty().Max(), highestWrite = _granted.Where(static each => each.Want == "write").Select(static each => each.Token).DefaultIfEmpty().Max();
        for (int folder = 0; folder < _folders.Length; folder++)
        {
            int place = 0;
            foreach (string name in Names(folder).OrderBy(static name => name[^10..], StringComparer.Ordinal))
            {
                Stat stat = await StatAsync(folder, name) ?? throw new ViolationException($"{name} goes though nobody has made a move");
                int owner = OwnerOf(stat);
                if (!order.Contains(owner)) order.Add(owner);
                places[name] = $"{folder}.{place++}";
                lines.Append(order.IndexOf(owner)).Append(stat.Czxid > highest ? "" : stat.Czxid > highestWrite ? "'" : "\"");
            }

            lines.Append('|');
        }

        foreach (int actor in order) lines.Append(Text(_actors[actor])).Append(' ');
        foreach (string rest in _actors.Where(actor => !order.Contains(actor.Index)).Select(Text).Order(StringComparer.Ordinal)) lines.Append(rest).Append(' ');
        return lines.ToString();

        string Text(Actor actor)
        {
            string where = actor.Phase switch
            {
                Phase.Idle => "-",
                Phase.Holding => $"H{actor.Want}",
                Phase.At => $"{actor.Step}{Place(actor)}{actor.Want}{(actor.TurnSession == actor.Zk.SessionId ? "" : "*")}{(actor.HasCancelled ? "c" : "")}",
                _ => $"W{Place(actor)}{actor.Want}{(actor.HasCancelled ? "c" : "")}",
            };
            return actor.IsCutOff ? $"{where}~{(actor.HasExpired ? "e" : "")}" : where;
        }

        string Place(Actor actor)
        {
            int folder = Array.IndexOf(_subject.Folders, actor.Name);
            if (folder >= 0) return $"{folder}{(actor.Phase == Phase.Waiting && ChangesOf(actor.Name) != actor.Looked ? "!" : "")}";
            return places.GetValueOrDefault(actor.Name, "gone");
        }
    }

    /// <summary>Everybody who holds gives back, everybody who waits gets what he waits for, or the schedule is one that hangs.</summary>
    public async Task DrainAsync()
    {
        while (true)
        {
            Check();
            Actor? next = Array.Find(_actors, static actor => actor.IsCutOff) ?? Array.Find(_actors, static actor => actor.Phase == Phase.At) ?? Array.Find(_actors, static actor => actor.Phase == Phase.Holding);
            if (next is null) break;
            await ApplyAsync(new(next.Index, next.IsCutOff ? MoveKind.Heal : next.Phase == Phase.At ? MoveKind.Step : MoveKind.Release));
        }
    }

    /// <summary>Everybody gives up. Then nothing may be left, whatever they were doing.</summary>
    public async Task EndAsync()
    {
        foreach (Actor actor in _actors) await actor.StopAsync();
        foreach (Actor actor in _actors) await SettleAsync(actor);
        _stats.Clear();
        if (await _server.CountWatchesAsync() is > 0 and int left) throw new ViolationException($"{left} watches are left on the server");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (Actor actor in _actors) await actor.DisposeAsync();
        await _observer.DisposeAsync();
        await _server.DisposeAsync();
    }

    private Fault? Arm(Move move, Actor actor)
    {
        long session = actor.Zk.SessionId;
        return move.Cut switch
        {
            Cut.BeforeRequest => _server.Faults.CutInsteadOfRequest(Strikes),
            Cut.AfterRequest => _server.Faults.CutInsteadOfReply(Strikes),
            _ => null,
        };

        bool Strikes(FaultyRequest request) => request.SessionId == session && request.Type is not (OpCode.Ping or OpCode.RemoveWatches);
    }

    private void Grant(Actor actor)
    {
        long token = actor.Handle!.FencingToken;
        foreach ((string want, long earlier) in _granted)
            if (_subject.Follows(actor.Want, want) && token <= earlier) throw new ViolationException($"token {token} of a {actor.Want} follows {earlier} of a {want}");
        _granted.Add((actor.Want, token));
    }

    /// <summary>Waits until a client that was cancelled, cut or has lost its session has no more znodes than it may have: some are deleted in the background.</summary>
    private async Task SettleAsync(Actor actor)
    {
        await ObserveAsync();
        if (actor.IsCutOff) return;
        int asked = 0;
        while (await CountAsync(actor) is var count && count > _subject.Entitled(actor))
        {
            // What was sent before this on the client's own connection has been done when it is answered.
            await actor.Zk.ExistsAsync("/");
            await ObserveAsync();
            if (++asked > 100_000) throw new ViolationException($"{count} znodes of {(char)('a' + actor.Index)} are left, {actor.Describe()}");
        }
    }

    private async Task<int> CountAsync(Actor actor)
    {
        int count = 0;
        for (int folder = 0; folder < _folders.Length; folder++)
            foreach (string name in Names(folder))
                if (await StatAsync(folder, name) is not { } stat || OwnerOf(stat) == actor.Index) count++; // one that has gone since has to be seen to have gone
        return count;
    }

    /// <summary>Lets those go on who were waiting for something that has happened.</summary>
    private async Task WakeAsync(Actor moved)
    {
        var woken = new List<string>();
        foreach (Actor actor in _actors)
        {
            if (actor.IsAt(LineStep.Wait)) actor.GoWait();
            if (actor.Phase != Phase.Waiting || actor.IsCutOff || !IsOver(actor)) continue;
            await actor.NextAsync();
            if (actor != moved) woken.Add(actor.Want);
        }

        if (!_subject.MayWake(woken)) throw new ViolationException($"a herd: {woken.Count} are woken at once");
    }

    private bool IsOver(Actor actor)
    {
        if (Array.IndexOf(_subject.Folders, actor.Name) >= 0) return ChangesOf(actor.Name) != actor.Looked;
        for (int folder = 0; folder < _folders.Length; folder++)
            if (Names(folder).Contains(actor.Name, StringComparer.Ordinal)) return false;
        return true;
    }

    private int ChangesOf(string path) => Array.IndexOf(_subject.Folders, path) is >= 0 and int folder ? _folders[folder].Stat.ChildVersion : 0;

    private IReadOnlyList<string> Names(int folder) => _folders[folder].Names ?? [];

    private async Task ObserveAsync()
    {
        for (int folder = 0; folder < _folders.Length; folder++)
        {
            try
            {
                _folders[folder] = await _observer.GetChildrenWithStatAsync(_subject.Folders[folder]);
            }
            catch (NoNodeException)
            {
                _folders[folder] = default;
            }
        }
    }

    private async Task<Stat?> StatAsync(int folder, string name)
    {
        if (_stats.TryGetValue(name, out Stat known)) return known;
        if (await _observer.ExistsAsync(ZnodePath.Combine(_subject.Folders[folder], name)) is not { } stat) return null;
        return _stats[name] = stat;
    }

    private int OwnerOf(Stat stat)
    {
        if (_actorsBySession.TryGetValue(stat.EphemeralOwner, out int known)) return known;
        if (Array.Find(_actors, actor => actor.Zk.SessionId == stat.EphemeralOwner) is not { } owner) return -1;
        return _actorsBySession[stat.EphemeralOwner] = owner.Index;
    }
}
