using System.Net.Sockets;
using System.Runtime.InteropServices;
using Okapi.Server;

namespace Okapi.Cli;

/// <summary>Runs a proxy until a signal or a command ends it.</summary>
internal static class Proxying
{
    public static async Task<int> RunAsync(string server, FaultProxyOptions options, FaultSchedule schedule, TextReader input, TextWriter output, TextWriter error)
    {
        using var ended = new CancellationTokenSource();
        var signalled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        void End(PosixSignalContext signal) => signal.Cancel = signalled.TrySetResult(); // the second signal ends it at once

        FaultProxy proxy;
        try
        {
            proxy = FaultProxy.Start(server, options);
        }
        catch (SocketException refused)
        {
            await error.WriteLineAsync($"okapi: {options.Listen} cannot be listened on: {refused.Message}").ConfigureAwait(false);
            return ExitCode.Failed;
        }
        catch (ArgumentException invalid)
        {
            await error.WriteLineAsync($"okapi: --to {server}: {invalid.Message}").ConfigureAwait(false);
            return ExitCode.BadUsage;
        }

        await using (proxy.ConfigureAwait(false))
        {
            Task faults = schedule.RunAsync(proxy.Faults, ended.Token);
            await output.WriteLineAsync($"okapi: listening on {proxy.ConnectionString}, passing on to {proxy.Server}").ConfigureAwait(false);
            // On a thread of its own: a console's reads block, and end with the process.
            Task<bool> quit = Task.Factory.StartNew(() => Obey(new(proxy), input, output), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            Task first = await Task.WhenAny(signalled.Task, quit).ConfigureAwait(false);
            if (first == quit && !await quit.ConfigureAwait(false)) await signalled.Task.ConfigureAwait(false); // there is nobody to give commands
            await ended.CancelAsync().ConfigureAwait(false);
            await faults.ConfigureAwait(false);
        }

        return ExitCode.Ok;
    }

    /// <returns>Whether it was told to quit; if not, the input has ended.</returns>
    private static bool Obey(ProxyConsole console, TextReader input, TextWriter output)
    {
        while (input.ReadLine() is { } line)
        {
            if (console.Run(line) is not { } answer) return true;
            if (answer.Length > 0) output.WriteLine(answer);
        }

        return false;
    }
}
