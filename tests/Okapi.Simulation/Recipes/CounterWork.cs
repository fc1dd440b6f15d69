using System.Buffers.Binary;
using Okapi.Recipes;
using Okapi.Simulation.Network;
using Okapi.Simulation.Work;

namespace Okapi.Simulation.Recipes;

/// <summary>A counter: each increment counts once, or not at all where that is what it says.</summary>
internal sealed class CounterWork(World world, Luck luck) : RecipeWork(world, luck)
{
    private readonly HashSet<long> _values = [];
    private int _done;
    private int _unknown;

    public override async Task RunAsync(Player player)
    {
        Luck luck = Luck.Fork();
        AtomicCounter counter = player.Zk.Counter("/r/counter");
        for (int i = luck.Between(2, 10); i > 0; i--)
        {
            if (luck.OneIn(2)) await World.PauseAsync(luck.Ms(0, 200));
            Attempt<long> attempt = await Attempts.MakeAsync(World, player, "increment", async () => await counter.IncrementAsync(), TimeSpan.FromMinutes(2));
            if (attempt.IsDone && !_values.Add(attempt.Value) && !World.HasLostData) Fail($"two increments have led to {attempt.Value}");
            if (attempt.IsDone) _done++;
            else if (attempt.Ending == Ending.Unknown) _unknown++;
        }
    }

    public override async Task CheckAsync()
    {
        if (World.HasLostData) return;
        Dictionary<string, (byte[] Data, Stat Stat)> tree = await World.Observer.ReadTreeAsync();
        long value = tree.TryGetValue("/r/counter", out (byte[] Data, Stat) node) && node.Data.Length == 8 ? BinaryPrimitives.ReadInt64BigEndian(node.Data) : 0;
        if (value < _done || value > _done + _unknown) Fail($"the counter is {value} after {_done} increments and {_unknown} of which nobody knows");
    }
}
