using System.Xml.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Okapi.Repo.Tests;

/// <summary>Arrows run one way: between projects, and between the folders of Okapi.Client.</summary>
public class LayeringTests
{
    private const string Logging = "Microsoft.Extensions.Logging.Abstractions";

    /// <summary>What each project may refer to: projects, then packages. A new project gets a row.</summary>
    private static readonly Dictionary<string, string[]> MayReference = new()
    {
        ["Okapi.Protocol"] = [],
        ["Okapi.Client"] = ["Okapi.Protocol", Logging],
        ["Okapi.Recipes"] = ["Okapi.Client", Logging],
        ["Okapi.State"] = ["Okapi.Client", "Okapi.Recipes", Logging],
        ["Okapi.Server"] = ["Okapi.Protocol", Logging],
        ["Okapi.Extensions"] = ["Okapi.Client", "Okapi.Recipes", "Okapi.State", "Microsoft.Extensions.*"],
        ["Okapi.Cli"] = ["*"],
    };

    private static readonly string[] Bottom = ["Errors", "Options", "Diagnostics", "Results"];

    /// <summary>What each folder of Okapi.Client may use besides itself. "Results" is Results.cs, "Api" the other files at the root.</summary>
    private static readonly Dictionary<string, string[]> MayUse = new()
    {
        ["Errors"] = Bottom,
        ["Options"] = Bottom,
        ["Diagnostics"] = [.. Bottom, "SessionState"],
        ["Results"] = Bottom,
        ["SessionState"] = Bottom,
        ["Security"] = Bottom,
        ["Requests"] = Bottom,
        ["Watches"] = [.. Bottom, "Requests"],
        ["Connections"] = [.. Bottom, "Requests", "Security"],
        ["Sessions"] = [.. Bottom, "SessionState", "Security", "Requests", "Watches", "Connections"],
        ["Api"] = [.. Bottom, "SessionState", "Requests", "Watches", "Connections", "Sessions"],
    };

    [Fact]
    public void Projects_refer_only_to_what_lies_below_them()
    {
        var findings = new List<string>();
        foreach (string file in Repository.FilesBelow("src/", ".csproj"))
        {
            string project = Path.GetFileNameWithoutExtension(file);
            if (!MayReference.TryGetValue(project, out string[]? allowed))
            {
                findings.Add($"{file}: {project} has no row in {nameof(LayeringTests)}.{nameof(MayReference)}");
                continue;
            }

            XElement[] items = [.. XDocument.Load(Repository.FullPath(file)).Descendants()];
            IEnumerable<string> used =
            [
                .. items.Where(each => each.Name.LocalName == "ProjectReference").Select(each => Path.GetFileNameWithoutExtension(each.Attribute("Include")!.Value.Replace('\\', '/'))),
                .. items.Where(each => each.Name.LocalName == "PackageReference" && (string?)each.Attribute("PrivateAssets") != "all").Select(each => each.Attribute("Include")!.Value),
            ];
            findings.AddRange(used.Where(name => !allowed.Any(pattern => Matches(pattern, name))).Select(name => $"{file}: {project} may not refer to {name}"));
        }

        Repository.AssertNone(findings, "Arrows run one way: Protocol <- Client <- Recipes <- State <- Extensions <- Cli, and Protocol <- Server.");
    }

    [Fact]
    public void Internals_are_visible_to_a_librarys_own_tests_only()
    {
        string[] allowed = ["$(AssemblyName).Tests", "Okapi.Simulation.Tests", "Okapi.Fuzz.Tests", "Okapi.Micro"];
        IEnumerable<string> inProjects = Repository.Files
            .Where(file => Path.GetExtension(file) is ".csproj" or ".props" or ".targets")
            .SelectMany(file => XDocument.Load(Repository.FullPath(file)).Descendants()
                .Where(each => each.Name.LocalName == "InternalsVisibleTo")
                .Select(each => each.Attribute("Include")!.Value)
                .Where(to => !allowed.Contains(to) && to != Path.GetFileNameWithoutExtension(file) + ".Tests")
                .Select(to => $"{file}: {to}"));
        IEnumerable<string> inSource = Repository.FilesBelow("src/", ".cs").Where(file => Repository.Read(file).Contains("InternalsVisibleTo", StringComparison.Ordinal));
        Repository.AssertNone([.. inProjects, .. inSource], "Internals are visible to X.Tests, the simulation, fuzzing and the micro-benchmarks only; if another library needs one, the public API lacks something.");
    }

