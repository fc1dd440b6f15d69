using Microsoft.Extensions.Logging;

namespace Okapi.Diagnostics;

/// <summary>Everything the client logs. Event ids are stable; no message carries a secret or a znode's data.</summary>
internal static partial class Log
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Debug, Message = "Connecting to {Server}, attempt {Attempt}")]
    public static partial void Connecting(ILogger logger, ServerEndpoint server, int attempt);

    [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message = "{Server} could not be used: {Reason}")]
    public static partial void AttemptFailed(ILogger logger, ServerEndpoint server, string reason);

    [LoggerMessage(EventId = 3, Level = LogLevel.Information, Message = "Session 0x{SessionId:x} is {State} on {Server}, timeout {TimeoutMs} ms")]
    public static partial void Connected(ILogger logger, long sessionId, SessionState state, ServerEndpoint server, double timeoutMs);

    [LoggerMessage(EventId = 4, Level = LogLevel.Warning, Message = "Session 0x{SessionId:x} lost its connection to {Server}: {Reason}")]
    public static partial void ConnectionLost(ILogger logger, long sessionId, ServerEndpoint? server, string reason);

    [LoggerMessage(EventId = 5, Level = LogLevel.Error, Message = "Session 0x{SessionId:x} has ended: {Reason}")]
    public static partial void SessionFailed(ILogger logger, long sessionId, string reason);

    [LoggerMessage(EventId = 6, Level = LogLevel.Information, Message = "Session 0x{SessionId:x} is closed")]
    public static partial void SessionClosed(ILogger logger, long sessionId);

    [LoggerMessage(EventId = 7, Level = LogLevel.Warning, Message = "The session's timer ran {LateMs} ms late: the thread pool is starved or the process was paused; sessions expire this way")]
    public static partial void Starved(ILogger logger, double lateMs);

    [LoggerMessage(EventId = 8, Level = LogLevel.Warning, Message = "The server refused to arm {Count} watches again: {Error}; their streams end")]
    public static partial void RearmRefused(ILogger logger, int count, ErrorCode error);

    [LoggerMessage(EventId = 9, Level = LogLevel.Debug, Message = "{Count} watches are armed again relative to zxid 0x{Zxid:x}")]
    public static partial void Rearming(ILogger logger, int count, long zxid);

    [LoggerMessage(EventId = 10, Level = LogLevel.Warning, Message = "{Count} requests were in flight when the connection was lost and may or may not have been applied")]
    public static partial void OutcomeUnknown(ILogger logger, int count);

    [LoggerMessage(EventId = 11, Level = LogLevel.Debug, Message = "Looking for a read-write server: {Server} answers {Answer}")]
    public static partial void ReadWriteProbe(ILogger logger, ServerEndpoint server, string answer);

    [LoggerMessage(EventId = 12, Level = LogLevel.Warning, Message = "A digest credential goes over a connection without TLS: anyone who can read the connection can read it")]
    public static partial void DigestInTheClear(ILogger logger);

    [LoggerMessage(EventId = 13, Level = LogLevel.Warning, Message = "A session was resumed or evicted again after {LivedMs} ms: is another process using the same session id?")]
    public static partial void ShortLived(ILogger logger, double livedMs);

    [LoggerMessage(EventId = 14, Level = LogLevel.Warning, Message = "This client has credentials, and creates a znode that is open to everybody: set ZooKeeperOptions.DefaultAcl, to Acl.CreatorAll, or to Acl.Open if that is meant")]
    public static partial void OpenByOmission(ILogger logger);
}
