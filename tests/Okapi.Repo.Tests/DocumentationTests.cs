using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Okapi.Repo.Tests;

/// <summary>What the pages show compiles, and what they point to is there.</summary>
public partial class DocumentationTests
{
    /// <summary>What every block of code may use without declaring it. A block may declare the same names itself.</summary>
    private const string Given =
        """
        static ZooKeeperClient zk => throw new NotSupportedException();
        static CancellationToken ct => default;
        static byte[] data => [];
        static byte[] payload => [];
        static string[] args => [];
        static Microsoft.Extensions.Logging.ILoggerFactory loggerFactory => throw new NotSupportedException();
        sealed record Agents(IReadOnlyList<string> Globs);
        static class Json
        {
            public static (System.Text.Json.Serialization.Metadata.JsonTypeInfo<Agents> Agents, int) Default => throw new NotSupportedException();
        }
        """;

    // An example may leave a value unused, and need not await.
    private static readonly HashSet<string> Forgiven = ["CS0168", "CS0219", "CS1998", "CS8321", "CS8019", "CS1591"];

    [Fact]
    public void Every_block_of_csharp_in_the_pages_compiles()
    {
        (string Page, int Line, string Code)[] blocks = [.. Pages().SelectMany(page => Blocks(page, Repository.Read(page)))];
        Assert.NotEmpty(blocks);
        Repository.AssertNone(blocks.SelectMany(block => Compile(block.Page, block.Line, block.Code)), "Code in the pages does not compile. There is no opt-out: show less, or declare what it needs.");
    }

    [Theory]
    [InlineData("Stat? stat = await zk.ExistsAsync(\"/a\", ct);", null)]
    [InlineData("await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(\"localhost\");", null)]
    [InlineData("using System.Text;\nsealed record Job(string Name);\nstring text = Encoding.UTF8.GetString(data);\nvar job = new Job(text);", null)]
    [InlineData("\nawait zk.NoSuchMethodAsync();", "page.md:12: CS1061")]
    [InlineData("zk.CreateAsync(\"/a\").AsTask();", "page.md:11: CS4014")]
    [InlineData("string s = (await zk.TryCreateAsync(\"/a\")).Path;", "page.md:11: CS8600")]
    [InlineData("// ...\nawait zk.", "page.md:12: CS")]
    public void Code_that_does_not_compile_is_found_where_it_stands(string code, string? finding)
    {
        string[] found = [.. Compile("page.md", 10, code)];
        if (finding is null) Assert.Empty(found);
        else Assert.Contains(found, each => each.StartsWith(finding, StringComparison.Ordinal));
    }

    [Fact]
    public void Relative_links_lead_somewhere() =>
        Repository.AssertNone(Pages().SelectMany(page => FindDeadLinks(page, Repository.Read(page))), "A link leads nowhere.");

    [Theory]
    [InlineData("[a](docs/no-such-page.md)", "README.md:1: docs/no-such-page.md")]
    [InlineData("\n[a](LICENSE) [b](#no-such-heading)\n# Some heading", "README.md:2: #no-such-heading")]
    [InlineData("[a](LICENSE) [b](#some-heading-its-name)\n# Some heading, `its` name", null)]
    [InlineData("[a](https://zookeeper.apache.org/x) `[b](c)`\n```\n[d](e)\n```", null)]
    public void A_dead_link_is_found(string text, string? finding) =>
        Assert.Equal(finding is null ? [] : [finding], FindDeadLinks("README.md", text));

    [Fact]
    public void The_changelog_begins_with_what_is_unreleased()
    {
        string first = Repository.Read("CHANGELOG.md").Split('\n').First(line => line.StartsWith("## ", StringComparison.Ordinal));
        Assert.Equal("## [Unreleased]", first);
    }

    [Fact]
    public void The_counterparts_that_the_pages_for_newcomers_name_exist() =>
        Repository.AssertNone(
            Repository.FilesBelow("docs/coming-from/", ".md").SelectMany(page => FindUnknownNames(page, Repository.Read(page))),
            "The second column of a table names what the public API does not have.");

    [Theory]
    [InlineData("| `getAcl` | `GetAclAsync(path)`, `Acl.Open` | |", null)]
    [InlineData("| `x` | `ReadEverythingAsync` | |", "page.md:1: ReadEverythingAsync")]
    [InlineData("\n| `x` | `Acl.Everyone` | |", "page.md:2: Everyone")]
    public void A_counterpart_that_does_not_exist_is_found(string text, string? finding) =>
        Assert.Equal(finding is null ? [] : [finding], FindUnknownNames("page.md", text));

    [Fact]
    public void The_page_of_errors_has_every_code_with_its_number_and_every_exception()
    {
        string page = Repository.Read("docs/errors.md");
        IEnumerable<string> codes = Enum.GetValues<ErrorCode>().Select(code => $"| `{code}` | {(int)code} |");
        IEnumerable<string> exceptions = new[] { typeof(ZooKeeperClient), typeof(Stat) }
            .SelectMany(anchor => anchor.Assembly.GetExportedTypes())
            .Where(type => type.IsSubclassOf(typeof(Exception)))
            .Select(type => $"| `{type.Name}` |");
        Repository.AssertNone(codes.Concat(exceptions).Where(row => !page.Contains(row, StringComparison.Ordinal)), "docs/errors.md lacks a row.");
    }

    private static IEnumerable<string> Pages() => Repository.Files.Where(file => file.EndsWith(".md", StringComparison.Ordinal));

