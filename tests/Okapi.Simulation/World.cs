using Okapi.Server;
using Okapi.Simulation.Network;
using Okapi.Simulation.Time;
using Okapi.Simulation.Truth;

namespace Okapi.Simulation;

/// <summary>A server, its observer and the clients of one run.</summary>
internal sealed class World
{
    private readonly List<string> _violations = [];
    private readonly List<Action> _later = [];

    private World(EmbeddedServer server, int members, VirtualTime time, Luck luck, Trace trace)
    {
        Server = server;
        MemberCount = members;
        Time = time;
        Luck = luck;
        Trace = trace;
        Observer = new(server, members + 1, Chronicle) { Changed = entry => trace.Note(7, entry.Zxid, (int)entry.Deed) };
    }

    public EmbeddedServer Server { get; }

    /// <summary>How many members clients know; one more is the observer's.</summary>
    public int MemberCount { get; }

    public VirtualTime Time { get; }

    public Luck Luck { get; }

    public Trace Trace { get; }

    public Chronicle Chronicle { get; } = new();

    public Observer Observer { get; }

    public List<Player> Players { get; } = [];

    /// <summary>Whether the server has lost what it had acknowledged, so that little can be said of what clients see.</summary>
    public bool HasLostData { get; set; }

    /// <summary>Whether a session was ended before its time, so that its holder could not know.</summary>
    public bool HasExpiredByForce { get; set; }

    /// <summary>Whether bytes were changed under way: then clients cannot know what is true, but have to go on living.</summary>
    public bool IsLenient { get; set; }

    /// <summary>The transaction from which on each watched znode was touched, after the last fault.</summary>
    public long TouchedFrom { get; set; } = long.MaxValue;

    public long Calls { get; set; }

    public long CallsEnded { get; set; }

    public IReadOnlyList<string> Violations => _violations;

    public long LastZxid => Chronicle.All.Count == 0 ? 0 : Chronicle.All[^1].Zxid;

    public static async Task<World> StartAsync(int members, VirtualTime time, Luck luck, Trace trace)
    {
        EmbeddedServer server = await EmbeddedServer.StartAsync(new()
        {
            UseSockets = false,
            Members = members + 1,
            TickTime = TimeSpan.FromMilliseconds(500),
            MaxSessionTimeout = TimeSpan.FromDays(1),
            ContainerCheckInterval = TimeSpan.FromSeconds(7),
            SuperPassword = "secret",
            TimeProvider = time,
        });
        var world = new World(server, members, time, luck, trace);
        await world.Observer.OpenAsync(anew: true);
        return world;
    }

    public void Fail(string violation)
    {
        Trace.Say("VIOLATION " + violation);
        if (_violations.Count < 20) _violations.Add(violation);
    }

    public Player AddPlayer(Action<ZooKeeperOptions>? configure = null)
    {
        var access = new Access(Players.Count + 1, Time, Luck.Fork(), Trace, member => Server.ConnectAsync(member), Fail);
        var options = new ZooKeeperOptions
        {
            ConnectString = string.Join(',', Server.Members.Take(MemberCount).Select(member => member.ConnectionString)),
            ConnectCallback = access.ConnectAsync,
            SessionTimeout = TimeSpan.FromSeconds(4),
            RequestTimeout = TimeSpan.FromSeconds(12),
            Recovery = SessionRecovery.NewSession,
            TimeProvider = Time,
            RandomSeed = Luck.Below(int.MaxValue),
        };
        configure?.Invoke(options);
        var player = new Player(Players.Count + 1, access, ZooKeeperClient.Start(options), options);
        Players.Add(player);
        return player;
    }

    /// <summary>Checks something when the run is over and everything is known.</summary>
    public void Later(Action check) => _later.Add(check);

    /// <summary>Does what was left for later.</summary>
    public void CheckAll()
    {
        if (HasLostData || IsLenient) return;
        foreach (Action check in _later) check();
    }

    public Task PauseAsync(TimeSpan by) => Task.Delay(by, Time);

    /// <summary>Waits for something, but not for ever.</summary>
    /// <returns>Whether it has come.</returns>
    public async Task<bool> WaitAsync(Task task, TimeSpan limit)
    {
        using var patience = new CancellationTokenSource();
        await Task.WhenAny(task, Task.Delay(limit, Time, patience.Token));
        await patience.CancelAsync();
        return task.IsCompleted;
    }

    /// <summary>Starts the server again.</summary>
    public async Task RestartAsync(bool keepData)
    {
        Trace.Say($"the server restarts {(keepData ? "with" : "WITHOUT")} its data");
        if (!keepData) HasLostData = true;
        await Server.RestartAsync(keepData);
        await Observer.OpenAsync(anew: !keepData);
    }
}

/// <summary>A client and its network.</summary>
internal sealed record Player(int Number, Access Access, ZooKeeperClient Zk, ZooKeeperOptions Options);
