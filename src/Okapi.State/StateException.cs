namespace Okapi.State;

/// <summary>What can be wrong with a shared state itself, beside what can be wrong with the client (<see cref="ZooKeeperException"/>).</summary>
public abstract class StateException : Exception
{
    private protected StateException(string path, string message, Exception? innerException = null)
        : base(ZnodePath.ToPrintable(message), innerException) => Path = path; // with names that others may have made up

    /// <summary>The state's path.</summary>
    public string Path { get; }
}

/// <summary>The local value has not been verified for longer than <see cref="SharedStateOptions.MaxStaleness"/>, or the session is lost. The inner exception, if any, says why.</summary>
public sealed class StaleStateException : StateException
{
    internal StaleStateException(string path, TimeSpan age, TimeSpan limit, Exception? why)
        : base(path, $"The state {path} was verified {age.TotalSeconds:0.###} s ago{(age > limit ? $", longer than {nameof(SharedStateOptions.MaxStaleness)} ({limit.TotalSeconds:0.###} s) allows" : string.Empty)}{(why is null ? "." : $": {why.Message}")}", why) =>
        Age = age;

    /// <summary>How long ago the value was verified.</summary>
    public TimeSpan Age { get; }
}

/// <summary>The payload is not valid JSON, or not what the type takes. The last good value is kept, and nothing is overwritten; whoever wrote it has to mend it.</summary>
public sealed class InvalidStateException : StateException
{
    internal InvalidStateException(string path, string payload, int version, string message, Exception? innerException)
        : base(path, $"{payload} (version {version}) {message}", innerException) => Version = version;

    /// <summary>The version of the payload's znode.</summary>
    public int Version { get; }
}

/// <summary>The state has no payload: it was deleted. Comes back by itself when somebody creates it anew.</summary>
public sealed class StateMissingException : StateException
{
    internal StateMissingException(string path, string payload)
        : base(path, $"{payload} does not exist any more.")
    {
    }
}

/// <summary>A value is larger than a znode can be. Nothing was sent.</summary>
public sealed class StateTooLargeException : StateException
{
    internal StateTooLargeException(string path, int size, int limit)
        : base(path, $"The new value of the state {path} has {size} bytes as JSON; {limit} can be written ({nameof(SharedStateOptions)}.{nameof(SharedStateOptions.MaxRequestSize)}, 1 MiB as jute.maxbuffer on servers unless configured, less what goes with it).")
    {
        Size = size;
        Limit = limit;
    }

    /// <summary>How many bytes it has.</summary>
    public int Size { get; }

    /// <summary>How many it may have.</summary>
    public int Limit { get; }
}

/// <summary>The connection was lost while an update was being written, and whether it was applied cannot be found out. It is not applied a second time.</summary>
public sealed class UpdateOutcomeUnknownException : StateException
{
    internal UpdateOutcomeUnknownException(string path, string why, Exception? innerException)
        : base(path, $"Whether the update of the state {path} was applied is not known: {why}", innerException)
    {
    }

    /// <summary>Always <see cref="RequestOutcome.Unknown"/>: an update that was surely not applied is tried again, or fails in another way.</summary>
    public RequestOutcome Outcome { get; } = RequestOutcome.Unknown;
}
