using Okapi.Chaos.Histories;

namespace Okapi.Chaos;

/// <summary>
/// Watches the ensemble from outside, all the time: what each server says it is, and when the ensemble takes writes. It
/// measures by itself, without the client under test, so that the client's times can be held against the servers' own.
/// </summary>
internal sealed class Observer : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(1000);
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _end = new();
    private readonly Ensemble _ensemble;
    private readonly TimeSpan _sessionTimeout;
    private readonly Action<Server, string> _modeChanged;
    private readonly List<long> _served = [];
    private readonly Task _loops;

    /// <param name="ensemble">What is observed.</param>
    /// <param name="sessionTimeout">The timeout of probing sessions: short, so that one that is cut off does not linger.</param>
    /// <param name="modeChanged">Which server, and what it is now: leader, follower, or none when it does not say.</param>
    public Observer(Ensemble ensemble, TimeSpan sessionTimeout, Action<Server, string> modeChanged)
    {
        _ensemble = ensemble;
        _sessionTimeout = sessionTimeout;
        _modeChanged = modeChanged;
        _loops = Task.WhenAll([.. ensemble.Servers.Select(FollowModeAsync), .. ensemble.Servers.Select(ProbeAsync)]);
    }

    /// <summary>
    /// The longest time in a span without a success at any server. What is not yet over counts up to the end of the span.
    /// </summary>
    public TimeSpan LongestOutage(long from, long to)
    {
        long longest = 0;
        lock (_lock)
        {
            long last = from;
            foreach (long at in _served.SkipWhile(at => at < from).TakeWhile(at => at <= to).Append(to))
            {
                longest = Math.Max(longest, at - last);
                last = at;
            }
        }

        return TimeSpan.FromTicks(longest / 100);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_loops.IsCompleted)
        {
            await _end.CancelAsync();
            await _loops;
            _end.Dispose();
        }
    }

    private async Task FollowModeAsync(Server server)
    {
        string known = "";
        while (await PauseAsync())
        {
            string mode = await server.TryGetModeAsync(Patience) ?? "none";
            if (mode != known)
            {
                _modeChanged(server, known = mode);
            }
        }
    }

    private async Task ProbeAsync(Server server)
    {
        while (await PauseAsync())
        {
            if (await SessionProbe.TryAsync(server.Endpoint, _sessionTimeout, Patience))
            {
                lock (_lock)
                {
                    // In order of time: only this line adds, and time is taken inside the lock.
                    _served.Add(HistoryWriter.Now);
                }
            }
        }
    }

    private async Task<bool> PauseAsync()
    {
        await Task.Delay(Interval, _end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return !_end.IsCancellationRequested;
    }
}
