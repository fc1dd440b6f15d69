using Okapi.Chaos.Histories;

namespace Okapi.Chaos;

/// <summary>Clients in this process.</summary>
internal sealed class ClientGroup(WorkloadOptions options, HistoryWriter history, IReadOnlyList<int> numbers, Action<string> problem) : IClientGroup
{
    private IReadOnlyList<ClientUnderTest> _clients = [];

    public IReadOnlyList<int> Numbers => numbers;

    public async Task BeginAsync()
    {
        _clients = [.. numbers.Select(number => new ClientUnderTest(options, history, number, problem))];
        await Task.WhenAll(_clients.Select(client => client.ConnectAsync()));
        foreach (ClientUnderTest client in _clients)
        {
            client.Begin();
        }
    }

    public Task ProbeAsync() => Task.WhenAll(_clients.Select(client => client.ProbeAsync()));

    public Task QuietAsync() => Task.WhenAll(_clients.Select(client => client.QuietAsync()));

    public Task FinishAsync() => Task.WhenAll(_clients.Select(client => client.FinishAsync()));

    public Task CloseAsync() => Task.WhenAll(_clients.Select(client => client.CloseAsync()));

    public async ValueTask DisposeAsync() => await CloseAsync();
}
