using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace Okapi.Bench;

/// <summary>An <c>okapi serve</c> in a process of its own, for the length of a measurement.</summary>
internal sealed class ServeProcess : IAsyncDisposable
{
    private readonly Process _process;

    private ServeProcess(Process process, IPEndPoint endPoint)
    {
        _process = process;
        EndPoint = endPoint;
    }

    public IPEndPoint EndPoint { get; }

    public static async Task<ServeProcess> StartAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "okapi.dll"), "serve", "--listen", "127.0.0.1:0", "--max-client-connections", "0", .. arguments]) { RedirectStandardOutput = true };
        Process process = Process.Start(start)!;
        string line = await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("okapi serve did not start.");
        return new(process, IPEndPoint.Parse(line.Split(" on ", 2)[1].Split(',')[0]));
    }

    /// <summary>What /proc/PID/status says, such as VmRSS or VmHWM, in MiB.</summary>
    public double Megabytes(string name)
    {
        string line = File.ReadLines($"/proc/{_process.Id}/status").First(each => each.StartsWith(name + ":", StringComparison.Ordinal));
        return Math.Round(long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024.0, 1);
    }

    public double CpuSeconds()
    {
        _process.Refresh();
        return _process.TotalProcessorTime.TotalSeconds;
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
