using System.Buffers.Binary;
using System.Text;
using Okapi.Server;

namespace Okapi.State.Tests;

/// <summary>A payload's version is at its end (H65, ZOOKEEPER-4743). It takes 2^31 writes to get there, or a change to the server's log.</summary>
public sealed class VersionWrapTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("okapi-wrap-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(int.MaxValue - 1, UpdateMode.Exclusive, int.MaxValue, 0)]
    [InlineData(int.MaxValue, UpdateMode.Exclusive, 0, 1)]
    [InlineData(int.MaxValue, UpdateMode.Optimistic, 0, 1)]
    [InlineData(int.MinValue, UpdateMode.Exclusive, 0, 1)]
    [InlineData(-1, UpdateMode.Exclusive, 0, 1)]
    [InlineData(-1, UpdateMode.Optimistic, 0, 1)]
    public async Task H65_a_version_that_would_wrap_or_has_ends_with_its_znode(int version, UpdateMode mode, int next, int afterNext)
    {
        await WriteVersionAsync(version);
        await using EmbeddedServer server = await StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server), other = await InMemory.ConnectAsync(server);
        var options = new SharedStateOptions { UpdateMode = mode };
        await using SharedState<Tally> state = await zk.OpenTallyAsync("/s", options), theirs = await other.OpenTallyAsync("/s", options);
        Assert.Equal(version, state.Version);
        IReadOnlyList<Acl> acl = (await zk.GetAclAsync("/s/payload", Token)).Acl;
        await using Listening listening = Listening.To(theirs);

        using Fault cut = server.Faults.CutInsteadOfReply(InMemory.IsMulti);
        Versioned<Tally> committed = await state.UpdateAsync(tally => tally.Plus("a"), Token).Soon();
        Assert.Equal((next, 6), (committed.Version, committed.Value.Count));
        Assert.Equal(committed.Zxid, (await zk.ExistsAsync("/s/payload", Token))!.Value.Mzxid);
        Assert.Equal(acl, (await zk.GetAclAsync("/s/payload", Token)).Acl);
        Assert.Equal(afterNext, (await theirs.UpdateAsync(tally => tally.Plus("a"), Token).Soon()).Version);
        Assert.Equal("Modified /Count: 5 -> 6", await listening.NextTextAsync());
        Assert.Equal(7, (await state.ReadLatestAsync(Token)).Count);
    }

    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(-1)]
    public async Task H65_no_increment_is_lost_around_the_end(int version)
    {
        await WriteVersionAsync(version);
        await using EmbeddedServer server = await StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server), other = await InMemory.ConnectAsync(server);
        await using SharedState<Tally> a = await zk.OpenTallyAsync("/s", new() { UpdateMode = UpdateMode.Optimistic }), b = await other.OpenTallyAsync("/s");
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => (i % 2 == 0 ? a : b).UpdateAsync(tally => tally.Plus($"{i % 2}"), Token))).Soon();
        Assert.Equal(25, (await a.ReadLatestAsync(Token)).Count);
    }

    // Servers show "x" in place of digests to who has not the right Admin; a znode with such a list would be nobody's.
    [Fact]
    public async Task H65_a_version_is_not_begun_anew_by_whoever_is_not_shown_the_whole_ACL()
    {
        await WriteVersionAsync(int.MaxValue);
        await using EmbeddedServer server = await StartAsync();
        await using ZooKeeperClient ann = await InMemory.ConnectAsync(server, options => options.Auth.Add(AuthInfo.Digest("ann", "of-ann"))), anyone = await InMemory.ConnectAsync(server);
        Acl[] shared = [Acl.Digest(Permissions.All, "ann", "of-ann"), new(Permissions.Read | Permissions.Write, "world", "anyone")];
        await ann.SetAclAsync("/s/payload", shared, cancellationToken: Token);
        await using SharedState<Tally> theirs = await anyone.OpenTallyAsync("/s"), own = await ann.OpenTallyAsync("/s");
        await Assert.ThrowsAsync<InvalidOperationException>(() => theirs.UpdateAsync(tally => tally.Plus("a"), Token).Soon());
        Assert.Equal(5, (await own.ReadLatestAsync(Token)).Count);
        await own.UpdateAsync(tally => tally.Plus("a"), Token).Soon();
        Assert.Equal(shared, (await ann.GetAclAsync("/s/payload", Token)).Acl);
        Assert.Equal(6, (await theirs.ReadLatestAsync(Token)).Count);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private Task<EmbeddedServer> StartAsync() => InMemory.StartAsync(options => options.DataFolder = _folder);

    private async Task WriteVersionAsync(int version)
    {
        byte[] payload = """{"Count":5,"By":{}}"""u8.ToArray();
        await using (EmbeddedServer server = await StartAsync())
        {
            await using ZooKeeperClient zk = await InMemory.ConnectAsync(server);
            await zk.CreateAsync("/s", cancellationToken: Token);
            await zk.CreateAsync("/s/payload", "{}"u8.ToArray(), cancellationToken: Token);
            await zk.SetAsync("/s/payload", payload, cancellationToken: Token);
        }

        int changed = 0;
        foreach (string file in Directory.EnumerateFiles(_folder, "log.*", SearchOption.AllDirectories)) changed += ChangeVersion(file, payload, version);
        Assert.Equal(1, changed);
    }

    /// <summary>An entry of the log: its checksum, its length, and in it the path, the data and the version that the data then has.</summary>
    private static int ChangeVersion(string file, byte[] payload, int version)
    {
        byte[] log = File.ReadAllBytes(file);
        byte[] wanted = [.. Encoding.ASCII.GetBytes("/s/payload"), 0, 0, 0, (byte)payload.Length, .. payload];
        int at = log.AsSpan().IndexOf(wanted);
        if (at < 0) return 0;
        BinaryPrimitives.WriteInt32BigEndian(log.AsSpan(at + wanted.Length), version);
        for (int entry = 16; ; entry += 12 + Length(entry) + 1)
        {
            if (entry + 12 + Length(entry) < at) continue;
            BinaryPrimitives.WriteInt64BigEndian(log.AsSpan(entry), Adler32(log.AsSpan(entry + 12, Length(entry))));
            break;
        }

        File.WriteAllBytes(file, log);
        return 1;

        int Length(int entry) => BinaryPrimitives.ReadInt32BigEndian(log.AsSpan(entry + 8));
    }

    private static uint Adler32(ReadOnlySpan<byte> data)
    {
        uint a = 1, b = 0;
        foreach (byte each in data) (a, b) = ((a + each) % 65_521, (b + ((a + each) % 65_521)) % 65_521);
        return (b << 16) | a;
    }
}
