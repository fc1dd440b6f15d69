using Okapi.Protocol;

namespace Okapi.Sessions;

/// <summary>Something that a session has to decide about.</summary>
internal abstract record SessionInput
{
    /// <summary>The session begins.</summary>
    public sealed record Start : SessionInput;

    /// <summary>A stream to the server of an attempt is open.</summary>
    public sealed record Opened(int Attempt, long LastZxid) : SessionInput;

    /// <summary>An attempt failed, or its connection was lost.</summary>
    /// <param name="Attempt">Which.</param>
    /// <param name="Reason">Why.</param>
    /// <param name="LastHeard">When bytes last came on it; null if none ever did.</param>
    public sealed record Lost(int Attempt, Exception Reason, TimeSpan? LastHeard) : SessionInput;

    /// <summary>The server answered the handshake.</summary>
    public sealed record Answered(int Attempt, ConnectResponse Response) : SessionInput;

    /// <summary>The SASL exchange is complete.</summary>
    public sealed record SaslSucceeded(int Attempt) : SessionInput;

    /// <summary>A server refused a credential, or could not prove its own.</summary>
    public sealed record AuthRefused(int Attempt, Exception Reason) : SessionInput;

    /// <summary>The server has ended the session as asked.</summary>
    public sealed record CloseAnswered(int Attempt) : SessionInput;

    /// <summary>Time has passed.</summary>
    /// <param name="LastHeard">When bytes last came on the connection in use; null without one.</param>
    /// <param name="LastSent">When bytes were last sent on it; null without one.</param>
    public sealed record Tick(TimeSpan? LastHeard, TimeSpan? LastSent) : SessionInput;

    /// <summary>The user has a new list of servers.</summary>
    public sealed record ServersChanged(IReadOnlyList<ServerEndpoint> Servers) : SessionInput;

    /// <summary>A probe has an answer.</summary>
    public sealed record Probed(ServerEndpoint Server, bool IsReadWrite) : SessionInput;

    /// <summary>The user closes the client.</summary>
    /// <param name="KeepsSession">Whether the session is left to whoever resumes it.</param>
    public sealed record Close(bool KeepsSession = false) : SessionInput;
}

/// <summary>Something that a session has decided to do.</summary>
internal abstract record SessionEffect
{
    /// <summary>Open a stream to a server.</summary>
    public sealed record Open(int Attempt, ServerEndpoint Server, TimeSpan Timeout) : SessionEffect;

    /// <summary>Send the session's handshake.</summary>
    public sealed record Handshake(ConnectRequest Request) : SessionEffect;

    /// <summary>Begin the SASL exchange.</summary>
    public sealed record BeginSasl : SessionEffect;

    /// <summary>The session stands on this connection: present credentials, arm watches, let requests through.</summary>
    public sealed record Establish(bool IsReconnect) : SessionEffect;

    /// <summary>Send a ping.</summary>
    public sealed record Ping : SessionEffect;

    /// <summary>Give up the connection or attempt in hand.</summary>
    public sealed record Drop(Exception Reason) : SessionEffect;

    /// <summary>Tell that connections of this session end soon after they are made, time and again.</summary>
    public sealed record WarnShortLived(TimeSpan Lived) : SessionEffect;

    /// <summary>Ask the server to end the session.</summary>
    public sealed record SendClose : SessionEffect;

    /// <summary>Ask a server whether it takes writes.</summary>
    public sealed record Probe(ServerEndpoint Server, TimeSpan Timeout) : SessionEffect;

    /// <summary>Tell the world where the session stands.</summary>
    public sealed record Publish(SessionState State) : SessionEffect;

    /// <summary>The session is over.</summary>
    public sealed record End(SessionState State, SessionEndedException Reason) : SessionEffect;
}
