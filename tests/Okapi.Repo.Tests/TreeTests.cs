using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Okapi.Repo.Tests;

/// <summary>Rules that hold for every file.</summary>
public partial class TreeTests
{
    private static readonly string[] TextFiles = [".cs", ".csproj", ".props", ".targets", ".slnx", ".json", ".md", ".txt", ".yml", ".yaml", ".sh", ".config", ""];

    [Fact]
    public void No_file_holds_what_belongs_to_one_machine_or_to_later() =>
        Repository.AssertNone(Texts().SelectMany(file => FindBanned(file, Repository.Read(file))), "Paths of one machine, hosts of package registries and reminders do not belong in the tree.");

    [Theory]
    [InlineData("see /w" + "ork/x/y", true)]
    [InlineData("/ho" + "me/ann/okapi", true)]
    [InlineData(@"C:\Us" + @"ers\ann", true)]
    [InlineData("https://api.nu" + "get.org/v3/index.json", true)]
    [InlineData("// TO" + "DO: later", true)]
    [InlineData("the work/life balance of /app/home, and todo lists", false)]
    public void What_is_banned_is_found(string line, bool isBanned) => Assert.Equal(isBanned, FindBanned("file", line).Any());

    [Fact]
    public void No_summary_is_empty() =>
        Repository.AssertNone(
            Repository.Files.Where(file => file.EndsWith(".cs", StringComparison.Ordinal)).Where(file => EmptySummaryPattern().IsMatch(Repository.Read(file))),
            "An empty <summary> is worse than none.");

    [Fact]
    public void Every_project_is_in_the_solution_and_has_its_lock_file()
    {
        string[] projects = [.. Repository.FilesBelow(string.Empty, ".csproj")];
        IEnumerable<string> listed = XDocument.Load(Repository.FullPath("Okapi.slnx")).Descendants("Project").Select(each => each.Attribute("Path")!.Value);
        IEnumerable<string> unlocked = projects.Where(file => !Repository.Files.Contains(file[..(file.LastIndexOf('/') + 1)] + "packages.lock.json"));
        Repository.AssertNone([.. projects.Except(listed).Select(file => $"{file} is not in Okapi.slnx"), .. unlocked.Select(file => $"{file} has no packages.lock.json")], "What is not in the solution is not built or tested.");
    }

    [Fact]
    public void Scripts_can_be_executed()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Windows has no mark for files that can be executed.");
            return;
        }

        var findings = new List<string>();
        foreach (string file in Texts().Where(file => Repository.Read(file).StartsWith("#!", StringComparison.Ordinal)))
        {
            if ((File.GetUnixFileMode(Repository.FullPath(file)) & UnixFileMode.UserExecute) == 0) findings.Add(file);
        }

        Repository.AssertNone(findings, "A script is not marked as executable.");
    }

    private static IEnumerable<string> Texts() => Repository.Files.Where(file => TextFiles.Contains(Path.GetExtension(file)) || Path.GetFileName(file)[0] == '.');

    private static IEnumerable<string> FindBanned(string file, string text) =>
        text.Split('\n').Index().Where(line => BannedPattern().IsMatch(line.Item)).Select(line => $"{file}:{line.Index + 1}: {line.Item.Trim()}");

    // Written with classes of one letter, so that the rule does not find itself.
    [GeneratedRegex(@"(?<![\w.:])/(w[o]rk|f[a]rm|h[o]me/\w+|U[s]ers/\w+)/|[A-Z]:\\U[s]ers\\|\b(T[O]DO|F[I]XME)\b|\b(api\.nu[g]et\.org|index\.crates\.i[o]|registry\.npmjs\.o[r]g|proxy\.golang\.o[r]g|files\.pythonhosted\.o[r]g|repo\d?\.maven\.[\w.]+)")]
    private static partial Regex BannedPattern();

    [GeneratedRegex(@"<summary>[\s/]*</summary>")]
    private static partial Regex EmptySummaryPattern();
}
