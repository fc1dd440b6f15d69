using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;

namespace Okapi.Cli.Tests;

/// <summary>What became of a run of the program.</summary>
internal sealed record Ended(int ExitCode, string Output, string Errors);

/// <summary><c>okapi serve</c> or <c>okapi proxy</c> as a process of its own; disposing it kills it.</summary>
internal sealed class OkapiProcess : IAsyncDisposable
{
    private const int SigInt = 2, SigTerm = 15;

    // Far above what any of it takes, on a machine that does much else.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly StringBuilder _errors = new();
    private readonly Task _errorsRead;

    private OkapiProcess(Process process)
    {
        _process = process;
        _errorsRead = ReadErrorsAsync();
    }

    public int Id => _process.Id;

    /// <summary>The line that it prints when it serves.</summary>
    public string ReadyLine { get; private set; } = string.Empty;

    public IPEndPoint EndPoint { get; private set; } = new(IPAddress.None, 0);

    public string Address => EndPoint.ToString();

    /// <summary>What it has written to the standard error so far.</summary>
    public string Errors
    {
        get
        {
            lock (_errors) return _errors.ToString();
        }
    }

    /// <summary>Starts it on a free port, unless the arguments say where to listen, and waits until it serves.</summary>
    public static Task<OkapiProcess> ServeAsync(params string[] arguments) => ReadyAsync(Launch(arguments));

    /// <summary>Starts a proxy on a free port and waits until it listens; it takes commands.</summary>
    public static Task<OkapiProcess> ProxyAsync(params string[] arguments) => ReadyAsync(new(Start(["proxy", "--listen", "127.0.0.1:0", .. arguments], keepInput: true)));

    /// <summary>Gives it a command and returns the line that it answers.</summary>
    public async Task<string> TellAsync(string command)
    {
        await _process.StandardInput.WriteLineAsync(command);
        return await _process.StandardOutput.ReadLineAsync().WaitAsync(Limit) ?? throw new InvalidOperationException($"okapi has ended: {Errors}");
    }

    /// <summary>Tells it to quit, and waits until it has.</summary>
    public async Task<Ended> QuitAsync()
    {
        await _process.StandardInput.WriteLineAsync("quit");
        return await EndAsync();
    }

    /// <summary>There are no more commands.</summary>
    public void EndInput() => _process.StandardInput.Close();

    private static async Task<OkapiProcess> ReadyAsync(OkapiProcess started)
    {
        try
        {
            string? line = await started._process.StandardOutput.ReadLineAsync().WaitAsync(Limit);
            if (line is null)
            {
                await started._process.WaitForExitAsync().WaitAsync(Limit);
                await started._errorsRead.WaitAsync(Limit);
                throw new InvalidOperationException($"okapi ended with {started._process.ExitCode}: {started.Errors}");
            }

            started.ReadyLine = line;
            string address = line.Split(" on ", 2)[1].Split(',')[0];
            started.EndPoint = IPEndPoint.Parse(address);
            return started;
        }
        catch
        {
            await started.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts it and does not wait for it to serve.</summary>
    public static OkapiProcess Launch(params string[] arguments)
    {
        string[] where = arguments.Contains("--listen") ? [] : ["--listen", "127.0.0.1:0"];
        return new(Start(["serve", .. where, .. arguments]));
    }

    /// <summary>Runs the program to its end.</summary>
    public static async Task<Ended> RunAsync(params string[] arguments)
    {
        await using var run = new OkapiProcess(Start(arguments));
        return await run.EndAsync();
    }

    /// <summary>Asks it to end, as an init system does, and waits until it has.</summary>
    public Task<Ended> TerminateAsync() => SignalAsync(SigTerm);

    /// <summary>Asks it to end, as Ctrl-C does, and waits until it has.</summary>
    public Task<Ended> InterruptAsync() => SignalAsync(SigInt);

    /// <summary>Ends it with no chance to say a word.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync().WaitAsync(Limit);
    }

    /// <summary>Waits until it has ended; what it has printed since the ready line is in the answer.</summary>
    public async Task<Ended> EndAsync()
    {
        string output = await _process.StandardOutput.ReadToEndAsync().WaitAsync(Limit);
        await _errorsRead.WaitAsync(Limit);
        await _process.WaitForExitAsync().WaitAsync(Limit);
        return new(_process.ExitCode, output, Errors);
    }

    /// <summary>How much memory it has in use, in bytes.</summary>
    public long ResidentBytes()
    {
        string line = File.ReadLines($"/proc/{Id}/status").First(each => each.StartsWith("VmRSS:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) await KillAsync();
        await _errorsRead.WaitAsync(Limit);
        _process.Dispose();
    }

    /// <summary>The program beside the tests, without a build and without a launcher between: it is the server itself that signals reach.</summary>
    private static Process Start(IEnumerable<string> arguments, bool keepInput = false)
    {
        string host = Environment.ProcessPath is { } own && Path.GetFileNameWithoutExtension(own) == "dotnet" ? own : "dotnet";
        var start = new ProcessStartInfo(host, [Path.Combine(AppContext.BaseDirectory, "okapi.dll"), .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        Process process = Process.Start(start)!;
        if (!keepInput) process.StandardInput.Close();
        return process;
    }

    private async Task<Ended> SignalAsync(int signal)
    {
        if (Kill(Id, signal) != 0) throw new InvalidOperationException($"Process {Id} could not be signalled.");
        return await EndAsync();
    }

    private async Task ReadErrorsAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            lock (_errors) _errors.AppendLine(line);
        }
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static extern int Kill(int process, int signal);
}
