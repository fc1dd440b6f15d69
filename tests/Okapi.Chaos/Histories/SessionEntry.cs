namespace Okapi.Chaos.Histories;

/// <summary>A client's session came to be in a state.</summary>
public sealed class SessionEntry : ClientEntry
{
    public SessionState State { get; init; }

    public long Session { get; init; }
}
