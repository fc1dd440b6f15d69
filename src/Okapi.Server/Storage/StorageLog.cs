using Microsoft.Extensions.Logging;

namespace Okapi.Server.Storage;

/// <summary>What a data folder logs.</summary>
internal static partial class StorageLog
{
    [LoggerMessage(EventId = 100, Level = LogLevel.Information, Message = "{Folder} is open: {Znodes} znodes and {Sessions} sessions as of transaction 0x{Zxid:x}, {Replayed} transactions after the snapshot {Snapshot}")]
    public static partial void Opened(ILogger logger, string folder, int znodes, int sessions, long zxid, long replayed, string snapshot);

    [LoggerMessage(EventId = 101, Level = LogLevel.Warning, Message = "The last entry of {File} was not written to its end: {Bytes} bytes from offset {Offset} on are cut off. They had not been acknowledged")]
    public static partial void TornTail(ILogger logger, string file, long offset, long bytes);

    [LoggerMessage(EventId = 102, Level = LogLevel.Warning, Message = "A snapshot is passed over for an older one: {Reason}")]
    public static partial void SnapshotPassedOver(ILogger logger, string reason);

    [LoggerMessage(EventId = 103, Level = LogLevel.Warning, Message = "Session 0x{SessionId:x} has ephemeral znodes but neither began nor ended in {Folder}; it is left to expire")]
    public static partial void UnknownSession(ILogger logger, long sessionId, string folder);

    [LoggerMessage(EventId = 104, Level = LogLevel.Information, Message = "Snapshot {File} is written")]
    public static partial void SnapshotWritten(ILogger logger, string file);

    [LoggerMessage(EventId = 105, Level = LogLevel.Error, Message = "A snapshot could not be written to {Folder}; the log goes on")]
    public static partial void SnapshotFailed(ILogger logger, string folder, Exception exception);

    [LoggerMessage(EventId = 106, Level = LogLevel.Warning, Message = "{File} is no longer needed but could not be deleted: {Reason}")]
    public static partial void NotDeleted(ILogger logger, string file, string reason);
}