    private static IEnumerable<(string Page, int Line, string Code)> Blocks(string page, string text) => BlockPattern().Matches(text)
        .Select(match => (page, LineOf(text, match.Index), match.Groups["code"].Value));

    private static int LineOf(string text, int index) => text.AsSpan(0, index).Count('\n') + 1;

    /// <summary>Statements go into an async method, types beside it, usings above.</summary>
    private static IEnumerable<string> Compile(string page, int fenceLine, string code)
    {
        SyntaxTree block = Roslyn.Parse(code, page);
        CompilationUnitSyntax unit = block.GetCompilationUnitRoot();
        // The original text is kept in place and cut into parts by line, so that a finding names the page's own line.
        string Part(IEnumerable<SyntaxNode> nodes) => string.Concat(nodes.Select(node =>
            $"\n#line {fenceLine + 1 + block.GetLineSpan(node.FullSpan).StartLinePosition.Line} \"{page}\"\n{node.ToFullString()}"));
        string source = $$"""
            using Okapi;
            using Okapi.Server;
            {{Part(unit.Usings)}}
            #line hidden
            static class Block
            {
            {{Given}}
            static async Task RunAsync()
            {
            {{Part(unit.Members.OfType<GlobalStatementSyntax>())}}
            #line hidden
            }
            }
            {{Part(unit.Members.Where(member => member is not GlobalStatementSyntax))}}
            """;
        // In a page a type may come first: it is for reading.
        IEnumerable<Diagnostic> syntax = block.GetDiagnostics().Where(each => each.Id != "CS8803");
        IEnumerable<Diagnostic> meaning = syntax.Any() ? [] : Roslyn.Compile([Roslyn.Parse(source, "block.cs")], "Block", Roslyn.ReferencesWithout()).GetDiagnostics();
        return
        [
            .. syntax.Select(each => Finding(each, each.Location.GetLineSpan().StartLinePosition.Line + fenceLine + 1)),
            .. meaning.Where(each => each.Severity >= DiagnosticSeverity.Warning && !Forgiven.Contains(each.Id)).Select(each => Finding(each, each.Location.GetMappedLineSpan().StartLinePosition.Line + 1)),
        ];

        string Finding(Diagnostic each, int line) => $"{page}:{line}: {each.Id} {each.GetMessage(null)}";
    }

    private static IEnumerable<string> FindDeadLinks(string page, string text)
    {
        string prose = CodePattern().Replace(text, match => new string('\n', match.Value.Count(c => c == '\n')));
        foreach (Match link in LinkPattern().Matches(prose))
        {
            string target = link.Groups["target"].Value;
            if (target.Contains("://", StringComparison.Ordinal) || target.StartsWith("mailto:", StringComparison.Ordinal)) continue;
            string[] parts = target.Split('#', 2);
            string file = parts[0].Length == 0 ? page : Path.GetRelativePath(Repository.Root, Path.Combine(Repository.Root, Path.GetDirectoryName(page)!, parts[0])).Replace('\\', '/');
            bool isThere = file == page || File.Exists(Repository.FullPath(file)) || Directory.Exists(Repository.FullPath(file));
            if (isThere && parts.Length == 2 && file.EndsWith(".md", StringComparison.Ordinal))
                isThere = Headings(file == page ? text : Repository.Read(file)).Contains(parts[1]);
            if (!isThere) yield return $"{page}:{LineOf(prose, link.Index)}: {target}";
        }
    }

    /// <summary>Names in code in the second column of a table that stand neither in the public API nor among the framework's that belong here.</summary>
    private static IEnumerable<string> FindUnknownNames(string page, string text)
    {
        HashSet<string> known =
        [
            "CancellationToken", "TimeSpan", "DateTimeOffset", "SequenceEqual", "LogLevel", "ArgumentException", "OperationCanceledException", "ToString",
            .. new[] { "Okapi.Protocol", "Okapi.Client" }.SelectMany(assembly => NamePattern().Matches(Repository.Read($"docs/api/{assembly}.txt"))).Select(match => match.Value),
        ];
        foreach ((int index, string line) in text.Split('\n').Index())
        {
            string[] cells = line.Split('|');
            if (cells.Length < 4) continue;
            foreach (Match code in CodePattern().Matches(cells[2]))
                foreach (Match name in NamePattern().Matches(code.Value))
                    if (!known.Contains(name.Value)) yield return $"{page}:{index + 1}: {name.Value}";
        }
    }

    /// <summary>Headings as links name them: lower case, blanks as hyphens, other marks left out.</summary>
    private static IEnumerable<string> Headings(string text) => HeadingPattern().Matches(text)
        .Select(match => string.Concat(match.Groups["title"].Value.Trim().ToLowerInvariant().Where(c => char.IsLetterOrDigit(c) || c is ' ' or '-' or '_')).Replace(' ', '-'));

    [GeneratedRegex(@"^[ ]*```(csharp|cs|c#)[^\n]*\n(?<code>.*?)^[ ]*```", RegexOptions.Multiline | RegexOptions.Singleline | RegexOptions.IgnoreCase)]
    private static partial Regex BlockPattern();

    [GeneratedRegex(@"^[ ]*```.*?^[ ]*```|`[^`\n]*`", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CodePattern();

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)[^)]*\)")]
    private static partial Regex LinkPattern();

    [GeneratedRegex(@"\b[A-Z]\w+")]
    private static partial Regex NamePattern();

    [GeneratedRegex(@"^#{1,6} (?<title>.+)$", RegexOptions.Multiline)]
    private static partial Regex HeadingPattern();
}
