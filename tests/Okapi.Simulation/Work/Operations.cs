using System.Text;
using Okapi.Simulation.Checks;
using Okapi.Simulation.Network;
using Okapi.Simulation.Truth;

namespace Okapi.Simulation.Work;

/// <summary>Calls of all kinds by one client on a small tree that all share. What each writes is found nowhere else, so that it can be told whose it was.</summary>
internal sealed class Operations(World world, Player player, Luck luck, Watching watching)
{
    public const string Root = "/t";
    private static readonly string[] s_paths = ["/t/a", "/t/b", "/t/c", "/t/a/x", "/t/a/y", "/t/b/x", "/t/d"];
    private static readonly string[] s_parents = ["/t", "/t/a", "/t/b"];

    private readonly ZooKeeperClient _zk = player.Zk;
    private readonly OperationChecks _checks = new(world, player);
    private readonly string _own = $"/own{player.Number}";
    private int _number;

    public async Task RunAsync(int count)
    {
        var running = new List<Task>();
        for (int i = 0; i < count; i++)
        {
            if (luck.OneIn(40)) running.Add(PipelineAsync());
            Task call = OneAsync();
            if (luck.OneIn(3)) running.Add(call);
            else await call;
            if (luck.OneIn(3)) await world.PauseAsync(luck.Ms(0, luck.OneIn(8) ? 2000 : 40));
        }

        await Task.WhenAll(running);
    }

    private Task OneAsync() => luck.Below(28) switch
    {
        0 or 1 or 2 => SetAsync(Path(), luck.OneIn(4) ? luck.Below(4) : null),
        3 or 4 or 5 => CreateAsync(Path(), luck.Of(CreateMode.Persistent, CreateMode.Persistent, CreateMode.Ephemeral)),
        6 => CreateAsync(Parent() + "/s-", luck.Of(CreateMode.PersistentSequential, CreateMode.EphemeralSequential)),
        7 => CreateAsync(Path(), luck.Of(CreateMode.Container, CreateMode.PersistentWithTtl)),
        8 or 9 => DeleteAsync(Path(), luck.OneIn(4) ? luck.Below(3) : null),
        10 or 11 or 12 => GetAsync(Path()),
        13 => ExistsAsync(Path()),
        14 or 15 => ChildrenAsync(Parent()),
        16 or 17 => MultiAsync(),
        18 => MultiReadAsync(),
        19 => OwnAsync(),
        20 => Attempts.MakeAsync(world, player, "sync", async () =>
        {
            await _zk.SyncAsync("/t", Token());
            return 0;
        }),
        21 => AclAsync(Path()),
        22 => Attempts.MakeAsync(world, player, "whoami", () => _zk.WhoAmIAsync(Token())),
        23 => Attempts.MakeAsync(world, player, "ephemerals", () => _zk.GetEphemeralsAsync("/", Token())),
        24 => Attempts.MakeAsync(world, player, "count", () => _zk.GetAllChildrenNumberAsync("/t", Token())),
        25 => watching.WatchDataAsync(Path()),
        26 => watching.WatchExistsAsync(Path()),
        _ => watching.WatchChildrenAsync(Parent()),
    };

    private string Path() => luck.Of<string>(s_paths);

    private string Parent() => luck.Of<string>(s_parents);

    private byte[] Data() => Encoding.ASCII.GetBytes($"{player.Number}.{++_number}." + new string('-', luck.OneIn(5) ? luck.Below(300) : luck.Below(10)));

    /// <summary>Now and then a call is cancelled at some moment.</summary>
    private CancellationToken Token()
    {
        if (!luck.OneIn(14)) return default;
        return new CancellationTokenSource(luck.Ms(0, 6), world.Time).Token;
    }

    private async Task SetAsync(string path, int? version)
    {
        byte[] data = Data();
        CancellationToken token = Token();
        // Refusals by exception are left to few calls: exceptions take the most time of a run.
        if (luck.OneIn(4)) _checks.OnSet(path, data, version, await Attempts.MakeAsync(world, player, $"set {path}", () => _zk.SetAsync(path, data, version, token)));
        else _checks.OnSet(path, data, version, ToSet(await Attempts.MakeAsync(world, player, $"try set {path}", () => _zk.TrySetAsync(path, data, version, token))));
    }

    private static Attempt<Stat> ToSet(Attempt<SetResult> attempt) => attempt is { IsDone: true, Value.IsWritten: false }
        ? new(Ending.Refused, default, null, attempt.ZxidBefore, attempt.ZxidAfter) { Told = attempt.Value.Outcome == SetOutcome.NoNode ? ErrorCode.NoNode : ErrorCode.BadVersion }
        : new(attempt.Ending, attempt.Value.Stat, attempt.Error, attempt.ZxidBefore, attempt.ZxidAfter);

    /// <summary>Many writes to one znode at once: they are done in the order of the calls.</summary>
    private async Task PipelineAsync()
    {
        string path = Path();
        var calls = new List<Task<Attempt<Stat>>>();
        for (int i = luck.Between(3, 12); i > 0; i--)
        {
            byte[] data = Data();
            calls.Add(SetOneAsync(data));
            _ = CheckAsync(calls[^1], data);
        }

        Attempt<Stat>[] ended = await Task.WhenAll(calls);
        long last = 0;
        foreach (Attempt<Stat> each in ended)
        {
            if (!each.IsDone) continue;
            if (each.Value.Mzxid <= last && !world.HasLostData) world.Fail($"I3: client {player.Number} set {path} twice, and the later call came first: 0x{each.Value.Mzxid:x} after 0x{last:x}");
            last = each.Value.Mzxid;
        }

        async Task<Attempt<Stat>> SetOneAsync(byte[] data) => ToSet(await Attempts.MakeAsync(world, player, $"pipelined set {path}", () => _zk.TrySetAsync(path, data)));

        async Task CheckAsync(Task<Attempt<Stat>> call, byte[] data) => _checks.OnSet(path, data, null, await call);
    }

