namespace Okapi;

/// <summary>
/// What a call can fail with, beside the caller's own mistakes (which are <see cref="ArgumentException"/>s, thrown before anything
/// is sent). Three kinds derive from it and are never mixed: the server said no (this class and its leaves, such as
/// <see cref="NoNodeException"/>), the connection was lost (<see cref="ConnectionLossException"/>, <see cref="RequestTimeoutException"/>),
/// and the session is over (<see cref="SessionEndedException"/>).
/// </summary>
public class ZooKeeperException : Exception
{
    internal ZooKeeperException(ErrorCode code, string? path, string message, Exception? innerException = null)
        : base(string.Join(Environment.NewLine, message.Split(Environment.NewLine).Select(ZnodePath.ToPrintable)), innerException) // with paths that others may have made up
    {
        Code = code;
        Path = path;
    }

    /// <summary>The error's code, as ZooKeeper knows it. Codes that Okapi has no name for are kept as their number.</summary>
    public ErrorCode Code { get; }

    /// <summary>The path of the call, as the caller gave it, or null if it had none.</summary>
    public string? Path { get; }
}

/// <summary>The znode does not exist; for a create: its parent does not exist.</summary>
public sealed class NoNodeException : ZooKeeperException
{
    internal NoNodeException(string? path, string message)
        : base(ErrorCode.NoNode, path, message)
    {
    }
}

/// <summary>The znode exists already.</summary>
public sealed class NodeExistsException : ZooKeeperException
{
    internal NodeExistsException(string? path, string message)
        : base(ErrorCode.NodeExists, path, message)
    {
    }
}

/// <summary>The znode's version is not the expected one.</summary>
public sealed class BadVersionException : ZooKeeperException
{
    internal BadVersionException(string? path, string message)
        : base(ErrorCode.BadVersion, path, message)
    {
    }
}

/// <summary>The znode has children.</summary>
public sealed class NotEmptyException : ZooKeeperException
{
    internal NotEmptyException(string? path, string message)
        : base(ErrorCode.NotEmpty, path, message)
    {
    }
}

/// <summary>The znode's ACL does not allow it.</summary>
public sealed class NoAuthException : ZooKeeperException
{
    internal NoAuthException(string? path, string message)
        : base(ErrorCode.NoAuth, path, message)
    {
    }
}

/// <summary>The ACL is not valid: empty, an unknown scheme, an id that is not of the scheme's form, or <c>auth</c> on a connection without an identity.</summary>
public sealed class InvalidAclException : ZooKeeperException
{
    internal InvalidAclException(string? path, string message)
        : base(ErrorCode.InvalidAcl, path, message)
    {
    }
}

/// <summary>An ephemeral znode may not have children.</summary>
public sealed class NoChildrenForEphemeralsException : ZooKeeperException
{
    internal NoChildrenForEphemeralsException(string? path, string message)
        : base(ErrorCode.NoChildrenForEphemerals, path, message)
    {
    }
}

/// <summary>The server is in read-only mode and the request is a write.</summary>
public sealed class NotReadOnlyException : ZooKeeperException
{
    internal NotReadOnlyException(string? path, string message)
        : base(ErrorCode.NotReadOnly, path, message)
    {
    }
}

/// <summary>The server does not know the operation or has it turned off, and no older operation serves in its place.</summary>
public sealed class UnimplementedException : ZooKeeperException
{
    internal UnimplementedException(string? path, string message)
        : base(ErrorCode.Unimplemented, path, message)
    {
    }
}

/// <summary>A quota would be exceeded.</summary>
public sealed class QuotaExceededException : ZooKeeperException
{
    internal QuotaExceededException(string? path, string message)
        : base(ErrorCode.QuotaExceeded, path, message)
    {
    }
}

/// <summary>The reply was larger than <see cref="ZooKeeperOptions.MaxReplySize"/>. Only this call fails; the session goes on.</summary>
public sealed class ReplyTooLargeException : ZooKeeperException
{
    internal ReplyTooLargeException(string? path, int size, int limit)
        : base(ErrorCode.MarshallingError, path, $"The reply for {path ?? "the request"} has {size} bytes; {nameof(ZooKeeperOptions)}.{nameof(ZooKeeperOptions.MaxReplySize)} allows {limit}.")
    {
        Size = size;
        Limit = limit;
    }

    /// <summary>The reply's size in bytes.</summary>
    public int Size { get; }

    /// <summary>The limit in bytes.</summary>
    public int Limit { get; }
}
