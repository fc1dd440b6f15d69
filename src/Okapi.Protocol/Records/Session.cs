namespace Okapi.Protocol;

/// <summary>The first frame of a connection: opens a session or resumes one. It has no header.</summary>
/// <param name="ProtocolVersion">Always 0.</param>
/// <param name="LastZxidSeen">The newest transaction the client has seen; a server that lags behind it refuses.</param>
/// <param name="TimeoutMs">The session timeout asked for, in milliseconds.</param>
/// <param name="SessionId">The session to resume, or 0 for a new one.</param>
/// <param name="Password">The session's password; 16 bytes.</param>
/// <param name="ReadOnly">Whether a server in read-only mode will do. Absent from clients older than 3.4.</param>
public readonly record struct ConnectRequest(int ProtocolVersion, long LastZxidSeen, int TimeoutMs, long SessionId, byte[] Password, bool ReadOnly)
    : IJuteRecord<ConnectRequest>
{
    /// <inheritdoc/>
    public static ConnectRequest Read(ref JuteReader reader) => new(
        reader.ReadInt(),
        reader.ReadLong(),
        reader.ReadInt(),
        reader.ReadLong(),
        reader.ReadByteArray() ?? [],
        reader.Remaining > 0 && reader.ReadBoolean());

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer)
    {
        writer.WriteInt(ProtocolVersion);
        writer.WriteLong(LastZxidSeen);
        writer.WriteInt(TimeoutMs);
        writer.WriteLong(SessionId);
        writer.WriteBuffer(Password);
        writer.WriteBoolean(ReadOnly);
    }

    /// <summary>Everything but the password.</summary>
    /// <returns>A text for logs.</returns>
    public override string ToString() => $"ConnectRequest {{ LastZxidSeen = 0x{LastZxidSeen:x}, TimeoutMs = {TimeoutMs}, SessionId = 0x{SessionId:x}, ReadOnly = {ReadOnly} }}";
}

/// <summary>The answer to <see cref="ConnectRequest"/>; it has no header either.</summary>
/// <param name="ProtocolVersion">Always 0.</param>
/// <param name="TimeoutMs">The session timeout granted, in milliseconds; 0 or less: the session is gone.</param>
/// <param name="SessionId">The session; 0: it is gone.</param>
/// <param name="Password">The session's password; 16 bytes.</param>
/// <param name="ReadOnly">Whether the server is in read-only mode.</param>
public readonly record struct ConnectResponse(int ProtocolVersion, int TimeoutMs, long SessionId, byte[] Password, bool ReadOnly)
    : IJuteRecord<ConnectResponse>
{
    /// <inheritdoc/>
    public static ConnectResponse Read(ref JuteReader reader) => new(
        reader.ReadInt(),
        reader.ReadInt(),
        reader.ReadLong(),
        reader.ReadByteArray() ?? [],
        reader.Remaining > 0 && reader.ReadBoolean());

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer)
    {
        writer.WriteInt(ProtocolVersion);
        writer.WriteInt(TimeoutMs);
        writer.WriteLong(SessionId);
        writer.WriteBuffer(Password);
        writer.WriteBoolean(ReadOnly);
    }

    /// <summary>Everything but the password.</summary>
    /// <returns>A text for logs.</returns>
    public override string ToString() => $"ConnectResponse {{ TimeoutMs = {TimeoutMs}, SessionId = 0x{SessionId:x}, ReadOnly = {ReadOnly} }}";
}

/// <summary>Adds an identity to the connection (opcode auth, xid -4).</summary>
/// <param name="Scheme">The authentication scheme.</param>
/// <param name="Auth">The credential, in the scheme's own form.</param>
public readonly record struct AuthRequest(string Scheme, ReadOnlyMemory<byte> Auth) : IJuteRecord<AuthRequest>
{
    /// <inheritdoc/>
    public static AuthRequest Read(ref JuteReader reader)
    {
        reader.ReadInt(); // a type that nobody uses
        return new(reader.ReadString() ?? string.Empty, reader.ReadByteArray() ?? []);
    }

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer)
    {
        writer.WriteInt(0);
        writer.WriteString(Scheme);
        writer.WriteBuffer(Auth.Span);
    }

    /// <summary>The scheme only.</summary>
    /// <returns>A text for logs.</returns>
    public override string ToString() => $"AuthRequest {{ Scheme = {Scheme} }}";
}

/// <summary>One step of a SASL exchange, in either direction (opcode sasl).</summary>
/// <param name="Token">The mechanism's token.</param>
public readonly record struct SaslToken(byte[]? Token) : IJuteRecord<SaslToken>
{
    /// <inheritdoc/>
    public static SaslToken Read(ref JuteReader reader) => new(reader.ReadByteArray());

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer) => writer.WriteBuffer(Token is null ? default(ReadOnlyMemory<byte>?) : Token);

    /// <summary>Nothing of the token.</summary>
    /// <returns>A text for logs.</returns>
    public override string ToString() => nameof(SaslToken);
}