    [Fact]
    public void In_the_client_lower_folders_know_nothing_of_higher_ones() =>
        Repository.AssertNone(FindUpwardUses(ClientSources()), "A lower folder of Okapi.Client uses a type of a higher one; give it a value, a channel or a callback instead.");

    [Theory]
    [InlineData("Requests/Planted.cs", "namespace Okapi.Requests;\ninternal sealed class Planted\n{\n    private Okapi.Sessions.Session? _owner;\n}", "Planted.cs:4: Requests uses Session of Sessions")]
    [InlineData("Options/Planted.cs", "namespace Okapi;\ninternal static class Planted { public static object Make(ZooKeeperClient zk) => zk.Transaction(); }", "Planted.cs:2: Options uses ZooKeeperClient of Api")]
    [InlineData("Watches/Planted.cs", "using Okapi.Connections;\nnamespace Okapi.Watches;\ninternal static class Planted { public static string Name(object o) => nameof(Connection); }", "Planted.cs:3: Watches uses Connection of Connections")]
    public void A_planted_upward_use_is_found(string file, string source, string finding)
    {
        IEnumerable<string> found = FindUpwardUses([.. ClientSources(), Roslyn.Parse(source, file)]);
        Assert.Contains(found, each => each.EndsWith(finding, StringComparison.Ordinal));
    }

    private static SyntaxTree[] ClientSources()
    {
        const string Folder = "src/Okapi.Client/";
        return [.. Repository.FilesBelow(Folder, ".cs").Select(file => Roslyn.Parse(Repository.Read(file), file[Folder.Length..]))];
    }

    /// <summary>Every name in the sources whose type, or whose member's type, is declared in a folder that its own may not use.</summary>
    private static IEnumerable<string> FindUpwardUses(SyntaxTree[] sources)
    {
        Compilation compilation = Roslyn.Compile(sources, "Okapi.Client", Roslyn.ReferencesWithout("Okapi.Client"));
        foreach (SyntaxTree source in sources)
        {
            string folder = FolderOf(source.FilePath);
            if (!MayUse.TryGetValue(folder, out string[]? allowed))
            {
                yield return $"{source.FilePath}: the folder {folder} has no row in {nameof(LayeringTests)}.{nameof(MayUse)}";
                continue;
            }

            SemanticModel model = compilation.GetSemanticModel(source);
            foreach (SimpleNameSyntax name in source.GetRoot().DescendantNodes().OfType<SimpleNameSyntax>())
            {
                SymbolInfo info = model.GetSymbolInfo(name);
                ISymbol? symbol = info.Symbol ?? info.CandidateSymbols.FirstOrDefault();
                INamedTypeSymbol? type = symbol as INamedTypeSymbol ?? symbol?.ContainingType;
                if (type?.DeclaringSyntaxReferences.FirstOrDefault() is not { } declaration) continue;
                string used = FolderOf(declaration.SyntaxTree.FilePath);
                if (used == folder || allowed.Contains(used)) continue;
                int line = name.GetLocation().GetLineSpan().StartLinePosition.Line + 1;
                yield return $"{source.FilePath}:{line}: {folder} uses {type.Name} of {used}";
            }
        }
    }

    // SessionState is what telemetry and users see of a session, and has a row of its own.
    private static string FolderOf(string file) => file switch
    {
        "Results.cs" => "Results",
        "Sessions/SessionState.cs" => "SessionState",
        _ => file.Contains('/', StringComparison.Ordinal) ? file[..file.IndexOf('/', StringComparison.Ordinal)] : "Api",
    };

    private static bool Matches(string pattern, string name) =>
        pattern.EndsWith('*') ? name.StartsWith(pattern[..^1], StringComparison.Ordinal) : pattern == name;
}
