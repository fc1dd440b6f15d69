using Okapi.Protocol;

namespace Okapi;

/// <summary>Turns a server's refusal into the exception for it.</summary>
internal static class ServerErrors
{
    public static ZooKeeperException Create(ErrorCode code, OpCode operation, string? path)
    {
        string message = path is null
            ? $"{operation} was refused: {code.GetDescription()} ({code.GetName()})."
            : $"{operation} of {path} was refused: {code.GetDescription()} ({code.GetName()}).";
        return code switch
        {
            ErrorCode.NoNode => new NoNodeException(path, message),
            ErrorCode.NodeExists => new NodeExistsException(path, message),
            ErrorCode.BadVersion => new BadVersionException(path, message),
            ErrorCode.NotEmpty => new NotEmptyException(path, message),
            ErrorCode.NoAuth => new NoAuthException(path, message),
            ErrorCode.InvalidAcl => new InvalidAclException(path, message),
            ErrorCode.NoChildrenForEphemerals => new NoChildrenForEphemeralsException(path, message),
            ErrorCode.NotReadOnly => new NotReadOnlyException(path, message),
            ErrorCode.Unimplemented => new UnimplementedException(path, message),
            ErrorCode.QuotaExceeded => new QuotaExceededException(path, message),
            _ => new ZooKeeperException(code, path, message),
        };
    }
}
