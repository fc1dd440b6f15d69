using System.Globalization;
using Microsoft.Extensions.Logging;
using Okapi.Server.Transactions;
using Okapi.Server.Trees;

namespace Okapi.Server.Storage;

/// <summary>Finds out what a data folder holds: a snapshot, and the transactions of the logs after it.</summary>
internal sealed class Recovery(DataFiles files, ILogger logger)
{
    /// <summary>The timeout of a session that has ephemerals but was never heard of, in milliseconds.</summary>
    private const int UnknownSessionTimeoutMs = 10_000;

    private readonly List<(DataFile Log, long Offset, long Bytes)> _torn = [];

    /// <summary>The snapshot that the state was built on.</summary>
    public DataFile Snapshot { get; private set; }

    /// <summary>How many transactions there were after it.</summary>
    public int Replayed { get; private set; }

    /// <summary>Reads the folder and cuts off what was being written when the server died.</summary>
    /// <returns>The state; null when the folder is new.</returns>
    /// <exception cref="InvalidDataException">Something that the folder held is damaged or missing.</exception>
    public RecoveredState? Run()
    {
        List<DataFile> logs = files.Logs();
        if (ReadSnapshot(logs, out long knownZxid) is not { } state) return null;
        ReplayLogs(logs, state);
        if (state.Tree.LastZxid < knownZxid)
            throw new InvalidDataException($"{files.Directory} has lost transactions: the newest snapshot, 0x{knownZxid:x}, cannot be used, and the logs after the older one, {Snapshot.Name}, end with 0x{state.Tree.LastZxid:x}.");
        if (state.Tree.Nodes.FirstOrDefault(node => node.Value.Acl.Count == 0) is { Key: { } path })
            throw new InvalidDataException($"Neither the snapshot {Snapshot.Path} nor the logs after it have the ACL of {path}.");
        foreach (long session in state.Tree.EphemeralsBySession.Keys)
        {
            if (state.SessionTimeouts.TryAdd(session, UnknownSessionTimeoutMs)) StorageLog.UnknownSession(logger, session, files.Directory);
        }

        foreach ((DataFile log, long offset, long bytes) in _torn) CutOff(log, offset, bytes);
        return state;
    }

    /// <summary>Reads the newest snapshot that can be read.</summary>
    /// <param name="logs">The logs.</param>
    /// <param name="knownZxid">The last transaction that there has been for sure.</param>
    private RecoveredState? ReadSnapshot(List<DataFile> logs, out long knownZxid)
    {
        List<DataFile> snapshots = files.Snapshots();
        var unusable = new List<string>();
        knownZxid = snapshots.Count > 0 ? snapshots[0].Zxid : -1;
        foreach (DataFile compressed in files.CompressedSnapshots())
        {
            if (compressed.Zxid <= knownZxid) continue;
            knownZxid = compressed.Zxid;
            unusable.Add($"The snapshot {compressed.Path} is compressed, which cannot be read here.");
        }

        foreach (DataFile snapshot in snapshots)
        {
            try
            {
                RecoveredState state = SnapshotReader.Read(snapshot);
                foreach (string reason in unusable) StorageLog.SnapshotPassedOver(logger, reason);
                Snapshot = snapshot;
                return state;
            }
            catch (InvalidDataException e)
            {
                unusable.Add(e.Message);
            }
        }

        if (unusable.Count > 0) throw new InvalidDataException($"No snapshot in {files.Directory} can be used. {string.Join(' ', unusable)}");
        // As Apache, which never lets a log go without a snapshot (ZOOKEEPER-2325).
        if (logs.Count > 0) throw new InvalidDataException($"{files.Directory} has transaction logs, but no snapshot that they could be applied to.");
        return null;
    }

    private void ReplayLogs(List<DataFile> logs, RecoveredState state)
    {
        // The log that has the first transaction after the snapshot is the last one that begins no later than it.
        int first = Math.Max(0, logs.FindLastIndex(log => log.Zxid <= state.Tree.LastZxid + 1));
        for (int i = first; i < logs.Count; i++)
        {
            using var reader = new LogReader(logs[i].Path);
            while (reader.TryRead(out LogEntry entry))
            {
                if (entry.Header.Zxid <= Snapshot.Zxid) continue;
                CheckOrder(state.Tree.LastZxid, entry.Header.Zxid, logs[i], reader.EntryOffset);
                try
                {
                    Replay(entry, state);
                }
                catch (InvalidDataException e)
                {
                    throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"The transaction at offset {reader.EntryOffset} of {logs[i].Path} does not fit the snapshot {Snapshot.Name} and the transactions after it: {e.Message}"), e);
                }
            }

            if (reader.TornBytes > 0 || !reader.HasEntries) _torn.Add((logs[i], reader.Position, reader.TornBytes));
        }
    }

    private void Replay(in LogEntry entry, RecoveredState state)
    {
        state.Tree.Replay(entry.Header, entry.Transaction);
        if (entry.Transaction is CreateSessionTransaction create) state.SessionTimeouts[entry.Header.SessionId] = create.TimeoutMs;
        if (entry.Transaction is CloseSessionTransaction) state.SessionTimeouts.Remove(entry.Header.SessionId);
        Replayed++;
    }

    /// <summary>Every transaction follows the one before it, or is the first of a leader's epoch; a torn tail of a log that another log follows is so shown to be no loss.</summary>
    private static void CheckOrder(long last, long next, DataFile log, long offset)
    {
        if (next == last + 1 || (next >> 32 > last >> 32 && (next & 0xffff_ffff) == 1)) return;
        string what = next <= last ? "comes again, or too late" : "is not the next";
        throw new InvalidDataException(string.Create(
            CultureInfo.InvariantCulture,
            $"The transaction log {log.Path} does not go on where the one before it, or the snapshot, ends: at offset {offset}, transaction 0x{next:x} {what} after 0x{last:x}."));
    }

    private void CutOff(DataFile log, long offset, long bytes)
    {
        if (bytes > 0) StorageLog.TornTail(logger, log.Path, offset, bytes);
        if (offset <= LogFormat.HeaderSize)
        {
            // It has no entry. Apache does not start with a log that has not even a header (ZOOKEEPER-1621), and its name will be needed.
            File.Delete(log.Path);
            Disk.SyncDirectory(files.Directory);
            return;
        }

        using Microsoft.Win32.SafeHandles.SafeFileHandle file = File.OpenHandle(log.Path, FileMode.Open, FileAccess.Write);
        RandomAccess.SetLength(file, offset);
        RandomAccess.FlushToDisk(file);
    }
}
