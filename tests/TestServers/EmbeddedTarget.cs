using System.Net;
using Microsoft.Extensions.Logging;
using Okapi.Server;

namespace Okapi.TestServers;

/// <summary>An embedded server.</summary>
public sealed class EmbeddedTarget : Target
{
    private readonly EmbeddedServer _server;
    private readonly EmbeddedTls? _tls;

    private EmbeddedTarget(EmbeddedServer server, ServerVersion version, EmbeddedTls? tls)
    {
        _server = server;
        _tls = tls;
        IsVersion38 = version == ServerVersion.V38;
    }

    public override bool IsVersion38 { get; }

    public override IPEndPoint EndPoint => _server.Members[0].EndPoint!;

    public override TlsFiles Tls => new(_tls!.Folder, _server.Members[0].SecureEndPoint!.Port, EmbeddedTls.Password);

    public static async Task<EmbeddedTarget> StartAsync(TargetOptions options, ServerVersion version)
    {
        EmbeddedServerOptions own = ToServerOptions(options);
        own.Version = version;
        EmbeddedTls? tls = options.Tls is { } wanted ? EmbeddedTls.Create(wanted) : null;
        own.Tls = tls?.Options;
        return new(await EmbeddedServer.StartAsync(own), version, tls);
    }

    public static EmbeddedServerOptions ToServerOptions(TargetOptions options)
    {
        var own = new EmbeddedServerOptions
        {
            TickTime = TimeSpan.FromMilliseconds(options.TickMs),
            MaxSessionTimeout = TimeSpan.FromMilliseconds(options.MaxSessionTimeoutMs ?? 600_000),
            ContainerCheckInterval = TimeSpan.FromMilliseconds(options.ContainerCheckMs),
            EnableTtl = options.Ttl,
            EnforceQuota = options.EnforceQuota,
            EnableReconfig = options.Reconfig,
            MaxClientConnections = options.MaxClientConnections,
            SuperPassword = SuperPassword,
            RequireSasl = options.RequireSasl,
            LoggerFactory = ErrorsToConsole.Instance,
        };
        foreach (string[] user in (options.Sasl?.Split(',') ?? []).Select(each => each.Split(':'))) own.SaslUsers[user[0]] = user[1];
        if (options.Words is not { } words) return own;
        own.FourLetterWords.Clear();
        foreach (string word in words.Split(',')) own.FourLetterWords.Add(word.Trim());
        return own;
    }

    public override Task KillAndRestartAsync() => _server.RestartAsync();

    public override async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _tls?.Dispose();
    }
}

/// <summary>An embedded server that behaves as the Apache ZooKeeper of these tests, 3.8.0.</summary>
public class EmbeddedFixture(TargetOptions? options, ServerVersion version = ServerVersion.V38) : TargetFixture(options)
{
    public EmbeddedFixture()
        : this(null)
    {
    }

    protected override async Task<Target?> StartAsync() => await EmbeddedTarget.StartAsync(Options, version);
}

/// <summary>An embedded server that behaves as 3.9; no such Apache ZooKeeper can be had here, so these rows rest on its documentation and source.</summary>
public class Embedded39Fixture(TargetOptions? options) : EmbeddedFixture(options, ServerVersion.V39)
{
    public Embedded39Fixture()
        : this(null)
    {
    }
}

/// <summary>An error in the server's log is a fault of its own: it must be seen.</summary>
internal sealed class ErrorsToConsole : ILoggerFactory, ILogger
{
    public static ErrorsToConsole Instance { get; } = new();

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public ILogger CreateLogger(string categoryName) => this;

    public void Dispose()
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel)) Console.Error.WriteLine($"{formatter(state, exception)}: {exception}");
    }
}
