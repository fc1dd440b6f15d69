using Okapi.Chaos.Histories;

namespace Okapi.Chaos;

/// <summary>Writes and reads of every kind, in shares that a seed decides, one at a time and sometimes in bursts.</summary>
internal sealed class Operations(Calls calls, Random random, double perSecond) : Activity
{
    private const int MostKept = 12;
    private static readonly CreateMode[] Modes = Enum.GetValues<CreateMode>();

    // Longer than a fault may keep the servers from looking, short enough to be gone before the end of a run.
    private static readonly TimeSpan Ttl = TimeSpan.FromSeconds(2);
    private readonly Dictionary<string, int> _versions = [];
    private readonly Lock _lock = new();
    private readonly Queue<string> _made = new();

    public override Task RunAsync(CancellationToken stop) =>
        RepeatAsync(StepAsync, () => TimeSpan.FromSeconds(random.NextDouble() * 2 / perSecond), stop);

    private async Task StepAsync()
    {
        int burst = random.Next(25) == 0 ? 8 : 1;
        // All draws are made before the first of them is sent: a seed gives one sequence of calls.
        Func<Task>[] chosen = [.. Enumerable.Range(0, burst).Select(_ => Choose())];
        await Task.WhenAll([.. chosen.Select(call => call())]);
    }

    private Func<Task> Choose()
    {
        string key = Pick(Layout.AllKeys);
        string branch = Pick(Layout.Branches);
        CreateMode mode = Modes[random.Next(Modes.Length)];
        bool versioned = random.Next(3) == 0;
        bool fails = random.Next(4) == 0;
        return random.Next(100) switch
        {
            < 30 => () => SetAsync(key, versioned),
            < 52 => () => GetAsync(key),
            < 59 => () => ExistsAsync(fails ? branch + "/nobody" : key),
            < 65 => () => GetChildrenAsync(branch),
            < 79 => () => CreateAsync(branch, mode),
            < 90 => () => DeleteAsync(branch, fails),
            < 98 => () => MultiAsync(key, branch, fails),
            _ => SyncAsync,
        };
    }

    private Task SetAsync(string key, bool versioned)
    {
        int? version;
        lock (_lock)
        {
            version = versioned && _versions.TryGetValue(key, out int known) ? known : null;
        }

        (long id, string tag) = calls.Next();
        return calls.MakeAsync(OperationKind.SetData, key, id, tag, async entry =>
        {
            Stat stat = await calls.Zk.SetAsync(key, Bytes(tag), version);
            entry.Stat = stat;
            Remember(key, stat);
        });
    }

    private Task GetAsync(string key) => calls.MakeAsync(OperationKind.GetData, key, calls.Next().Id, null, async entry =>
    {
        NodeData node = await calls.Zk.GetAsync(key);
        entry.Stat = node.Stat;
        entry.ResultTag = DataTag.Of(node.Data);
        Remember(key, node.Stat);
    });

    private Task ExistsAsync(string path) => calls.MakeAsync(OperationKind.Exists, path, calls.Next().Id, null,
        async entry => entry.Stat = await calls.Zk.ExistsAsync(path));

    private Task GetChildrenAsync(string path) => calls.MakeAsync(OperationKind.GetChildren, path, calls.Next().Id, null,
        async entry => entry.Stat = (await calls.Zk.GetChildrenWithStatAsync(path)).Stat);

    private Task SyncAsync() => calls.MakeAsync(OperationKind.Sync, "/", calls.Next().Id, null, async _ => await calls.Zk.SyncAsync());

    private async Task CreateAsync(string branch, CreateMode mode)
    {
        (long id, string tag) = calls.Next();
        string path = $"{branch}/{tag}-";
        TimeSpan? ttl = mode.HasTtl() ? Ttl : null;
        await calls.MakeAsync(OperationKind.Create, path, id, tag, async entry =>
        {
            CreatedNode created = await calls.Zk.CreateWithStatAsync(path, Bytes(tag), mode, ttl: ttl);
            (entry.ResultPath, entry.Stat) = (created.Path, created.Stat);
            lock (_lock)
            {
                _made.Enqueue(created.Path);
            }
        });
        string? old = null;
        lock (_lock)
        {
            if (_made.Count > MostKept)
            {
                old = _made.Dequeue();
            }
        }

        if (old is not null)
        {
            await DeletePathAsync(old);
        }
    }

    private Task DeleteAsync(string branch, bool fails)
    {
        string? path = null;
        lock (_lock)
        {
            if (!fails)
            {
                _made.TryDequeue(out path);
            }
        }

        return DeletePathAsync(path ?? branch + "/nobody");
    }

    private Task DeletePathAsync(string path) =>
        calls.MakeAsync(OperationKind.Delete, path, calls.Next().Id, null, async _ => await calls.Zk.DeleteAsync(path));

    private Task MultiAsync(string key, string branch, bool fails)
    {
        (long id, string tag) = calls.Next();
        string path = $"{branch}/{tag}";
        Transaction all = calls.Zk.Transaction().Set(key, Bytes(tag)).Create(path, Bytes(tag), CreateMode.Ephemeral).Delete(path);
        if (fails)
        {
            all.Check(key, int.MaxValue);
        }

        return calls.MakeAsync(OperationKind.Multi, key, id, tag, async entry =>
        {
            TransactionResult result = await all.TryCommitAsync();
            if (result.FailedIndex is int failed)
            {
                entry.Error = result.Operations[failed].Error;
            }
        });
    }

    private void Remember(string key, Stat stat)
    {
        lock (_lock)
        {
            _versions[key] = stat.Version;
        }
    }

    private string Pick(IReadOnlyList<string> from) => from[random.Next(from.Count)];

    private static byte[] Bytes(string tag) => System.Text.Encoding.ASCII.GetBytes(tag);
}
