using System.Net;

namespace Okapi;

/// <summary>SASL mechanisms that ZooKeeper servers speak.</summary>
public enum SaslMechanism
{
    /// <summary>User name and password by challenge and response (RFC 2831).</summary>
    DigestMd5 = 0,

    /// <summary>Kerberos (RFC 4752), by the operating system's GSSAPI.</summary>
    Gssapi = 1,
}

/// <summary>
/// SASL authentication. Once it is set it is required: a server that does not authenticate the client, or cannot prove that it knows
/// the secret, ends the session with <see cref="AuthFailedException"/>; the client never goes on without (ZOOKEEPER-4839, H68).
/// </summary>
public sealed class SaslOptions
{
    /// <summary>The mechanism.</summary>
    public SaslMechanism Mechanism { get; set; }

    /// <summary>The user's name. For GSSAPI it may be null: the ticket of the current user is taken.</summary>
    public string? UserName { get; set; }

    /// <summary>The password. For GSSAPI it may be null.</summary>
    public string? Password { get; set; }

    /// <summary>The service's name, as the server's configuration has it.</summary>
    public string ServiceName { get; set; } = "zookeeper";

    /// <summary>For GSSAPI: the host in the server's principal, or null for the name in the connect string.</summary>
    public string? ServerHost { get; set; }

    internal SaslOptions Clone() => (SaslOptions)MemberwiseClone();

    internal void Validate()
    {
        if (!Enum.IsDefined(Mechanism)) throw new ArgumentException($"{nameof(ZooKeeperOptions.Sasl)}.{nameof(Mechanism)} {Mechanism} is not a SASL mechanism of ZooKeeper: DigestMd5 or Gssapi.");
        if (string.IsNullOrEmpty(ServiceName)) throw new ArgumentException($"{nameof(ZooKeeperOptions.Sasl)}.{nameof(ServiceName)} is empty; servers are named \"zookeeper\" unless configured otherwise.");
        if (Mechanism == SaslMechanism.DigestMd5 && (string.IsNullOrEmpty(UserName) || Password is null))
            throw new ArgumentException($"{nameof(ZooKeeperOptions.Sasl)}: DIGEST-MD5 needs {nameof(UserName)} and {nameof(Password)}.");
    }

    internal NetworkCredential? ToCredential() => UserName is null ? null : new(UserName, Password);
}
