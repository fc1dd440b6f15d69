using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Okapi.Repo.Tests;

/// <summary>docs/security.md says what is checked and by what; docs/reliability.md names the tests that found bugs. The tests that they name exist, and none that is about security is left out.</summary>
public sealed partial class SecurityPageTests
{
    private const string Page = "docs/security.md";

    [Fact]
    public void Every_test_that_the_pages_name_exists()
    {
        ILookup<string, string> tests = Tests().ToLookup(test => test.Class, test => test.Name);
        Repository.AssertNone(
            new[] { Page, "docs/reliability.md" }.SelectMany(page => FindUnknown(page, Repository.Read(page), tests)),
            "A row names a test that does not exist.");
    }

    [Fact]
    public void Every_class_of_tests_about_security_is_on_the_page()
    {
        HashSet<string> named = [.. Named(Repository.Read(Page)).Select(each => each.Class)];
        Repository.AssertNone(
            Tests().Where(test => test.File.Contains("/Security/", StringComparison.Ordinal)).Select(test => test.Class).Distinct().Where(name => !named.Contains(name)),
            $"{Page} does not name a class of tests that lies in a folder Security.");
    }

    [Theory]
    [InlineData("| a | `Known.Is_there`, `Known` |", null)]
    [InlineData("| a | `Known.Is_gone` |", "page.md: Known.Is_gone")]
    [InlineData("| a | `GoneTests` |", "page.md: GoneTests")]
    [InlineData("| a | `zk.CreateAsync` and `Tls.Configure`, or `Known.Is_gone` |\n\n`Tests`", "page.md: Known.Is_gone")]
    public void What_does_not_exist_is_found(string text, string? finding)
    {
        ILookup<string, string> tests = new[] { ("Known", "Is_there") }.ToLookup(each => each.Item1, each => each.Item2);
        Assert.Equal(finding is null ? [] : [finding], FindUnknown("page.md", text, tests));
    }

    private static IEnumerable<string> FindUnknown(string page, string text, ILookup<string, string> tests) => Named(text)
        .Where(each => each.Name.Length == 0 ? !tests.Contains(each.Class) : !tests[each.Class].Contains(each.Name))
        .Select(each => $"{page}: {each.Class}{(each.Name.Length == 0 ? string.Empty : "." + each.Name)}");

    /// <summary>In the rows of tables, classes of tests and tests: names as only they have.</summary>
    private static IEnumerable<(string Class, string Name)> Named(string text) => text.Split('\n')
        .Where(line => line.StartsWith('|'))
        .SelectMany(line => NamePattern().Matches(line))
        .Select(match => (match.Groups["class"].Value, match.Groups["name"].Value));

    /// <summary>Whatever has an attribute with which xunit finds it.</summary>
    private static IEnumerable<(string File, string Class, string Name)> Tests() => Repository.FilesBelow("tests/", ".cs")
        .Where(file => !file.StartsWith("tests/Okapi.TestSupport/", StringComparison.Ordinal))
        .SelectMany(file => Roslyn.Parse(Repository.Read(file), file).GetCompilationUnitRoot().DescendantNodes().OfType<MethodDeclarationSyntax>()
            .Where(method => method.AttributeLists.SelectMany(list => list.Attributes).Any(attribute => attribute.Name.ToString() is "Fact" or "Theory" or "Row"))
            .Select(method => (file, method.Ancestors().OfType<ClassDeclarationSyntax>().First().Identifier.Text, method.Identifier.Text)));

    [GeneratedRegex(@"`(?<class>[A-Z]\w*)\.(?<name>[A-Z]\w*_\w+)`|`(?<class>[A-Z]\w*Tests)`|`(?<class>Known)`")]
    private static partial Regex NamePattern();
}
