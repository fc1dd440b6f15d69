using Microsoft.Extensions.Logging.Abstractions;
using Okapi.Server.Storage;
using Okapi.TestSupport;

namespace Okapi.Server.Tests.Storage;

/// <summary>A data folder for one test.</summary>
/// <param name="inMemory">Whether it may be in memory: for tests that open it a thousand times, and whose point is not the disk.</param>
internal sealed class TestFolder(bool inMemory = false) : IDisposable
{
    private const string Memory = "/dev/shm";

    public string Path { get; } = inMemory && Directory.Exists(Memory)
        ? Directory.CreateDirectory($"{Memory}/okapi-data-{Guid.NewGuid():n}").FullName
        : Directory.CreateTempSubdirectory("okapi-data-").FullName;

    public string VersionPath => System.IO.Path.Combine(Path, "version-2");

    public LogRecorder Log { get; } = new();

    public DataFolderOptions Options { get; init; } = new() { LogGrowth = 4096 };

    public string File(string name) => System.IO.Path.Combine(VersionPath, name);

    public string[] Names(string pattern) =>
        [.. Directory.GetFiles(VersionPath, pattern).Select(path => System.IO.Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    public DataFolder Open(out RecoveredState state) => DataFolder.Open(Path, Options, Log.CreateLogger("storage"), out state);

    /// <summary>What a server would find.</summary>
    public RecoveredState Recover()
    {
        using DataFolder folder = DataFolder.Open(Path, Options, NullLogger.Instance, out RecoveredState state);
        return state;
    }

    /// <summary>What makes a server refuse to start.</summary>
    public T Refused<T>()
        where T : Exception => Assert.Throws<T>(() => { Recover(); });

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
