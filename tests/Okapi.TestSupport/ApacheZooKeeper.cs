using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Okapi.TestSupport;

/// <summary>One server of an <see cref="ApacheZooKeeper"/>.</summary>
/// <param name="Id">The number of the node, from 1.</param>
/// <param name="Port">The port for clients on 127.0.0.1.</param>
/// <param name="SecurePort">The port for clients with TLS, or 0 when the servers do not offer TLS.</param>
public sealed record ServerNode(int Id, int Port, int SecurePort);

/// <summary>
/// A real Apache ZooKeeper, standalone or an ensemble, that lives for a test. It is run by the script
/// eng/apache-zookeeper, whose --help describes the arguments.
/// </summary>
public sealed class ApacheZooKeeper : IAsyncDisposable
{
    // Above the script's own limits, so that it is the script that gives up, cleans up and says why.
    private static readonly TimeSpan ScriptTimeout = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan WordTimeout = TimeSpan.FromSeconds(20);

    // Nodes that are asked for their mode may be frozen, and are asked again.
    private static readonly TimeSpan ModeTimeout = TimeSpan.FromSeconds(5);

    private static readonly Lazy<string> Unavailability = new(Check);

    private int _disposed;

    private ApacheZooKeeper(JsonElement answer)
    {
        Directory = Text(answer, "dir");
        ConnectString = Text(answer, "connect");
        SecureConnectString = Text(answer, "secure");
        CaPem = Text(answer, "caPem");
        ClientPem = Text(answer, "clientPem");
        ClientKey = Text(answer, "clientKey");
        ClientP12 = Text(answer, "clientP12");
        OtherCaPem = Text(answer, "otherCaPem");
        Password = Text(answer, "password");
        Nodes = [.. answer.GetProperty("nodes").EnumerateArray().Select(node => new ServerNode(
            node.GetProperty("id").GetInt32(),
            node.GetProperty("port").GetInt32(),
            node.GetProperty("securePort").GetInt32()))];

        static string Text(JsonElement answer, string name) => answer.GetProperty(name).GetString() ?? "";
    }

    /// <summary>Whether servers can be started on this machine.</summary>
    public static bool IsAvailable => Unavailability.Value.Length == 0;

    /// <summary>What keeps servers from being started on this machine, or an empty string.</summary>
    public static string WhyUnavailable => Unavailability.Value;

    /// <summary>The folder with the servers' configuration, data and logs; it is removed with the servers.</summary>
    public string Directory { get; }

    /// <summary>The addresses of all nodes, for clients without TLS.</summary>
    public string ConnectString { get; }

    /// <summary>The addresses of all nodes for clients with TLS, or an empty string.</summary>
    public string SecureConnectString { get; }

    /// <summary>All nodes, by ascending id, whether they run or not.</summary>
    public IReadOnlyList<ServerNode> Nodes { get; }

    /// <summary>The file with the certificate that signed the servers' and the client's, or an empty string.</summary>
    public string CaPem { get; }

    /// <summary>The file with the client's certificate, or an empty string.</summary>
    public string ClientPem { get; }

    /// <summary>The file with the client's private key as PEM, or an empty string.</summary>
    public string ClientKey { get; }

    /// <summary>The file with the client's certificate and key as PKCS #12, or an empty string.</summary>
    public string ClientP12 { get; }

    /// <summary>The file with a certification authority's certificate that signed nothing here, or an empty string.</summary>
    public string OtherCaPem { get; }

    /// <summary>The password of <see cref="ClientP12"/>, or an empty string.</summary>
    public string Password { get; }

    /// <summary>
    /// Starts servers and waits until they serve. They end with <see cref="DisposeAsync"/>, or with this process.
    /// </summary>
    /// <param name="arguments">Options of "eng/apache-zookeeper start", such as --ensemble or --tls.</param>
    /// <exception cref="InvalidOperationException">The servers did not start; the message says why.</exception>
    public static async Task<ApacheZooKeeper> StartAsync(params string[] arguments)
    {
        string owner = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        string answer = await RunAsync(["start", .. arguments, "--owner", owner]);
        using JsonDocument document = JsonDocument.Parse(answer);
        return new ApacheZooKeeper(document.RootElement);
    }

    /// <summary>Ends a node at once, without giving it time to close its sessions' connections.</summary>
    public Task KillAsync(int id) => CommandAsync("kill", id);

    /// <summary>Ends a node in good order.</summary>
    public Task StopNodeAsync(int id) => CommandAsync("stop-node", id);

    /// <summary>Starts a node again that was stopped or killed, on its old ports and data.</summary>
    /// <param name="id">The node.</param>
    /// <param name="waitServing">
    /// Whether to wait until the node serves. It never does while the ensemble has no quorum (unless it may serve
    /// read-only), so a test that brings nodes back one by one must not wait for the first.
    /// </param>
    public Task StartNodeAsync(int id, bool waitServing = true) =>
        CommandAsync("start-node", id, "--wait", waitServing ? "serving" : "none");

    /// <summary>Freezes a node: its connections stay open, but it neither reads nor answers.</summary>
    public Task PauseAsync(int id) => CommandAsync("pause", id);

    /// <summary>Lets a frozen node go on.</summary>
    public Task ResumeAsync(int id) => CommandAsync("resume", id);

