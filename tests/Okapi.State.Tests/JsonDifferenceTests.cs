using System.Text.Json;
using System.Text.Json.Nodes;

namespace Okapi.State.Tests;

public sealed class JsonDifferenceTests
{
    [Theory]
    [InlineData("""{"a":1}""", """{"a":1.0}""", "")]
    [InlineData("""{"a":1,"b":2}""", """{"b":2,"a":1}""", "")]
    [InlineData("""{"a":1}""", """{"a":2}""", "Modified /a: 1 -> 2")]
    [InlineData("""{"a":1}""", """{"b":1}""", "Removed /a: 1|Added /b: 1")]
    [InlineData("""{"a":null}""", """{}""", "Removed /a: ")]
    [InlineData("""{"a":{"b":[1,{"c":true}]}}""", """{"a":{"b":[1,{"c":false}]}}""", "Modified /a/b/1/c: True -> False")]
    [InlineData("""[1,2,3]""", """[1]""", "Removed /2: 3|Removed /1: 2")]
    [InlineData("""[1]""", """[0,1,2]""", "Modified /0: 1 -> 0|Added /1: 1|Added /2: 2")]
    [InlineData("""{"a":[]}""", """{"a":{}}""", "Modified /a: [] -> {}")]
    [InlineData("""{"a/b~c":1,"":2}""", """{"a/b~c":2,"":3}""", "Modified /a~1b~0c: 1 -> 2|Modified /: 2 -> 3")]
    [InlineData("1", "2", "Modified : 1 -> 2")]
    public void Differences_are_told_by_pointer(string old, string @new, string expected) =>
        Assert.Equal(expected, string.Join('|', JsonDifference.Between(JsonElement.Parse(old), JsonElement.Parse(@new))));

    [Fact]
    public void The_old_document_with_the_changes_applied_is_the_new_one()
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        for (int i = 0; i < 3_000; i++)
        {
            JsonNode? old = RandomJson.Node(random);
            JsonNode? @new = random.Next(4) == 0 ? RandomJson.Node(random) : RandomJson.Mutate(old?.DeepClone(), random);
            IReadOnlyList<StateChange> changes = JsonDifference.Between(Element(old), Element(@new));
            string about = $"seed {seed}, round {i}: {Text(old)} -> {Text(@new)}: {string.Join(", ", changes)}";
            Assert.True(JsonNode.DeepEquals(@new, JsonDifference.Apply(old, changes)), about);
            Assert.True(changes.All(change => change is not { Old: { } before, New: { } after } || !JsonElement.DeepEquals(before, after)), about);
            Assert.Equal(changes.Count, changes.Select(change => change.Pointer).Distinct().Count());
        }
    }

    [Theory]
    [InlineData("/a/b")]
    [InlineData("/9")]
    [InlineData("/x")]
    public void A_change_that_does_not_fit_is_refused(string pointer) =>
        Assert.Throws<ArgumentException>(() => JsonDifference.Apply(JsonNode.Parse("[1]"), [new(StateChangeKind.Modified, pointer, null, JsonElement.Parse("1"))]));

    internal static JsonElement Element(JsonNode? node) => JsonElement.Parse(Text(node));

    private static string Text(JsonNode? node) => node?.ToJsonString() ?? "null";
}

/// <summary>Documents by chance.</summary>
internal static class RandomJson
{
    private static readonly string[] s_names = ["a", "b", "c", "/", "~", "~1", "", "0"];

    public static JsonNode? Node(Random random, int depth = 3) => random.Next(depth > 0 ? 8 : 5) switch
    {
        0 => null,
        1 => JsonValue.Create(random.Next(3)),
        2 => JsonValue.Create(random.Next(2) == 0),
        3 => JsonValue.Create(s_names[random.Next(s_names.Length)]),
        4 => JsonValue.Create(random.Next(3) / 2.0),
        5 => Array(random, depth),
        _ => Object(random, depth),
    };

    public static JsonNode? Mutate(JsonNode? node, Random random)
    {
        switch (node)
        {
            case JsonObject members when random.Next(6) > 0:
                foreach (string name in members.Select(each => each.Key).ToArray())
                {
                    if (random.Next(4) > 0) continue;
                    JsonNode? value = members[name];
                    members.Remove(name);
                    if (random.Next(3) > 0) members[name] = Mutate(value, random);
                }

                if (random.Next(3) == 0) members[s_names[random.Next(s_names.Length)]] = Node(random, 1);
                return members;
            case JsonArray elements when random.Next(6) > 0:
                if (elements.Count > 0 && random.Next(3) == 0) elements.RemoveAt(random.Next(elements.Count));
                if (random.Next(3) == 0) elements.Insert(random.Next(elements.Count + 1), Node(random, 1));
                return elements;
            default:
                return Node(random, 2);
        }
    }

    public static JsonObject Object(Random random, int depth)
    {
        var made = new JsonObject();
        for (int i = random.Next(4); i > 0; i--) made[s_names[random.Next(s_names.Length)]] = Node(random, depth - 1);
        return made;
    }

    private static JsonArray Array(Random random, int depth)
    {
        var made = new JsonArray();
        for (int i = random.Next(4); i > 0; i--) made.Add(Node(random, depth - 1));
        return made;
    }
}
