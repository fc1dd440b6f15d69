using System.Text;
using Okapi.Protocol;
using Okapi.Server.Connections;

namespace Okapi.Server.Security;

/// <summary>How a connection proves who it is: auth packets (digest), and SASL. Certificates have done so before the first request.</summary>
internal sealed class Authentication(EmbeddedServerOptions options, MemberStatistics statistics)
{
    private readonly string? _superDigest = options.SuperPassword is { } password ? Acl.DigestId("super", password) : null;

    /// <summary>Answers an auth packet. A digest never fails (B67); a scheme that is not known ends the connection (B68).</summary>
    public void Digest(ServerConnection connection, int xid, ref JuteReader body)
    {
        body.ReadInt(); // a type that nobody uses
        string? scheme = body.ReadString();
        byte[]? credentials = body.ReadByteArray();
        switch (scheme)
        {
            case "digest" when credentials is not null:
                string digest = DigestOf(credentials);
                if (digest == _superDigest) Add(connection, Identity.Super);
                Add(connection, new Identity("digest", digest));
                break;
            case "ip":
                if (connection.Remote is { } remote) Add(connection, new Identity("ip", remote.Address.ToString()));
                break;
            case "x509" when connection.Identities.Exists(identity => identity.Scheme == "x509"):
                break;
            default:
                statistics.RefusedLogins++;
                connection.Reply(xid, 0, ErrorCode.AuthFailed);
                connection.Close();
                return;
        }

        connection.Reply(xid, 0);
    }

    /// <summary>Takes a step of a SASL login. One that fails ends the connection; where there is no SASL, the lack of a token says so.</summary>
    /// <exception cref="ProtocolException">There is no token in the request; the connection ends without a reply, as Apache's does.</exception>
    public void Sasl(ServerConnection connection, int xid, ref JuteReader body)
    {
        byte[] token = SaslToken.Read(ref body).Token ?? throw new ProtocolException("A step of SASL has no token.");
        if (options.SaslUsers.Count == 0)
        {
            connection.Reply(xid, 0, new SaslToken(null));
            return;
        }

        // It stays when it is over: who has logged in cannot do so again on the same connection.
        connection.Sasl ??= new DigestMd5Exchange(options.SaslUsers);
        if (connection.Sasl.Step(token) is not { } answer)
        {
            statistics.RefusedLogins++;
            connection.Reply(xid, 0, new SaslToken(null), options.RequireSasl ? ErrorCode.SessionClosedRequireSaslAuth : ErrorCode.AuthFailed);
            connection.Close();
            return;
        }

        if (connection.Sasl.IsComplete) Add(connection, new Identity("sasl", connection.Sasl.User));
        connection.Reply(xid, 0, new SaslToken(answer));
    }

    private static void Add(ServerConnection connection, Identity identity)
    {
        if (!connection.Identities.Contains(identity)) connection.Identities.Add(identity);
    }

    private static string DigestOf(ReadOnlySpan<byte> credentials)
    {
        string text = Encoding.UTF8.GetString(credentials);
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        string user = colon < 0 ? text : text[..colon];
#pragma warning disable CA5350 // what every ZooKeeper compares with
        return $"{user}:{Convert.ToBase64String(System.Security.Cryptography.SHA1.HashData(credentials))}";
#pragma warning restore CA5350
    }
}
