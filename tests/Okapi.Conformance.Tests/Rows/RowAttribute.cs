using Xunit.v3;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>Names the rows of the conformance table that a test asserts. They are traits as well: <c>--filter-trait Row=B36</c>.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RowAttribute(params string[] rows) : Attribute, ITraitAttribute
{
    public IReadOnlyList<string> Rows { get; } = rows;

    public IReadOnlyCollection<KeyValuePair<string, string>> GetTraits() => [.. Rows.Select(row => KeyValuePair.Create("Row", row))];
}
