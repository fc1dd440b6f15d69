using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Okapi.Conformance.Tests.Rows;
using Okapi.Conformance.Tests.Scripts;

namespace Okapi.Conformance.Tests;

/// <summary>docs/conformance.md says what the tests are.</summary>
public partial class ConformancePageTests
{
    private const string UpdateVariable = "OKAPI_UPDATE_CONFORMANCE";
    private const int RowCount = 124;

    [Fact]
    public void The_table_has_every_row_and_says_where_and_by_what_it_is_asserted()
    {
        string text = File.ReadAllText(Page);
        if (Environment.GetEnvironmentVariable(UpdateVariable) == "1")
        {
            text = RowPattern().Replace(text, match => Line(match.Groups["row"].Value, match.Groups["fact"].Value));
            File.WriteAllText(Page, text);
        }

        Match[] lines = RowPattern().Matches(text).ToArray();
        Assert.Equal(Enumerable.Range(1, RowCount).Select(number => string.Create(CultureInfo.InvariantCulture, $"B{number}")), lines.Select(line => line.Groups["row"].Value));
        // To mend it, run this test with OKAPI_UPDATE_CONFORMANCE=1.
        Assert.All(lines, line => Assert.Equal(Line(line.Groups["row"].Value, line.Groups["fact"].Value), line.Value));
        Assert.All(lines, line => Assert.NotEmpty(line.Groups["fact"].Value.Trim()));
    }

    [Fact]
    public void Every_difference_that_scripts_allow_is_on_the_page()
    {
        string text = File.ReadAllText(Page);
        Assert.All(KnownDifferences.All, difference => Assert.Contains($"\n- {difference.Why}\n", text));
    }

    [Fact]
    public void Every_class_of_client_tests_is_put_to_both_servers()
    {
        Type[] classes = [.. typeof(Servers).Assembly.GetTypes().Where(type => type.IsAbstract && type.GetConstructors(BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.Instance)
            .Any(constructor => constructor.GetParameters() is [{ } only] && only.ParameterType == typeof(Servers)))];
        Assert.NotEmpty(classes);
        Assert.All(classes, type => Assert.True(type.GetNestedType("OnApache") is not null && type.GetNestedType("OnEmbedded") is not null, type.Name));
    }

    private static string Page
    {
        get
        {
            DirectoryInfo? folder = new(AppContext.BaseDirectory);
            while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Okapi.slnx"))) folder = folder.Parent;
            return Path.Combine(Assert.IsType<DirectoryInfo>(folder).FullName, "docs", "conformance.md");
        }
    }

    /// <summary>A row's line as the tests have it.</summary>
    private static string Line(string row, string fact)
    {
        Type[] classes = [.. typeof(RowTest).Assembly.GetTypes()
            .Where(type => type.IsAbstract && type.GetMethods().Any(method => method.GetCustomAttribute<RowAttribute>()?.Rows.Contains(row) == true))
            .OrderBy(type => type.Name, StringComparer.Ordinal)];
        string asserted = string.Join(", ", classes.Select(type => $"`{type.Name}`"));
        return $"| {row} | {fact} | {asserted} | {Runs("OnApache")} | {Runs("OnEmbedded")} | {Runs("OnEmbedded39")} |";

        string Runs(string on) => classes.Any(type => type.GetNestedType(on) is not null) ? "yes" : "no";
    }

    [GeneratedRegex(@"^\| (?<row>B\d+) \| (?<fact>[^|]*) \|[^|\n]*\|[^|\n]*\|[^|\n]*\|[^|\n]*\|$", RegexOptions.Multiline)]
    private static partial Regex RowPattern();
}
