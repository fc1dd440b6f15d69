namespace Okapi.Recipes.Partitioning;

/// <summary>Items as names of znodes: as they are where they can be, as in kazoo, else with escapes.</summary>
internal static class ItemNames
{
    public static string ToNode(string item)
    {
        // The escape character itself is escaped, so that no two items share a name.
        bool isName = !item.Contains('/', StringComparison.Ordinal) && !item.Contains('%', StringComparison.Ordinal) && ZnodePath.FindFault("/" + item) is null;
        return isName ? item : Uri.EscapeDataString(item).Replace(".", "%2E", StringComparison.Ordinal);
    }
}
