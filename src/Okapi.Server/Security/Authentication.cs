using System.Text;
using Okapi.Protocol;
using Okapi.Server.Connections;

namespace Okapi.Server.Security;

/// <summary>How a connection proves who it is: auth packets (digest), and SASL. Certificates have done so before the first request.</summary>
internal sealed class Authentication(EmbeddedServerOptions options)
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
                connection.Reply(xid, 0, ErrorCode.AuthFailed);
                connection.Close();
                return;
        }

        connection.Reply(xid, 0);
    }

    /// <summary>Takes a step of a SASL login.</summary>
    public void Sasl(ServerConnection connection, int xid, ref JuteReader body)
    {
        byte[] token = SaslToken.Read(ref body).Token ?? [];
        connection.Sasl ??= options.SaslUsers.Count == 0 ? null : new DigestMd5Exchange(options.SaslUsers);
        byte[]? answer = connection.Sasl?.Step(token);
        if (answer is null)
        {
            connection.Sasl = null;
            connection.Reply(xid, 0, ErrorCode.AuthFailed);
            connection.Close();
            return;
        }

        if (connection.Sasl!.IsComplete)
        {
            Add(connection, new Identity("sasl", connection.Sasl.User));
            connection.Sasl = null;
        }

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
