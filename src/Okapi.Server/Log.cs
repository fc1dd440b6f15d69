using Microsoft.Extensions.Logging;

namespace Okapi.Server;

/// <summary>Everything the server logs. Event ids are stable; no message carries a secret or a znode's data.</summary>
internal static partial class Log
{
    [LoggerMessage(EventId = 101, Level = LogLevel.Information, Message = "Serving on {ConnectionString}")]
    public static partial void Serving(ILogger logger, string connectionString);

    [LoggerMessage(EventId = 102, Level = LogLevel.Debug, Message = "Session 0x{SessionId:x} begins, timeout {TimeoutMs} ms")]
    public static partial void SessionBegins(ILogger logger, long sessionId, int timeoutMs);

    [LoggerMessage(EventId = 103, Level = LogLevel.Information, Message = "Session 0x{SessionId:x} expires")]
    public static partial void SessionExpires(ILogger logger, long sessionId);

    [LoggerMessage(EventId = 104, Level = LogLevel.Warning, Message = "A connection from {Remote} is closed: {Reason}")]
    public static partial void BadFrame(ILogger logger, string remote, string reason);

    [LoggerMessage(EventId = 105, Level = LogLevel.Information, Message = "A client at {Remote} is turned away: {Reason}")]
    public static partial void TurnedAway(ILogger logger, string remote, string reason);

    [LoggerMessage(EventId = 106, Level = LogLevel.Critical, Message = "The server ends: what it has promised can no longer be kept")]
    public static partial void Failed(ILogger logger, Exception error);

    [LoggerMessage(EventId = 107, Level = LogLevel.Information, Message = "Zxid 0x{Zxid:x} with {Nodes} znodes and {Sessions} sessions was found in {Folder}")]
    public static partial void Recovered(ILogger logger, long zxid, int nodes, int sessions, string folder);

    [LoggerMessage(EventId = 108, Level = LogLevel.Debug, Message = "TLS with {Remote} failed: {Reason}")]
    public static partial void TlsFailed(ILogger logger, string remote, string reason);

    [LoggerMessage(EventId = 109, Level = LogLevel.Error, Message = "A request from {Remote} could not be handled; its connection is cut")]
    public static partial void RequestFailed(ILogger logger, Exception error, string remote);
}
