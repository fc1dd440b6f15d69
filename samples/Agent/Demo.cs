using System.Diagnostics;
using Okapi.Server;

namespace Okapi.Samples.Agent;

/// <summary>An agent and a console, each a process of its own, on one server in this process.</summary>
internal static class Demo
{
    public static async Task RunAsync(CancellationToken cancellationToken)
    {
        await using EmbeddedServer server = await EmbeddedServer.StartAsync(cancellationToken: cancellationToken);
        using var agent = new Child("agent", server.ConnectionString);
        await agent.UntilAsync("version 0: looking for systemd*, rsync*", cancellationToken);

        using var console = new Child("console", server.ConnectionString);
        await console.SayAsync("add firefox*");
        await console.UntilAsync("committed: version 1", cancellationToken);
        await agent.UntilAsync("changed: Added /Globs/2: firefox*", cancellationToken);
        await agent.UntilAsync("version 1: looking for systemd*, rsync*, firefox*", cancellationToken);
        await console.SayAsync("remove rsync*");
        await agent.UntilAsync("version 2: looking for systemd*, firefox*", cancellationToken);
        await console.SayAsync("who");
        await console.UntilAsync("(this)", cancellationToken);
        await console.SayAsync("end");
        await agent.EndAsync(cancellationToken);
        await console.SayAsync("quit");
        await console.EndAsync(cancellationToken);
    }

    /// <summary>This program once more, in another mode.</summary>
    private sealed class Child : IDisposable
    {
        private readonly Process _process;
        private readonly string _name;

        public Child(string mode, string connectString)
        {
            string program = Environment.ProcessPath ?? throw new InvalidOperationException("This program has no path.");
            // dotnet Agent.dll, or the program itself.
            string[] arguments = System.IO.Path.GetFileNameWithoutExtension(program) == "dotnet" ? [Environment.GetCommandLineArgs()[0], mode, connectString] : [mode, connectString];
            _name = mode;
            _process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true }) ?? throw new InvalidOperationException($"{program} did not start.");
        }

        public async Task SayAsync(string line)
        {
            Console.WriteLine($"{_name} < {line}");
            await _process.StandardInput.WriteLineAsync(line);
            await _process.StandardInput.FlushAsync();
        }

        /// <summary>Shows what it says, up to a line.</summary>
        public async Task UntilAsync(string wanted, CancellationToken cancellationToken)
        {
            while (await NextAsync(cancellationToken) is { } line)
                if (line.Contains(wanted, StringComparison.Ordinal)) return;
            throw new DemoFailedException($"the {_name} ended without \"{wanted}\"");
        }

        public async Task EndAsync(CancellationToken cancellationToken)
        {
            while (await NextAsync(cancellationToken) is not null);
            await _process.WaitForExitAsync(cancellationToken);
            if (_process.ExitCode != 0) throw new DemoFailedException($"the {_name} ended with exit code {_process.ExitCode}");
        }

        public void Dispose()
        {
            if (!_process.HasExited) _process.Kill();
            _process.Dispose();
        }

        private async Task<string?> NextAsync(CancellationToken cancellationToken)
        {
            string? line = await _process.StandardOutput.ReadLineAsync(cancellationToken);
            if (line is not null) Console.WriteLine($"{_name} > {line}");
            return line;
        }
    }
}

/// <summary>Something was not as the demo tells it.</summary>
internal sealed class DemoFailedException(string what) : Exception(what);
