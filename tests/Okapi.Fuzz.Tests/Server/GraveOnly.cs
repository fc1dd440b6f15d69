using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Okapi.Fuzz.Tests.Server;

/// <summary>Hands on errors alone: a request was too much for the server, or it failed as a whole.</summary>
internal sealed class GraveOnly(ILoggerFactory to) : ILoggerFactory
{
    public void AddProvider(ILoggerProvider provider) => to.AddProvider(provider);

    public ILogger CreateLogger(string categoryName) => new Logger(to.CreateLogger(categoryName));

    public void Dispose()
    {
    }

    private sealed class Logger(ILogger to) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => NullLogger.Instance.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel)) to.Log(logLevel, eventId, state, exception, formatter);
        }
    }
}
