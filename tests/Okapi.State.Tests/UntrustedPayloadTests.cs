using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using static Okapi.State.Tests.Opening;

namespace Okapi.State.Tests;

/// <summary>What others have written into a state's znode makes values of the state's own type and nothing else, and is not repeated where it should not be.</summary>
public sealed class UntrustedPayloadTests
{
    private const string Canary = "hunter2canary";

    /// <summary>Made by nobody: a payload that gets one made has chosen a type.</summary>
    public sealed class Gadget
    {
        public Gadget() => Made++;

        public static int Made { get; private set; }
    }

    public static TheoryData<string> TypeNames =>
    [
        "$type", "$Type", "__type", "@class", "@type", "$values", "$id", "$ref",
    ];

    [Theory, MemberData(nameof(TypeNames))]
    public async Task A_type_that_a_payload_names_is_a_property_like_any_other(string name)
    {
        await using Okapi.Server.EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server);
        string gadget = JsonEncodedText.Encode(typeof(Gadget).AssemblyQualifiedName!).ToString();
        string payload = $$"""{"{{name}}":"{{gadget}}","Globs":["a"]}""";
        await zk.CreateAsync("/s", cancellationToken: Token);
        await zk.CreateAsync("/s/payload", Encoding.UTF8.GetBytes(payload), cancellationToken: Token);
        await using SharedState<Agents> state = await SharedState.OpenAsync(zk, "/s", new Agents([]), Json.Default.Agents, cancellationToken: Token);
        Assert.Equal(typeof(Agents), state.Read().GetType());
        Assert.Equal(["a"], state.Read().Globs);
        Assert.Equal(0, Gadget.Made);

        // It survives an update as whatever the type does not know does, and still means nothing.
        await state.UpdateAsync(now => now with { Globs = ["b"] }, Token);
        using JsonDocument stored = JsonDocument.Parse((await zk.GetAsync("/s/payload", Token)).Data);
        Assert.Equal(typeof(Gadget).AssemblyQualifiedName, stored.RootElement.GetProperty(name).GetString());
        Assert.Equal(0, Gadget.Made);
    }

    // An "object" is what a deserialiser that trusts its input makes types from.
    [Fact]
    public async Task Where_the_type_says_object_a_payload_gives_plain_JSON()
    {
        await using Okapi.Server.EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server);
        await zk.CreateAsync("/s", cancellationToken: Token);
        await zk.CreateAsync("/s/payload", Encoding.UTF8.GetBytes($$$"""{"Any":{"$type":"{{{JsonEncodedText.Encode(typeof(Gadget).AssemblyQualifiedName!)}}}"}}"""), cancellationToken: Token);
        await using SharedState<Holder> state = await SharedState.OpenAsync(zk, "/s", new Holder(null), HolderJson.Default.Holder, cancellationToken: Token);
        Assert.IsType<JsonElement>(state.Read().Any);
        Assert.Equal(0, Gadget.Made);
    }

    [Theory]
    [InlineData($$"""{"Count":"{{Canary}}"}""")]
    [InlineData($$"""{"Count":{{Canary}}}""")]
    [InlineData($$"""{"Count":["{{Canary}}"]}""")]
    [InlineData($$"""["{{Canary}}"]""")]
    [InlineData($$"""{{Canary}}""")]
    [InlineData($$"""{"Count":1} {{Canary}}""")]
    [InlineData($$"""{"Count":"\u{{Canary}}"}""")]
    public async Task H69_A_payload_that_cannot_be_read_is_not_repeated(string payload)
    {
        await using Okapi.Server.EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server);
        await zk.CreateAsync("/s", cancellationToken: Token);
        await zk.CreateAsync("/s/payload", Encoding.UTF8.GetBytes(payload), cancellationToken: Token);
        var error = await Assert.ThrowsAsync<InvalidStateException>(() => SharedState.OpenAsync(zk, "/s", new Picky(1), Json.Default.Picky, cancellationToken: Token).Soon());
        Assert.DoesNotContain(Canary, error.ToString(), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Every_znode_of_a_state_has_the_ACL_that_was_asked_for()
    {
        foreach (bool asksState in new[] { true, false })
        {
            await using Okapi.Server.EmbeddedServer server = await InMemory.StartAsync();
            await using ZooKeeperClient zk = await InMemory.ConnectAsync(server, options =>
            {
                options.Auth.Add(AuthInfo.Digest("ann", "of-ann"));
                if (!asksState) options.DefaultAcl = Acl.CreatorAll;
            });
            foreach (UpdateMode mode in Enum.GetValues<UpdateMode>())
            {
                var options = new SharedStateOptions { Acl = asksState ? Acl.CreatorAll : null, UpdateMode = mode };
                await using SharedState<Tally> state = await zk.OpenTallyAsync("/top/mid/s", options);
                await state.UpdateAsync(tally => tally.Plus("a"), Token);
                int seen = await LookAsync();
                Assert.True(seen >= 5, $"{seen} znodes were seen.");
            }

            async Task<int> LookAsync()
            {
                int seen = 0;
                var left = new Stack<string>(["/top"]);
                while (left.TryPop(out string? path))
                {
                    seen++;
                    Assert.Equal([Acl.Digest(Permissions.All, "ann", "of-ann")], (await zk.GetAclAsync(path, Token)).Acl);
                    foreach (string child in await zk.GetChildrenAsync(path, Token)) left.Push(ZnodePath.Combine(path, child));
                }

                return seen;
            }
        }
    }
}

public sealed record Holder(object? Any);

[JsonSerializable(typeof(Holder))]
[JsonSerializable(typeof(JsonElement))]
internal sealed partial class HolderJson : JsonSerializerContext;
