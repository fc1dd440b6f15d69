using Okapi.Recipes.Locks;

namespace Okapi.Recipes.Tests.Schedules;

/// <summary>Asks for something and waits until it is held.</summary>
internal delegate Task<LockHandle> Acquire(string want, CancellationToken cancellationToken);

/// <summary>A recipe that is put to the test, and what it promises.</summary>
/// <param name="Name">What it is called in reports.</param>
/// <param name="Wants">What can be asked for.</param>
/// <param name="Open">Opens the recipe for one client.</param>
internal sealed record Subject(string Name, string[] Wants, Func<ZooKeeperClient, LockOptions, Acquire> Open)
{
    public const string Path = "/schedule";

    /// <summary>The znodes whose children stand for those who hold or wait. Most recipes have one.</summary>
    public string[] Folders { get; init; } = [Path];

    /// <summary>How many may hold at once, and what.</summary>
    public Func<IReadOnlyList<string>, bool> MayHold { get; init; } = static held => held.Count <= 1;

    /// <summary>Whether who holds the first has to have a higher token than who held the second before him.</summary>
    public Func<string, string, bool> Follows { get; init; } = static (_, _) => true;

    /// <summary>Whether one znode that goes may wake all these (H62).</summary>
    public Func<IReadOnlyList<string>, bool> MayWake { get; init; } = static woken => woken.Count <= 1;

    /// <summary>How many znodes somebody may have at most where he stands.</summary>
    public Func<Actor, int> Entitled { get; init; } = static actor => actor.Phase == Phase.Idle || actor.IsAt(LineStep.Create) ? 0 : 1;

    public static Subject Lock { get; } = new("lock", ["lock"], static (zk, options) =>
    {
        DistributedLock mine = zk.Lock(Path, options);
        return (_, ct) => mine.AcquireAsync(ct);
    });

    public static Subject ReaderWriterLock { get; } = ReadersAndWriters("reader-writer lock", static (zk, options) =>
    {
        DistributedReaderWriterLock mine = zk.ReaderWriterLock(Path, options);
        return (want, ct) => want == "write" ? mine.AcquireWriteAsync(ct) : mine.AcquireReadAsync(ct);
    });

    public static Subject Semaphore(int promised, int? real = null) => Leased($"semaphore of {promised}", promised, (zk, options) =>
    {
        DistributedSemaphore mine = zk.Semaphore(Path, real ?? promised, options);
        return (_, ct) => mine.AcquireAsync(ct);
    });

    public static Subject ReadersAndWriters(string name, Func<ZooKeeperClient, LockOptions, Acquire> open) => new(name, ["write", "read"], open)
    {
        MayHold = static held => held.Count <= 1 || !held.Contains("write"),
        Follows = static (want, earlier) => want == "write" || earlier == "write",
        MayWake = static woken => woken.Count <= 1 || !woken.Contains("write"),
    };

    public static Subject Leased(string name, int leases, Func<ZooKeeperClient, LockOptions, Acquire> open) => new(name, ["lease"], open)
    {
        Folders = [Path + "/locks", Path + "/leases"],
        MayHold = held => held.Count <= leases,
        Entitled = static actor => actor switch
        {
            { Phase: Phase.Idle } => 0,
            { Phase: Phase.Holding } => 1,
            _ when actor.IsAt(LineStep.Create) => actor.Name.EndsWith("/leases", StringComparison.Ordinal) ? 1 : 0,
            _ => 2,
        },
    };
}
