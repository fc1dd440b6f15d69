using System.Diagnostics;
using Okapi.TestSupport;

namespace Okapi.Cli.Tests;

/// <summary>Programs of others that the tests drive; where they are missing, tests are left out, or fail where they must not be.</summary>
internal static class ForeignClient
{
    private const string Cli = "/usr/lib/zookeeper/bin/cli_mt", Python = "/usr/bin/python3", Jars = "/usr/share/java";

    private static readonly Lazy<string> Lacking = new(Check);

    /// <summary>Java's command line, as zkCli.sh starts it. It reads commands from its input when that is no terminal.</summary>
    public static Dialogue ZkCli(string server)
    {
        RequireApache();
        string[] jars = ["zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-nop", "netty-buffer", "netty-codec", "netty-common", "netty-handler", "netty-resolver", "netty-transport", "netty-transport-native-unix-common", "metrics-core", "snappy-java", "commons-cli"];
        string classPath = string.Join(':', jars.Select(jar => $"{Jars}/{jar}.jar").Where(File.Exists));
        string java = Environment.GetEnvironmentVariable("JAVA_HOME") is { Length: > 0 } home ? Path.Combine(home, "bin", "java") : "java";
        return Dialogue.Start(java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", classPath, "org.apache.zookeeper.ZooKeeperMain", "-server", server);
    }

    /// <summary>The command line of the C client. It does not flush what it prints, so it is made to.</summary>
    public static Dialogue CliMt(string server)
    {
        Require(Lacking.Value);
        return Dialogue.Start("stdbuf", "-oL", "-eL", Cli, "-h", server);
    }

    /// <summary>A function of kazoo_scripts.py; whatever it finds wrong, its last words say.</summary>
    public static async Task KazooAsync(string script, params string[] arguments)
    {
        Require(Lacking.Value);
        await using Dialogue python = Dialogue.Start(Python, [Path.Combine(AppContext.BaseDirectory, "ForeignClients", "kazoo_scripts.py"), script, .. arguments]);
        int code = await python.EndAsync();
        Assert.True(code == 0, $"{script} ended with {code}:{Environment.NewLine}{python.Transcript}");
    }

    public static void RequireApache() => Require(ApacheZooKeeper.WhyUnavailable);

    private static void Require(string lacking)
    {
        if (lacking.Length == 0) return;
        if (Environment.GetEnvironmentVariable("OKAPI_REQUIRE_APACHE") == "1") Assert.Fail(lacking);
        Assert.Skip(lacking);
    }

    private static string Check()
    {
        if (!OperatingSystem.IsLinux()) return "Clients of others are tried on Linux only.";
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "eng", "foreign-clients"))) folder = folder.Parent;
        if (folder is null) return "There is no eng/foreign-clients above the tests.";
        using Process check = Process.Start(new ProcessStartInfo("bash", [Path.Combine(folder.FullName, "eng", "foreign-clients"), "check"]) { RedirectStandardError = true })!;
        string error = check.StandardError.ReadToEnd();
        check.WaitForExit();
        return check.ExitCode == 0 ? string.Empty : error.Trim();
    }
}
