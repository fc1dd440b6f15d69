using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Okapi.Client.Tests.Sessions;

/// <summary>Keeps what is logged.</summary>
/// <param name="onEntry">Called with each event's id, on the thread that logs it.</param>
internal sealed class LogCollector(Action<int>? onEntry = null) : ILoggerFactory, ILogger
{
    public ConcurrentQueue<(LogLevel Level, int Id, string Text)> Entries { get; } = new();

    public int Count(int id) => Entries.Count(entry => entry.Id == id);

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        Entries.Enqueue((logLevel, eventId.Id, formatter(state, exception)));
        onEntry?.Invoke(eventId.Id);
    }

    public void Dispose()
    {
    }
}
