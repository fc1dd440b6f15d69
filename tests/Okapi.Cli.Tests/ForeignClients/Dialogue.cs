using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Okapi.Cli.Tests;

/// <summary>A program that is told one line after the other and whose answers are awaited. Both its outputs count as one, line by line.</summary>
internal sealed class Dialogue : IAsyncDisposable
{
    // Far above what an answer takes, a start of Java included.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly StringBuilder _transcript = new();
    private readonly Task _read;
    private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _understood;

    private Dialogue(Process process)
    {
        _process = process;
        _read = Task.WhenAll(ReadAsync(process.StandardOutput), ReadAsync(process.StandardError));
    }

    /// <summary>All that was said so far, by both sides.</summary>
    public string Transcript
    {
        get
        {
            lock (_transcript) return _transcript.ToString();
        }
    }

    public static Dialogue Start(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        return new Dialogue(Process.Start(start)!);
    }

    /// <summary>Says a line and waits until all patterns are matched.</summary>
    public async Task SayAsync(string line, params string[] patterns)
    {
        lock (_transcript) _transcript.Append(CultureInfo.InvariantCulture, $"<< {line}\n");
        await _process.StandardInput.WriteLineAsync(line);
        await _process.StandardInput.FlushAsync();
        await ExpectAsync(patterns);
    }

    /// <summary>
    /// Waits until each pattern, in which $ and ^ are about lines, matches what has not yet been understood; in whatever order, since programs print events and replies by different
    /// threads. All up to the end of the last match is then understood.
    /// </summary>
    public async Task ExpectAsync(params string[] patterns)
    {
        Regex[] expected = [.. patterns.Select(pattern => new Regex(pattern, RegexOptions.Multiline, TimeSpan.FromSeconds(5)))];
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            Task more;
            Regex? missing;
            bool hasEnded = _read.IsCompleted;
            lock (_transcript)
            {
                string text = _transcript.ToString();
                Match[] found = [.. expected.Select(regex => regex.Match(text, _understood))];
                int index = Array.FindIndex(found, match => !match.Success);
                if (index < 0)
                {
                    _understood = found.Select(match => match.Index + match.Length).Append(_understood).Max();
                    return;
                }

                missing = expected[index];
                more = _more.Task;
            }

            if (hasEnded) throw new InvalidOperationException($"\"{missing}\" did not come, and the program has ended. What was said:\n{Transcript}");
            try
            {
                await Task.WhenAny(more, _read).WaitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                throw new TimeoutException($"\"{missing}\" did not come. What was said:\n{Transcript}");
            }
        }
    }

    /// <summary>Waits until the program has ended.</summary>
    public async Task<int> EndAsync()
    {
        _process.StandardInput.Close();
        await _read.WaitAsync(Patience);
        await _process.WaitForExitAsync().WaitAsync(Patience);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync().WaitAsync(Patience);
        await _read.WaitAsync(Patience);
        _process.Dispose();
    }

    // Whole lines: what has come so far may end within one, and the other output's would stand in its middle.
    private async Task ReadAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (_transcript)
            {
                _transcript.Append(line).Append('\n');
                TaskCompletionSource before = _more;
                _more = new(TaskCreationOptions.RunContinuationsAsynchronously);
                before.SetResult();
            }
        }
    }
}
