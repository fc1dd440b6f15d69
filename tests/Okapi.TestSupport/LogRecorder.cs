using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Okapi.TestSupport;

/// <summary>One thing that was logged.</summary>
/// <param name="Category">The logger's name.</param>
/// <param name="Level">How grave it is.</param>
/// <param name="Id">Which event it is.</param>
/// <param name="Text">The message, every named value of it, and the exception.</param>
public sealed record LogEntry(string Category, LogLevel Level, int Id, string Text);

/// <summary>Keeps all that is logged, at every level, and lets a test wait for it.</summary>
public sealed class LogRecorder : ILoggerFactory
{
    private readonly ConcurrentQueue<LogEntry> _entries = new();
    private readonly Lock _lock = new();
    private readonly List<(int Id, int Count, TaskCompletionSource Reached)> _waiting = [];

    public IReadOnlyList<LogEntry> Entries => [.. _entries];

    /// <summary>Completes when an event has been logged so many times, counted from the beginning.</summary>
    public Task WaitAsync(int id, int count, CancellationToken cancellationToken)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (Count(id) >= count) return Task.CompletedTask;
            _waiting.Add((id, count, reached));
        }

        return reached.Task.WaitAsync(TimeSpan.FromSeconds(30), cancellationToken);
    }

    public int Count(int id) => _entries.Count(entry => entry.Id == id);

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void Dispose()
    {
    }

    private void Add(LogEntry entry)
    {
        lock (_lock)
        {
            _entries.Enqueue(entry);
            foreach ((int id, int count, TaskCompletionSource reached) in _waiting)
                if (id == entry.Id && Count(id) >= count) reached.TrySetResult();
        }
    }

    private sealed class Logger(LogRecorder recorder, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            string values = state is IEnumerable<KeyValuePair<string, object?>> pairs ? string.Join("; ", pairs.Select(pair => $"{pair.Key}={pair.Value}")) : string.Empty;
            recorder.Add(new(category, logLevel, eventId.Id, $"{formatter(state, exception)} [{values}] {exception}"));
        }
    }
}
