namespace Okapi.Connections;

/// <summary>An open byte stream to a server.</summary>
/// <param name="Stream">The stream: a socket's, TLS over it, or a user's own.</param>
/// <param name="Socket">What it reads from, if its reads may keep a thread waiting.</param>
internal readonly record struct Link(Stream Stream, SocketStream? Socket);

/// <summary>Opens the byte stream to a server: TCP, with TLS if it is turned on; a script or a simulation in tests.</summary>
internal interface IConnector
{
    /// <summary>Opens a stream.</summary>
    /// <param name="server">The server.</param>
    /// <param name="timeout">How long it may take.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>The open stream.</returns>
    ValueTask<Link> ConnectAsync(ServerEndpoint server, TimeSpan timeout, CancellationToken cancellationToken);
}

/// <summary>A connector made of a callback.</summary>
internal sealed class CallbackConnector(ConnectCallback connect) : IConnector
{
    public async ValueTask<Link> ConnectAsync(ServerEndpoint server, TimeSpan timeout, CancellationToken cancellationToken) => new(await connect(server, cancellationToken).ConfigureAwait(false), Socket: null);
}
