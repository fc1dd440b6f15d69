using System.Collections.Immutable;
using System.Threading.Channels;
using Okapi.Recipes.Locks;
using Okapi.Server;

namespace Okapi.Recipes.Tests.Schedules;

internal enum Phase
{
    Idle,

    /// <summary>Held before a step.</summary>
    At,

    /// <summary>Waits for a watch.</summary>
    Waiting,

    Holding,
}

/// <summary>One client that takes part: held before each of its steps until it is let go, so that nothing happens but what the schedule says.</summary>
internal sealed class Actor(int index, EmbeddedServer server) : IAsyncDisposable
{
    private readonly Channel<Report> _reports = Channel.CreateUnbounded<Report>();
    private Acquire? _acquire;
    private CancellationTokenSource? _cancel;
    private TaskCompletionSource? _gate;
    private TaskCompletionSource _way = Open();
    private TaskCompletionSource _knocked = Open();
    private volatile bool _isFree;
    private volatile ImmutableHashSet<string> _confirmed = [];
    private volatile ImmutableHashSet<string> _givenUp = [];

    public int Index => index;

    public ZooKeeperClient Zk { get; private set; } = null!;

    public Phase Phase { get; private set; }

    /// <summary>Which step it is held before.</summary>
    public LineStep Step { get; private set; }

    /// <summary>What that step is about: a folder, or the name of a znode.</summary>
    public string Name { get; private set; } = "";

    public string Want { get; private set; } = "";

    public LockHandle? Handle { get; private set; }

    public bool HasCancelled { get; private set; }

    public bool IsCutOff { get; private set; }

    /// <summary>Whether its session has ended while it was cut off.</summary>
    public bool HasExpired { get; private set; }

    /// <summary>The session in which its present turn has begun.</summary>
    public long TurnSession { get; private set; }

    /// <summary>How often the folder that it watches had changed when it looked.</summary>
    public int Looked { get; set; }

    public bool IsAt(LineStep step) => Phase == Phase.At && Step == step;

    public async Task ConnectAsync(Subject subject)
    {
        ZooKeeperOptions options = World.OptionsFor(server);
        options.ConnectCallback = async (to, ct) =>
        {
            _knocked.TrySetResult();
            await _way.Task.WaitAsync(ct);
            return await server.ConnectAsync(to.Port, ct);
        };
        Zk = await ZooKeeperClient.ConnectAsync(options, TestContext.Current.CancellationToken);
        _acquire = subject.Open(Zk, new LockOptions { Steps = OnStepAsync, Identity = $"{index}" });
    }

    public void Begin()
    {
        _confirmed = [];
        _isFree = false;
    }

    public Task AcquireAsync(string want)
    {
        Want = want;
        HasCancelled = false;
        _confirmed = [];
        _cancel = new CancellationTokenSource();
        _ = RunAsync(_acquire!(want, _cancel.Token));
        return NextAsync();

        async Task RunAsync(Task<LockHandle> acquiring)
        {
            try
            {
                LockHandle handle = await acquiring;
                Tell(new(Phase.Holding) { Handle = handle });
            }
            catch (OperationCanceledException)
            {
                Tell(new(Phase.Idle));
            }
            catch (Exception error)
            {
                Tell(new(Phase.Idle) { Error = error });
            }
        }
    }

    /// <summary>Lets it take its step, and waits until it is held before the next, or at the end.</summary>
    public Task GoAsync()
    {
        if (Phase != Phase.At) throw new ViolationException($"{(char)('a' + index)} is not where it was in an earlier run of the same schedule, {Describe()}");
        if (Step == LineStep.Create) TurnSession = Zk.SessionId;
        if (Step == LineStep.Confirm) _confirmed = _confirmed.Add(Name);
        Open(ref _gate);
        return NextAsync();
    }

    /// <summary>Lets it wait for what it watches. That changes nothing that others can see.</summary>
    public void GoWait()
    {
        Phase = Phase.Waiting;
        Open(ref _gate);
    }

    public Task ReleaseAsync()
    {
        _ = RunAsync(Handle!);
        return NextAsync();

        async Task RunAsync(LockHandle handle)
        {
            await handle.DisposeAsync();
            Tell(new(Phase.Idle));
        }
    }

    public async Task CancelAsync()
    {
        HasCancelled = true;
        GiveUp();
        await _cancel!.CancelAsync();
        if (Phase == Phase.At) Open(ref _gate);
        await NextAsync();
    }

