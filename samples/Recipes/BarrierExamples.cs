using Okapi.Recipes;

namespace Okapi.Samples;

internal static class BarrierExamples
{
    public static async Task WaitForAStartAsync(ZooKeeperClient zk, CancellationToken ct)
    {
        DistributedBarrier start = zk.Barrier("/start");
        await start.SetAsync(ct);
        Task runner = start.WaitAsync(ct);
        await start.RemoveAsync(ct);
        await runner;
        Console.WriteLine("off they go");
    }

    public static async Task BeginAndEndTogetherAsync(ZooKeeperClient zk, CancellationToken ct)
    {
        await Task.WhenAll(WorkAsync("ann"), WorkAsync("bob"));

        async Task WorkAsync(string name)
        {
            await using BarrierMember member = await zk.DoubleBarrier("/round-1", memberCount: 2).EnterAsync(ct);
            Console.WriteLine($"{name} computes while both are here");
            await member.LeaveAsync(ct);
        }
    }
}
