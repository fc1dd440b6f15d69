using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Okapi.State.Json;

namespace Okapi.State.Tests;

public sealed class JsonMergeTests
{
    private const string Shop = """
        {"Name":"a","Since":1999,"Address":{"Street":"s","City":"c"},"Items":[{"Sku":"x","Price":1,"Tax":0.1},{"Sku":"y","Price":2,"Tax":0.2}],"Motto":"m","Newer":{"deep":[1]}}
        """;

    private static readonly Json s_json = Json.Default;

    [Fact]
    public void What_the_type_does_not_know_survives_at_every_depth() => MergesTo(
        Shop,
        shop => shop with { Name = "b", Address = shop.Address! with { Street = "t" } },
        """{"Name":"b","Since":1999,"Address":{"Street":"t","City":"c"},"Items":[{"Sku":"x","Price":1,"Tax":0.1},{"Sku":"y","Price":2,"Tax":0.2}],"Motto":"m","Newer":{"deep":[1]}}""");

    [Fact]
    public void What_the_type_knows_and_has_set_to_null_goes() => MergesTo(
        Shop,
        shop => shop with { Motto = null, Address = null },
        """{"Name":"a","Since":1999,"Items":[{"Sku":"x","Price":1,"Tax":0.1},{"Sku":"y","Price":2,"Tax":0.2}],"Newer":{"deep":[1]}}""");

    [Fact]
    public void A_default_that_is_not_stored_is_not_written_until_it_is_set()
    {
        MergesTo("""{"Name":"a","Items":[]}""", shop => shop with { Name = "b" }, """{"Name":"b","Items":[]}""");
        MergesTo("""{"Name":"a","Items":[]}""", shop => shop with { Floor = 4 }, """{"Name":"a","Items":[],"Floor":4}""");
    }

    [Fact]
    public void Elements_of_a_list_keep_what_they_have_wherever_they_move() => MergesTo(
        Shop,
        shop => shop with { Items = [new("z", 3), .. shop.Items.Reverse()] },
        """{"Name":"a","Since":1999,"Address":{"Street":"s","City":"c"},"Items":[{"Sku":"z","Price":3},{"Sku":"y","Price":2,"Tax":0.2},{"Sku":"x","Price":1,"Tax":0.1}],"Motto":"m","Newer":{"deep":[1]}}""");

    [Fact]
    public void An_element_that_changes_in_place_keeps_what_it_has() => MergesTo(
        Shop,
        shop => shop with { Items = [shop.Items[0], shop.Items[1] with { Price = 9 }] },
        """{"Name":"a","Since":1999,"Address":{"Street":"s","City":"c"},"Items":[{"Sku":"x","Price":1,"Tax":0.1},{"Sku":"y","Price":9,"Tax":0.2}],"Motto":"m","Newer":{"deep":[1]}}""");

    [Fact]
    public void Keys_of_a_dictionary_are_the_types_own_and_their_values_keep_what_they_have() => MergesTo(
        """{"x":{"Sku":"x","Price":1,"Tax":1},"y":{"Sku":"y","Price":2}}""",
        s_json.DictionaryStringItemV1,
        items => new() { ["x"] = items["x"] with { Price = 5 }, ["z"] = new("z", 3) },
        """{"x":{"Sku":"x","Price":5,"Tax":1},"z":{"Sku":"z","Price":3}}""");

    [Fact]
    public void Where_the_type_reads_names_whatever_their_case_no_second_one_is_added() => MergesTo(
        """{"Globs":["a"],"More":1}""",
        CamelJson.Default.Agents,
        agents => new([.. agents.Globs, "b"]),
        """{"Globs":["a","b"],"More":1}""");

    [Fact]
    public void A_set_is_written_as_the_update_made_it() => MergesTo(
        """["a","a","b"]""",
        s_json.HashSetString,
        set => [.. set.Where(each => each != "a"), "c"],
        """["b","c"]""");

    [Fact]
    public void What_was_merged_is_read_as_what_the_update_made()
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        for (int i = 0; i < 2_000; i++)
        {
            // A view of a document: some names are not of it.
            var stored = RandomJson.Object(random, 3);
            var before = (JsonObject)stored.DeepClone();
            string unknown = new[] { "a", "b", "c" }[random.Next(3)];
            JsonNode? lost = stored[unknown]?.DeepClone();
            before.Remove(unknown);
            var after = RandomJson.Mutate(before.DeepClone(), random) as JsonObject ?? [];
            after.Remove(unknown);
            JsonElement merged = Merged(stored, before, after);
            JsonObject view = JsonObject.Create(merged)!;
            string about = $"seed {seed}, round {i}: {stored.ToJsonString()}, {before.ToJsonString()} -> {after.ToJsonString()}: {merged}";
            if (stored.ContainsKey(unknown)) Assert.True(JsonNode.DeepEquals(lost, view[unknown]), about);
            view.Remove(unknown);
            Assert.True(JsonNode.DeepEquals(after, view), about);
        }
    }

    private static JsonElement Merged(JsonNode stored, JsonNode before, JsonNode after)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
            new JsonMerge(StringComparer.Ordinal).Write(JsonDifferenceTests.Element(stored), JsonDifferenceTests.Element(before), JsonDifferenceTests.Element(after), writer);
        return JsonElement.Parse(stream.ToArray());
    }

    private static void MergesTo(string stored, Func<ShopV1, ShopV1> change, string expected) => MergesTo(stored, s_json.ShopV1, change, expected);

    private static void MergesTo<T>(string stored, JsonTypeInfo<T> type, Func<T, T> change, string expected)
        where T : notnull
    {
        var format = new PayloadFormat<T>(Paths(), type, 0xfffff);
        JsonElement document = JsonElement.Parse(stored);
        T value = format.Read(document, 0, 1, 1).Value;
        JsonElement merged = format.Merge(document, format.Write(value), format.Write(change(value)));
        Assert.Equal(expected, merged.GetRawText());
    }

    private static StatePaths Paths() => new(chroot: string.Empty, "/s", "id");
}
