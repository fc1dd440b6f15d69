using System.Text.Json;
using Okapi.TestSupport;

namespace Okapi.Recipes.Tests.Discovery;

/// <summary>What service discovery promises on any server.</summary>
public abstract class ServiceDiscoveryTests(Servers servers)
{
    public sealed class OnApache(Standalone servers) : ServiceDiscoveryTests(servers);

    public sealed class OnEmbedded(Embedded servers) : ServiceDiscoveryTests(servers);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_instance_is_found_while_it_is_registered()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/services";
        ServiceDiscovery<Details> services = zk.ServiceDiscovery(path, DetailsContext.Default.Details);
        Assert.Empty(await services.GetServicesAsync(Ct));
        Assert.Empty(await services.GetInstancesAsync("orders", Ct));
        ServiceRegistration<Details> registration = services.Register(new("orders", "1") { Address = "10.0.0.1", Port = 80, Payload = new("n", 1), UriSpec = UriSpec.Parse("{scheme}://{address}:{port}") });
        HeldNode held = await registration.WaitRegisteredAsync(Ct).Soon();
        Assert.Equal($"{path}/orders/1", held.Path); // Curator's layout
        Assert.Equal(["orders"], await services.GetServicesAsync(Ct));
        ServiceInstance<Details> found = Assert.Single(await services.GetInstancesAsync("orders", Ct));
        Assert.Equal(("1", "http://10.0.0.1:80", new Details("n", 1)), (found.Id, found.BuildUri(), found.Payload));
        Assert.Equal(registration.Instance.Registered!.Value.ToUnixTimeMilliseconds(), found.Registered!.Value.ToUnixTimeMilliseconds());
        await registration.UpdateAsync(registration.Instance with { Payload = new("n", 2) }, Ct).Soon();
        Assert.Equal(2, (await services.TryGetInstanceAsync("orders", "1", Ct))!.Payload!.Weight);
        await registration.DisposeAsync();
        Assert.Null(await services.TryGetInstanceAsync("orders", "1", Ct));
        Assert.Throws<ArgumentException>(() => services.Register(new("a/b")));
        Assert.Throws<ArgumentException>(() => services.Register(new("a") { ServiceType = ServiceType.Static }));
        await Assert.ThrowsAsync<ArgumentException>(() => registration.UpdateAsync(new("orders", "2"), Ct));
    }

    [Fact]
    public async Task A_watch_of_a_service_tells_of_its_instances_and_leaves_out_what_cannot_be_read()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/services";
        var unreadable = new List<string>();
        ServiceDiscovery<JsonElement> services = zk.ServiceDiscovery(path, new() { Unreadable = (at, _) => unreadable.Add(at) });
        await using ServiceRegistration<JsonElement> one = services.Register(new("orders", "1"));
        await one.WaitRegisteredAsync(Ct).Soon();
        await using IAsyncEnumerator<ServiceChange<JsonElement>> changes = services.ChangesAsync("orders", Ct).GetAsyncEnumerator(Ct);
        Assert.Equal("Joined 1", await NextAsync());
        await zk.CreateAsync($"{path}/orders/broken", "{"u8.ToArray(), cancellationToken: Ct);
        ServiceRegistration<JsonElement> two = services.Register(new("orders", "2"));
        Assert.Equal("Joined 2", await NextAsync());
        Assert.Equal($"{path}/orders/broken", Assert.Single(unreadable));
        await zk.SetAsync($"{path}/orders/broken", services.ToJson(new("orders", "mended")), cancellationToken: Ct);
        Assert.Equal("Joined mended", await NextAsync());
        await one.UpdateAsync(one.Instance with { Port = 1 }, Ct).Soon();
        Assert.Equal("Changed 1", await NextAsync());
        Assert.Equal((null, 1), (changes.Current.Previous!.Port, changes.Current.Instance.Port));
        await two.DisposeAsync();
        Assert.Equal("Left 2", await NextAsync());
        await zk.SetAsync($"{path}/orders/broken", "?"u8.ToArray(), cancellationToken: Ct);
        Assert.Equal("Left mended", await NextAsync());

        async Task<string> NextAsync()
        {
            Assert.True(await changes.MoveNextAsync().AsTask().Soon());
            return $"{changes.Current.Kind} {changes.Current.Instance.Id}";
        }
    }

    [Fact]
    public async Task A_provider_goes_round_leaves_out_the_disabled_and_waits_where_there_is_none()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        ServiceDiscovery<JsonElement> services = zk.ServiceDiscovery(await Servers.RootAsync(zk) + "/services");
        await using InstanceProvider<JsonElement> provider = services.Provide("orders");
        Assert.Null(await provider.TryGetAsync(TimeSpan.Zero, Ct).Soon());
        Task<ServiceInstance<JsonElement>> waiting = provider.GetAsync(Ct);
        await using ServiceRegistration<JsonElement> a = services.Register(new("orders", "a"));
        Assert.Equal("a", (await waiting.Soon()).Id);
        await using ServiceRegistration<JsonElement> b = services.Register(new("orders", "b"));
        await using ServiceRegistration<JsonElement> c = services.Register(new("orders", "c") { IsEnabled = false });
        await using ServiceRegistration<JsonElement> d = services.Register(new("orders", "d"));
        await UntilAsync("a b d");
        string[] round = [.. Enumerable.Range(0, 6).Select(_ => provider.TryGet()!.Id)];
        Assert.Equal(round[..3], round[3..]);
        Assert.Equal(["a", "b", "d"], round[..3].Order(StringComparer.Ordinal));
        await c.UpdateAsync(c.Instance with { IsEnabled = true }, Ct).Soon();
        await a.DisposeAsync();
        await UntilAsync("b c d");
        await provider.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => provider.GetAsync(Ct).Soon());
        Assert.False(await zk.CheckWatchesAsync($"{services.Path}/orders", cancellationToken: Ct));

        Task UntilAsync(string ids) => Waiting.UntilAsync(() => Task.FromResult(string.Join(' ', provider.Instances.Select(instance => instance.Id)) == ids), ids);
    }

    [Fact]
    public async Task A_sticky_provider_keeps_its_choice_until_it_is_gone_and_a_random_one_takes_all()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        ServiceDiscovery<JsonElement> services = zk.ServiceDiscovery(await Servers.RootAsync(zk) + "/services");
        var registrations = new Dictionary<string, ServiceRegistration<JsonElement>>(StringComparer.Ordinal);
        foreach (string id in (string[])["a", "b", "c"]) await (registrations[id] = services.Register(new("orders", id))).WaitRegisteredAsync(Ct).Soon();
        await using InstanceProvider<JsonElement> sticky = services.Provide("orders", new() { Strategy = ProviderStrategy.Sticky });
        await using InstanceProvider<JsonElement> any = services.Provide("orders", new() { Strategy = ProviderStrategy.Random });
        await Waiting.UntilAsync(() => Task.FromResult(sticky.Instances.Count == 3 && any.Instances.Count == 3), "three instances");
        string chosen = sticky.TryGet()!.Id;
        Assert.All(Enumerable.Range(0, 50), _ => Assert.Equal(chosen, sticky.TryGet()!.Id));
        var taken = new HashSet<string>(StringComparer.Ordinal);
        await Waiting.UntilAsync(() => Task.FromResult(taken.Add(any.TryGet()!.Id) || taken.Count == 3), "all are taken");
        while (taken.Count < 3) taken.Add(any.TryGet()!.Id);
        await registrations[chosen].DisposeAsync();
        await Waiting.UntilAsync(() => Task.FromResult(sticky.Instances.Count == 2), "two instances");
        string next = sticky.TryGet()!.Id;
        Assert.NotEqual(chosen, next);
        Assert.All(Enumerable.Range(0, 50), _ => Assert.Equal(next, sticky.TryGet()!.Id));
        foreach (ServiceRegistration<JsonElement> registration in registrations.Values) await registration.DisposeAsync();
    }

    [Fact]
    public async Task An_instance_that_fails_too_often_is_down_for_a_while()
    {
        var time = new ManualTime();
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using ZooKeeperClient timed = await servers.ConnectAsync(new() { TimeProvider = time, SessionTimeout = TimeSpan.FromSeconds(600) });
        string path = await Servers.RootAsync(zk) + "/services";
        await using ServiceRegistration<JsonElement> a = zk.ServiceDiscovery(path).Register(new("orders", "a"));
        await using ServiceRegistration<JsonElement> b = zk.ServiceDiscovery(path).Register(new("orders", "b"));
        await using InstanceProvider<JsonElement> provider = timed.ServiceDiscovery(path).Provide("orders", new() { DownThreshold = 2, DownTime = TimeSpan.FromSeconds(30) });
        await Waiting.UntilAsync(() => Task.FromResult(provider.Instances.Count == 2), "two instances");
        ServiceInstance<JsonElement> first = provider.Instances[0];
        provider.NoteError(first);
        Assert.Equal(2, provider.Instances.Count);
        time.Advance(TimeSpan.FromSeconds(29));
        provider.NoteError(first);
        Assert.Equal("b", Assert.Single(provider.Instances).Id);
        time.Advance(TimeSpan.FromSeconds(1)); // 30 s after the first error
        Assert.Equal(2, provider.Instances.Count);
        foreach (ServiceInstance<JsonElement> instance in provider.Instances)
        {
            provider.NoteError(instance);
            provider.NoteError(instance);
        }

        Assert.Null(provider.TryGet());
        Task<ServiceInstance<JsonElement>> waiting = provider.GetAsync(Ct);
        await time.AdvanceUntilAsync(waiting, TimeSpan.FromSeconds(200), TimeSpan.FromSeconds(1)); // the clock may run ahead of what it sets off
        Assert.NotNull(await waiting);
    }
}
