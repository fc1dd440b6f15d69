using Okapi.Protocol;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Okapi.TestSupport;

namespace Okapi.TestServers;

/// <summary>How a server that is put to the test is set up; the same for Apache's and for the embedded one.</summary>
public sealed record TargetOptions
{
    public int TickMs { get; init; } = 500;

    /// <summary>How often empty containers and outlived znodes are looked for.</summary>
    public int ContainerCheckMs { get; init; } = 1000;

    public bool Ttl { get; init; } = true;

    public bool EnforceQuota { get; init; }

    public bool Reconfig { get; init; }

    /// <summary>Each user:password that may log in with DIGEST-MD5, with commas between them.</summary>
    public string? Sasl { get; init; }

    /// <summary>Whether who fails SASL may go on without; the embedded server never lets anybody.</summary>
    public bool AllowFailedSasl { get; init; }

    /// <summary>A second port with TLS; null: none.</summary>
    public TlsTarget? Tls { get; init; }

    public bool RequireSasl { get; init; }

    /// <summary>Which four-letter words are answered; null: the server's own default.</summary>
    public string? Words { get; init; } = "*";

    /// <summary>How many connections one address may have; 0: any number.</summary>
    public int MaxClientConnections { get; init; }

    /// <summary>The longest session timeout that is granted; null: 10 minutes, so that tests can have what they want.</summary>
    public int? MaxSessionTimeoutMs { get; init; }
}

/// <summary>A server that the conformance suite puts to the test: Apache's, or the embedded one.</summary>
public abstract class Target : IAsyncDisposable
{
    /// <summary>The password of the digest user "super".</summary>
    public const string SuperPassword = "okapi-super";

    /// <summary>What sessions ask for that are not to expire. Nobody sends pings for those that are spoken for in bytes, and a busy machine may be long about a test.</summary>
    public const int TimeoutMs = 60_000;

    /// <summary>Whether watches, transactions and the rest have the quirks of 3.8.0, and not the behaviour of 3.9.</summary>
    public abstract bool IsVersion38 { get; }

    public abstract IPEndPoint EndPoint { get; }

    public string ConnectString => EndPoint.ToString();

    /// <summary>What clients need to know of TLS, where it is offered.</summary>
    public virtual TlsFiles Tls => throw new NotSupportedException("It offers no TLS.");

    public Task<WireClient> ConnectAsync() => WireClient.ConnectAsync(EndPoint);

    public Task<WireClient> OpenAsync(int timeoutMs = TimeoutMs, ConnectResponse? resume = null, long lastZxid = 0, bool readOnly = false) =>
        WireClient.OpenAsync(EndPoint, timeoutMs, resume, lastZxid, readOnly);

    /// <summary>Sends a four-letter word and gives all that comes back.</summary>
    public async Task<string> WordAsync(string word)
    {
        using var client = new TcpClient(AddressFamily.InterNetwork);
        await client.ConnectAsync(EndPoint);
        NetworkStream stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(word));
        var answer = new MemoryStream();
        try
        {
            await stream.CopyToAsync(answer).WaitAsync(TimeSpan.FromSeconds(20));
        }
        catch (IOException)
        {
            // The server may reset the connection after it has answered.
        }

        return Encoding.UTF8.GetString(answer.ToArray());
    }

    /// <summary>Ends the server without warning and starts it again on the same port and data.</summary>
    public abstract Task KillAndRestartAsync();

    public abstract ValueTask DisposeAsync();
}

/// <summary>A standalone Apache ZooKeeper.</summary>
public sealed class ApacheTarget : Target
{
    private readonly ApacheZooKeeper _server;

    private ApacheTarget(ApacheZooKeeper server) => _server = server;

    public override bool IsVersion38 => true;

    public override IPEndPoint EndPoint => new(IPAddress.Loopback, _server.Nodes[0].Port);

    public override TlsFiles Tls => new(Path.Combine(_server.Directory, "tls"), _server.Nodes[0].SecurePort, _server.Password);

    public static async Task<ApacheTarget> StartAsync(TargetOptions options)
    {
        List<string> arguments =
        [
            "--tick", $"{options.TickMs}",
            "--container-check", $"{options.ContainerCheckMs}",
            "--cfg", $"maxClientCnxns={options.MaxClientConnections}",
            "--cfg", $"enforceQuota={(options.EnforceQuota ? "true" : "false")}",
            "--super", SuperPassword,
        ];
        arguments.AddRange(["--cfg", $"4lw.commands.whitelist={options.Words}"]); // empty is as good as absent
        if (options.MaxSessionTimeoutMs is { } longest) arguments.AddRange(["--max-session", $"{longest}"]);
        if (!options.Ttl) arguments.Add("--no-ttl");
        if (options.Reconfig) arguments.Add("--reconfig");
        foreach (string user in options.Sasl?.Split(',') ?? []) arguments.AddRange(["--sasl", user]);
        if (options.AllowFailedSasl) arguments.AddRange(["--cfg", "allowSaslFailedClients=true"]);
        if (options.Tls is { } tls)
        {
            arguments.AddRange(["--tls-client-auth", tls.ClientCertificate.ToString().ToLowerInvariant()]);
            if (tls.ServerName is { } name) arguments.AddRange(["--tls-server-name", name]);
            if (tls.IsExpired) arguments.Add("--tls-expired");
        }

        if (options.RequireSasl) arguments.Add("--require-sasl");
        ApacheZooKeeper server = await ApacheZooKeeper.StartAsync([.. arguments]);
        if (options.Tls is not null) await WaitForTlsAsync(server.Nodes[0].SecurePort);
        return new(server);
    }

    /// <summary>Starts it again in good order, with its files as they are now.</summary>
    public async Task RestartAsync()
    {
        await _server.StopNodeAsync(1);
        await _server.StartNodeAsync(1);
    }

    // Servers are waited for on their plain port; the other opens a moment later, and until then every failure is a refused connection.
    private static async Task WaitForTlsAsync(int port)
    {
        for (DateTimeOffset limit = DateTimeOffset.UtcNow.AddSeconds(20);;)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync(IPAddress.Loopback, port);
                return;
            }
            catch (SocketException) when (DateTimeOffset.UtcNow < limit)
            {
                await Task.Yield();
            }
        }
    }

    public override async Task KillAndRestartAsync()
    {
        await _server.KillAsync(1);
        await _server.StartNodeAsync(1);
    }

    public override ValueTask DisposeAsync() => _server.DisposeAsync();
}

/// <summary>Starts the same server in two ways.</summary>
public abstract class TargetFixture(TargetOptions? options = null) : IAsyncLifetime
{
    private Target? _target;

    /// <summary>The server; where it is Apache's and cannot be had, the test is left out, or fails where it must not be.</summary>
    public Target Target
    {
        get
        {
            if (_target is null) NeedApache.OrSkip();
            return _target ?? throw new InvalidOperationException("The server has not been started.");
        }
    }

    protected TargetOptions Options { get; } = options ?? new();

    public async ValueTask InitializeAsync() => _target = await StartAsync();

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return _target?.DisposeAsync() ?? default;
    }

    protected abstract Task<Target?> StartAsync();
}

/// <summary>An Apache ZooKeeper for the tests of a class or collection.</summary>
public class ApacheFixture(TargetOptions? options) : TargetFixture(options)
{
    public ApacheFixture()
        : this(null)
    {
    }

    protected override async Task<Target?> StartAsync() => ApacheZooKeeper.IsAvailable ? await ApacheTarget.StartAsync(Options) : null;
}
