using System.Diagnostics;
using Okapi.Recipes;
using Okapi.Recipes.Tests.Interop;

[assembly: AssemblyFixture(typeof(Curator))]

namespace Okapi.Recipes.Tests.Interop;

/// <summary>Apache Curator's recipes on Apache's Java client, from Debian's packages.</summary>
public sealed class Curator : ForeignPeer
{
    private const string Folder = "/usr/share/java";

    // Those without which it cannot start or says what it should not; all but Curator's come with what Curator depends on.
    private static readonly string[] Jars =
    [
        "curator-client", "curator-framework", "curator-recipes", "curator-x-discovery", "zookeeper", "zookeeper-jute", "guava", "slf4j-api", "slf4j-nop", "netty-buffer", "netty-codec", "netty-common",
        "netty-handler", "netty-resolver", "netty-transport", "netty-transport-native-unix-common", "metrics-core", "snappy-java", "jackson-core", "jackson-databind", "jackson-annotations",
    ];

    private readonly string _classes = Path.Combine(Path.GetTempPath(), $"okapi-curator-{Environment.ProcessId}");

    public override NodeNaming Naming => NodeNaming.Curator;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (Directory.Exists(_classes)) Directory.Delete(_classes, recursive: true);
    }

    protected override async Task<ProcessStartInfo> PrepareAsync()
    {
        string java = Environment.GetEnvironmentVariable("JAVA_HOME") is { Length: > 0 } home ? Path.Combine(home, "bin", "java") : "java";
        string classPath = string.Join(':', Jars.Select(jar => $"{Folder}/{jar}.jar").Where(File.Exists));
        string[] quick = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"];
        string source = Path.Combine(AppContext.BaseDirectory, "Interop", "CuratorPeer.java");

        // Eclipse's compiler: 6 MB where a JDK has 70, and it is there with a Java runtime alone.
        using Process compiler = Process.Start(new ProcessStartInfo(java, [.. quick, "-cp", $"{Folder}/eclipse-jdt-core.jar", "org.eclipse.jdt.internal.compiler.batch.Main", "-11", "-proc:none", "-nowarn", "-cp", classPath, "-d", _classes, source])
        {
            RedirectStandardError = true,
        })!;
        string errors = await compiler.StandardError.ReadToEndAsync();
        await compiler.WaitForExitAsync();
        if (compiler.ExitCode != 0) throw new InvalidOperationException($"{source} does not compile:\n{errors}");
        return new(java, [.. quick, "-Djava.net.preferIPv4Stack=true", "-cp", $"{_classes}:{classPath}", "CuratorPeer"]);
    }
}
