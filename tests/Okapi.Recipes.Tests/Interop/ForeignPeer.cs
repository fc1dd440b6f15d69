using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Okapi.Recipes;

namespace Okapi.Recipes.Tests.Interop;

/// <summary>
/// A process with clients and recipes of others in it, which does what it is told line by line (CuratorPeer.java, kazoo_peer.py). One for all tests: it starts with the first that wants it.
/// </summary>
public abstract class ForeignPeer : IAsyncLifetime
{
    // Far above what anything takes, a start of Java included.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly ConcurrentDictionary<string, TaskCompletionSource<string>> _unanswered = new();
    private readonly StringBuilder _complaints = new();
    private readonly Lock _lock = new();
    private Task<Process>? _started;
    private Task _read = Task.CompletedTask;
    private int _number;

    /// <summary>Whose names the recipes of Okapi have to use.</summary>
    public abstract NodeNaming Naming { get; }

    public LockOptions Options(string identity = "okapi") => new() { Naming = Naming, Identity = identity };

    /// <summary>A client of the other side, with a session and a thread of its own.</summary>
    public async Task<ForeignClient> ConnectAsync(Servers servers)
    {
        ForeignClients.OrSkip();
        var client = new ForeignClient(this, $"client-{Interlocked.Increment(ref _number)}");
        await client.AskAsync("connect", servers.ConnectString);
        return client;
    }

    public ValueTask InitializeAsync() => default;

    public virtual async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (_started is not { IsCompletedSuccessfully: true }) return; // not wanted, or it failed to start, which the tests have told
        using Process process = await _started;
        process.StandardInput.Close(); // which it takes for the end
        try
        {
            await process.WaitForExitAsync().WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
        }

        await _read.WaitAsync(Patience);
    }

    /// <summary>Tells a client to do something.</summary>
    /// <returns>What it answers.</returns>
    internal async Task<string> AskAsync(string client, IEnumerable<string> words)
    {
        Process process;
        lock (_lock) _started ??= StartAsync();
        process = await _started;
        string number = Interlocked.Increment(ref _number).ToString(CultureInfo.InvariantCulture), line = string.Join('\t', words);
        var answer = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        _unanswered[number] = answer;
        if (_read.IsCompleted) throw Ended();
        lock (_lock)
        {
            process.StandardInput.Write($"{number}\t{client}\t{line}\n");
            process.StandardInput.Flush();
        }

        try
        {
            return await answer.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"{GetType().Name} did not answer \"{line}\". What it complained of:\n{Complaints()}");
        }
        finally
        {
            _unanswered.TryRemove(number, out _);
        }
    }

    /// <summary>The program and its arguments.</summary>
    protected abstract Task<ProcessStartInfo> PrepareAsync();

    private async Task<Process> StartAsync()
    {
        ProcessStartInfo start = await PrepareAsync();
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        start.StandardInputEncoding = start.StandardOutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        Process process = Process.Start(start)!;
        _read = Task.WhenAll(ReadAnswersAsync(process.StandardOutput), ReadComplaintsAsync(process.StandardError));
        return process;
    }

    private async Task ReadAnswersAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            string[] words = line.Split('\t', 3);
            if (!_unanswered.TryGetValue(words[0], out TaskCompletionSource<string>? answer)) continue; // nobody waits any more
            if (words[1] == "ok") answer.TrySetResult(words[2]);
            else answer.TrySetException(new InvalidOperationException($"{GetType().Name}: {words[2]}"));
        }

        foreach (TaskCompletionSource<string> answer in _unanswered.Values) answer.TrySetException(Ended());
    }

    private async Task ReadComplaintsAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is { } line)
            lock (_complaints) _complaints.AppendLine(line);
    }

    private InvalidOperationException Ended() => new($"{GetType().Name} has ended. What it complained of:\n{Complaints()}");

    private string Complaints()
    {
        lock (_complaints) return _complaints.ToString();
    }
}

/// <summary>A client of the other side. What it is told it does one after the other; <see cref="AskAsync"/> gives what it answers, in time or not at all.</summary>
public sealed class ForeignClient(ForeignPeer peer, string name) : IAsyncDisposable
{
    public Task<string> AskAsync(params string[] words) => peer.AskAsync(name, words);

    /// <summary>Ends its session, with all that it holds.</summary>
    public async ValueTask DisposeAsync() => await peer.AskAsync(name, ["close"]);
}
