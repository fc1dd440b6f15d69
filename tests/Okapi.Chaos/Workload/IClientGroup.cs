namespace Okapi.Chaos;

/// <summary>Clients that live in one process, this or another. Its parts are called one after another, in this order.</summary>
internal interface IClientGroup : IAsyncDisposable
{
    IReadOnlyList<int> Numbers { get; }

    /// <summary>All are connected, and the load begins.</summary>
    Task BeginAsync();

    /// <summary>Each client writes once.</summary>
    Task ProbeAsync();

    /// <summary>The load ends.</summary>
    Task QuietAsync();

    /// <summary>What clients know in the end is written down.</summary>
    Task FinishAsync();

    Task CloseAsync();
}
