using Okapi.Recipes;

namespace Okapi.Samples;

internal static class LockExamples
{
    public static async Task OneAtATimeAsync(ZooKeeperClient zk, CancellationToken ct)
    {
        await using (LockHandle held = await zk.Lock("/locks/orders").AcquireAsync(ct))
        {
            // The work stops when the lock is lost: the token goes wherever a CancellationToken does.
            await ShipAsync(held.FencingToken, held.Lost);
        }

        await using LockHandle? maybe = await zk.Lock("/locks/orders").TryAcquireAsync(TimeSpan.FromSeconds(1), ct);
        Console.WriteLine(maybe is null ? "somebody else ships" : "it was free again");
    }

    public static async Task FencedWriteAsync(ZooKeeperClient zk, CancellationToken ct)
    {
        await zk.TryCreateAsync("/stock", "7"u8.ToArray(), cancellationToken: ct);
        await using LockHandle held = await zk.Lock("/locks/stock").AcquireAsync(ct);
        TransactionResult written = await zk.Transaction().Check(held.Path).Set("/stock", "6"u8.ToArray()).TryCommitAsync(ct);
        Console.WriteLine(written.IsCommitted ? "written while we held the lock, for certain" : "the lock was lost; nothing is written");
    }

    public static async Task ReadersAndWritersAsync(ZooKeeperClient zk, CancellationToken ct)
    {
        await using DistributedReaderWriterLock prices = zk.ReaderWriterLock("/locks/prices");
        await using (await prices.AcquireReadAsync(ct))
        await using (await prices.AcquireReadAsync(ct))
        {
            Console.WriteLine("two read");
        }

        await using (await prices.AcquireWriteAsync(ct))
        {
            Console.WriteLine("one writes");
        }
    }

    public static async Task ThreePrintersAsync(ZooKeeperClient zk, CancellationToken ct)
    {
        await using DistributedSemaphore printers = zk.Semaphore("/printers", maxLeases: 3);
        await using LockHandle lease = await printers.AcquireAsync(ct);
        Console.WriteLine($"{(await printers.GetHoldersAsync(ct)).Count} of {printers.MaxLeases} printers in use");
    }

    public static async Task SeveralAtOnceAsync(ZooKeeperClient zk, CancellationToken ct)
    {
        await using LockSet accounts = zk.Locks(["/locks/bob", "/locks/ann"]);
        await using LockSetHandle both = await accounts.AcquireAsync(ct);
        Console.WriteLine($"{both.Locks.Count} accounts are ours; whoever asks for them in another order just waits");
    }

    public static async Task ElectionAsync(ZooKeeperClient zk, CancellationToken ct)
    {
        await using LeaderElection election = zk.Election("/election", name: "node-1");
        await foreach (LockHandle term in election.TermsAsync(ct))
        {
            Console.WriteLine($"{(await election.GetLeaderAsync(ct))?.Identity} leads; its token is {term.FencingToken}");
            break; // leaving the loop resigns; asking for the next term would stand again
        }
    }

    private static Task ShipAsync(long token, CancellationToken lost)
    {
        lost.ThrowIfCancellationRequested();
        Console.WriteLine($"shipping, with token {token}");
        return Task.CompletedTask;
    }
}
