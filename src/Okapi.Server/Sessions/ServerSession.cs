namespace Okapi.Server.Sessions;

/// <summary>One session, as its server knows it.</summary>
internal sealed class ServerSession(long id, int timeoutMs)
{
    public long Id { get; } = id;

    /// <summary>The negotiated timeout; a client that resumes negotiates anew (B6).</summary>
    public int TimeoutMs { get; set; } = timeoutMs;

    /// <summary>The member that the client was last attached to; writes by way of another are refused (ZOOKEEPER-710). Null after a restart, until somebody resumes.</summary>
    public Member? Owner { get; set; }

    /// <summary>Whether its end has been decided.</summary>
    public bool IsClosing { get; set; }

    /// <summary>Whether only the member that it was opened on knows it.</summary>
    public bool IsLocal { get; set; }

    /// <summary>When it expires unless it is heard of before, in milliseconds of the server's clock.</summary>
    public long ExpiresAtMs { get; set; }
}
