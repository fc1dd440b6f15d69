using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;

namespace Okapi.Server.Words;

/// <summary>Words that tell how a server is set up: conf, dirs, envi. Passwords and keys are no part of it.</summary>
internal static class SetupWords
{
    public static void Conf(Member member, StringBuilder answer)
    {
        EmbeddedServerOptions options = member.Options;
        long size = SizeOf(options);
        Line("clientPort", PortOf(member.EndPoints.Plain));
        Line("secureClientPort", PortOf(member.EndPoints.Secure));
        Line("dataDir", FolderOf(options));
        Line("dataDirSize", size);
        Line("dataLogDir", FolderOf(options));
        Line("dataLogSize", size);
        Line("tickTime", (long)options.TickTime.TotalMilliseconds);
        Line("maxClientCnxns", options.MaxClientConnections);
        Line("minSessionTimeout", (long)options.ShortestTimeout.TotalMilliseconds);
        Line("maxSessionTimeout", (long)options.LongestTimeout.TotalMilliseconds);
        Line("clientPortListenBacklog", Connections.Listener.Backlog);
        Line("serverId", options.Members == 1 ? 0 : member.Number); // as the first byte of session ids has it

        void Line<T>(string name, T value) => answer.Append(CultureInfo.InvariantCulture, $"{name}={value}\n");
    }

    public static void Dirs(Member member, StringBuilder answer)
    {
        long size = SizeOf(member.Options);
        answer.Append(CultureInfo.InvariantCulture, $"datadir_size: {size}\nlogdir_size: {size}\n");
    }

    /// <summary>As on Apache's servers, without what is of Java.</summary>
    public static void Envi(Member member, StringBuilder answer)
    {
        const long Megabyte = 1024 * 1024;
        GCMemoryInfo memory = GC.GetGCMemoryInfo();
        answer.Append("Environment:\n");
        Line("zookeeper.version", VersionText.Of(member.Options.Version));
        Line("host.name", Environment.MachineName);
        Line("os.name", OperatingSystem.IsWindows() ? "Windows" : OperatingSystem.IsMacOS() ? "Mac OS X" : "Linux");
        Line("os.arch", RuntimeInformation.OSArchitecture switch
        {
            Architecture.X64 => "amd64",
            Architecture.Arm64 => "aarch64",
            var other => other.ToString(),
        });
        Line("os.version", Environment.OSVersion.Version);
        Line("user.name", Environment.UserName);
        Line("user.home", Environment.GetFolderPath(Environment.SpecialFolder.UserProfile));
        Line("user.dir", Environment.CurrentDirectory);
        Line("os.memory.free", $"{Math.Max(0, memory.TotalAvailableMemoryBytes - memory.MemoryLoadBytes) / Megabyte}MB");
        Line("os.memory.max", $"{memory.TotalAvailableMemoryBytes / Megabyte}MB");
        Line("os.memory.total", $"{GC.GetTotalMemory(forceFullCollection: false) / Megabyte}MB");

        void Line<T>(string name, T value) => answer.Append(CultureInfo.InvariantCulture, $"{name}={value}\n");
    }

    private static int PortOf(IPEndPoint? at) => at?.Port ?? -1;

    private static string FolderOf(EmbeddedServerOptions options) => options.DataFolder is { } folder ? Path.GetFullPath(Path.Combine(folder, "version-2")) : string.Empty;

    private static long SizeOf(EmbeddedServerOptions options)
    {
        if (options.DataFolder is null) return 0;
        try
        {
            return new DirectoryInfo(FolderOf(options)).EnumerateFiles("*", SearchOption.AllDirectories).Sum(SizeOf);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    private static long SizeOf(FileInfo file)
    {
        try
        {
            return file.Length;
        }
        catch (IOException)
        {
            return 0; // a snapshot that has been removed meanwhile
        }
    }
}
