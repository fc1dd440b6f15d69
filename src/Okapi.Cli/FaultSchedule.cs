using Okapi.Server;

namespace Okapi.Cli;

/// <summary>When the faults of the command line are in force: all the time, once for a while, or again and again.</summary>
internal sealed class FaultSchedule(IReadOnlyList<Func<ProxyFaults, Fault>> faults, TimeSpan? every, TimeSpan? length, TimeProvider time)
{
    /// <summary>Goes on until it is cancelled, or over.</summary>
    public async Task RunAsync(ProxyFaults on, CancellationToken ct)
    {
        if (faults.Count == 0) return;
        try
        {
            do
            {
                Fault[] inForce = [.. faults.Select(begin => begin(on))];
                if (length is null) return; // for as long as the proxy runs
                await Task.Delay(length.Value, time, ct).ConfigureAwait(false);
                foreach (Fault fault in inForce) fault.Dispose();
                if (every is not null) await Task.Delay(every.Value - length.Value, time, ct).ConfigureAwait(false);
            }
            while (every is not null);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // The proxy ends, and its faults with it.
        }
    }
}
