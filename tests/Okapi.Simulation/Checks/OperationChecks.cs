using System.Text;
using Okapi.Simulation.Truth;
using Okapi.Simulation.Work;

namespace Okapi.Simulation.Checks;

/// <summary>Holds what calls have told their caller against the chronicle, at the end of a run when all of it is known (I1-I4).</summary>
internal sealed class OperationChecks(World world, Player player)
{
    public void OnSet(string path, byte[] data, int? version, Attempt<Stat> attempt) => world.Later(() =>
    {
        Entry? entry = Single(data, $"set {path}");
        if (attempt.IsDone)
        {
            Entry? truth = At(path, attempt.Value.Mzxid);
            if (truth is not { Deed: Deed.Changed } || !Matches(truth, data)) Fail($"I2: a set of {path} has told of 0x{attempt.Value.Mzxid:x}, where there was {Text(truth)}");
            if (version is { } expected && attempt.Value.Version != expected + 1) Fail($"I2: a set of {path} at version {expected} has led to {attempt.Value.Version}");
        }
        else
        {
            Absent(entry, attempt.Ending, attempt.Error, $"set {path}");
            if (attempt.Code == ErrorCode.NoNode && !world.Chronicle.Visible(path, attempt.ZxidBefore, attempt.ZxidAfter).Any(IsAbsent)) Fail($"I2: a set was refused because {path} was not there, and it was");
        }
    });

    public void OnCreate(string path, byte[] data, CreateMode mode, Attempt<CreatedNode> attempt) => world.Later(() =>
    {
        Entry? entry = Single(data, $"create {path}");
        if (attempt.IsDone)
        {
            bool isSequential = mode is CreateMode.PersistentSequential or CreateMode.EphemeralSequential;
            if (isSequential ? !attempt.Value.Path.StartsWith(path, StringComparison.Ordinal) : attempt.Value.Path != path) Fail($"I2: a create of {path} has told of {attempt.Value.Path}");
            Entry? truth = At(attempt.Value.Path, attempt.Value.Stat.Czxid);
            if (truth is not { Deed: Deed.Created } || !Matches(truth, data)) Fail($"I2: a create of {attempt.Value.Path} has told of 0x{attempt.Value.Stat.Czxid:x}, where there was {Text(truth)}");
        }
        else
        {
            Absent(entry, attempt.Ending, attempt.Error, $"create {path}");
            if (attempt.Code == ErrorCode.NodeExists && world.Chronicle.Visible(path, attempt.ZxidBefore, attempt.ZxidAfter).All(IsAbsent)) Fail($"I2: a create was refused because {path} was there, and it was not");
        }
    });

    public void OnTryCreate(string path, byte[] data, CreateMode mode, Attempt<CreateResult> attempt) => world.Later(() =>
    {
        Entry? entry = Single(data, $"create {path}");
        if (!attempt.IsDone)
        {
            Absent(entry, attempt.Ending, attempt.Error, $"create {path}");
        }
        else if (attempt.Value.Path is { } created && attempt.Value.IsCreated)
        {
            bool isSequential = mode is CreateMode.PersistentSequential or CreateMode.EphemeralSequential;
            if (isSequential ? !created.StartsWith(path, StringComparison.Ordinal) : created != path) Fail($"I2: a create of {path} has told of {created}");
            if (!world.Chronicle.Of(created).Any(each => each.Deed == Deed.Created && each.Zxid > attempt.ZxidBefore && each.Zxid <= attempt.ZxidAfter && Matches(each, data))) Fail($"I2: a create of {created} was acknowledged, and it was not created");
        }
        else
        {
            Absent(entry, Ending.Refused, null, $"create {path}");
            if (attempt.Value.Outcome == CreateOutcome.NodeExists && world.Chronicle.Visible(path, attempt.ZxidBefore, attempt.ZxidAfter).All(IsAbsent)) Fail($"I2: a create was refused because {path} was there, and it was not");
        }
    });

    public void OnDelete(string path, Attempt<int> attempt) => world.Later(() =>
    {
        if (attempt.IsDone && !world.Chronicle.Of(path).Any(entry => entry.Deed == Deed.Deleted && entry.Zxid > attempt.ZxidBefore && entry.Zxid <= attempt.ZxidAfter))
            Fail($"I2: a delete of {path} was acknowledged, and it was not deleted");
        if (attempt.Code == ErrorCode.NoNode && !world.Chronicle.Visible(path, attempt.ZxidBefore, attempt.ZxidAfter).Any(IsAbsent)) Fail($"I2: a delete was refused because {path} was not there, and it was");
    });

