using Okapi.Chaos.Histories;
using Okapi.Recipes;

namespace Okapi.Chaos;

/// <summary>
/// Takes a lock, or stands for election, again and again, and while it holds it writes to what is protected, each write a
/// transaction that depends on the contender's znode. When it is lost it tries once more: the fence has to refuse that.
/// </summary>
internal sealed class Holding(Calls calls, GrantKind kind, string path, TimeSpan sessionTimeout, Random random) : Activity
{
    private readonly string _protected = Layout.Protected(path);

    public override async Task RunAsync(CancellationToken stop)
    {
        if (kind == GrantKind.Lock)
        {
            await using DistributedLock one = calls.Zk.Lock(path);
            await RepeatAsync(() => HoldAsync(one.AcquireAsync, one.TryAcquireAsync, stop), Pause, stop);
        }
        else
        {
            await using LeaderElection one = calls.Zk.Election(path);
            await RepeatAsync(() => HoldAsync(one.LeadAsync, one.TryLeadAsync, stop), Pause, stop);
        }
    }

    private TimeSpan Pause() => TimeSpan.FromMilliseconds(random.Next(100, 600));

    private async Task HoldAsync(Func<CancellationToken, Task<LockHandle>> wait, Func<TimeSpan, CancellationToken, Task<LockHandle?>> attempt, CancellationToken stop)
    {
        // Some give up while they wait: what they leave behind would stop all others.
        TimeSpan? patience = random.Next(5) == 0 ? TimeSpan.FromMilliseconds(random.Next(0, 300)) : null;
        int writes = random.Next(1, 5);
        double longest = random.Next(40) == 0 ? sessionTimeout.TotalMilliseconds : kind == GrantKind.Leader ? 500 : 80;
        LockHandle? handle = patience is TimeSpan limit ? await attempt(limit, stop) : await wait(stop);
        if (handle is null)
        {
            return;
        }

        int ended = 0;
        long session = calls.Zk.SessionId;
        // What is not held any more may be of a session before this one.
        session = handle.IsHeld ? session : 0;
        calls.History.Add(new GrantEntry { Client = calls.Client, Kind = kind, Path = path, Token = handle.FencingToken, Session = session });
        using CancellationTokenRegistration lost = handle.Lost.Register(() => End(lost: true));
        for (int i = 0; i < writes; i++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(random.NextDouble() * longest), handle.Lost).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await WriteAsync(handle);
            if (!handle.IsHeld)
            {
                break;
            }
        }

        End(lost: false);
        if (!handle.IsHeld) await WriteOnceMoreAsync(handle, stop);
        await handle.DisposeAsync();

        void End(bool lost)
        {
            if (Interlocked.Exchange(ref ended, 1) == 0)
            {
                calls.History.Add(new GrantEndedEntry { Client = calls.Client, Kind = kind, Path = path, Token = handle.FencingToken, Lost = lost });
            }
        }
    }

    /// <summary>What was tried when it was lost has most often not come to a server. This does, in the next session.</summary>
    private async Task WriteOnceMoreAsync(LockHandle handle, CancellationToken stop)
    {
        await calls.Zk.WaitConnectedAsync(cancellationToken: stop);
        await WriteAsync(handle);
    }

    private async Task WriteAsync(LockHandle handle)
    {
        (long id, string tag) = calls.Next();
        Transaction fenced = calls.Zk.Transaction().Check(handle.Path).Set(_protected, System.Text.Encoding.ASCII.GetBytes(tag));
        long order = 0;
        OperationEntry entry = await calls.MakeAsync(OperationKind.Multi, handle.Path, id, tag, async entry =>
        {
            TransactionResult result = await fenced.TryCommitAsync();
            order = result.Operations[1].Stat?.Mzxid ?? 0;
            if (result.FailedIndex is int failed)
            {
                entry.Error = result.Operations[failed].Error;
            }
        });
        calls.History.Add(new FencedWriteEntry
        {
            Client = calls.Client,
            Path = path,
            Token = handle.FencingToken,
            Invoked = entry.Invoked,
            Outcome = entry.Outcome,
            Order = order,
        });
    }
}
