using Okapi.Server;

namespace Okapi.Soak.Load;

/// <summary>The way to a server through proxies, each of which cuts what is open on it once in a while; they take turns.</summary>
internal sealed class Cutter : IAsyncDisposable
{
    private const int Proxies = 10;

    private readonly FaultProxy[] _proxies;

    public Cutter(string address) => _proxies = [.. Enumerable.Range(0, Proxies).Select(_ => FaultProxy.Start(address))];

    public int Cuts { get; private set; }

    public string AddressFor(int client) => _proxies[client % Proxies].ConnectionString;

    /// <summary>Cuts every connection once in a period.</summary>
    public async Task RunAsync(TimeSpan period, CancellationToken stop)
    {
        CutKind[] kinds = [CutKind.Reset, CutKind.Close];
        using var pace = new PeriodicTimer(period / Proxies);
        try
        {
            for (int turn = 0; await pace.WaitForNextTickAsync(stop); turn++) Cuts += _proxies[turn % Proxies].Faults.Cut(kinds[turn / Proxies % kinds.Length]);
        }
        catch (OperationCanceledException)
        {
            // That is how it ends.
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (FaultProxy proxy in _proxies) await proxy.DisposeAsync();
    }
}
