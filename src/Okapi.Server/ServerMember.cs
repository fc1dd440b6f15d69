using System.Net;

namespace Okapi.Server;

/// <summary>One of the addresses under which clients see an <see cref="EmbeddedServer"/>.</summary>
public sealed class ServerMember
{
    internal ServerMember(int number, IPEndPoint? endPoint, IPEndPoint? secureEndPoint, ServerFaults faults)
    {
        Number = number;
        EndPoint = endPoint;
        SecureEndPoint = secureEndPoint;
        Faults = faults;
    }

    /// <summary>Its number, from 1.</summary>
    public int Number { get; }

    /// <summary>Where it listens; null without sockets.</summary>
    public IPEndPoint? EndPoint { get; }

    /// <summary>Where it listens with TLS; null without.</summary>
    public IPEndPoint? SecureEndPoint { get; }

    /// <summary>The address as clients write it: host and port, or "memory" and the number without sockets.</summary>
    public string ConnectionString => EndPoint?.ToString() ?? $"memory:{Number}";

    /// <summary>What can go wrong with it, on request.</summary>
    public ServerFaults Faults { get; }
}
