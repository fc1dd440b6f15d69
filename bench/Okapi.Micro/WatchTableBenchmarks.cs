using BenchmarkDotNet.Attributes;
using Okapi.Protocol;
using Okapi.Requests;
using Okapi.Watches;

namespace Okapi.Micro;

/// <summary>The table of watches, with so many other paths in it.</summary>
public class WatchTableBenchmarks
{
    private const int Step = 256;

    private readonly WatchTable _table = new(PoolCompletions.Instance);
    private readonly Sink[] _handles = [.. Enumerable.Range(0, Step).Select(i => new Sink($"/watched/n{i}"))];
    private readonly Sink _persistent = new("/persistent") { Kind = WatchKind.Persistent };
    private readonly Sink _recursive = new("/tree") { Kind = WatchKind.Recursive };

    [Params(0, 100_000)]
    public int Others { get; set; }

    [GlobalSetup]
    public void Fill()
    {
        for (int i = 0; i < Others; i++) AddOneShot(new Sink($"/other/n{i}"));
        foreach (Sink handle in new[] { _persistent, _recursive })
        {
            _table.Add(handle);
            _table.Arm(handle);
        }
    }

    [Benchmark(OperationsPerInvoke = Step, Description = "add, arm and remove a one-shot watch")]
    public int AddAndRemove()
    {
        foreach (Sink handle in _handles) AddOneShot(handle);
        int unused = 0;
        foreach (Sink handle in _handles)
        {
            _table.Remove(handle);
            unused += _table.TakeUnused(handle.ServerPath).Count;
        }

        return unused;
    }

    [Benchmark(OperationsPerInvoke = Step, Description = "add, arm and fire a one-shot watch")]
    public int AddAndFire()
    {
        foreach (Sink handle in _handles) AddOneShot(handle);
        foreach (Sink handle in _handles)
        {
            _table.Dispatch(new(WatchedEventType.NodeDataChanged, KeeperState.SyncConnected, handle.ServerPath), 7, PoolCompletions.Instance);
            _table.TakeUnused(handle.ServerPath);
        }

        return _handles[0].Count;
    }

    [Benchmark(Description = "an event for a persistent watch")]
    public int DispatchPersistent()
    {
        _table.Dispatch(new(WatchedEventType.NodeDataChanged, KeeperState.SyncConnected, "/persistent"), 7, PoolCompletions.Instance);
        return _persistent.Count;
    }

    [Benchmark(Description = "an event three levels below a recursive watch")]
    public int DispatchRecursive()
    {
        _table.Dispatch(new(WatchedEventType.NodeDataChanged, KeeperState.SyncConnected, "/tree/a/b/c"), 7, PoolCompletions.Instance);
        return _recursive.Count;
    }

    [Benchmark(Description = "an event that concerns nobody")]
    public bool DispatchNothing() => _table.Dispatch(new(WatchedEventType.NodeDataChanged, KeeperState.SyncConnected, "/nobody/here"), 7, PoolCompletions.Instance) is null;

    private void AddOneShot(Sink handle)
    {
        bool asks = _table.Add(handle);
        _table.Arm(handle, WatchKind.Data, asks, since: 1);
    }

    /// <summary>A watch that only counts: what is done with an event is the handle's business.</summary>
    private sealed class Sink(string path) : WatchHandle(path, path)
    {
        public int Count { get; private set; }

        public override void Notify(WatchedEventType type, KeeperState state, string serverPath, long zxid, ICompletionSink sink) => Count++;

        public override void End(Exception? error, ICompletionSink sink) => Count++;
    }
}
