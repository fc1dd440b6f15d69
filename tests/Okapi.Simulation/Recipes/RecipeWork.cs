using Okapi.Simulation.Network;

namespace Okapi.Simulation.Recipes;

/// <summary>A recipe that all clients of a run use at once.</summary>
internal abstract class RecipeWork(World world, Luck luck)
{
    protected World World { get; } = world;

    protected Luck Luck { get; } = luck;

    /// <summary>What one client does with it.</summary>
    public abstract Task RunAsync(Player player);

    /// <summary>When all is well again, and nobody uses it any more.</summary>
    public virtual Task CheckAsync() => Task.CompletedTask;

    /// <summary>Before the clients are disposed.</summary>
    public virtual Task EndAsync() => Task.CompletedTask;

    protected void Fail(string violation) => World.Fail(violation);
}

/// <summary>The recipes of a run.</summary>
internal sealed class RecipeWorks
{
    private readonly List<RecipeWork> _works = [];
    private readonly World _world;

    public RecipeWorks(World world, Luck luck)
    {
        _world = world;
        if (luck.OneIn(2)) _works.Add(new LockWork(world, luck.Fork(), luck.Below(3)));
        if (luck.OneIn(3)) _works.Add(new QueueWork(world, luck.Fork()));
        if (luck.OneIn(3)) _works.Add(new CounterWork(world, luck.Fork()));
        if (luck.OneIn(3)) _works.Add(new CacheWork(world, luck.Fork()));
        if (luck.OneIn(3)) _works.Add(new StateWork(world, luck.Fork()));
    }

    public IEnumerable<(string What, Task Task)> Run() => _works.SelectMany(work => _world.Players.Select(player => ($"{work.GetType().Name} of client {player.Number}", work.RunAsync(player))));

    public async Task CheckAsync()
    {
        foreach (RecipeWork work in _works)
        {
            await SettleAsync();
            await work.CheckAsync();
        }
    }

    /// <summary>Waits until the server itself has changed nothing for a moment: containers and what has a time to live go by themselves.</summary>
    private async Task SettleAsync()
    {
        long zxid;
        do
        {
            zxid = _world.LastZxid;
            await _world.PauseAsync(TimeSpan.FromMilliseconds(50));
        }
        while (zxid != _world.LastZxid);
    }

    public async Task EndAsync()
    {
        foreach (RecipeWork work in _works) await work.EndAsync();
    }
}
