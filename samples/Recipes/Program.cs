// Each recipe in a few lines, to copy from. Every example is a method; this runs them all, or those whose name is given:
//
//   dotnet run --project samples/Recipes                  all, on a server of its own
//   dotnet run --project samples/Recipes -- Lock Queue    some
//
// Exit codes: 0 all did what they say, 1 one did not, 2 bad usage.
using Okapi;
using Okapi.Samples;
using Okapi.Server;

(string Name, Func<ZooKeeperClient, CancellationToken, Task> Run)[] examples =
[
    ("Lock", LockExamples.OneAtATimeAsync),
    ("FencedWrite", LockExamples.FencedWriteAsync),
    ("ReaderWriterLock", LockExamples.ReadersAndWritersAsync),
    ("Semaphore", LockExamples.ThreePrintersAsync),
    ("Locks", LockExamples.SeveralAtOnceAsync),
    ("Election", LockExamples.ElectionAsync),
    ("Barrier", BarrierExamples.WaitForAStartAsync),
    ("DoubleBarrier", BarrierExamples.BeginAndEndTogetherAsync),
    ("Counter", CounterExamples.CountAsync),
    ("SharedValue", CounterExamples.ShareAValueAsync),
    ("Queue", QueueExamples.FirstInFirstOutAsync),
    ("PriorityQueue", QueueExamples.ByPriorityAsync),
    ("AtLeastOnce", QueueExamples.AtLeastOnceAsync),
    ("Group", MembershipExamples.GroupAsync),
    ("EphemeralNode", MembershipExamples.NodeThatHealsItselfAsync),
    ("ServiceDiscovery", MembershipExamples.DiscoveryAsync),
    ("SetPartitioner", MembershipExamples.PartitionsAsync),
    ("Cache", CacheExamples.TreeAsync),
];

string[] unknown = [.. args.Except(examples.Select(each => each.Name))];
if (unknown.Length > 0)
{
    Console.Error.WriteLine($"There is no example {unknown[0]}; there are {string.Join(", ", examples.Select(each => each.Name))}.");
    return 2;
}

using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
await using EmbeddedServer server = await EmbeddedServer.StartAsync(cancellationToken: limit.Token);
await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(server.ConnectionString, cancellationToken: limit.Token);
foreach ((string name, Func<ZooKeeperClient, CancellationToken, Task> run) in examples.Where(each => args.Length == 0 || args.Contains(each.Name)))
{
    Console.WriteLine($"== {name}");
    try
    {
        await run(zk, limit.Token);
    }
    catch (Exception error) when (error is ZooKeeperException or ArgumentException or InvalidOperationException or TimeoutException or OperationCanceledException)
    {
        Console.Error.WriteLine($"{name} failed: {error.Message}");
        return 1;
    }
}

return 0;
