using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Okapi.Repo.Tests;

/// <summary>Compiles source as a user's project would.</summary>
internal static class Roslyn
{
    public const string ImplicitUsings =
        "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;";

    private static readonly Lazy<IReadOnlyList<MetadataReference>> References = new(() =>
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(file => MetadataReference.CreateFromFile(file))]);

    public static CSharpParseOptions ParseOptions { get; } = new(LanguageVersion.Latest);

    /// <summary>The framework, Okapi and what it refers to, without some.</summary>
    public static IEnumerable<MetadataReference> ReferencesWithout(params string[] assemblies) =>
        References.Value.Where(each => !assemblies.Contains(Path.GetFileNameWithoutExtension(each.Display)));

    public static SyntaxTree Parse(string text, string path) => CSharpSyntaxTree.ParseText(text, ParseOptions, path);

    public static CSharpCompilation Compile(IEnumerable<SyntaxTree> trees, string name, IEnumerable<MetadataReference> references) => CSharpCompilation.Create(
        name,
        trees.Append(Parse(ImplicitUsings, "ImplicitUsings.cs")),
        references,
        new(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable, allowUnsafe: true));
}
