using System.Net;
using System.Text;

namespace Okapi.Security;

/// <summary>
/// GSSAPI (RFC 4752), that is Kerberos, as ZooKeeper's servers speak it: authentication only, with no security layer after it.
/// </summary>
internal sealed class GssapiMechanism : ISaslMechanism
{
    internal const string DefaultServiceName = "zookeeper";

    // Far above any ticket, even one with a large authorization part, and small enough to be harmless.
    private const int MaxTokenLength = 64 * 1024;

    // Kerberos needs two steps; a server may not keep a client busy for ever.
    private const int MaxSteps = 8;

    // The bit mask of RFC 4752 section 3.3.
    private const byte NoSecurityLayer = 1;

    private readonly IGssContext context;
    private readonly byte[] authorizationId;
    private int steps;
    private State state;

    /// <param name="host">The server's host name as its principal has it.</param>
    /// <param name="serviceName">The first part of the server's principal.</param>
    /// <param name="credential">A user name and password; null takes the ticket of the system's credential cache.</param>
    /// <param name="targetName">The whole target name, in place of service/host.</param>
    /// <param name="authorizationId">The identity to act as; null leaves it to the server, which takes the principal.</param>
    internal GssapiMechanism(
        string host,
        string serviceName = DefaultServiceName,
        NetworkCredential? credential = null,
        string? targetName = null,
        string? authorizationId = null)
        : this(new NegotiateGssContext(targetName ?? Target(serviceName, host), credential), authorizationId)
    {
    }

    internal GssapiMechanism(IGssContext context, string? authorizationId = null)
    {
        this.context = context;
        this.authorizationId = Encoding.UTF8.GetBytes(authorizationId ?? "");
    }

    private enum State
    {
        New,
        Establishing,
        AwaitingOffer,
        Complete,
        Failed,
    }

    public string Name => "GSSAPI";

    public bool IsComplete => state == State.Complete;

    public byte[] Start()
    {
        if (state != State.New)
            throw new InvalidOperationException("The exchange has already started.");
        state = State.Failed;
        return Step([]);
    }

    public byte[]? Respond(ReadOnlySpan<byte> challenge)
    {
        State before = state;
        // Any throw below ends the exchange: a hostile server must not get a second try.
        state = State.Failed;
        if (challenge.Length > MaxTokenLength)
            throw new SaslException("GSSAPI: the server's token is too long.");
        switch (before)
        {
            case State.Establishing or State.AwaitingOffer when challenge.IsEmpty:
                // Also what a ZooKeeper server without SASL set up answers, and with no error code at that.
                throw new SaslException("GSSAPI: the server sent an empty token where one is due; is Kerberos set up on the server?");
            case State.Establishing:
                return Step(challenge);
            case State.AwaitingOffer:
                byte[] answer = AnswerOffer(challenge);
                state = State.Complete;
                return answer;
            case State.Complete when challenge.IsEmpty:
                // ZooKeeper's last reply, which carries no token.
                state = State.Complete;
                return null;
            case State.Complete:
                throw new SaslException("GSSAPI: the server sent a token after the security layer was settled.");
            case State.New:
            case State.Failed:
            default:
                throw new InvalidOperationException("The exchange has not started, or has failed.");
        }
    }

    public void Dispose()
    {
        state = State.Failed;
        context.Dispose();
    }

    private static string Target(string serviceName, string host)
    {
        ArgumentException.ThrowIfNullOrEmpty(serviceName);
        ArgumentException.ThrowIfNullOrEmpty(host);
        return serviceName + "/" + host;
    }

    private byte[] Step(ReadOnlySpan<byte> token)
    {
        if (++steps > MaxSteps)
            throw new SaslException("GSSAPI: the security context takes too many steps.");
        byte[]? next = context.Step(token, out bool established);
        if (!established && next is not { Length: > 0 })
            throw new SaslException("GSSAPI: the security context is not established, but has nothing to send.");
        state = established ? State.AwaitingOffer : State.Establishing;
        // RFC 4752 section 3.1: when the last step gives no token, an empty one is sent to ask for the offer.
        return next ?? [];
    }

    // RFC 4752 section 3.1: the offer is a bit mask and the server's largest message, three bytes.
    private byte[] AnswerOffer(ReadOnlySpan<byte> challenge)
    {
        byte[] offer = context.Unwrap(challenge);
        if (offer.Length != 4)
            throw new SaslException("GSSAPI: the security layer offer is not four bytes long.");
        if ((offer[0] & NoSecurityLayer) == 0)
            throw new SaslException("GSSAPI: the server insists on an integrity or confidentiality layer, which ZooKeeper has no use for; use TLS.");
        // Section 3.1 also wants a length of zero when no layer is offered. Java's server sends 65536 then too, so the
        // length is left alone: it means nothing without a layer.
        return context.Wrap([NoSecurityLayer, 0, 0, 0, .. authorizationId]);
    }
}
