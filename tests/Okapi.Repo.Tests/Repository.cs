namespace Okapi.Repo.Tests;

/// <summary>The files of the repository: those that git tracks or would track.</summary>
internal static class Repository
{
    private static readonly Lazy<IReadOnlyList<string>> All = new(List);

    public static string Root { get; } = FindRoot();

    /// <summary>Relative paths with forward slashes.</summary>
    public static IReadOnlyList<string> Files => All.Value;

    public static string FullPath(string relative) => Path.Combine(Root, relative);

    public static string Read(string relative) => File.ReadAllText(FullPath(relative));

    public static IEnumerable<string> FilesBelow(string folder, string extension) =>
        Files.Where(file => file.StartsWith(folder, StringComparison.Ordinal) && file.EndsWith(extension, StringComparison.Ordinal));

    /// <summary>Fails with one line for each finding.</summary>
    public static void AssertNone(IEnumerable<string> findings, string rule)
    {
        string[] found = [.. findings];
        Assert.True(found.Length == 0, $"{rule}{Environment.NewLine}  {string.Join($"{Environment.NewLine}  ", found)}");
    }

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Okapi.slnx"))) return folder.FullName;
        }

        throw new InvalidOperationException($"Okapi.slnx is in no folder above {AppContext.BaseDirectory}.");
    }

    // Not "git ls-files": the tests also run on a source archive, and see a file before it is added.
    private static IReadOnlyList<string> List()
    {
        string[] generated = ["bin", "obj", "artifacts", "TestResults", ".git", ".vs", ".idea", "BenchmarkDotNet.Artifacts"];
        var files = new List<string>();
        var folders = new Stack<string>([Root]);
        while (folders.TryPop(out string? folder))
        {
            files.AddRange(Directory.EnumerateFiles(folder).Select(file => Path.GetRelativePath(Root, file).Replace('\\', '/')).Where(file => file != ".git"));
            foreach (string below in Directory.EnumerateDirectories(folder))
            {
                if (!generated.Contains(Path.GetFileName(below))) folders.Push(below);
            }
        }

        files.Sort(StringComparer.Ordinal);
        return files;
    }
}
