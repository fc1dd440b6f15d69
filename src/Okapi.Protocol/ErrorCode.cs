namespace Okapi;

/// <summary>
/// Why a server refused a request (<c>KeeperException.Code</c> in Apache ZooKeeper). A code that is not named here is kept as
/// its number: newer servers may know more.
/// </summary>
public enum ErrorCode
{
    /// <summary>No error.</summary>
    Ok = 0,

    /// <summary>A server error that fits no other code.</summary>
    SystemError = -1,

    /// <summary>The server found its own state inconsistent; inside a transaction: this operation was not tried because an earlier one failed.</summary>
    RuntimeInconsistency = -2,

    /// <summary>The server found its data inconsistent.</summary>
    DataInconsistency = -3,

    /// <summary>The connection was lost before the reply came.</summary>
    ConnectionLoss = -4,

    /// <summary>A request or reply could not be encoded or decoded.</summary>
    MarshallingError = -5,

    /// <summary>The server does not know the operation, or has it turned off.</summary>
    Unimplemented = -6,

    /// <summary>The operation took too long.</summary>
    OperationTimeout = -7,

    /// <summary>An argument is not valid.</summary>
    BadArguments = -8,

    /// <summary>The client is not in a state that allows the call (C client).</summary>
    InvalidState = -9,

    /// <summary>The server does not know the session.</summary>
    UnknownSession = -12,

    /// <summary>No quorum of the new configuration is connected to the leader.</summary>
    NewConfigNoQuorum = -13,

    /// <summary>Another reconfiguration is under way.</summary>
    ReconfigInProgress = -14,

    /// <summary>The TLS connection failed (C client).</summary>
    SslConnectionError = -15,

    /// <summary>An error of the application's making that fits no other code.</summary>
    ApiError = -100,

    /// <summary>The znode does not exist.</summary>
    NoNode = -101,

    /// <summary>The ACL does not allow it.</summary>
    NoAuth = -102,

    /// <summary>The znode's version is not the expected one.</summary>
    BadVersion = -103,

    /// <summary>Ephemeral znodes may not have children.</summary>
    NoChildrenForEphemerals = -108,

    /// <summary>The znode exists already.</summary>
    NodeExists = -110,

    /// <summary>The znode has children.</summary>
    NotEmpty = -111,

    /// <summary>The session has expired.</summary>
    SessionExpired = -112,

    /// <summary>A callback is not valid.</summary>
    InvalidCallback = -113,

    /// <summary>The ACL is not valid.</summary>
    InvalidAcl = -114,

    /// <summary>Authentication failed.</summary>
    AuthFailed = -115,

    /// <summary>The client is closing (C client).</summary>
    Closing = -116,

    /// <summary>No response to process (C client).</summary>
    Nothing = -117,

    /// <summary>The session has moved to another server.</summary>
    SessionMoved = -118,

    /// <summary>The server is in read-only mode and the request is a write.</summary>
    NotReadOnly = -119,

    /// <summary>A local session cannot own an ephemeral znode.</summary>
    EphemeralOnLocalSession = -120,

    /// <summary>There is no such watch.</summary>
    NoWatcher = -121,

    /// <summary>The request was not answered in time.</summary>
    RequestTimeout = -122,

    /// <summary>Reconfiguration is turned off on the server.</summary>
    ReconfigDisabled = -123,

    /// <summary>The server demands SASL authentication and closed the session.</summary>
    SessionClosedRequireSaslAuth = -124,

    /// <summary>A quota would be exceeded.</summary>
    QuotaExceeded = -125,

    /// <summary>The server is overloaded and threw the request away.</summary>
    ThrottledOp = -127,
}

/// <summary>What an <see cref="ErrorCode"/> means, in words.</summary>
public static class ErrorCodes
{
    /// <summary>The code's name, or its number if it has none here.</summary>
    /// <param name="code">The code.</param>
    /// <returns>For example <c>NoNode</c>, or <c>-9999</c>.</returns>
    public static string GetName(this ErrorCode code) => Enum.GetName(code) ?? ((int)code).ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>One sentence that says what the code means.</summary>
    /// <param name="code">The code.</param>
    /// <returns>The sentence, without a full stop.</returns>
    public static string GetDescription(this ErrorCode code) => code switch
    {
        ErrorCode.Ok => "no error",
        ErrorCode.SystemError => "the server had an error that fits no other code",
        ErrorCode.RuntimeInconsistency => "the server found a runtime inconsistency (in a transaction: not tried, because an earlier operation failed)",
        ErrorCode.DataInconsistency => "the server found a data inconsistency",
        ErrorCode.ConnectionLoss => "the connection was lost before the reply came",
        ErrorCode.MarshallingError => "a request or reply could not be encoded or decoded",
        ErrorCode.Unimplemented => "the server does not know the operation or has it turned off",
        ErrorCode.OperationTimeout => "the operation took too long",
        ErrorCode.BadArguments => "an argument is not valid",
        ErrorCode.InvalidState => "the client is not in a state that allows the call",
        ErrorCode.UnknownSession => "the server does not know the session",
        ErrorCode.NewConfigNoQuorum => "no quorum of the new configuration is connected to the leader",
        ErrorCode.ReconfigInProgress => "another reconfiguration is under way",
        ErrorCode.SslConnectionError => "the TLS connection failed",
        ErrorCode.ApiError => "the application made an error that fits no other code",
        ErrorCode.NoNode => "the znode does not exist",
        ErrorCode.NoAuth => "the znode's ACL does not allow it",
        ErrorCode.BadVersion => "the znode's version is not the expected one",
        ErrorCode.NoChildrenForEphemerals => "an ephemeral znode may not have children",
        ErrorCode.NodeExists => "the znode exists already",
        ErrorCode.NotEmpty => "the znode has children",
        ErrorCode.SessionExpired => "the session has expired",
        ErrorCode.InvalidCallback => "a callback is not valid",
        ErrorCode.InvalidAcl => "the ACL is not valid",
        ErrorCode.AuthFailed => "authentication failed",
        ErrorCode.Closing => "the client is closing",
        ErrorCode.Nothing => "there is no response to process",
        ErrorCode.SessionMoved => "the session has moved to another server",
        ErrorCode.NotReadOnly => "the server is in read-only mode and the request is a write",
        ErrorCode.EphemeralOnLocalSession => "a local session cannot own an ephemeral znode",
        ErrorCode.NoWatcher => "there is no such watch",
        ErrorCode.RequestTimeout => "the request was not answered in time",
        ErrorCode.ReconfigDisabled => "reconfiguration is turned off on the server",
        ErrorCode.SessionClosedRequireSaslAuth => "the server demands SASL authentication and closed the session",
        ErrorCode.QuotaExceeded => "a quota would be exceeded",
        ErrorCode.ThrottledOp => "the server is overloaded and threw the request away",
        _ => "an error code that this version of Okapi does not know",
    };
}
