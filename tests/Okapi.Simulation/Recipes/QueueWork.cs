using System.Text;
using Okapi.Recipes;
using Okapi.Simulation.Network;
using Okapi.Simulation.Work;

namespace Okapi.Simulation.Recipes;

/// <summary>A queue: what was put in comes out, once where that is what the way of taking promises.</summary>
internal sealed class QueueWork(World world, Luck luck) : RecipeWork(world, luck)
{
    private readonly Dictionary<string, Ending> _put = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _taken = new(StringComparer.Ordinal);
    private readonly HashSet<string> _doubtful = new(StringComparer.Ordinal);

    public override async Task RunAsync(Player player)
    {
        Luck luck = Luck.Fork();
        DistributedQueue queue = player.Zk.Queue("/r/queue");
        bool completes = luck.OneIn(2);
        for (int i = luck.Between(3, 12); i > 0; i--)
        {
            if (luck.OneIn(2)) await World.PauseAsync(luck.Ms(0, 200));
            if (luck.OneIn(2)) await PutAsync(player, queue, $"{player.Number}.{i}");
            else if (completes) await ReceiveAsync(player, queue, luck);
            else await DequeueAsync(player, queue);
        }
    }

    public override async Task CheckAsync()
    {
        if (World.HasLostData) return;
        Player player = World.Players[0];
        DistributedQueue queue = player.Zk.Queue("/r/queue");
        for (int i = 0; i < 200 && await DequeueAsync(player, queue); i++)
        {
        }

        foreach ((string item, Ending ending) in _put)
        {
            int taken = _taken.GetValueOrDefault(item);
            if (ending == Ending.Done && taken == 0 && !_doubtful.Contains(item)) Fail($"item {item} was put into the queue and never came out");
            if (ending is Ending.Refused or Ending.NotSent && taken > 0) Fail($"item {item} was not put into the queue, and came out");
            if (taken > 1) Fail($"item {item} came out of the queue {taken} times");
        }

        foreach (string item in _taken.Keys)
            if (!_put.ContainsKey(item)) Fail($"item {item} came out of the queue, and nobody has put it in");
    }

    private async Task PutAsync(Player player, DistributedQueue queue, string item)
    {
        _put[item] = Ending.Unknown;
        Attempt<string> attempt = await Attempts.MakeAsync(World, player, $"enqueue {item}", async () => await queue.EnqueueAsync(Encoding.ASCII.GetBytes(item)), TimeSpan.FromMinutes(2));
        _put[item] = attempt.Ending;
    }

    private async Task<bool> DequeueAsync(Player player, DistributedQueue queue)
    {
        Attempt<QueueEntry?> attempt = await Attempts.MakeAsync(World, player, "dequeue", async () =>
        {
            try
            {
                return await queue.TryDequeueAsync();
            }
            catch (EntryInDoubtException doubt)
            {
                _doubtful.Add(Encoding.ASCII.GetString(doubt.Entry.Data.Span));
                return null;
            }
        }, TimeSpan.FromMinutes(2));
        if (attempt.Value is not { } entry) return false;
        string item = Encoding.ASCII.GetString(entry.Data.Span);
        _taken[item] = _taken.GetValueOrDefault(item) + 1;
        return true;
    }

    private async Task ReceiveAsync(Player player, DistributedQueue queue, Luck luck)
    {
        Attempt<ReceivedEntry?> attempt = await Attempts.MakeAsync(World, player, "receive", async () => await queue.TryReceiveAsync(), TimeSpan.FromMinutes(2));
        if (attempt.Value is not { } entry) return;
        await using (entry)
        {
            string item = Encoding.ASCII.GetString(entry.Data.Span);
            await World.PauseAsync(luck.Ms(0, 50));
            if (luck.OneIn(4)) return; // it comes to another
            Attempt<bool> completed = await Attempts.MakeAsync(World, player, $"complete {item}", async () => await entry.TryCompleteAsync(), TimeSpan.FromMinutes(2));
            if (completed is { IsDone: true, Value: true }) _taken[item] = _taken.GetValueOrDefault(item) + 1;
            else if (!completed.IsDone) _doubtful.Add(item);
        }
    }
}
