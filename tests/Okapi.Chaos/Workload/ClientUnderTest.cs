using Okapi.Chaos.Histories;
using Okapi.State;

namespace Okapi.Chaos;

/// <summary>What all clients of a run have in common.</summary>
internal sealed record WorkloadOptions(string ConnectString, int Seed, TimeSpan SessionTimeout, int Clients, double OperationsPerSecond)
{
    /// <summary>Within this time after the last fault was healed each client has to be well again (K7).</summary>
    public TimeSpan RecoveryLimit => SessionTimeout + TimeSpan.FromSeconds(10);
}

/// <summary>One client with all it does.</summary>
internal sealed class ClientUnderTest
{
    private readonly WorkloadOptions _options;
    private readonly HistoryWriter _history;
    private readonly int _number;
    private readonly Action<string> _problem;
    private readonly CancellationTokenSource _stop = new();
    private readonly ZooKeeperClient _zk;
    private readonly Calls _calls;
    private readonly IReadOnlyList<Activity> _activities;
    private readonly Task _states;
    private Task _running = Task.CompletedTask;

    public ClientUnderTest(WorkloadOptions options, HistoryWriter history, int number, Action<string> problem)
    {
        _options = options;
        _history = history;
        _number = number;
        _problem = text => problem($"client {number}: {text}");
        _zk = ZooKeeperClient.Start(new ZooKeeperOptions
        {
            ConnectString = options.ConnectString,
            SessionTimeout = options.SessionTimeout,
            Recovery = SessionRecovery.NewSession,
            // Shorter than some outages, so that this end of a call is seen as well.
            RequestTimeout = options.SessionTimeout * 2.5,
            BackoffMaximum = TimeSpan.FromSeconds(1),
            ConnectCallback = new WireRecorder(history, number).ConnectAsync,
        });
        _calls = new Calls(history, number, _zk);
        _activities = [.. Duties()];
        _states = FollowStatesAsync();
    }

    public Task ConnectAsync() => _zk.WaitConnectedAsync(TimeSpan.FromSeconds(30));

    public void Begin() => _running = Task.WhenAll(_activities.Select(activity => GuardAsync(() => activity.RunAsync(_stop.Token))));

    /// <summary>Writes until that succeeds once; the time of that is in the history (K7).</summary>
    public async Task ProbeAsync()
    {
        long until = HistoryWriter.Now + (long)_options.RecoveryLimit.TotalNanoseconds;
        do
        {
            (long id, string tag) = _calls.Next();
            OperationEntry entry = await _calls.MakeAsync(OperationKind.SetData, Layout.Probe(_number), id, tag, async entry =>
                entry.Stat = await _zk.SetAsync(Layout.Probe(_number), System.Text.Encoding.ASCII.GetBytes(tag)));
            if (entry.Outcome == Outcome.Ok)
            {
                return;
            }
        }
        while (HistoryWriter.Now < until);
        _problem("no write succeeded after all faults were healed");
    }

    /// <summary>Ends the load. What does not return in time is written down as pending.</summary>
    public async Task QuietAsync()
    {
        await _stop.CancelAsync();
        if (await Task.WhenAny(_running, Task.Delay(_options.RecoveryLimit)) != _running)
        {
            _problem("not all calls returned in time after the end of the load");
        }

        if (_calls.GiveUpPending() is int left and > 0)
        {
            _problem($"{left} calls are pending after all faults were healed");
        }
    }

    public async Task FinishAsync()
    {
        using var limit = new CancellationTokenSource(_options.RecoveryLimit);
        await Task.WhenAll(_activities.Select(activity => GuardAsync(() => activity.FinishAsync(limit.Token))));
    }

    public async Task CloseAsync()
    {
        await _zk.DisposeAsync();
        await _states;
    }

    // By number, so that every run has all of them, and each in several processes.
    private IEnumerable<Activity> Duties()
    {
        int seed = 0;
        var numbers = new WatchNumbers();
        yield return new Operations(_calls, Draw(), _options.OperationsPerSecond);
        yield return new OneShotWatching(_calls, numbers, Draw(), perSecond: 0.5);
        if (_number % 3 == 0)
        {
            yield return new PersistentWatching(_calls, numbers, Layout.AllFields[_number / 3 % Layout.AllFields.Count], WatchMode.PersistentRecursive);
        }

        if (_number % 6 == 1)
        {
            yield return new PersistentWatching(_calls, numbers, Layout.AllKeys[_number], WatchMode.Persistent);
        }

        if (_number % 3 == 2)
        {
            yield return new Holding(_calls, GrantKind.Lock, Layout.AllLocks[_number / 3 % Layout.AllLocks.Count], _options.SessionTimeout, Draw());
        }

        if (_number % 5 == 0)
        {
            yield return new Holding(_calls, GrantKind.Leader, Layout.AllElections[0], _options.SessionTimeout, Draw());
        }

        if (_number % 6 == 4)
        {
            yield return new Caching(_calls, Layout.Branches[_number / 6 % Layout.Branches.Count]);
        }

        if (_number % 4 == 1)
        {
            int state = _number / 4 % Layout.AllStates.Count;
            yield return new Sharing(_calls, Layout.AllStates[state], (UpdateMode)state, _options.Clients, Draw());
        }

        Random Draw() => new(unchecked((_options.Seed * 1_000_003) + (_number * 101) + seed++));
    }

    private async Task FollowStatesAsync()
    {
        await foreach (SessionStateChange change in _zk.StateChangesAsync())
        {
            _history.Add(new SessionEntry { Client = _number, State = change.State, Session = change.SessionId });
        }
    }

    private async Task GuardAsync(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Exception e)
        {
            // No fault of a server or of the network ends an activity: whatever comes here is to be looked into.
            _problem(e.ToString());
        }
    }
}
