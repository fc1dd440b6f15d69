using System.Text.Json;

namespace Okapi.Recipes.Tests.Security;

/// <summary>The ACL that is asked for is the ACL of every znode that a recipe makes, parents included: one of them left open would let anybody in.</summary>
public sealed class AclTests
{
    private const string Top = "/top";

    /// <summary>Each recipe at work below a path of which nothing exists. What it has made when it calls back is looked at.</summary>
    private static readonly Dictionary<string, Func<ZooKeeperClient, IReadOnlyList<Acl>?, Func<Task>, Task>> Table = new()
    {
        ["lock"] = (zk, acl, look) => LockAsync(zk, new() { Acl = acl }, look),
        ["kazoo's lock"] = (zk, acl, look) => LockAsync(zk, new() { Acl = acl, Naming = NodeNaming.Kazoo }, look),
        ["reader-writer lock"] = async (zk, acl, look) =>
        {
            await using DistributedReaderWriterLock locks = zk.ReaderWriterLock(Below("rw"), new() { Acl = acl });
            await using (await locks.AcquireReadAsync(Ct)) await look();
            await using (await locks.AcquireWriteAsync(Ct)) await look();
        },
        ["locks"] = async (zk, acl, look) =>
        {
            await using LockSet locks = zk.Locks([Below("a"), Below("b")], new() { Acl = acl });
            await using LockSetHandle held = await locks.AcquireAsync(Ct);
            await look();
        },
        ["semaphore"] = (zk, acl, look) => SemaphoreAsync(zk, new() { Acl = acl }, look),
        ["kazoo's semaphore"] = (zk, acl, look) => SemaphoreAsync(zk, new() { Acl = acl, Naming = NodeNaming.Kazoo }, look),
        ["election"] = async (zk, acl, look) =>
        {
            await using LeaderElection election = zk.Election(Below("election"), "me", new() { Acl = acl });
            await using LockHandle term = await election.LeadAsync(Ct);
            await look();
        },
        ["barrier"] = async (zk, acl, look) =>
        {
            await zk.Barrier(Below("barrier"), new() { Acl = acl }).SetAsync(Ct);
            await look();
        },
        ["double barrier"] = async (zk, acl, look) =>
        {
            await using BarrierMember member = await zk.DoubleBarrier(Below("round"), 1, new() { Acl = acl }).EnterAsync(Ct);
            await look();
        },
        ["counter"] = async (zk, acl, look) =>
        {
            await zk.Counter(Below("counter"), new() { Acl = acl }).IncrementAsync(Ct);
            await look();
        },
        ["shared value"] = async (zk, acl, look) =>
        {
            await zk.SharedValue(Below("value"), "x"u8.ToArray(), new() { Acl = acl }).GetAsync(Ct);
            await look();
        },
        ["shared count"] = async (zk, acl, look) =>
        {
            await zk.SharedCount(Below("count"), 3, new() { Acl = acl }).GetAsync(Ct);
            await look();
        },
        ["queue"] = (zk, acl, look) => QueueAsync(zk, new() { Acl = acl }, look),
        ["kazoo's queue"] = (zk, acl, look) => QueueAsync(zk, new() { Acl = acl, Naming = NodeNaming.Kazoo }, look),
        ["bounded queue"] = (zk, acl, look) => QueueAsync(zk, new() { Acl = acl, MaxLength = 7 }, look),
        ["group"] = async (zk, acl, look) =>
        {
            await using Group group = zk.Group(Below("group"), "me", options: new() { Acl = acl });
            await group.Membership!.WaitHeldAsync(Ct);
            await look();
        },
        ["ephemeral znode"] = async (zk, acl, look) =>
        {
            await using EphemeralNode node = zk.EphemeralNode(Below("mine"), options: new() { Acl = acl });
            await node.WaitHeldAsync(Ct);
            await look();
        },
        ["service discovery"] = async (zk, acl, look) =>
        {
            await using ServiceRegistration<JsonElement> registration = zk.ServiceDiscovery(Below("services"), new() { Acl = acl }).Register(new("shop") { Port = 1 });
            await registration.WaitRegisteredAsync(Ct);
            await look();
        },
        ["partitioner"] = async (zk, acl, look) =>
        {
            await using SetPartitioner partitioner = zk.SetPartitioner(Below("shards"), ["a", "b"], new() { Acl = acl });
            await foreach (Partition mine in partitioner.PartitionsAsync(Ct))
            {
                await look();
                break;
            }
        },
        ["cache"] = async (zk, acl, look) =>
        {
            await zk.EnsurePathAsync(Below("config"), acl, Ct);
            await using ZnodeCache cache = await zk.OpenCacheAsync(Below("config"), new() { Acl = acl }, Ct);
            await look();
        },
    };

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static TheoryData<string, bool> Cases
    {
        get
        {
            var cases = new TheoryData<string, bool>();
            foreach (string recipe in Table.Keys)
            {
                cases.Add(recipe, true);
                cases.Add(recipe, false);
            }

            return cases;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public async Task Every_znode_that_a_recipe_makes_has_the_ACL_that_was_asked_for(string recipe, bool asksRecipe)
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await memory.ConnectAsync(options =>
        {
            options.Auth.Add(AuthInfo.Digest("ann", "of-ann"));
            if (!asksRecipe) options.DefaultAcl = Acl.CreatorAll;
        });
        Acl[] wanted = [Acl.Digest(Permissions.All, "ann", "of-ann")];
        var seen = new HashSet<string>(StringComparer.Ordinal);
        await Table[recipe](zk, asksRecipe ? Acl.CreatorAll : null, LookAsync);
        Assert.Contains(seen, path => path.StartsWith(Top + "/mid/", StringComparison.Ordinal));

        async Task LookAsync()
        {
            var left = new Stack<string>([Top]);
            while (left.TryPop(out string? path))
            {
                seen.Add(path);
                IReadOnlyList<Acl> acl = (await zk.GetAclAsync(path, Ct)).Acl;
                Assert.True(acl.SequenceEqual(wanted), $"{path} has the ACL {string.Join(", ", acl)}.");
                foreach (string child in await zk.GetChildrenAsync(path, Ct)) left.Push(ZnodePath.Combine(path, child));
            }
        }
    }

    [Fact]
    public void Every_kind_of_recipe_is_looked_at()
    {
        string[] made = [.. typeof(ZooKeeperLocks).Assembly.GetExportedTypes()
            .Where(type => type is { IsAbstract: true, IsSealed: true })
            .SelectMany(type => type.GetMethods())
            .Where(method => method.IsStatic && method.GetParameters() is [{ } zk, ..] && zk.ParameterType == typeof(ZooKeeperClient))
            .Select(method => method.Name).Distinct().Order(StringComparer.Ordinal)];
        Assert.Equal(
            [
                "Barrier", "Counter", "DoubleBarrier", "Election", "EphemeralNode", "Group", "Lock", "Locks", "OpenCacheAsync", "Queue", "ReaderWriterLock", "Semaphore", "ServiceDiscovery",
                "SetPartitioner", "SharedCount", "SharedValue",
            ],
            made);
    }

    private static string Below(string name) => $"{Top}/mid/{name}";

    private static async Task LockAsync(ZooKeeperClient zk, LockOptions options, Func<Task> look)
    {
        await using LockHandle held = await zk.Lock(Below("lock"), options).AcquireAsync(Ct);
        await look();
    }

    private static async Task SemaphoreAsync(ZooKeeperClient zk, LockOptions options, Func<Task> look)
    {
        await using DistributedSemaphore semaphore = zk.Semaphore(Below("semaphore"), 2, options);
        await using LockHandle lease = await semaphore.AcquireAsync(Ct);
        await look();
    }

    private static async Task QueueAsync(ZooKeeperClient zk, QueueOptions options, Func<Task> look)
    {
        DistributedQueue queue = zk.Queue(Below("queue"), options);
        await queue.EnqueueAsync("x"u8.ToArray(), Ct);
        await look();
        await using ReceivedEntry entry = await queue.ReceiveAsync(Ct);
        await look();
    }
}
