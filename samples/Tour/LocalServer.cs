using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Okapi.Samples;

/// <summary>An Apache ZooKeeper for the length of the tour, run by eng/apache-zookeeper. Your program has no need of this: it has a server.</summary>
internal sealed class LocalServer : IAsyncDisposable
{
    private readonly string _script;
    private readonly string _folder;

    private LocalServer(string script, string folder, string connectString)
    {
        _script = script;
        _folder = folder;
        ConnectString = connectString;
    }

    public string ConnectString { get; }

    public static async Task<LocalServer> StartAsync(CancellationToken ct)
    {
        string script = FindScript() ?? throw new NoServerException("eng/apache-zookeeper is not in any folder above this program.");
        (int code, string output, string error) = await RunAsync(script, ["check"], ct);
        if (code != 0) throw new NoServerException(error);

        // Should this program be killed, the script's watchdog stops the server all the same.
        string owner = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        Console.WriteLine("Starting an Apache ZooKeeper");
        (code, output, error) = await RunAsync(script, ["start", "--owner", owner], ct);
        if (code != 0) throw new NoServerException(error);
        using JsonDocument started = JsonDocument.Parse(output);
        return new(script, started.RootElement.GetProperty("dir").GetString()!, started.RootElement.GetProperty("connect").GetString()!);
    }

    public async ValueTask DisposeAsync() => await RunAsync(_script, ["stop", _folder], CancellationToken.None);

    private static string? FindScript()
    {
        foreach (string start in new[] { Environment.CurrentDirectory, AppContext.BaseDirectory })
        {
            for (DirectoryInfo? folder = new(start); folder is not null; folder = folder.Parent)
            {
                string script = Path.Combine(folder.FullName, "eng", "apache-zookeeper");
                if (File.Exists(script)) return script;
            }
        }

        return null;
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(string script, string[] arguments, CancellationToken ct)
    {
        var start = new ProcessStartInfo("bash", [script, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> output = process.StandardOutput.ReadToEndAsync(ct);
            Task<string> error = process.StandardError.ReadToEndAsync(ct);
            await process.WaitForExitAsync(ct);
            return (process.ExitCode, await output, (await error).Trim());
        }
        catch (Win32Exception)
        {
            throw new NoServerException("The server is run by a bash script, and there is no bash.");
        }
    }
}

/// <summary>There is no server to show anything with.</summary>
/// <param name="why">What is missing.</param>
internal sealed class NoServerException(string why) : Exception(
    $"""
    The tour needs a ZooKeeper server. {why}
    Install Apache ZooKeeper for it (on Debian and Ubuntu, as root: eng/apache-zookeeper install), or name a server that runs:
      dotnet run --project samples/Tour -- --connect host:port
    """);