    /// <summary>Cuts it off until <see cref="HealAsync"/>.</summary>
    public async Task CutOffAsync()
    {
        IsCutOff = true;
        _way = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _knocked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await server.Faults.CutAsync(sessionId: Zk.SessionId);
        await _knocked.Task.Soon();
    }

    public async Task HealAsync()
    {
        Task expired = HasExpired ? LostAsync() : Task.CompletedTask;
        (IsCutOff, HasExpired) = (false, false);
        _way.TrySetResult();
        await expired;
        await Zk.WaitConnectedAsync(cancellationToken: TestContext.Current.CancellationToken).Soon();
    }

    public async Task ExpireAsync()
    {
        GiveUp();
        if (IsCutOff)
        {
            HasExpired = true;
            await server.ExpireSessionAsync(Zk.SessionId);
            return;
        }

        Task expired = LostAsync();
        await server.ExpireSessionAsync(Zk.SessionId);
        await expired;
        await Zk.WaitConnectedAsync(cancellationToken: TestContext.Current.CancellationToken).Soon();
        if (Phase == Phase.Holding) await LoseAsync();
    }

    /// <summary>Sees that what it holds is lost, and throws it away.</summary>
    public async Task LoseAsync()
    {
        await Handle!.Lost.TrippedAsync();
        _isFree = true;
        await Handle.DisposeAsync();
        _isFree = false;
        Set(new(Phase.Idle));
    }

    /// <summary>Waits until it says where it is.</summary>
    public async Task NextAsync()
    {
        if (!_reports.Reader.TryRead(out Report? report))
        {
            try
            {
                report = await _reports.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().Soon();
            }
            catch (TimeoutException)
            {
                throw new ViolationException($"{(char)('a' + index)} should go on and does not, {Describe()}");
            }
        }

        if (report.Error is { } error) throw new ViolationException($"{(char)('a' + index)} failed: {error}");
        Set(report);
    }

    /// <summary>Whether it has said something that nobody waited for.</summary>
    public bool HasMoved => _reports.Reader.TryPeek(out _);

    /// <summary>What that is.</summary>
    public string Said => _reports.Reader.TryPeek(out Report? said) ? $"{said.Phase} {said.Step} {said.Name}" : "nothing";

    /// <summary>Gives up whatever it does and has, as fast as it can.</summary>
    public async Task StopAsync()
    {
        _isFree = true;
        if (Phase is Phase.At or Phase.Waiting) await _cancel!.CancelAsync();
        if (IsCutOff) await HealAsync();
        if (Phase == Phase.At) Open(ref _gate);
        while (Phase is Phase.At or Phase.Waiting)
        {
            await NextAsync();
            if (Phase == Phase.At) Open(ref _gate); // it was held before it was told to be free
        }

        if (Phase == Phase.Holding) await Handle!.DisposeAsync();
        Set(new(Phase.Idle));
    }

    public string Describe() => Phase == Phase.At ? $"before {Step} {Name}" : $"{Phase} {Name}";

    public ValueTask DisposeAsync() => Zk.DisposeAsync();

    private async Task LostAsync()
    {
        CancellationToken lost = Zk.SessionLost;
        await lost.TrippedAsync();
    }

    private async ValueTask OnStepAsync(LineStep step, string name)
    {
        // Whoever has given up, or was by his session, does not wait until he has left: that is no step of his. And he may still be leaving when the next schedule has begun.
        if (_isFree || (step == LineStep.Leave && (_givenUp.Contains(name) || !_confirmed.Contains(name)))) return;
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Tell(new(Phase.At) { Step = step, Name = name, Gate = gate });
        await gate.Task;
    }

    private void GiveUp() => _givenUp = _confirmed;

    private void Tell(Report report) => _reports.Writer.TryWrite(report);

    private void Set(Report report)
    {
        Phase = report.Phase;
        Step = report.Step;
        Name = report.Name;
        Handle = report.Handle;
        _gate = report.Gate;
    }

    private static TaskCompletionSource Open()
    {
        var open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        open.SetResult();
        return open;
    }

    private static void Open(ref TaskCompletionSource? gate)
    {
        gate!.SetResult();
        gate = null;
    }

    private sealed record Report(Phase Phase)
    {
        public LineStep Step { get; init; }

        public string Name { get; init; } = "";

        public LockHandle? Handle { get; init; }

        public Exception? Error { get; init; }

        public TaskCompletionSource? Gate { get; init; }
    }
}
