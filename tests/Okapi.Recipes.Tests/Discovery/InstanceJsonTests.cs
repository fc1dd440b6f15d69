using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Okapi.Recipes.Discovery;

namespace Okapi.Recipes.Tests.Discovery;

public sealed record Details(string Note, int Weight);

[JsonSerializable(typeof(Details))]
[JsonSerializable(typeof(string))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
public sealed partial class DetailsContext : JsonSerializerContext;

/// <summary>The JSON of instances. The texts are what Curator 5.4's JsonInstanceSerializer has written.</summary>
public sealed class InstanceJsonTests
{
    private const string WithUri = """{"name":"orders","id":"id-1","address":"10.0.0.1","port":8080,"sslPort":null,"payload":null,"registrationTimeUTC":1325129459728,"serviceType":"DYNAMIC","uriSpec":{"parts":[{"value":"scheme","variable":true},{"value":"://","variable":false},{"value":"address","variable":true},{"value":":","variable":false},{"value":"port","variable":true},{"value":"/x","variable":false},{"value":"[","variable":true},{"value":"name","variable":true},{"value":"]","variable":true}]}}""";
    private const string WithText = """{"name":"orders","id":"id-1","address":null,"port":null,"sslPort":8443,"payload":"text","registrationTimeUTC":0,"serviceType":"PERMANENT","uriSpec":null}""";
    private const string WithObject = """{"name":"orders","id":"id-1","address":null,"port":null,"sslPort":8443,"payload":{"@class":"CurJson$Details","note":"n","weight":3},"registrationTimeUTC":0,"serviceType":"PERMANENT","uriSpec":null,"enabled":false}""";
    private const string WithList = """{"name":"orders","id":"id-1","address":null,"port":null,"sslPort":8443,"payload":["java.util.ArrayList",[1,"b"]],"registrationTimeUTC":0,"serviceType":"PERMANENT","uriSpec":null}""";
    private const string WithUnknown = """{"name":"orders","id":"id-1","address":null,"port":null,"sslPort":null,"payload":null,"registrationTimeUTC":0,"serviceType":"DYNAMIC","uriSpec":null,"zone":{"a":[1]},"weight":2}""";

    [Theory]
    [InlineData(WithUri)]
    [InlineData(WithText)]
    [InlineData(WithObject)]
    [InlineData(WithList)]
    [InlineData(WithUnknown)]
    public void What_Curator_writes_is_read_and_written_to_the_byte(string json)
    {
        var raw = new InstanceJson<JsonElement>(InstanceContext.Default.JsonElement, javaClass: null);
        Assert.Equal(json, Encoding.UTF8.GetString(raw.Write(raw.Read(Encoding.UTF8.GetBytes(json)))));
    }

    [Fact]
    public void Its_properties_are_Curators()
    {
        ServiceInstance<JsonElement> instance = new InstanceJson<JsonElement>(InstanceContext.Default.JsonElement, null).Read(Encoding.UTF8.GetBytes(WithUri));
        Assert.Equal(("orders", "id-1", "10.0.0.1", 8080, null), (instance.Name, instance.Id, instance.Address, instance.Port, instance.SslPort));
        Assert.Equal(1_325_129_459_728, instance.Registered!.Value.ToUnixTimeMilliseconds());
        Assert.True(instance.IsEnabled);
        Assert.Equal("http://10.0.0.1:8080/x{orders}", instance.BuildUri());
        Assert.Equal("https://h:8080/x{orders}", (instance with { SslPort = 1 }).BuildUri(new Dictionary<string, string>(StringComparer.Ordinal) { ["address"] = "h" }));
        Assert.Equal(UriSpec.Parse("{scheme}://{address}:{port}/x{[}{ name }{]}"), instance.UriSpec);
        Assert.Equal("{scheme}://{address}:{port}/x{[}{name}{]}", instance.UriSpec!.ToString());
    }

    [Theory]
    [InlineData("@class")]
    [InlineData("$type")]
    public void A_class_that_a_payload_names_is_a_property_like_any_other(string name)
    {
        string json = WithObject.Replace("\"@class\":\"CurJson$Details\"", $"\"{name}\":{JsonSerializer.Serialize(typeof(Chosen).AssemblyQualifiedName)}", StringComparison.Ordinal);
        Assert.Contains(nameof(Chosen), json, StringComparison.Ordinal);
        Assert.Equal(new Details("n", 3), new InstanceJson<Details>(DetailsContext.Default.Details, null).Read(Encoding.UTF8.GetBytes(json)).Payload);
        Assert.Equal(0, Chosen.Made);
    }

    /// <summary>Made by nobody: a payload that gets one made has chosen a type.</summary>
    public sealed class Chosen
    {
        public Chosen() => Made++;

        public static int Made { get; private set; }
    }

    [Fact]
    public void A_typed_payload_carries_the_class_that_Java_wants()
    {
        var typed = new InstanceJson<Details>(DetailsContext.Default.Details, "CurJson$Details");
        ServiceInstance<Details> instance = typed.Read(Encoding.UTF8.GetBytes(WithObject));
        Assert.Equal(new Details("n", 3), instance.Payload);
        Assert.False(instance.IsEnabled);
        Assert.Equal(WithObject, Encoding.UTF8.GetString(typed.Write(instance)));
        Assert.Null(typed.Read(Encoding.UTF8.GetBytes(WithUri)).Payload);
        Assert.Equal("text", new InstanceJson<string>(DetailsContext.Default.String, "java.lang.String").Read(Encoding.UTF8.GetBytes(WithText)).Payload);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"name":"a"}""")]
    [InlineData("""{"name":"a","id":"b","serviceType":"OTHER"}""")]
    [InlineData("""{"name":"a","id":"b","port":"x"}""")]
    [InlineData("""{"name":"a","id":"b","payload":{"note":1}}""")]
    public void What_is_no_instance_is_refused_with_one_kind_of_error(string json) =>
        Assert.ThrowsAny<JsonException>(() => new InstanceJson<Details>(DetailsContext.Default.Details, null).Read(Encoding.UTF8.GetBytes(json)));

    [Theory]
    [InlineData("{a")]
    [InlineData("a}")]
    [InlineData("{a{b}}")]
    public void Braces_come_in_pairs(string text) => Assert.Throws<FormatException>(() => UriSpec.Parse(text));
}
