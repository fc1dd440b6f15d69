using Okapi.Simulation.Tests.Model;

namespace Okapi.Simulation.Tests.Checks;

/// <summary>I4: what is read of one znode never becomes older; I7: what changed it was told before.</summary>
internal sealed class ReadChecks(Scene scene, ClientLife life, HeldWatches watches, CallLedger calls)
{
    private readonly Dictionary<string, long> _newestSeen = [];

    private Simulator Simulator => scene.Simulator;

    public void OnExpired() => _newestSeen.Clear();

    public bool OnRead(string path, NodeData? node)
    {
        if (node is not { } read) return true;
        OnStat(path, read.Stat);
        World world = scene.Ensemble.World;
        if (!world.Knows(read.Stat.Mzxid) || !life.IsAlive) return true;
        bool isIn = false;
        foreach (Change change in world.At(read.Stat.Mzxid).Changes)
            isIn |= change.Path == scene.ServerPath(path) && (change.Data ?? []).AsSpan().SequenceEqual(read.Data);
        Simulator.Require(isIn, $"get {path} tells data that transaction 0x{read.Stat.Mzxid:x} did not write there");
        return true;
    }

    public bool OnStat(string path, Stat? stat)
    {
        if (stat is not { } read) return true;
        long seen = _newestSeen.GetValueOrDefault(path);
        Simulator.Require(read.Mzxid >= seen || !life.IsAlive, $"I4: {path} is read as of 0x{read.Mzxid:x} after 0x{seen:x}");
        _newestSeen[path] = read.Mzxid;
        if (!life.IsAlive) return true;
        string own = scene.ServerPath(path);
        foreach (WatchRecord watch in watches.All)
        {
            if (watch.IsBetweenSessions || watch.IsSlow) continue;
            if (watch.Stream is null) CheckOneShot(watch, path, own, read.Mzxid);
            else CheckStream(watch, path, own, read.Mzxid);
        }

        return true;
    }

    private void CheckOneShot(WatchRecord watch, string path, string own, long mzxid)
    {
        // One that counted on a stream which then did not come about is armed late, and told late.
        if (calls.HadLostStream || watch.Kind != WatchKind.Data || watch.Path != own || mzxid <= watch.After) return;
        Simulator.Require(watch.Fired!.IsCompleted, $"I7: {path} is read as of 0x{mzxid:x} before its watch fires");
    }

    private void CheckStream(WatchRecord watch, string path, string own, long mzxid)
    {
        bool covers = watch.Kind == WatchKind.Recursive ? ZnodePath.IsSameOrBelow(own, watch.Path) : watch.Path == own;
        if (!covers || mzxid <= watch.ArmedBy || mzxid <= (scene.Network.Streams[^1].FirstReplyZxid ?? long.MaxValue)) return;
        bool told = watch.Items.Exists(item => item.Event.Path == own && (item.Event.Zxid == mzxid || !scene.Ensemble.IsModern));
        Simulator.Require(told, $"I7: {path} is read as of 0x{mzxid:x} before the stream of {watch.Path} tells of it");
    }
}
