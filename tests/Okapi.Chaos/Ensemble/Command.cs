using System.ComponentModel;
using System.Diagnostics;

namespace Okapi.Chaos;

/// <summary>Runs a short command of the system to its end.</summary>
internal static class Command
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    /// <exception cref="InvalidOperationException">The command failed; the message is what it said.</exception>
    public static async Task RunAsync(string file, params string[] arguments)
    {
        if (await TryRunAsync(file, arguments) is string fault)
        {
            throw new InvalidOperationException($"{file} {string.Join(' ', arguments)}: {fault}");
        }
    }

    /// <summary>What went wrong, or null.</summary>
    public static async Task<string?> TryRunAsync(string file, params string[] arguments)
    {
        var start = new ProcessStartInfo(file, arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> output = process.StandardOutput.ReadToEndAsync(limit.Token);
            string errors = await process.StandardError.ReadToEndAsync(limit.Token);
            await output;
            await process.WaitForExitAsync(limit.Token);
            return process.ExitCode == 0 ? null : errors.Trim() is { Length: > 0 } said ? said : $"exit code {process.ExitCode}";
        }
        catch (Win32Exception e)
        {
            return e.Message;
        }
        catch (OperationCanceledException)
        {
            return $"no end within {Limit.TotalSeconds} s";
        }
    }
}
