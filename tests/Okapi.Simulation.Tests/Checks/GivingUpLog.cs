using Microsoft.Extensions.Logging;

namespace Okapi.Simulation.Tests.Checks;

/// <summary>Looks at why the client gives connections up: anything that is neither a fault of the plan nor the client's own rule is a bug in it.</summary>
internal sealed class GivingUpLog(Simulator simulator) : ILoggerFactory, ILogger
{
    private static readonly string[] Expected =
    [
        "no byte came", "was not answered within", "the server closed the connection", "Connection reset by peer", "Connection refused", "the client moves to another server", "the server did not", "has expired", "is closed", "is no longer listed",
    ];

    /// <summary>Whether servers were made to send wrong replies.</summary>
    public bool HadWrongReplies { get; set; }

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (eventId.Id is not (2 or 4 or 5)) return;
        string text = formatter(state, exception);
        simulator.Note($"log: {text}");
        if (HadWrongReplies && text.Contains("A reply with xid", StringComparison.Ordinal)) return;
        simulator.Require(Array.Exists(Expected, text.Contains), $"the client gives up for no reason of the plan: {text}");
    }

    public void Dispose()
    {
    }
}