    public void OnGet(string path, Attempt<NodeData?> attempt)
    {
        if (!attempt.IsDone) return;
        world.Later(() =>
        {
            Entry?[] visible = [.. world.Chronicle.Visible(path, attempt.ZxidBefore, attempt.ZxidAfter)];
            if (attempt.Value is not { } read)
            {
                if (!visible.Any(IsAbsent)) Fail($"I4: {path} was read as missing, and was there: {Texts(visible)}, between 0x{attempt.ZxidBefore:x} and 0x{attempt.ZxidAfter:x}");
                return;
            }

            Entry? seen = Array.Find(visible, entry => entry is not null && entry.Deed != Deed.Deleted && entry.Zxid == read.Stat.Mzxid);
            if (seen is null) Fail($"I4: {path} was read as of 0x{read.Stat.Mzxid:x}, which is not what could be seen: {Texts(visible)}, between 0x{attempt.ZxidBefore:x} and 0x{attempt.ZxidAfter:x}");
            else if (!Matches(seen, read.Data)) Fail($"I2: {path} was read as \"{Encoding.ASCII.GetString(read.Data)}\", and it was {Text(seen)}");
        });
    }

    public void OnExists(string path, Attempt<Stat?> attempt)
    {
        if (!attempt.IsDone) return;
        world.Later(() =>
        {
            Entry?[] visible = [.. world.Chronicle.Visible(path, attempt.ZxidBefore, attempt.ZxidAfter)];
            bool isRight = attempt.Value is { } stat ? visible.Any(entry => !IsAbsent(entry) && entry!.Zxid == stat.Mzxid) : visible.Any(IsAbsent);
            if (!isRight) Fail($"I4: {path} was seen as {(attempt.Value is { } told ? $"of 0x{told.Mzxid:x}" : "missing")}, and there was {Texts(visible)}");
        });
    }

    public void OnChildren(string path, Attempt<NodeChildren> attempt)
    {
        if (!attempt.IsDone) return;
        world.Later(() =>
        {
            // The names are exact as of the last change of the children, which the stat names.
            long at = attempt.Value.Stat.Pzxid;
            var names = new HashSet<string>(StringComparer.Ordinal);
            foreach (Entry entry in world.Chronicle.All)
            {
                if (entry.Zxid > at) break;
                if (ZnodePath.GetParent(entry.Path) != path) continue;
                if (entry.Deed == Deed.Created) names.Add(ZnodePath.GetName(entry.Path));
                else if (entry.Deed == Deed.Deleted) names.Remove(ZnodePath.GetName(entry.Path));
            }

            if (!names.SetEquals(attempt.Value.Names)) Fail($"I4: the children of {path} as of 0x{at:x} were read as {string.Join(',', attempt.Value.Names)}, and were {string.Join(',', names)}");
        });
    }

    public void OnMulti(List<byte[]> written, Attempt<TransactionResult> attempt) => world.Later(() =>
    {
        Entry?[] entries = [.. written.Select(data => Single(data, "multi"))];
        long[] zxids = [.. entries.Where(entry => entry is not null).Select(entry => entry!.Zxid).Distinct()];
        if (zxids.Length > 1) Fail("I2: a transaction was applied in pieces");
        bool isCommitted = attempt.IsDone && attempt.Value!.IsCommitted, isRefused = (attempt.IsDone && !isCommitted) || attempt.Ending is Ending.Refused or Ending.NotSent;
        if (isRefused && zxids.Length > 0) Fail("I2: a transaction that was refused was applied");
        if (isCommitted && written.Count > 0 && zxids.Length == 0 && world.Chronicle.IsComplete(attempt.ZxidBefore, attempt.ZxidAfter)) Fail("I2: a transaction that was acknowledged was not applied");
    });

    private static bool IsAbsent(Entry? entry) => entry is null or { Deed: Deed.Deleted };

    private static bool Matches(Entry entry, byte[] data) => entry.Data is null || entry.Data.AsSpan().SequenceEqual(data);

    private static string Text(Entry? entry) => entry is null ? "nothing" : $"{entry.Deed} 0x{entry.Zxid:x}{(entry.Data is null ? "" : $" \"{Encoding.ASCII.GetString(entry.Data)}\"")}";

    private static string Texts(IEnumerable<Entry?> entries) => string.Join(", ", entries.Select(Text));

    /// <summary>Where what was written turned up; at most in one place, as nothing is written twice.</summary>
    private Entry? Single(byte[] data, string what)
    {
        IReadOnlyList<Entry> found = world.Chronicle.With(data);
        if (found.Count > 1) Fail($"I1: what a {what} wrote is there {found.Count} times");
        return found.Count == 0 ? null : found[0];
    }

    private Entry? At(string path, long zxid) => world.Chronicle.Of(path).FirstOrDefault(entry => entry.Zxid == zxid && entry.Deed != Deed.Deleted) ?? world.Chronicle.Of(path).FirstOrDefault(entry => entry.Zxid == zxid);

    private void Absent(Entry? entry, Ending ending, Exception? error, string what)
    {
        if (entry is not null && ending is Ending.Refused or Ending.NotSent && entry is not null) Fail($"I2: a {what} has failed for certain ({error?.GetType().Name}), and was done: {Text(entry)}");
    }

    private void Fail(string violation) => world.Fail($"{violation} (client {player.Number})");
}
