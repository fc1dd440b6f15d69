using System.Buffers.Binary;

namespace Okapi.Simulation.Tests.Model;

/// <summary>One history: what the servers hold until their data is wiped.</summary>
internal sealed class World(long firstZxid)
{
    private readonly Dictionary<int, List<Txn>> _byTag = [];

    public List<Txn> Log { get; } = [];

    public long Zxid => firstZxid + Log.Count;

    public ModelTree Tree { get; set; } = new();

    public Txn At(long zxid) => Log[(int)(zxid - firstZxid) - 1];

    public bool Knows(long zxid) => zxid > firstZxid && zxid <= Zxid;

    public int CountApplied(int tag) => _byTag.TryGetValue(tag, out List<Txn>? txns) ? txns.Count : 0;

    public Txn Commit(long sessionId, IReadOnlyList<Change> changes)
    {
        var txn = new Txn(Zxid + 1, sessionId, changes);
        Log.Add(txn);
        foreach (Change change in changes)
        {
            if (change.Data is not { Length: 4 } || change.Type == WatchedEventType.NodeDeleted) continue;
            int tag = BinaryPrimitives.ReadInt32LittleEndian(change.Data);
            if (!_byTag.TryGetValue(tag, out List<Txn>? txns)) _byTag[tag] = txns = new(1);
            if (txns.Count == 0 || txns[^1] != txn) txns.Add(txn);
        }

        return txn;
    }

    public long ZxidBefore(int index) => firstZxid + index;
}
