using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Okapi.Recipes;

namespace Okapi.Recipes.Tests.Interop;

/// <summary>Services that one side registers and the other finds.</summary>
public abstract class DiscoveryInteropTests(Servers servers, Curator curator)
{
    private const string Details = "CuratorPeer$Details";

    public sealed class OnApache(Standalone servers, Curator curator) : DiscoveryInteropTests(servers, curator);

    public sealed class OnEmbedded(Embedded servers, Curator curator) : DiscoveryInteropTests(servers, curator);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Okapi_finds_what_Curator_registers_and_would_write_the_same()
    {
        await using ForeignClient java = await curator.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        ServiceDiscovery<string> discovery = zk.ServiceDiscovery(await Servers.RootAsync(zk) + "/services", DiscoveryPayloads.Default.String);
        await using InstanceProvider<string> provider = discovery.Provide("web");
        long time = long.Parse(await java.AskAsync("register", "d", discovery.Path, "web", "one", "10.0.0.1", "8080", "größer, \"quoted\""), CultureInfo.InvariantCulture);
        await Waiting.UntilAsync(async () => (await discovery.GetInstancesAsync("web", Ct)).Count == 1, "the instance found");
        ServiceInstance<string> found = Assert.Single(await discovery.GetInstancesAsync("web", Ct));
        Assert.Equal(("web", "one", "10.0.0.1", 8080, "größer, \"quoted\""), (found.Name, found.Id, found.Address, found.Port, found.Payload));
        Assert.Equal(time, found.Registered!.Value.ToUnixTimeMilliseconds());
        Assert.Equal("http://10.0.0.1:8080/web", found.BuildUri());
        Assert.Equal("one", (await provider.GetAsync(Ct).Soon()).Id);
        Assert.Equal(["web"], await discovery.GetServicesAsync(Ct));
        byte[] written = (await zk.GetAsync(discovery.Path + "/web/one", Ct)).Data;
        Assert.Equal(Plain(written), Plain(discovery.ToJson(found)));
        await java.AskAsync("close");
        await Waiting.UntilAsync(async () => (await discovery.GetInstancesAsync("web", Ct)).Count == 0, "the instance gone");
    }

    [Fact]
    public async Task Curator_finds_what_Okapi_registers_and_would_write_the_same()
    {
        await using ForeignClient java = await curator.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        ServiceDiscovery<string> discovery = zk.ServiceDiscovery(await Servers.RootAsync(zk) + "/services", DiscoveryPayloads.Default.String);
        var full = new ServiceInstance<string>("web", "a") { Address = "::1", Port = 80, SslPort = 443, Payload = "größer", UriSpec = UriSpec.Parse("{scheme}://{address}:{ssl-port}") };
        ServiceRegistration<string> one = discovery.Register(full), two = discovery.Register(new("web", "b"));
        await using ServiceRegistration<string> off = discovery.Register(new("web", "c") { IsEnabled = false });
        await Task.WhenAll(one.WaitRegisteredAsync(Ct), two.WaitRegisteredAsync(Ct), off.WaitRegisteredAsync(Ct)).Soon();
        Assert.Equal("web", await java.AskAsync("services", discovery.Path));
        string[] found = (await java.AskAsync("find", discovery.Path, "web")).Split('\t');
        Assert.Equal(3, found.Length);
        Assert.EndsWith(" https://::1:443 true", found[0]);
        Assert.EndsWith(" false", found[2]);
        foreach ((ServiceRegistration<string> registration, string json) in ((ServiceRegistration<string>, string)[])[(one, found[0]), (two, found[1])])
            Assert.Equal(Plain(Encoding.UTF8.GetBytes(json[..(json.LastIndexOf('}') + 1)])), Plain(discovery.ToJson(registration.Instance)));
        await one.UpdateAsync(full with { Port = 81 }, Ct);
        Assert.Contains("\"port\":81", await java.AskAsync("find", discovery.Path, "web"));
        await one.DisposeAsync();
        await two.DisposeAsync();
        Assert.DoesNotContain("\"id\":\"a\"", await java.AskAsync("find", discovery.Path, "web"));
    }

    [Fact]
    public async Task Payloads_that_are_objects_keep_the_class_that_Java_wants()
    {
        await using ForeignClient java = await curator.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        ServiceDiscovery<Placement> discovery = zk.ServiceDiscovery(await Servers.RootAsync(zk) + "/services", DiscoveryPayloads.Default.Placement, new() { PayloadClass = Details });
        await java.AskAsync("register", "d", discovery.Path, "db", "java", "10.0.0.1", "5432", "north", "3");
        await using ServiceRegistration<Placement> mine = discovery.Register(new("db", "okapi") { Payload = new("south", 4) });
        await mine.WaitRegisteredAsync(Ct).Soon();
        Assert.Equal([new("north", 3), new("south", 4)], (await discovery.GetInstancesAsync("db", Ct)).OrderBy(each => each.Id, StringComparer.Ordinal).Select(each => each.Payload!));
        string[] found = (await java.AskAsync("find", discovery.Path, "db", "details")).Split('\t');
        Assert.Contains($"\"payload\":{{\"@class\":\"{Details}\",\"zone\":\"south\",\"weight\":4}}", found[1]);
        byte[] written = (await zk.GetAsync(discovery.Path + "/db/java", Ct)).Data;
        Assert.Equal(Plain(written), Plain(discovery.ToJson((await discovery.TryGetInstanceAsync("db", "java", Ct))!)));
    }

    /// <summary>The same JSON whatever is escaped in it; the order of properties counts.</summary>
    private static string Plain(byte[] json)
    {
        using var document = JsonDocument.Parse(json);
        return JsonSerializer.Serialize(document.RootElement, DiscoveryPayloads.Default.JsonElement);
    }
}

internal sealed record Placement([property: JsonPropertyName("zone")] string Zone, [property: JsonPropertyName("weight")] int Weight);

[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(Placement))]
[JsonSerializable(typeof(JsonElement))]
internal sealed partial class DiscoveryPayloads : JsonSerializerContext;
