namespace Okapi.Conformance.Tests;

/// <summary>An ensemble that loses its quorum and serves reads.</summary>
public abstract class ReadOnlyTests(Servers servers)
{
    [Collection(nameof(ReadOnlyEnsemble))]
    public sealed class OnApache(ReadOnlyEnsemble servers) : ReadOnlyTests(servers);

    public sealed class OnEmbedded(EmbeddedEnsemble servers) : ReadOnlyTests(servers), IClassFixture<EmbeddedEnsemble>;

    [Fact]
    public async Task H11_A_read_only_server_serves_reads_until_one_that_takes_writes_is_found()
    {
        string root, missing;
        await using (ZooKeeperClient writer = await servers.ConnectAsync())
        {
            root = await Servers.RootAsync(writer);
            missing = root + "/missing";
            await writer.SetAsync(root, "x"u8.ToArray());
            // All three have it before two of them go.
            foreach (int node in (int[])[1, 2, 3])
            {
                await using ZooKeeperClient each = await servers.ConnectToAsync(node);
                await each.SyncAsync();
            }
        }

        bool isRestored = false;
        try
        {
            await servers.LoseQuorumAsync(left: 1);
            var options = new ZooKeeperOptions { AllowReadOnly = true, SessionTimeout = TimeSpan.FromMinutes(1), BackoffMaximum = TimeSpan.FromMilliseconds(500) };
            await using ZooKeeperClient zk = await servers.ConnectAsync(options);
            await using StateLog states = await StateLog.OpenAsync(zk);
            Assert.Equal((SessionState.ConnectedReadOnly, true), (zk.State, zk.IsConnected));
            Assert.Equal(servers.AddressOf(1), zk.Server!.ToString());
            Assert.Equal("x"u8.ToArray(), (await zk.GetAsync(root)).Data);
            Assert.Empty(await zk.GetChildrenAsync(root));
            Assert.Equal(ErrorCode.NotReadOnly, (await Assert.ThrowsAsync<NotReadOnlyException>(() => zk.SetAsync(root, null).AsTask())).Code);
            await Assert.ThrowsAsync<NotReadOnlyException>(() => zk.CreateAsync(missing).AsTask());
            await Assert.ThrowsAsync<NotReadOnlyException>(() => zk.DeleteAsync(root).AsTask());
            await Assert.ThrowsAsync<NotReadOnlyException>(() => zk.Transaction().Set(root, null).CommitAsync());
            await using OneShotWatch<NodeData> data = await zk.WatchDataAsync(root);
            await using Watch watch = await zk.WatchAsync(root);

            // A client that wants to write does not connect.
            ConnectFailedException failed = await Assert.ThrowsAsync<ConnectFailedException>(() => servers.ConnectAsync(new() { FirstConnectTimeout = TimeSpan.FromSeconds(5) }));
            Assert.Equal(3, failed.Attempts.Count);

            long readOnlySession = zk.SessionId;
            await servers.RegainQuorumAsync();
            isRestored = true;
            await states.UntilAsync(SessionState.Connected);
            await zk.SetAsync(root, null).AsTask().Soon();
            await zk.CreateAsync(missing);
            Assert.NotEqual(readOnlySession, zk.SessionId);
            await data.Fired.Soon();
            string[] events = await watch.DrainTextAsync();
            Assert.Equal(["Resync " + root, "DataChanged " + root, "ChildrenChanged " + root], events.SkipWhile((each, i) => events[i + 1].StartsWith("Resync", StringComparison.Ordinal)));
            Assert.DoesNotContain(SessionState.Expired, states.States);
        }
        finally
        {
            if (!isRestored) await servers.RegainQuorumAsync();
        }
    }
}
