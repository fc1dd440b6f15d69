using Okapi.Protocol;
using Okapi.Server.Connections;
using Okapi.Server.Sessions;

namespace Okapi.Server.Requests;

/// <summary>The first frame of a connection: a session is opened, resumed, or refused.</summary>
internal sealed class Handshake(Member member)
{
    public void Receive(ServerConnection connection, ReadOnlySpan<byte> frame)
    {
        var reader = new JuteReader(frame);
        int version = reader.ReadInt();
        long lastZxid = reader.ReadLong();
        int timeoutMs = reader.ReadInt();
        long sessionId = reader.ReadLong();
        byte[] password = reader.ReadByteArray() ?? [];
        connection.IsOldClient = reader.Remaining == 0;
        var request = new ConnectRequest(version, lastZxid, timeoutMs, sessionId, password, !connection.IsOldClient && reader.ReadBoolean());

        if (member.IsReadOnly && !request.ReadOnly) TurnAway(connection, "it does not take a read-only server");
        else if (request.LastZxidSeen > member.View.LastZxid) TurnAway(connection, $"it has seen zxid 0x{request.LastZxidSeen:x} and this server 0x{member.View.LastZxid:x}");
        else if (request.SessionId == 0) Open(connection, Negotiate(request.TimeoutMs));
        else Resume(connection, request);
    }

    private void Open(ServerConnection connection, int timeoutMs)
    {
        connection.Statistics.Begin(OpCode.CreateSession, 0);
        bool isLocal = member.IsReadOnly || member.Options.LocalSessions != LocalSessions.Never;
        ServerSession session;
        if (isLocal)
        {
            session = new(member.Leader.NextSessionId(member.Number), timeoutMs) { IsLocal = true, Owner = member };
            member.LocalSessions.Add(session, member.Leader.NowMs);
        }
        else
        {
            session = member.Leader.OpenSession(member, timeoutMs);
        }

        Log.SessionBegins(member.Logger, session.Id, timeoutMs);
        member.Attach(session, connection);
        if (session.IsLocal) Answer(connection, session);
        else member.WhenCaughtUp(connection, () => Answer(connection, session));
    }

    private void Resume(ServerConnection connection, in ConnectRequest request)
    {
        ServerSession? session = member.LocalSessions.Find(request.SessionId) ?? member.Leader.Sessions.Find(request.SessionId);
        if (member.IsReadOnly && session is { IsLocal: false })
        {
            TurnAway(connection, "its session is not of this server alone, and this server is read-only"); // B11
            return;
        }

        // Whoever knows the number of a session drops its connection, even with the wrong password; so it is with Apache's (B7).
        member.CloseConnectionOf(request.SessionId);
        if (session is null || session.IsClosing || !member.Leader.Passwords.IsRight(request.SessionId, request.Password))
        {
            Refuse(connection);
            return;
        }

        session.TimeoutMs = Negotiate(request.TimeoutMs);
        session.Owner = member;
        member.TableOf(session).Touch(session, member.Leader.NowMs);
        member.Attach(session, connection);
        Answer(connection, session);
    }

    private int Negotiate(int timeoutMs) =>
        (int)Math.Clamp(timeoutMs, member.Options.ShortestTimeout.TotalMilliseconds, member.Options.LongestTimeout.TotalMilliseconds);

    private void Answer(ServerConnection connection, ServerSession session) =>
        Send(connection, new ConnectResponse(0, session.TimeoutMs, session.Id, member.Leader.Passwords.Of(session.Id), member.IsReadOnly));

    /// <summary>The session is over, or was never this client's; which of them is not said (B7, B8).</summary>
    private void Refuse(ServerConnection connection)
    {
        Send(connection, new ConnectResponse(0, 0, 0, new byte[SessionPasswords.Length], member.IsReadOnly));
        connection.Close();
    }

    private static void Send(ServerConnection connection, ConnectResponse response) => connection.Send(
        (Response: response, connection.IsOldClient),
        static (ref JuteWriter writer, (ConnectResponse Response, bool IsOldClient) state) =>
        {
            writer.WriteInt(state.Response.ProtocolVersion);
            writer.WriteInt(state.Response.TimeoutMs);
            writer.WriteLong(state.Response.SessionId);
            writer.WriteBuffer(state.Response.Password);
            if (!state.IsOldClient) writer.WriteBoolean(state.Response.ReadOnly);
        });

    /// <summary>Closes without a word, so that the client tries another server (B9, B10).</summary>
    private void TurnAway(ServerConnection connection, string reason)
    {
        Log.TurnedAway(member.Logger, connection.Remote?.ToString() ?? "memory", reason);
        connection.Close();
    }
}
