using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Okapi.Simulation.Network;
using Okapi.Simulation.Work;
using Okapi.State;

namespace Okapi.Simulation.Recipes;

internal sealed record Tally(SortedDictionary<string, int> Counts)
{
    public int Of(string name) => Counts.GetValueOrDefault(name);

    public Tally Plus(string name) => new(new SortedDictionary<string, int>(Counts, StringComparer.Ordinal) { [name] = Of(name) + 1 });
}

[JsonSerializable(typeof(Tally))]
internal sealed partial class TallyJson : JsonSerializerContext;

/// <summary>A shared state in which each client counts its own updates: each counts once, all see the same in the end, and the changes lead there. When the servers have lost data nothing counts any more, and the rest holds.</summary>
internal sealed class StateWork(World world, Luck luck) : RecipeWork(world, luck)
{
    private readonly List<Opened> _opened = [];
    private readonly UpdateMode _mode = luck.OneIn(2) ? UpdateMode.Exclusive : UpdateMode.Optimistic;

    public override async Task RunAsync(Player player)
    {
        Luck luck = Luck.Fork();
        string name = $"c{player.Number}";
        var options = new SharedStateOptions { UpdateMode = _mode };
        Attempt<SharedState<Tally>> opening = await Attempts.MakeAsync(World, player, "open state", async () => await SharedState.OpenAsync(player.Zk, "/r/state", new Tally([]), TallyJson.Default.Tally, options), TimeSpan.FromMinutes(2));
        if (opening.Value is not { } state) return;
        Versioned<Tally> since = state.Known;
        var opened = new Opened(player, state, name) { Replayed = JsonNode.Parse(since.Document.GetRawText()) };
        opened.Reading = ReadAsync(opened, since);
        _opened.Add(opened);
        for (int i = luck.Between(1, 6); i > 0; i--)
        {
            await World.PauseAsync(luck.Ms(0, 100));
            if (luck.OneIn(3)) await ReadLatestAsync(opened);
            Attempt<Versioned<Tally>?> attempt = await Attempts.MakeAsync(World, player, "update", async () => await state.TryUpdateAsync(tally => tally.Plus(name), TimeSpan.FromMinutes(1)), TimeSpan.FromMinutes(2));
            if (attempt is { IsDone: true, Value: { } written })
            {
                opened.Done++;
                int count = written.Value.Of(name);
                if (!World.HasLostData && (count < opened.Done || count > opened.Done + opened.Unknown)) Fail($"K6: client {player.Number} has made {opened.Done} updates, and the last has led to {count}");
            }
            else if (attempt.Ending == Ending.Unknown)
            {
                opened.Unknown++;
            }
        }
    }

    public override async Task CheckAsync()
    {
        if (World.HasLostData && _opened.Count > 0) await BeginAnewAsync(_opened[0].Player);
        foreach (Opened opened in _opened) await ReadLatestAsync(opened);
        Dictionary<string, (byte[] Data, Stat Stat)> tree = await World.Observer.ReadTreeAsync();
        if (!tree.TryGetValue("/r/state/payload", out (byte[] Data, Stat Stat) payload)) return;
        string truth = JsonNode.Parse(payload.Data)!.ToJsonString();
        Tally final = JsonSerializer.Deserialize(payload.Data, TallyJson.Default.Tally)!;
        foreach (Opened opened in _opened)
        {
            int count = final.Of(opened.Name);
            if (!World.HasLostData && (count < opened.Done || count > opened.Done + opened.Unknown)) Fail($"K6: client {opened.Player.Number} has made {opened.Done} updates, and {opened.Unknown} of which nobody knows; {count} count");
            if (Json(opened.State.ReadUnverified()) != Json(final)) Fail($"K6: client {opened.Player.Number} has the state {Json(opened.State.ReadUnverified())}, and it is {truth}");
            if (!JsonNode.DeepEquals(opened.Replayed, JsonNode.Parse(payload.Data))) Fail($"K6: the changes that client {opened.Player.Number} was told of lead to {opened.Replayed?.ToJsonString()}, and the state is {truth}");
        }
    }

    public override async Task EndAsync()
    {
        foreach (Opened opened in _opened)
        {
            await opened.State.DisposeAsync();
            await opened.Reading;
        }
    }

    /// <summary>What was lost is made anew by a process that knows nothing of it, for those to follow that do.</summary>
    private async Task BeginAnewAsync(Player player)
    {
        Attempt<Versioned<Tally>> attempt = await Attempts.MakeAsync(
            World,
            player,
            "begin anew",
            async () =>
            {
                await using SharedState<Tally> state = await SharedState.OpenAsync(player.Zk, "/r/state", new Tally([]), TallyJson.Default.Tally, new() { UpdateMode = _mode });
                return await state.UpdateAsync(tally => tally.Plus("anew"));
            },
            TimeSpan.FromMinutes(2));
        if (!attempt.IsDone) Fail($"K6: client {player.Number} cannot begin the state anew: {attempt.Error}");
    }

    private async Task ReadLatestAsync(Opened opened)
    {
        (string Name, int Done)[] before = [.. _opened.Select(each => (each.Name, each.Done))];
        Attempt<Tally> attempt = await Attempts.MakeAsync(World, opened.Player, "read latest", async () => await opened.State.ReadLatestAsync(), TimeSpan.FromMinutes(2));
        if (!attempt.IsDone || World.HasLostData) return;
        foreach ((string name, int done) in before)
            if (attempt.Value!.Of(name) < done) Fail($"K6: the latest state of client {opened.Player.Number} lacks an update that was made before it was asked for: {attempt.Value.Of(name)} of the {done} of {name}");
    }

    private async Task ReadAsync(Opened opened, Versioned<Tally> since)
    {
        await foreach (StateChange change in opened.State.Changes(since))
        {
            World.Trace.Note(70, opened.Player.Number, change.Version);
            opened.Replayed = JsonDifference.Apply(opened.Replayed, [change]);
        }
    }

    private static string Json(Tally tally) => JsonSerializer.Serialize(tally, TallyJson.Default.Tally);

    private sealed record Opened(Player Player, SharedState<Tally> State, string Name)
    {
        public int Done { get; set; }

        public int Unknown { get; set; }

        public JsonNode? Replayed { get; set; }

        public Task Reading { get; set; } = Task.CompletedTask;
    }
}
