namespace Okapi.Server.Tests.Security;

/// <summary>Who a client is, it has proven itself: nothing is left over from whoever came before, or is beside it (ZOOKEEPER-4839).</summary>
public sealed class IdentityTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task H68_No_client_is_ever_taken_for_another()
    {
        await using EmbeddedServer server = await InMemory.StartAsync(options =>
        {
            options.SaslUsers["ann"] = "of-ann";
            options.SaslUsers["bob"] = "of-bob";
        });
        var clients = new List<(ZooKeeperClient Zk, string[] Wanted)>();
        for (int round = 0; round < 3; round++)
        {
            clients.Add((await InMemory.ConnectAsync(server, options => options.Sasl = new() { UserName = "ann", Password = "of-ann" }), ["sasl:ann"]));
            clients.Add((await InMemory.ConnectAsync(server), []));
            clients.Add((await InMemory.ConnectAsync(server, options => options.Auth.Add(AuthInfo.Digest("cid", "of-cid"))), ["digest:cid"]));
            clients.Add((await InMemory.ConnectAsync(server, options => options.Sasl = new() { UserName = "bob", Password = "of-bob" }), ["sasl:bob"]));
            await Assert.ThrowsAsync<AuthFailedException>(() => InMemory.ConnectAsync(server, options => options.Sasl = new() { UserName = "bob", Password = "of-ann" }));
            await Assert.ThrowsAsync<AuthFailedException>(() => InMemory.ConnectAsync(server, options => options.Sasl = new() { UserName = "nobody", Password = "of-bob" }));
            clients.Add((await InMemory.ConnectAsync(server), []));
            await server.Faults.CutAsync(); // each proves it again
            foreach ((ZooKeeperClient zk, string[] wanted) in clients)
                Assert.Equal(wanted, (await zk.WhoAmIAsync(Cancel)).Where(who => who.Scheme != "ip").Select(who => $"{who.Scheme}:{who.User}"));
        }

        foreach ((ZooKeeperClient zk, _) in clients) await zk.DisposeAsync();
    }
}