    private async Task CreateAsync(string path, CreateMode mode)
    {
        byte[] data = Data();
        TimeSpan? ttl = mode == CreateMode.PersistentWithTtl ? luck.Ms(1, 20_000) : null;
        CancellationToken token = Token();
        if (!luck.OneIn(3))
        {
            Attempt<CreateResult> tried = await Attempts.MakeAsync(world, player, $"try create {path} {mode}", () => _zk.TryCreateAsync(path, data, mode, ttl: ttl, cancellationToken: token));
            _checks.OnTryCreate(path, data, mode, tried);
            return;
        }

        Attempt<CreatedNode> attempt = await Attempts.MakeAsync(world, player, $"create {path} {mode}", () => _zk.CreateWithStatAsync(path, data, mode, ttl: ttl, cancellationToken: token));
        _checks.OnCreate(path, data, mode, attempt);
    }

    private async Task DeleteAsync(string path, int? version)
    {
        CancellationToken token = Token();
        if (luck.OneIn(4))
        {
            _checks.OnDelete(path, await Attempts.MakeAsync(world, player, $"delete {path}", async () =>
            {
                await _zk.DeleteAsync(path, version, token);
                return 0;
            }));
            return;
        }

        Attempt<DeleteOutcome> tried = await Attempts.MakeAsync(world, player, $"try delete {path}", () => _zk.TryDeleteAsync(path, version, token));
        bool isRefused = tried is { IsDone: true, Value: not DeleteOutcome.Deleted };
        _checks.OnDelete(path, new Attempt<int>(isRefused ? Ending.Refused : tried.Ending, 0, tried.Error, tried.ZxidBefore, tried.ZxidAfter) { Told = isRefused && tried.Value == DeleteOutcome.NoNode ? ErrorCode.NoNode : null });
    }

    private async Task GetAsync(string path)
    {
        CancellationToken token = Token();
        watching.BeforeRead(path, out object? armed);
        Attempt<NodeData?> attempt = await Attempts.MakeAsync(world, player, $"get {path}", () => _zk.TryGetAsync(path, token));
        if (attempt.IsDone && attempt.Value is { } read) watching.AfterRead(armed, read.Stat.Mzxid);
        _checks.OnGet(path, attempt);
    }

    private async Task ExistsAsync(string path)
    {
        CancellationToken token = Token();
        _checks.OnExists(path, await Attempts.MakeAsync(world, player, $"exists {path}", () => _zk.ExistsAsync(path, token)));
    }

    private async Task ChildrenAsync(string path)
    {
        CancellationToken token = Token();
        _checks.OnChildren(path, await Attempts.MakeAsync(world, player, $"children {path}", () => _zk.GetChildrenWithStatAsync(path, token)));
    }

    private async Task MultiAsync()
    {
        Transaction transaction = _zk.Transaction();
        var written = new List<byte[]>();
        for (int i = luck.Between(1, 4); i > 0; i--)
        {
            byte[] data = Data();
            switch (luck.Below(4))
            {
                case 0:
                    transaction.Check(Path(), luck.OneIn(2) ? luck.Below(3) : null);
                    break;
                case 1:
                    transaction.Create(Parent() + "/s-", data, luck.Of(CreateMode.PersistentSequential, CreateMode.EphemeralSequential));
                    written.Add(data);
                    break;
                default:
                    transaction.Set(Path(), data);
                    written.Add(data);
                    break;
            }
        }

        CancellationToken token = Token();
        _checks.OnMulti(written, await Attempts.MakeAsync(world, player, "multi", async () => await transaction.TryCommitAsync(token)));
    }

    private async Task MultiReadAsync()
    {
        string first = Path(), second = Path();
        CancellationToken token = Token();
        Attempt<IReadOnlyList<BatchedRead>> attempt = await Attempts.MakeAsync(world, player, "multiread", async () => await _zk.ReadBatch().Get(first).Get(second).ReadAsync(token));
        if (!attempt.IsDone) return;
        if (attempt.Value!.Count != 2) world.Fail($"I1: a batch of two reads has {attempt.Value.Count} results");
        foreach (BatchedRead read in attempt.Value)
            _checks.OnGet(read.Path, new Attempt<NodeData?>(Ending.Done, read.Data, null, attempt.ZxidBefore, attempt.ZxidAfter));
    }

    /// <summary>What only the client itself may touch: it may, on each connection, since its credentials are presented before anything else.</summary>
    private async Task OwnAsync()
    {
        Attempt<CreateResult> created = await Attempts.MakeAsync(world, player, $"create {_own}", () => _zk.TryCreateAsync(_own, Data(), acl: Acl.CreatorAll));
        NoteRight(created.Error);
        Attempt<NodeData?> read = await Attempts.MakeAsync(world, player, $"get {_own}", () => _zk.TryGetAsync(_own));
        NoteRight(read.Error);

        void NoteRight(Exception? error)
        {
            if (error is NoAuthException or InvalidAclException) world.Fail($"H24: client {player.Number} is refused what is its own: {error.Message}");
        }
    }

    private async Task AclAsync(string path)
    {
        if (luck.OneIn(2)) await Attempts.MakeAsync(world, player, $"getAcl {path}", () => _zk.GetAclAsync(path, Token()));
        else await Attempts.MakeAsync(world, player, $"setAcl {path}", () => _zk.SetAclAsync(path, Acl.Open, cancellationToken: Token()));
    }
}
