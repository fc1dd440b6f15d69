using System.Diagnostics;

namespace Okapi.Simulation.Tests.Mutations;

/// <summary>A copy of the libraries and of the simulation with all bugs in it, each switched on by OKAPI_BUG. It lies in artifacts/mutants and nothing else is built of it.</summary>
internal sealed class MutantBuild
{
    private static readonly string[] Roots = ["src", "tests/Okapi.Simulation"];
    private static readonly string[] Files = ["Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props", "global.json", "tests/Directory.Build.props", "eng/BannedSymbols.txt"];
    private static readonly string[] Left = ["bin", "obj"];

    private const string Switch = """
        namespace Okapi;

        /// <summary>The bug that is switched on.</summary>
        public static class Bug
        {
            private static readonly string? On = System.Environment.GetEnvironmentVariable("OKAPI_BUG");

            /// <summary>Whether it is this one.</summary>
            public static bool Is(string id) => On == id;
        }
        """;

    private readonly string _root;
    private readonly string _tree;

    public MutantBuild(string root)
    {
        _root = root;
        _tree = Path.Combine(root, "artifacts", "mutants");
        Mutations = Mutation.ReadAll(Path.Combine(root, "tests", "Okapi.Simulation", "Mutations"));
    }

    public IReadOnlyList<Mutation> Mutations { get; }

    public string Program => Path.Combine(_tree, "tests", "Okapi.Simulation", "bin", "Release", "net10.0", "Okapi.Simulation.dll");

    public async Task BuildAsync(CancellationToken cancellationToken)
    {
        Write(Change());
        var start = new ProcessStartInfo("dotnet", ["build", Path.Combine(_tree, "tests", "Okapi.Simulation"), "--configuration", "Release", "-verbosity:quiet", "--disable-build-servers", "-p:TreatWarningsAsErrors=false", "-p:RunAnalyzersDuringBuild=false"])
        {
            RedirectStandardOutput = true,
            WorkingDirectory = _tree,
        };
        using Process build = Process.Start(start)!;
        string said = await build.StandardOutput.ReadToEndAsync(cancellationToken);
        await build.WaitForExitAsync(cancellationToken);
        Assert.True(build.ExitCode == 0, said);
    }

    /// <summary>The sources with all bugs in them.</summary>
    /// <exception cref="FormatException">A bug does not fit the sources any more.</exception>
    public Dictionary<string, List<string>> Change()
    {
        Dictionary<string, List<string>> sources = Read();
        foreach (Mutation mutation in Mutations) mutation.Apply(sources);
        sources["src/Okapi.Protocol/Bug.cs"] = [.. Switch.Split('\n')];
        return sources;
    }

    private Dictionary<string, List<string>> Read()
    {
        var sources = new Dictionary<string, List<string>>();
        foreach (string path in Roots.SelectMany(ListFiles).Concat(Files)) sources[path] = [.. File.ReadAllLines(Path.Combine(_root, path))];
        return sources;

        IEnumerable<string> ListFiles(string folder) => Directory.EnumerateFiles(Path.Combine(_root, folder), "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(_root, file).Replace('\\', '/'))
            .Where(file => !file.Split('/').Any(Left.Contains));
    }

    /// <summary>Leaves alone what has not changed, so that the next build takes less time, and deletes what is no longer there.</summary>
    private void Write(Dictionary<string, List<string>> sources)
    {
        foreach ((string path, List<string> lines) in sources)
        {
            string file = Path.Combine(_tree, path), text = string.Join('\n', lines) + '\n';
            if (File.Exists(file) && File.ReadAllText(file) == text) continue;
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, text);
        }

        foreach (string folder in Roots.Select(root => Path.Combine(_tree, root)))
        {
            foreach (string file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            {
                string path = Path.GetRelativePath(_tree, file).Replace('\\', '/');
                if (!sources.ContainsKey(path) && !path.Split('/').Any(Left.Contains)) File.Delete(file);
            }
        }
    }
}
