using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Okapi.State;

/// <summary>
/// The difference between two JSON documents, as changes by JSON Pointer. Objects are compared by name, arrays by index; whatever changes its kind (an object that becomes a string) is modified as a whole.
/// Numbers are equal if their values are: 1.0 is 1. No name may come twice in one object.
/// </summary>
public static class JsonDifference
{
    /// <summary>Compares two documents.</summary>
    /// <param name="old">The old one.</param>
    /// <param name="new">The new one.</param>
    /// <returns>What makes the old one the new one when it is applied in order; empty if they are equal.</returns>
    public static IReadOnlyList<StateChange> Between(JsonElement old, JsonElement @new)
    {
        var changes = new List<StateChange>();
        Compare(string.Empty, old, @new, changes);
        return changes;
    }

    /// <summary>Applies changes in order.</summary>
    /// <param name="document">The document; changed in place, but for its root.</param>
    /// <param name="changes">The changes.</param>
    /// <returns>The document.</returns>
    /// <exception cref="ArgumentException">A change does not fit the document.</exception>
    public static JsonNode? Apply(JsonNode? document, IEnumerable<StateChange> changes)
    {
        ArgumentNullException.ThrowIfNull(changes);
        foreach (StateChange change in changes)
        {
            if (change.Pointer.Length == 0) document = ToNode(change.New);
            else Apply(document, change);
        }

        return document;
    }

    private static void Compare(string pointer, JsonElement old, JsonElement @new, List<StateChange> changes)
    {
        if (old.ValueKind == JsonValueKind.Object && @new.ValueKind == JsonValueKind.Object) CompareObjects(pointer, old, @new, changes);
        else if (old.ValueKind == JsonValueKind.Array && @new.ValueKind == JsonValueKind.Array) CompareArrays(pointer, old, @new, changes);
        else if (!JsonElement.DeepEquals(old, @new)) changes.Add(new(StateChangeKind.Modified, pointer, old, @new));
    }

    private static void CompareObjects(string pointer, JsonElement old, JsonElement @new, List<StateChange> changes)
    {
        Dictionary<string, JsonElement> left = @new.EnumerateObject().ToDictionary(each => each.Name, each => each.Value, StringComparer.Ordinal);
        foreach (JsonProperty before in old.EnumerateObject())
        {
            string at = Append(pointer, before.Name);
            if (left.Remove(before.Name, out JsonElement after)) Compare(at, before.Value, after, changes);
            else changes.Add(new(StateChangeKind.Removed, at, before.Value, null));
        }

        foreach (JsonProperty after in @new.EnumerateObject())
            if (left.ContainsKey(after.Name)) changes.Add(new(StateChangeKind.Added, Append(pointer, after.Name), null, after.Value));
    }

    private static void CompareArrays(string pointer, JsonElement old, JsonElement @new, List<StateChange> changes)
    {
        JsonElement[] before = [.. old.EnumerateArray()], after = [.. @new.EnumerateArray()];
        int common = Math.Min(before.Length, after.Length);
        for (int i = 0; i < common; i++) Compare(Append(pointer, i), before[i], after[i], changes);
        // From the end, so that each index is right when its turn comes.
        for (int i = before.Length - 1; i >= common; i--) changes.Add(new(StateChangeKind.Removed, Append(pointer, i), before[i], null));
        for (int i = common; i < after.Length; i++) changes.Add(new(StateChangeKind.Added, Append(pointer, i), null, after[i]));
    }

    private static string Append(string pointer, int index) => string.Create(CultureInfo.InvariantCulture, $"{pointer}/{index}");

    private static string Append(string pointer, string name) =>
        $"{pointer}/{name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";

    private static void Apply(JsonNode? document, StateChange change)
    {
        string[] steps = [.. change.Pointer.Split('/').Skip(1).Select(step => step.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal))];
        JsonNode? parent = document;
        foreach (string step in steps.AsSpan(0, steps.Length - 1)) parent = Find(parent, step, change);
        string last = steps[^1];
        switch (parent)
        {
            case JsonObject members when change.Kind == StateChangeKind.Removed:
                if (!members.Remove(last)) throw DoesNotFit(change);
                break;
            case JsonObject members:
                members[last] = ToNode(change.New);
                break;
            case JsonArray elements when int.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out int index) && index < elements.Count + (change.Kind == StateChangeKind.Added ? 1 : 0):
                if (change.Kind == StateChangeKind.Removed) elements.RemoveAt(index);
                else if (change.Kind == StateChangeKind.Added) elements.Insert(index, ToNode(change.New));
                else elements[index] = ToNode(change.New);
                break;
            default:
                throw DoesNotFit(change);
        }
    }

    private static JsonNode? Find(JsonNode? parent, string step, StateChange change) => parent switch
    {
        JsonObject members when members.TryGetPropertyValue(step, out JsonNode? found) => found,
        JsonArray elements when int.TryParse(step, NumberStyles.None, CultureInfo.InvariantCulture, out int index) && index < elements.Count => elements[index],
        _ => throw DoesNotFit(change),
    };

    private static ArgumentException DoesNotFit(StateChange change) => new($"The document has no place for the change \"{change.Kind} {change.Pointer}\".", nameof(change));

    private static JsonNode? ToNode(JsonElement? element) => element switch
    {
        null or { ValueKind: JsonValueKind.Null or JsonValueKind.Undefined } => null,
        { ValueKind: JsonValueKind.Object } members => JsonObject.Create(members),
        { ValueKind: JsonValueKind.Array } elements => JsonArray.Create(elements),
        { } value => JsonValue.Create(value),
    };
}
