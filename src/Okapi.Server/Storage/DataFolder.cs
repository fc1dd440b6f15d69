using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Okapi.Protocol;
using Okapi.Server.Transactions;
using Okapi.Server.Trees;

namespace Okapi.Server.Storage;

/// <summary>A folder that keeps what a server holds, in Apache ZooKeeper's own formats: its dataDir.</summary>
internal sealed class DataFolder : IJournal
{
    private const int SecretSize = 32;

    private readonly DataFolderOptions _options;
    private readonly ILogger _logger;
    private readonly string _folder;
    private readonly DataFiles _files;
    private readonly FileStream _lock;
    private readonly JuteBuffer _pending = new(64 * 1024), _scratch = new(4096);
    private LogWriter? _log;
    private long _logId = NewLogId(), _pendingZxid, _lastZxid;
    private int _sinceSnapshot;
    private Exception? _failure;
    private bool _isDisposed;

    private DataFolder(string folder, DataFolderOptions options, ILogger logger)
    {
        (_folder, _options, _logger, _files) = (folder, options, logger, new(folder));
        Disk.CreateDirectory(_files.Directory);
        _lock = Lock(folder);
    }

    /// <summary>A secret that stays the same as long as the folder does: what is made from it, such as the passwords of sessions, outlives the server.</summary>
    public byte[] SessionSecret { get; private set; } = [];

