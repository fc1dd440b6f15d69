using System.Globalization;
using System.Text;
using Okapi.Recipes;
using Okapi.Simulation.Network;
using Okapi.Simulation.Truth;
using Okapi.Simulation.Work;

namespace Okapi.Simulation.Recipes;

/// <summary>A lock, an election or a semaphore: no more hold it than may, and what they write under its protection is in the order of their tokens (K4).</summary>
internal sealed class LockWork(World world, Luck luck, int kind) : RecipeWork(world, luck)
{
    private const string Fence = "/r/fence";
    private readonly List<LockHandle> _held = [];
    private readonly HashSet<LockHandle> _released = [];
    private readonly int _most = kind == 2 ? 2 : 1;

    public override async Task RunAsync(Player player)
    {
        Luck luck = Luck.Fork();
        if (player.Number == 1) await World.Observer.CreateAsync(Fence);
        (Func<TimeSpan, CancellationToken, Task<LockHandle?>> tryAcquire, IAsyncDisposable recipe) = Open(player.Zk);
        int rounds = luck.Between(1, 4);
        for (int i = 0; i < rounds; i++)
        {
            await World.PauseAsync(luck.Ms(0, 100));
            TimeSpan patience = luck.OneIn(3) ? luck.Ms(0, 2000) : TimeSpan.FromMinutes(2);
            using CancellationTokenSource? cancel = luck.OneIn(8) ? new(luck.Ms(0, 50), World.Time) : null;
            Attempt<LockHandle?> attempt = await Attempts.MakeAsync(World, player, "acquire", async () => await tryAcquire(patience, cancel?.Token ?? default), TimeSpan.FromMinutes(4));
            if (attempt.Value is { } handle) await HoldAsync(player, handle, luck);
        }

        await recipe.DisposeAsync();
    }

    public override Task CheckAsync()
    {
        long last = 0;
        if (!World.HasLostData && _most == 1)
        {
            foreach (Entry entry in World.Chronicle.Of(Fence))
            {
                if (entry.Data is not { Length: > 0 } data) continue;
                long token = long.Parse(Encoding.ASCII.GetString(data), CultureInfo.InvariantCulture);
                if (token < last) Fail($"K4: a write of the holder with token 0x{token:x} was accepted at 0x{entry.Zxid:x}, after one with 0x{last:x}");
                last = token;
            }
        }

        return Task.CompletedTask;
    }

    public override async Task EndAsync()
    {
        if (World.HasLostData) return;
        // Whoever has given up or given back leaves nothing behind.
        foreach (string path in (await World.Observer.ReadTreeAsync()).Keys)
            if (path.StartsWith("/r/lock/", StringComparison.Ordinal) && path is not ("/r/lock/locks" or "/r/lock/leases")) Fail($"I11: {path} is left, and nobody wants the lock any more");
    }

    private (Func<TimeSpan, CancellationToken, Task<LockHandle?>> TryAcquire, IAsyncDisposable Recipe) Open(ZooKeeperClient zk)
    {
        switch (kind)
        {
            case 0:
                DistributedLock exclusive = zk.Lock("/r/lock");
                return (exclusive.TryAcquireAsync, exclusive);
            case 1:
                LeaderElection election = zk.Election("/r/lock");
                return (election.TryLeadAsync, election);
            default:
                DistributedSemaphore semaphore = zk.Semaphore("/r/lock", 2);
                return (semaphore.TryAcquireAsync, semaphore);
        }
    }

    /// <summary>What is not held for certain any more is told to its holder, by its token too (H59).</summary>
    private async Task EndLostAsync()
    {
        LockHandle[] lost = [.. _held.Where(static each => !each.IsHeld)];
        _held.RemoveAll(lost.Contains);
        if (lost.Length == 0) return;
        await World.PauseAsync(TimeSpan.FromMilliseconds(1)); // what is registered on a token runs elsewhere
        foreach (LockHandle each in lost)
            if (!each.Lost.IsCancellationRequested && !_released.Contains(each)) Fail($"H59: the holder of 0x{each.FencingToken:x} is not told that it may be lost");
    }

    private async Task HoldAsync(Player player, LockHandle handle, Luck luck)
    {
        World.Trace.Note(50, player.Number, handle.FencingToken);
        World.Trace.Say($"c{player.Number} holds the lock with token 0x{handle.FencingToken:x}");
        await EndLostAsync();
        if (handle.IsHeld) _held.Add(handle);
        // A session that is ended by force ends before its holder can know; only the fence helps then.
        if (_held.Count > _most && World is { HasLostData: false, HasExpiredByForce: false }) Fail($"K4: {_held.Count} hold the lock at once, with tokens {string.Join(", ", _held.Select(each => $"0x{each.FencingToken:x}"))}");
        for (int i = luck.Between(1, 3); i > 0; i--)
        {
            await World.PauseAsync(luck.Ms(0, luck.OneIn(5) ? 3000 : 30));
            byte[] token = Encoding.ASCII.GetBytes(handle.FencingToken.ToString(CultureInfo.InvariantCulture));
            await Attempts.MakeAsync(World, player, "fenced write", async () => await player.Zk.Transaction().Check(handle.Path).Set(Fence, token).TryCommitAsync());
        }

        await EndLostAsync();
        _held.Remove(handle);
        _released.Add(handle);
        await Attempts.MakeAsync(World, player, "release", async () =>
        {
            await handle.DisposeAsync();
            return 0;
        }, TimeSpan.FromMinutes(2));
    }
}
