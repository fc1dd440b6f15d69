using System.Text.Json.Serialization;

namespace Okapi.State.Tests;

public sealed record Agents(IReadOnlyList<string> Globs);

public sealed record Tally(int Count, Dictionary<string, int> By)
{
    public static Tally Zero => new(0, []);

    public Tally Plus(string who) => new(Count + 1, new(By) { [who] = By.GetValueOrDefault(who) + 1 });
}

/// <summary>What an older version of an application knows.</summary>
public sealed record ShopV1(string Name, AddressV1? Address, IReadOnlyList<ItemV1> Items)
{
    public string? Motto { get; init; }

    public int Floor { get; init; } = 3;
}

public sealed record AddressV1(string Street);

public sealed record ItemV1(string Sku, int Price);

public sealed class Mutable
{
    public int Count { get; set; }
}

public sealed record Picky
{
    public Picky(int count) => Count = count >= 0 ? count : throw new ArgumentOutOfRangeException(nameof(count));

    public int Count { get; }
}

[JsonSerializable(typeof(Agents))]
[JsonSerializable(typeof(Tally))]
[JsonSerializable(typeof(ShopV1))]
[JsonSerializable(typeof(Mutable))]
[JsonSerializable(typeof(Picky))]
[JsonSerializable(typeof(HashSet<string>))]
[JsonSerializable(typeof(Dictionary<string, ItemV1>))]
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class Json : JsonSerializerContext;

[JsonSerializable(typeof(Agents))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, PropertyNameCaseInsensitive = true)]
internal sealed partial class CamelJson : JsonSerializerContext;
