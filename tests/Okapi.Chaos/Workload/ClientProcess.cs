using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Okapi.Chaos;

/// <summary>Clients in a process of their own, which can be frozen and has a place of its own in the network.</summary>
internal sealed class ClientProcess : IClientGroup
{
    private readonly Process _process;
    private readonly Action<string> _problem;
    private readonly Channel<string> _answers = Channel.CreateUnbounded<string>();
    private readonly Task _reading;

    public ClientProcess(string name, Place place, INetwork network, IReadOnlyList<int> numbers, WorkloadOptions options, string historyFolder, Action<string> problem)
    {
        (Name, Place, Numbers, _problem) = (name, place, numbers, problem);
        string[] command = [.. network.Prefix(place), Environment.ProcessPath!, .. ClientProgram.Arguments(options, historyFolder, name, numbers)];
        _process = Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        _reading = ReadAsync();
    }

    public string Name { get; }

    public Place Place { get; }

    public IReadOnlyList<int> Numbers { get; }

    public void Pause() => Native.Signal(_process.Id, Native.Stop);

    public void Resume() => Native.Signal(_process.Id, Native.Continue);

    public Task BeginAsync() => AskAsync();

    public Task ProbeAsync() => AskAsync();

    public Task QuietAsync() => AskAsync();

    public Task FinishAsync() => AskAsync();

    public Task CloseAsync() => AskAsync();

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.StandardInput.Close();
            Resume();
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(5));
            await _process.WaitForExitAsync(patience.Token).ContinueWith(_ => { }, TaskScheduler.Default);
            if (!_process.HasExited)
            {
                _process.Kill();
            }
        }

        await _reading;
        _process.Dispose();
    }

    private async Task AskAsync([CallerMemberName] string step = "")
    {
        await _process.StandardInput.WriteLineAsync(step);
        await _process.StandardInput.FlushAsync();
        // Above every limit inside: it is the client that gives up and says why.
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        string answer = await _answers.Reader.ReadAsync(limit.Token);
        if (answer != "done " + step)
        {
            throw new InvalidOperationException($"{Name} answered {step} with \"{answer}\".");
        }
    }

    private async Task ReadAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is string line)
        {
            if (line.StartsWith("problem ", StringComparison.Ordinal))
            {
                _problem($"{Name}: {line[8..]}");
            }
            else
            {
                _answers.Writer.TryWrite(line);
            }
        }

        _answers.Writer.TryComplete();
    }
}
