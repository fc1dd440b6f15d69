using System.Globalization;
using System.Reflection;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>The table and the tests go together.</summary>
public class RowCoverageTests
{
    private const int RowCount = 124;

    /// <summary>Rows that no conversation with a server can show, and why.</summary>
    private static readonly Dictionary<string, string> s_notOnTheWire = new()
    {
        ["B57"] = "a version wraps after 2^31 writes to one znode",
    };

    [Fact]
    public void Every_row_has_a_test_or_a_reason_why_not()
    {
        string[] asserted = [.. Methods().SelectMany(method => method.GetCustomAttribute<RowAttribute>()!.Rows).Distinct()];
        string[] wanted = [.. Enumerable.Range(1, RowCount).Select(number => string.Create(CultureInfo.InvariantCulture, $"B{number}"))];
        Assert.Equal([], asserted.Except(wanted));
        Assert.Equal([], wanted.Except(asserted).Except(s_notOnTheWire.Keys));
        Assert.Equal([], asserted.Intersect(s_notOnTheWire.Keys));
    }

    [Fact]
    public void A_test_of_a_row_has_the_rows_of_its_name()
    {
        foreach (MethodInfo method in Methods())
        {
            string[] named = [.. method.Name.Split('_').TakeWhile(part => part is ['B', _, ..] && part[1..].All(char.IsAsciiDigit))];
            Assert.Equal((IEnumerable<string>)named, method.GetCustomAttribute<RowAttribute>()!.Rows);
        }
    }

    [Fact]
    public void Every_class_of_rows_is_put_to_the_test_on_Apaches_server()
    {
        Type[] rows = [.. typeof(RowTest).Assembly.GetTypes().Where(type => type.IsAbstract && type.IsSubclassOf(typeof(RowTest)))];
        Assert.NotEmpty(rows);
        Assert.All(rows, type => Assert.NotNull(type.GetNestedType("OnApache")));
    }

    private static IEnumerable<MethodInfo> Methods() => typeof(RowTest).Assembly.GetTypes()
        .Where(type => type.IsAbstract && type.IsSubclassOf(typeof(RowTest)))
        .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
        .Where(method => method.IsDefined(typeof(RowAttribute), inherit: false));
}
