using System.Text;
using Okapi.Recipes;

namespace Okapi.Samples;

internal static class QueueExamples
{
    public static async Task FirstInFirstOutAsync(ZooKeeperClient zk, CancellationToken ct)
    {
        DistributedQueue mail = zk.Queue("/mail", new() { MaxLength = 1000 });
        await mail.EnqueueAsync("a letter"u8.ToArray(), ct);
        QueueEntry letter = await mail.DequeueAsync(ct); // gone from the queue: if this process dies now, so does the letter
        Console.WriteLine(Encoding.UTF8.GetString(letter.Data.Span));
    }

    public static async Task ByPriorityAsync(ZooKeeperClient zk, CancellationToken ct)
    {
        DistributedQueue jobs = zk.Queue("/jobs");
        await jobs.EnqueueAsync("some day"u8.ToArray(), priority: 9, ct);
        await jobs.EnqueueAsync("at once"u8.ToArray(), priority: 1, ct);
        Console.WriteLine(Encoding.UTF8.GetString((await jobs.DequeueAsync(ct)).Data.Span));
    }

    public static async Task AtLeastOnceAsync(ZooKeeperClient zk, CancellationToken ct)
    {
        DistributedQueue payments = zk.Queue("/payments");
        await payments.EnqueueAsync("40 to ann"u8.ToArray(), ct);
        await using ReceivedEntry payment = await payments.ReceiveAsync(ct); // if this process dies now, another one gets it
        Console.WriteLine($"paying {Encoding.UTF8.GetString(payment.Data.Span)}, stopping when {nameof(payment.Lost)} trips");
        await payment.CompleteAsync(ct);
    }
}