    /// <summary>Opens a folder, or makes a new one.</summary>
    /// <param name="folder">Where it is.</param>
    /// <param name="options">How it is kept.</param>
    /// <param name="logger">Gets what there is to say of it.</param>
    /// <param name="state">What it held.</param>
    /// <exception cref="IOException">It cannot be read or written, or another server has it open.</exception>
    /// <exception cref="InvalidDataException">Something that it held is damaged or missing.</exception>
    public static DataFolder Open(string folder, DataFolderOptions options, ILogger logger, out RecoveredState state)
    {
        var opened = new DataFolder(Path.GetFullPath(folder), options, logger);
        try
        {
            opened.SessionSecret = opened.ReadOrCreateSecret();
            state = opened.Recover();
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <summary>Removes the state from a folder that no server has open, so that the next one begins with nothing.</summary>
    public static void Wipe(string folder)
    {
        string files = new DataFiles(Path.GetFullPath(folder)).Directory;
        if (Directory.Exists(files)) Directory.Delete(files, recursive: true);
    }

    public void Append(in TransactionHeader header, Transaction transaction)
    {
        ThrowIfFailed();
        LogFormat.Append(_pending, _scratch, new(header, transaction, LogFormat.Mark(_log?.Position ?? LogFormat.HeaderSize, _logId)));
        if (_pendingZxid == 0) _pendingZxid = header.Zxid;
        _lastZxid = header.Zxid;
        _sinceSnapshot++;
    }

    public void Commit()
    {
        ThrowIfFailed();
        if (_pendingZxid == 0) return;
        try
        {
            _log ??= LogWriter.Create(_files.LogOf(_pendingZxid).Path, _files.TemporaryLog, _logId, _options.LogGrowth);
            _log.Write(_pending.WrittenSpan);
        }
        catch (Exception e)
        {
            _failure = e;
            throw new IOException($"The transaction log in {_folder} could not be written.", e);
        }

        _pending.Clear();
        _pendingZxid = 0;
    }

    public void OfferSnapshot(Tree tree, Func<IReadOnlyDictionary<long, int>> getSessionTimeouts)
    {
        ThrowIfFailed();
        if (_sinceSnapshot < _options.SnapshotEvery) return;
        if (_pendingZxid != 0 || tree.LastZxid != _lastZxid) throw new InvalidOperationException("A snapshot is of the state after the last commit.");
        _sinceSnapshot = 0;
        try
        {
            WriteSnapshot(tree, getSessionTimeouts());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            StorageLog.SnapshotFailed(_logger, _folder, e); // nothing is lost: the log has it all
            return;
        }

        _log?.Trim();
        _log?.Dispose();
        (_log, _logId) = (null, NewLogId());
        Purge();
    }

    public void Dispose()
    {
        if (_failure is null) _log?.Trim();
        _isDisposed = true;
        _log?.Dispose();
        _log = null;
        _pending.Dispose();
        _scratch.Dispose();
        _lock.Dispose();
    }

    private void ThrowIfFailed()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (_failure is not null) throw new IOException($"The transaction log in {_folder} is not written any more, since an earlier write has failed.", _failure);
    }

    private static long NewLogId() => BitConverter.ToInt64(RandomNumberGenerator.GetBytes(8)) | 1; // never Apache's 0

    private static FileStream Lock(string folder)
    {
        try
        {
            return new FileStream(Path.Combine(folder, "okapi.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        }
        catch (IOException e) when ((e.HResult & 0xffff) is 11 or 35 or 32) // EWOULDBLOCK on Linux and on macOS, ERROR_SHARING_VIOLATION
        {
            throw new IOException($"The data folder {folder} is in use by another server.", e);
        }
    }

    private byte[] ReadOrCreateSecret()
    {
        string path = Path.Combine(_folder, "okapi-session-secret");
        if (!File.Exists(path))
        {
            byte[] secret = RandomNumberGenerator.GetBytes(SecretSize);
            Disk.WriteAtomically(path, path + ".tmp", file => RandomAccess.Write(file, secret, 0), UnixFileMode.UserRead | UnixFileMode.UserWrite);
            return secret;
        }

        byte[] found = File.ReadAllBytes(path);
        return found.Length == SecretSize ? found : throw new InvalidDataException($"{path} has {found.Length} bytes, not {SecretSize}. Without it, a new one is made and sessions from before cannot be resumed.");
    }

    private RecoveredState Recover()
    {
        File.Delete(_files.TemporarySnapshot);
        File.Delete(_files.TemporaryLog);
        var recovery = new Recovery(_files, _logger);
        RecoveredState? state = recovery.Run();
        if (state is null)
        {
            state = new(new Tree(), []);
            WriteSnapshot(state.Tree, state.SessionTimeouts);
        }

        (_lastZxid, _sinceSnapshot) = (state.Tree.LastZxid, recovery.Replayed);
        StorageLog.Opened(_logger, _folder, state.Tree.Count, state.SessionTimeouts.Count, _lastZxid, recovery.Replayed, recovery.Snapshot.Name);
        return state;
    }

    private void WriteSnapshot(Tree tree, IReadOnlyDictionary<long, int> sessionTimeouts)
    {
        DataFile snapshot = _files.SnapshotOf(tree.LastZxid);
        Disk.WriteAtomically(snapshot.Path, _files.TemporarySnapshot, file => SnapshotWriter.Write(file, tree, sessionTimeouts));
        StorageLog.SnapshotWritten(_logger, snapshot.Path);
    }

    /// <summary>Deletes snapshots beyond those that are kept, and logs that those do not need.</summary>
    private void Purge()
    {
        List<DataFile> kept = [.. _files.Snapshots().Where(snapshot => SnapshotReader.IsSealed(snapshot.Path)).Take(Math.Max(1, _options.SnapshotsKept))];
        if (kept.Count < _options.SnapshotsKept) return;
        long oldest = kept[^1].Zxid;
        List<DataFile> logs = _files.Logs();
        int firstNeeded = logs.FindLastIndex(log => log.Zxid <= oldest + 1);
        foreach (DataFile file in _files.Snapshots().Where(snapshot => snapshot.Zxid < oldest).Concat(logs.Take(Math.Max(0, firstNeeded)))) Delete(file);
    }

    private void Delete(DataFile file)
    {
        try
        {
            File.Delete(file.Path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            StorageLog.NotDeleted(_logger, file.Path, e.Message);
        }
    }
}
