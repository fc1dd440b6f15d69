using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace Okapi.Bench;

/// <summary>
/// Instructions per operation, by <c>perf stat</c> on a process of its own: once with so many operations and once with three times as many, so that the start of the
/// process and the compiler fall out of the difference. Unlike CPU time it does not depend on what else the machine does.
/// </summary>
/// <param name="eventName">What perf is to count, as in <c>instructions:u</c>; empty: nothing.</param>
internal sealed class InstructionCount(string eventName)
{
    /// <summary>Why there are no counts; null: there are, or nobody asked.</summary>
    public string? Unavailable { get; private set; }

    public async Task<double?> PerOperationAsync(string name, int operations)
    {
        if (eventName.Length == 0 || Unavailable is not null) return null;
        if (await CountAsync(name, operations) is not { } once || await CountAsync(name, 3 * operations) is not { } thrice) return null;
        return (thrice - once) / (2.0 * operations);
    }

    private async Task<double?> CountAsync(string name, int operations)
    {
        string[] arguments =
        [
            "stat", "-x", ",", "-e", eventName, "--",
            Environment.ProcessPath!, Path.Combine(AppContext.BaseDirectory, "Okapi.Bench.dll"), "cost", "--once", name, "--ops", operations.ToString(CultureInfo.InvariantCulture),
        ];
        // The process is the program itself, or the host that was given the program.
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "Okapi.Bench") arguments = [.. arguments.Where(argument => !argument.EndsWith("Okapi.Bench.dll", StringComparison.Ordinal))];
        string said;
        try
        {
            using Process perf = Process.Start(new ProcessStartInfo("perf", arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            Task<string> output = perf.StandardOutput.ReadToEndAsync();
            said = await perf.StandardError.ReadToEndAsync();
            await output;
            await perf.WaitForExitAsync();
        }
        catch (Win32Exception)
        {
            Unavailable = "perf is not installed; CPU time has to do";
            return null;
        }

        // value,unit,event,...; in place of the value "<not supported>" on machines without counters, as many virtual ones are.
        string? line = said.Split('\n').FirstOrDefault(each => each.Contains($",{eventName},", StringComparison.Ordinal));
        if (line is not null && double.TryParse(line.Split(',')[0], CultureInfo.InvariantCulture, out double value)) return value;
        Unavailable = line is not null
            ? $"perf says {line.Split(',')[0]} of {eventName} on this machine; CPU time has to do"
            : $"perf is not permitted to count (kernel.perf_event_paranoid): {said.Split('\n').FirstOrDefault(each => each.Trim().Length > 0)?.Trim()}";
        return null;
    }
}
