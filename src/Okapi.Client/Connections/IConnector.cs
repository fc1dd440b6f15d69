namespace Okapi.Connections;

/// <summary>Opens the byte stream to a server: TCP, with TLS if it is turned on; a script or a simulation in tests.</summary>
internal interface IConnector
{
    /// <summary>Opens a stream.</summary>
    /// <param name="server">The server.</param>
    /// <param name="timeout">How long it may take.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>The open stream.</returns>
    ValueTask<Stream> ConnectAsync(ServerEndpoint server, TimeSpan timeout, CancellationToken cancellationToken);
}

/// <summary>A connector made of a callback.</summary>
internal sealed class CallbackConnector(ConnectCallback connect) : IConnector
{
    public ValueTask<Stream> ConnectAsync(ServerEndpoint server, TimeSpan timeout, CancellationToken cancellationToken) => connect(server, cancellationToken);
}
