namespace Okapi;

/// <summary>One server that could not be used, and why.</summary>
/// <param name="Server">The server, as the connect string names it.</param>
/// <param name="Reason">What was tried and why it failed.</param>
/// <param name="Error">The failure itself.</param>
public sealed record ConnectAttempt(ServerEndpoint Server, string Reason, Exception Error);

/// <summary>No server could be reached within <see cref="ZooKeeperOptions.FirstConnectTimeout"/>. Lists each server, what was tried and why it failed.</summary>
public sealed class ConnectFailedException : ZooKeeperException
{
    internal ConnectFailedException(string message, IReadOnlyList<ConnectAttempt> attempts)
        : base(ErrorCode.ConnectionLoss, path: null, message, attempts.Count > 0 ? attempts[^1].Error : null) => Attempts = attempts;

    /// <summary>The last failure of each server.</summary>
    public IReadOnlyList<ConnectAttempt> Attempts { get; }

    internal static ConnectFailedException Create(TimeSpan waited, IReadOnlyList<ConnectAttempt> attempts)
    {
        string list = attempts.Count == 0
            ? " No attempt had ended by then."
            : string.Concat(attempts.Select(a => $"{Environment.NewLine}  {a.Server}: {ZnodePath.ToPrintable(a.Reason)}"));
        return new($"No ZooKeeper server could be reached within {waited.TotalSeconds:0.###} s.{list}", attempts);
    }
}
