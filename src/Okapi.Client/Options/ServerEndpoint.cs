namespace Okapi;

/// <summary>A server's name or address, and its port.</summary>
/// <param name="Host">A host name, an IPv4 address, or an IPv6 address without brackets.</param>
/// <param name="Port">The port, 1 to 65535.</param>
public sealed record ServerEndpoint(string Host, int Port)
{
    /// <summary>ZooKeeper's port where none is given.</summary>
    public const int DefaultPort = 2181;

    /// <inheritdoc/>
    public override string ToString() => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}
