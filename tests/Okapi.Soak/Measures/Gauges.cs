using System.Diagnostics;

namespace Okapi.Soak.Measures;

/// <summary>What this process holds.</summary>
internal static class Gauges
{
    public static int Timers => (int)Timer.ActiveCount;

    /// <summary>Bytes that a full collection leaves.</summary>
    public static long Heap()
    {
        Collect();
        GCMemoryInfo info = GC.GetGCMemoryInfo(GCKind.FullBlocking);
        return info.HeapSizeBytes - info.FragmentedBytes;
    }

    public static void Collect()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: true);
    }

    /// <summary>File descriptors where the system lists them, and handles elsewhere. Not those of assemblies, which are loaded when they are first used.</summary>
    public static int Descriptors()
    {
        if (Directory.Exists("/proc/self/fd")) return Targets().Count();
        using Process self = Process.GetCurrentProcess();
        return self.HandleCount;
    }

    /// <summary>What descriptors are of, by kind: to say what is too many.</summary>
    public static string DescribeDescriptors() =>
        Directory.Exists("/proc/self/fd")
            ? string.Join(", ", Targets().Select(static target => target.Split('[', ':')[0]).GroupBy(static kind => kind).OrderByDescending(static group => group.Count()).Select(static group => FormattableString.Invariant($"{group.Count()} {group.Key}")))
            : string.Empty;

    public static int Threads()
    {
        if (Directory.Exists("/proc/self/task")) return Directory.GetDirectories("/proc/self/task").Length;
        using Process self = Process.GetCurrentProcess();
        return self.Threads.Count;
    }

    private static IEnumerable<string> Targets() =>
        Directory.GetFiles("/proc/self/fd").Select(static path => new FileInfo(path).LinkTarget).OfType<string>().Where(static target => !target.EndsWith(".dll", StringComparison.Ordinal));
}
