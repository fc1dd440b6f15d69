using System.Text.Json;

namespace Okapi.State.Json;

/// <summary>
/// Writes what an update made into a document, and leaves alone what the updater's type does not know: the difference between the type's own view of the document before and after the update is what is written.
/// </summary>
/// <remarks>
/// What the type does not know is in neither view, so it stays; a property that the type knows and has set to null or left out is in the first view, so it goes. Within arrays an element that is equal in both
/// views is the same element, wherever it has moved to, and keeps what it has; one that changed in place in an array of the same length keeps it as well; others are new.
/// </remarks>
/// <param name="names">How names are compared; a type that reads them whatever their case does not add a second one.</param>
internal sealed class JsonMerge(StringComparer names)
{
    /// <summary>Writes the merged document.</summary>
    /// <param name="stored">The document.</param>
    /// <param name="before">What the type makes of it.</param>
    /// <param name="after">What the update has made of that.</param>
    /// <param name="writer">Where it goes.</param>
    public void Write(JsonElement stored, JsonElement before, JsonElement after, Utf8JsonWriter writer)
    {
        if (JsonElement.DeepEquals(before, after)) stored.WriteTo(writer);
        else if (AreAll(JsonValueKind.Object, stored, before, after)) WriteObject(stored, before, after, writer);
        else if (AreAll(JsonValueKind.Array, stored, before, after) && stored.GetArrayLength() == before.GetArrayLength()) WriteArray(stored, before, after, writer);
        else after.WriteTo(writer);
    }

    private static bool AreAll(JsonValueKind kind, JsonElement stored, JsonElement before, JsonElement after) =>
        stored.ValueKind == kind && before.ValueKind == kind && after.ValueKind == kind;

    private void WriteObject(JsonElement stored, JsonElement before, JsonElement after, Utf8JsonWriter writer)
    {
        Dictionary<string, JsonElement> old = ByName(before), made = ByName(after);
        var written = new HashSet<string>(names);
        writer.WriteStartObject();
        foreach (JsonProperty there in stored.EnumerateObject())
        {
            written.Add(there.Name);
            if (made.TryGetValue(there.Name, out JsonElement now))
            {
                writer.WritePropertyName(there.Name);
                if (old.TryGetValue(there.Name, out JsonElement then)) Write(there.Value, then, now, writer);
                else now.WriteTo(writer);
            }
            else if (!old.ContainsKey(there.Name))
            {
                there.WriteTo(writer); // not of this type
            }
        }

        foreach (JsonProperty now in after.EnumerateObject())
        {
            // What is the same before and after and is not stored is a default of this type; the update has not set it.
            if (written.Contains(now.Name) || (old.TryGetValue(now.Name, out JsonElement then) && JsonElement.DeepEquals(then, now.Value))) continue;
            now.WriteTo(writer);
        }

        writer.WriteEndObject();
    }

    private void WriteArray(JsonElement stored, JsonElement before, JsonElement after, Utf8JsonWriter writer)
    {
        JsonElement[] there = [.. stored.EnumerateArray()], old = [.. before.EnumerateArray()], made = [.. after.EnumerateArray()];
        int[] origins = FindOrigins(old, made);
        writer.WriteStartArray();
        for (int i = 0; i < made.Length; i++)
        {
            if (origins[i] is >= 0 and int origin) Write(there[origin], old[origin], made[i], writer);
            else made[i].WriteTo(writer);
        }

        writer.WriteEndArray();
    }

    /// <returns>For each new element the index of the old one that it comes from; -1: none.</returns>
    private static int[] FindOrigins(JsonElement[] old, JsonElement[] made)
    {
        var origins = new int[made.Length];
        Array.Fill(origins, -1);
        int common = Math.Min(old.Length, made.Length);
        for (int i = 0; i < common; i++)
            if (JsonElement.DeepEquals(old[i], made[i])) origins[i] = i;

        // Both views are of one serializer, so what is equal is written alike.
        HashSet<int> taken = [.. origins];
        Dictionary<string, Queue<int>> left = Enumerable.Range(0, old.Length).Where(i => !taken.Contains(i)).GroupBy(i => old[i].GetRawText(), StringComparer.Ordinal).ToDictionary(same => same.Key, same => new Queue<int>(same), StringComparer.Ordinal);
        for (int i = 0; i < made.Length; i++)
            if (origins[i] < 0 && left.TryGetValue(made[i].GetRawText(), out Queue<int>? same) && same.TryDequeue(out int moved)) origins[i] = moved;

        taken = [.. origins];
        for (int i = 0; old.Length == made.Length && i < common; i++)
            if (origins[i] < 0 && !taken.Contains(i)) origins[i] = i;
        return origins;
    }

    private Dictionary<string, JsonElement> ByName(JsonElement members)
    {
        var byName = new Dictionary<string, JsonElement>(names);
        foreach (JsonProperty each in members.EnumerateObject()) byName[each.Name] = each.Value;
        return byName;
    }
}
