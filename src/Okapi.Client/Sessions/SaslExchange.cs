using Okapi.Protocol;
using Okapi.Requests;
using Okapi.Security;

namespace Okapi.Sessions;

/// <summary>One connection's SASL exchange: tokens go back and forth until both sides are satisfied. Nothing else is sent meanwhile.</summary>
internal sealed class SaslExchange(ISaslMechanism mechanism, Outbox outbox) : IDisposable
{
    /// <summary>Made at once: Kerberos asks a KDC for it, which may take its time.</summary>
    private readonly byte[] _first = mechanism.Start();

    /// <summary>Servers echo the number and compare it with nothing; requests have not begun on this connection.</summary>
    private const int Xid = int.MaxValue;

    /// <summary>Sends the first token.</summary>
    public void Begin() => Send(_first);

    /// <summary>Takes the server's answer.</summary>
    /// <returns>Whether the exchange is complete.</returns>
    /// <exception cref="SaslException">The server refused, or could not prove that it knows the secret.</exception>
    public bool OnReply(ReplyHeader header, ref JuteReader body)
    {
        if (header.Xid != Xid) throw new ProtocolException($"A reply with xid {header.Xid} came during the SASL exchange.");
        if (header.Error != ErrorCode.Ok)
            throw new SaslException($"The server refused {mechanism.Name}: {header.Error.GetDescription()} ({header.Error.GetName()}).");
        byte[]? answer = mechanism.Respond(SaslToken.Read(ref body).Token ?? []);
        if (answer is not null)
        {
            Send(answer);
            return false;
        }

        return mechanism.IsComplete ? true : throw new SaslException($"{mechanism.Name} ended before both sides were satisfied.");
    }

    public void Dispose() => mechanism.Dispose();

    private void Send(byte[] token) => outbox.SendControl((ref JuteWriter writer) =>
    {
        new RequestHeader(Xid, OpCode.Sasl).Write(ref writer);
        new SaslToken(token).Write(ref writer);
    });
}
