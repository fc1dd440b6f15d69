using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace Okapi.Chaos;

/// <summary>One Apache ZooKeeper server: its folder, its place, and its process while it has one.</summary>
internal sealed class Server(int id, Place place, (int Client, int Quorum, int Election) ports, string folder, INetwork network) : IDisposable
{
    private static readonly string[] Jars =
    [
        "zookeeper", "zookeeper-jute", "slf4j-api", "netty-buffer", "netty-codec", "netty-common", "netty-handler", "netty-resolver",
        "netty-transport", "netty-transport-native-unix-common", "metrics-core", "snappy-java", "slf4j-log4j12", "log4j-1.2",
    ];

    private Process? _process;
    private readonly List<Process> _before = [];
    private int _wiped;

    public int Id => id;

    public string Name { get; } = string.Create(CultureInfo.InvariantCulture, $"s{id}");

    public Place Place => place;

    public string Folder => folder;

    /// <summary>What <see cref="Wipe"/> has put aside.</summary>
    public IEnumerable<string> WipedFolders => Enumerable.Range(1, _wiped).Select(number => Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"wiped-{number}")));

    /// <summary>Where TxnLogToolkit finds what this server wrote down.</summary>
    public string DataFolder => Path.Combine(folder, "data");

    /// <summary>What it says, in words.</summary>
    public string MessageFile => Path.Combine(folder, "zk.log");

    public IPEndPoint Endpoint { get; } = new(place.Address, ports.Client);

    /// <summary>How the servers of the ensemble name this one.</summary>
    public string Member => string.Create(CultureInfo.InvariantCulture,
        $"server.{id}={place.Address}:{ports.Quorum}:{ports.Election}:participant;{place.Address}:{ports.Client}");

    public bool IsRunning => _process is { HasExited: false };

    public void Configure(IEnumerable<Server> all, int tickMs)
    {
        Directory.CreateDirectory(DataFolder);
        File.WriteAllText(Path.Combine(DataFolder, "myid"), id.ToString(CultureInfo.InvariantCulture));
        // The log is flushed to the kernel before a write is acknowledged whatever forceSync says, and a killed process takes
        // nothing with it that the kernel has. Only the machine's own end would need the disk, and no fault here is that.
        File.WriteAllText(Path.Combine(folder, "zoo.cfg"), string.Create(CultureInfo.InvariantCulture, $"""
            tickTime={tickMs}
            initLimit=20
            syncLimit=6
            dataDir={DataFolder}
            maxClientCnxns=0
            minSessionTimeout={2 * tickMs}
            maxSessionTimeout={40 * tickMs}
            admin.enableServer=false
            4lw.commands.whitelist=*
            forceSync=no
            preAllocSize=1024
            extendedTypesEnabled=true
            standaloneEnabled=false
            {string.Join('\n', all.Select(server => server.Member))}

            """));
        File.WriteAllText(Path.Combine(folder, "log4j.properties"), $"""
            log4j.rootLogger=INFO, F
            log4j.appender.F=org.apache.log4j.FileAppender
            log4j.appender.F.File={MessageFile}
            log4j.appender.F.layout=org.apache.log4j.PatternLayout
            log4j.appender.F.layout.ConversionPattern=%d{"{ISO8601}"} %-5p [%t:%c{"{1}"}] %m%n
            log4j.logger.org.apache.zookeeper.server=WARN
            log4j.logger.org.apache.zookeeper.server.quorum=INFO

            """);
    }

    public void Start()
    {
        if (IsRunning)
        {
            return;
        }

        string classPath = string.Join(':', [folder, .. Jars.Select(jar => $"/usr/share/java/{jar}.jar")]);
        // Three servers and a test on a small machine: quick to start, small, one thread to collect garbage.
        string[] arguments =
        [
            "-Xmx160m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-XX:-UsePerfData", "-Djava.net.preferIPv4Stack=true",
            "-Dzookeeper.jmx.log4j.disable=true", "-Dznode.container.checkIntervalMs=2000", "-cp", classPath,
            "org.apache.zookeeper.server.quorum.QuorumPeerMain", Path.Combine(folder, "zoo.cfg"),
        ];
        // Others may be looking at the one before right now, so it is disposed of at the end.
        if (_process is not null) _before.Add(_process);

        // A session of its own keeps an interrupt typed at the terminal away from the server. Each step is an exec, so that the
        // process that is started is the one to be frozen and killed.
        string[] command = ["-c", "exec setsid \"$@\" >>\"$0\" 2>&1 </dev/null", Path.Combine(folder, "out.log"), .. network.Prefix(place), "java", .. arguments];
        _process = Process.Start(new ProcessStartInfo("/bin/sh", command) { WorkingDirectory = "/" });
    }

    public void Pause() => Send(Native.Stop);

    public void Resume() => Send(Native.Continue);

    public Task KillAsync() => EndAsync(Native.Kill);

    public Task StopAsync() => EndAsync(Native.Terminate);

    /// <summary>Takes all the server has written out of its reach, but keeps it: it is part of what happened.</summary>
    public void Wipe()
    {
        string version = Path.Combine(DataFolder, "version-2");
        if (IsRunning)
        {
            throw new InvalidOperationException($"{Name} still runs.");
        }

        if (Directory.Exists(version))
        {
            string kept = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"wiped-{++_wiped}"));
            Directory.CreateDirectory(kept);
            Directory.Move(version, Path.Combine(kept, "version-2"));
        }
    }

    public Task<string?> TryAskAsync(string word, TimeSpan timeout) => FourLetterWords.TryAskAsync(Endpoint, word, timeout);

    /// <summary>leader, follower, what else the server says of itself, or null when it does not answer or does not serve.</summary>
    public async Task<string?> TryGetModeAsync(TimeSpan timeout) =>
        IsRunning ? FourLetterWords.Value(await TryAskAsync("srvr", timeout), "Mode") : null;

    public void Dispose()
    {
        if (IsRunning)
        {
            Send(Native.Kill);
        }

        _process?.Dispose();
        foreach (Process each in _before) each.Dispose();
    }

    private void Send(int signal)
    {
        if (_process is { HasExited: false } process)
        {
            Native.Signal(process.Id, signal);
        }
    }

    private async Task EndAsync(int signal)
    {
        if (_process is not { HasExited: false } process)
        {
            return;
        }

        Send(signal);
        // A frozen process acts on SIGTERM only once it goes on.
        Send(Native.Continue);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }
}
