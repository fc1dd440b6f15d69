using Okapi.Protocol;
using Okapi.Server.Connections;
using Okapi.Server.Faults;
using Okapi.Server.Security;
using Okapi.Server.Sessions;
using Okapi.Server.Words;

namespace Okapi.Server.Requests;

/// <summary>Takes what a connection has received, frame by frame, and sends each to where it is answered.</summary>
internal sealed class RequestHandler(Member member)
{
    private readonly Handshake _handshake = new(member);
    private readonly Authentication _authentication = new(member.Options, member.Statistics);
    private readonly Reads _reads = new(member);
    private readonly Writes _writes = new(member);
    private readonly FourLetterWords _words = new(member);

    /// <summary>Handles all whole frames that have been received, or as many as the connection takes.</summary>
    /// <exception cref="ProtocolException">What came is no frame, or not one that can come here; the connection ends.</exception>
    public void Receive(ServerConnection connection, FrameBuffer received)
    {
        if (connection.Session is null && _words.TryAnswer(connection, received)) return;

        while (!connection.IsClosing && !connection.IsSuspended && connection.WaitingBytes <= Outgoing.Pause && received.TryTakeFrame(out ReadOnlySpan<byte> frame))
        {
            connection.Statistics.CountReceived();
            if (connection.Session is null) _handshake.Receive(connection, frame);
            else Request(connection, frame);
        }
    }

    private void Request(ServerConnection connection, ReadOnlySpan<byte> frame)
    {
        var body = new JuteReader(frame);
        RequestHeader header = RequestHeader.Read(ref body);
        if (!member.Faults.IsEmpty && MeetsFault(connection, header, body)) return;
        switch (header.Type)
        {
            case OpCode.Auth:
                _authentication.Digest(connection, header.Xid, ref body);
                return;
            case OpCode.Sasl:
                _authentication.Sasl(connection, header.Xid, ref body);
                return;
            default:
                break;
        }

        if (member.Options.RequireSasl && !connection.Identities.Exists(identity => identity.Scheme == "sasl"))
        {
            connection.Reply(header.Xid, 0, ErrorCode.SessionClosedRequireSaslAuth);
            connection.Close();
            return;
        }

        ServerSession session = connection.Session!;
        SessionTable sessions = member.TableOf(session);
        if (sessions.Find(session.Id) != session) return; // it has ended; a request of its own is passed over (B15)
        sessions.Touch(session, member.Leader.NowMs);
        connection.Statistics.Begin(header.Type, header.Xid);
        if (!member.Options.Version.Knows(header.Type) || header.Type == OpCode.CreateSession)
        {
            // A createSession that comes later than the handshake has no business here (B27).
            if (header.Type == OpCode.CreateSession)
            {
                connection.Reply(header.Xid, member.View.LastZxid, ErrorCode.MarshallingError);
                return;
            }

            connection.Reply(header.Xid, -1, ErrorCode.Unimplemented);
            connection.Close();
            return;
        }

        if (Writes.IsOne(header.Type)) _writes.Answer(connection, header, ref body);
        else Read(connection, header, ref body);
    }

    private void Read(ServerConnection connection, RequestHeader header, ref JuteReader body)
    {
        try
        {
            _reads.Answer(connection, header.Xid, header.Type, ref body);
        }
        catch (ProtocolException)
        {
            connection.Reply(header.Xid, member.View.LastZxid, ErrorCode.MarshallingError); // B23
        }
    }

    private bool MeetsFault(ServerConnection connection, RequestHeader header, JuteReader body)
    {
        var request = new FaultyRequest(connection.SessionId, header.Xid, header.Type, PathOf(header.Type, body));
        if (member.Faults.Take(request) is not { } fault) return false;
        switch (fault.Kind)
        {
            case FaultKind.AnswerError:
                connection.Reply(header.Xid, member.View.LastZxid, fault.Error);
                return true;
            case FaultKind.CutForRequest:
                MemberFaults.Cut(connection, fault.Cut);
                return true;
            default:
                connection.ReplyFault = fault;
                return false;
        }
    }

    private static string? PathOf(OpCode type, JuteReader body)
    {
        if (type is OpCode.Ping or OpCode.Auth or OpCode.Sasl or OpCode.Multi or OpCode.MultiRead or OpCode.SetWatches or OpCode.SetWatches2 or OpCode.CloseSession or OpCode.WhoAmI or OpCode.Reconfig) return null;
        try
        {
            return body.ReadString();
        }
        catch (ProtocolException)
        {
            return null;
        }
    }
}