    /// <summary>Sends a four-letter word to a node and returns the answer.</summary>
    /// <exception cref="SocketException">The node does not listen.</exception>
    /// <exception cref="TimeoutException">The node does not answer.</exception>
    public Task<string> WordAsync(int id, string word) => AskAsync(id, word, WordTimeout);

    /// <summary>Finds the first node in a mode, and waits for one while there is none (an election takes a while).</summary>
    /// <param name="mode">The mode as "srvr" names it: standalone, leader, follower, observer or read-only.</param>
    /// <param name="timeout">How long to wait; 30 seconds if not given, and one look only if zero.</param>
    /// <returns>The id of the node.</returns>
    /// <exception cref="TimeoutException">No node came to be in that mode.</exception>
    public async Task<int> FindAsync(string mode, TimeSpan? timeout = null)
    {
        TimeSpan limit = timeout ?? TimeSpan.FromSeconds(30);
        var watch = Stopwatch.StartNew();
        while (true)
        {
            // At once, lest a frozen node holds up the others.
            string?[] modes = await Task.WhenAll(Nodes.Select(node => ModeAsync(node.Id)));
            int index = Array.IndexOf(modes, mode);
            if (index >= 0)
            {
                return Nodes[index].Id;
            }

            if (watch.Elapsed >= limit)
            {
                string seen = string.Join(", ", Nodes.Select((node, i) => $"{node.Id}: {modes[i] ?? "none"}"));
                throw new TimeoutException($"No node is in the mode \"{mode}\" ({seen}).");
            }

            await Task.Delay(50);
        }
    }

    /// <summary>The mode of a node as "srvr" names it, or null when it is down, frozen or not serving.</summary>
    public async Task<string?> ModeAsync(int id)
    {
        try
        {
            const string Label = "Mode: ";
            string answer = await AskAsync(id, "srvr", ModeTimeout);
            return answer.Split('\n').FirstOrDefault(line => line.StartsWith(Label, StringComparison.Ordinal))
                ?[Label.Length..].Trim();
        }
        catch (Exception e) when (e is SocketException or IOException or TimeoutException)
        {
            return null;
        }
    }

    /// <summary>Ends all nodes and removes their folder.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            await RunAsync(["stop", Directory]);
        }
    }

    private async Task<string> AskAsync(int id, string word, TimeSpan limit)
    {
        using var timeout = new CancellationTokenSource(limit);
        using var client = new TcpClient(AddressFamily.InterNetwork);
        var answer = new MemoryStream();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, Node(id).Port, timeout.Token);
            NetworkStream stream = client.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes(word), timeout.Token);
            await stream.CopyToAsync(answer, timeout.Token);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            throw new TimeoutException($"Node {id} did not answer \"{word}\" within {limit.TotalSeconds} s.");
        }
        catch (IOException) when (answer.Length > 0)
        {
            // The server may reset the connection after it has answered.
        }

        return Encoding.UTF8.GetString(answer.GetBuffer(), 0, (int)answer.Length);
    }

    private static string? FindScript()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string script = Path.Combine(folder.FullName, "eng", "apache-zookeeper");
            if (File.Exists(script))
            {
                return script;
            }
        }

        return null;
    }

    private static string Check()
    {
        if (!OperatingSystem.IsLinux())
        {
            return "Apache ZooKeeper is run for tests on Linux only.";
        }

        try
        {
            // On the pool, so that no synchronization context of a test framework can be waited for in vain.
            (int code, _, string error) = Task.Run(() => ExecuteAsync(["check"])).GetAwaiter().GetResult();
            return code == 0 ? "" : error.Length > 0 ? error : $"eng/apache-zookeeper check ended with {code}.";
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception or TimeoutException)
        {
            return e.Message;
        }
    }

    private static async Task<string> RunAsync(string[] arguments)
    {
        (int code, string output, string error) = await ExecuteAsync(arguments);
        return code == 0
            ? output
            : throw new InvalidOperationException(
                $"eng/apache-zookeeper {string.Join(' ', arguments)} ended with {code}:{Environment.NewLine}{error}");
    }

    private static async Task<(int Code, string Output, string Error)> ExecuteAsync(string[] arguments)
    {
        string script = FindScript() ?? throw new InvalidOperationException(
            $"There is no eng/apache-zookeeper in any folder above {AppContext.BaseDirectory}.");

        // By way of bash, since the mark that a file may be executed does not survive every copy of a source tree.
        var start = new ProcessStartInfo("bash", [script, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start) ?? throw new InvalidOperationException("bash did not start.");
        process.StandardInput.Close();
        using var timeout = new CancellationTokenSource(ScriptTimeout);
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(timeout.Token);
            Task<string> error = process.StandardError.ReadToEndAsync(timeout.Token);
            await process.WaitForExitAsync(timeout.Token);
            return (process.ExitCode, await output, (await error).Trim());
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"eng/apache-zookeeper {string.Join(' ', arguments)} does not end.");
        }
    }

    private ServerNode Node(int id) =>
        Nodes.FirstOrDefault(node => node.Id == id) ?? throw new ArgumentException($"There is no node {id}.", nameof(id));

    private async Task CommandAsync(string command, int id, params string[] more) =>
        await RunAsync([command, Directory, Node(id).Id.ToString(CultureInfo.InvariantCulture), .. more]);
}
