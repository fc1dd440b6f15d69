using Microsoft.Extensions.Logging;

namespace Okapi.Cli;

/// <summary>Writes warnings, and what is worse, a line each.</summary>
internal sealed class ErrorLog(TextWriter writer) : ILoggerFactory, ILogger
{
    public ILogger CreateLogger(string categoryName) => this;

    public bool IsEnabled(LogLevel logLevel) => logLevel is >= LogLevel.Warning and < LogLevel.None;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel)) return;
        string cause = exception is null ? string.Empty : $" ({exception.GetType().Name}: {exception.Message})";
        writer.WriteLine($"okapi: {(logLevel == LogLevel.Warning ? "warning" : "error")}: {formatter(state, exception)}{cause}");
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public void Dispose()
    {
        // The writer is the caller's.
    }
}
