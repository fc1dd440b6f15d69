namespace Okapi.State.Tests;

/// <summary>Short ways to what many tests do.</summary>
internal static class Opening
{
    public static CancellationToken Token => TestContext.Current.CancellationToken;

    public static Task<SharedState<Tally>> OpenTallyAsync(this ZooKeeperClient zk, string path, SharedStateOptions? options = null) =>
        SharedState.OpenAsync(zk, path, Tally.Zero, Json.Default.Tally, options, Token).Soon();

    public static Task<SharedState<Agents>> OpenAgentsAsync(this ZooKeeperClient zk, string path, SharedStateOptions? options = null, params string[] globs) =>
        SharedState.OpenAsync(zk, path, new Agents(globs), Json.Default.Agents, options, Token).Soon();

    public static Task<Versioned<Agents>> AddAsync(this SharedState<Agents> agents, string glob) => agents.UpdateAsync(state => state with { Globs = [.. state.Globs, glob] }, Token).Soon();

    public static async Task<string> TextAsync(this ZooKeeperClient zk, string path) => System.Text.Encoding.UTF8.GetString((await zk.GetAsync(path, Token)).Data);

    public static ValueTask<Stat> WriteAsync(this ZooKeeperClient zk, string path, string json) => zk.SetAsync(path, System.Text.Encoding.UTF8.GetBytes(json), cancellationToken: Token);

    /// <summary>Waits until a replica knows a version.</summary>
    public static Task KnowsAsync<T>(this SharedState<T> state, long zxid)
        where T : notnull => Waiting.UntilAsync(() => Task.FromResult(state.Known.Zxid >= zxid), $"{state.Id} knows zxid {zxid}");
}

/// <summary>A subscriber who keeps what he hears.</summary>
internal sealed class Listening : IAsyncDisposable
{
    private readonly IAsyncEnumerator<StateChange> _changes;

    private Listening(IAsyncEnumerator<StateChange> changes) => _changes = changes;

    public List<StateChange> Seen { get; } = [];

    public static Listening To<T>(SharedState<T> state)
        where T : notnull => new(state.Changes(Opening.Token).GetAsyncEnumerator());

    public static Listening To<T>(SharedState<T> state, Versioned<T> since)
        where T : notnull => new(state.Changes(since, Opening.Token).GetAsyncEnumerator());

    public async Task<StateChange> NextAsync()
    {
        Assert.True(await _changes.MoveNextAsync().AsTask().Soon(), "The stream has ended.");
        Seen.Add(_changes.Current);
        return _changes.Current;
    }

    public async Task<string> NextTextAsync() => (await NextAsync()).ToString();

    /// <summary>Reads up to a change of a version.</summary>
    public async Task UntilAsync(long zxid)
    {
        while (Seen.Count == 0 || Seen[^1].Zxid < zxid) await NextAsync();
    }

    /// <summary>Reads to the end of the stream.</summary>
    public async Task ToEndAsync()
    {
        while (await _changes.MoveNextAsync().AsTask().Soon()) Seen.Add(_changes.Current);
    }

    public ValueTask DisposeAsync() => _changes.DisposeAsync();
}
