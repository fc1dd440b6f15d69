using System.Globalization;
using Okapi.Chaos.Histories;

namespace Okapi.Chaos;

/// <summary>What one fault did to the ensemble.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Kind">Its kind.</param>
/// <param name="Strike">Whom it hit.</param>
/// <param name="Started">When, see <see cref="HistoryWriter.Now"/>.</param>
/// <param name="Ended">When the ensemble was whole again after it.</param>
/// <param name="Outage">How long, at the longest, no server took writes, as the observer saw it.</param>
internal sealed record Blow(int Number, string Kind, Strike Strike, long Started, long Ended, TimeSpan Outage);

/// <summary>
/// One fault after another, never two at a time: the next comes only when the ensemble is whole, so that no two of them
/// together can rightly lose what was acknowledged.
/// </summary>
internal sealed class Campaign(Field field, Observer observer, HistoryWriter history, Random random, Action<string> say, Action<string> problem)
{
    private static readonly TimeSpan WholeLimit = TimeSpan.FromSeconds(60);
    private readonly Schedule _schedule = new(Nemeses.All.Where(nemesis => !nemesis.CutsNetwork || field.Network.CanCut), random);
    private readonly List<Blow> _blows = [];

    public IReadOnlyList<Blow> Blows => _blows;

    /// <summary>Goes on until the time is over; then all is healed and the ensemble whole.</summary>
    public async Task RunAsync(TimeSpan duration, CancellationToken cancel)
    {
        long end = HistoryWriter.Now + (long)duration.TotalNanoseconds;
        while (true)
        {
            // Counted from the end of the last fault, of which clients have to recover too.
            TimeSpan pause = TimeSpan.FromSeconds(2 + (random.NextDouble() * 5));
            if (HistoryWriter.Now + (long)pause.TotalNanoseconds >= end)
            {
                return;
            }

            await Task.Delay(pause, cancel);
            await StrikeAsync(_schedule.Next(), cancel);
        }
    }

    private async Task StrikeAsync(Nemesis nemesis, CancellationToken cancel)
    {
        Strike strike = await nemesis.AimAsync(field, random);
        int number = _blows.Count + 1;
        var fault = new FaultEntry { Fault = number, Kind = nemesis.Kind, Target = strike.Target, Server = strike.Server, PausedClients = strike.PausedClients };
        history.Add(fault);
        say(Invariant($"fault {number}: {nemesis.Kind} {strike.Target}{(strike.Hold > TimeSpan.Zero ? Invariant($", for {strike.Hold.TotalSeconds:0.0} s") : "")}"));
        try
        {
            await strike.HitAsync();
            await Task.Delay(strike.Hold, cancel);
        }
        finally
        {
            await strike.HealAsync();
            history.Add(new HealEntry { Fault = number });
        }

        long healed = HistoryWriter.Now;
        if (!await field.Ensemble.TryWaitWholeAsync(WholeLimit))
        {
            problem(Invariant($"the ensemble is not whole {WholeLimit.TotalSeconds} s after fault {number} was healed; its servers are started anew"));
            await RestartAsync();
        }

        long whole = HistoryWriter.Now;
        TimeSpan outage = observer.LongestOutage(fault.Time, whole);
        history.Add(new OutageEntry { Fault = number, OutageMs = (int)outage.TotalMilliseconds });
        _blows.Add(new Blow(number, nemesis.Kind, strike, fault.Time, whole, outage));
        say(Invariant($"  healed; whole {(whole - healed) / 1e9:0.0} s later; no writes anywhere for {outage.TotalSeconds:0.0} s"));
    }

    private async Task RestartAsync()
    {
        foreach (Server server in field.Ensemble.Servers)
        {
            await server.KillAsync();
            server.Start();
        }

        if (!await field.Ensemble.TryWaitWholeAsync(WholeLimit))
        {
            throw new InvalidOperationException("The ensemble does not recover any more.");
        }
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
