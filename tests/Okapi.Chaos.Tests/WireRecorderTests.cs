using Okapi.Chaos.Histories;
using Okapi.Protocol;
using Okapi.Server;

namespace Okapi.Chaos.Tests;

public sealed class WireRecorderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("okapi-chaos-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Every_request_is_recorded_with_its_answer_and_every_notification_in_its_place()
    {
        await using (EmbeddedServer server = await EmbeddedServer.StartAsync(cancellationToken: TestContext.Current.CancellationToken))
        using (var writer = new HistoryWriter(_folder, "one"))
        {
            var recorder = new WireRecorder(writer, client: 7);
            await using var zk = await ZooKeeperClient.ConnectAsync(server.ConnectionString, new ZooKeeperOptions { ConnectCallback = recorder.ConnectAsync }, TestContext.Current.CancellationToken);
            await using Watch watch = await zk.WatchAsync("/", WatchMode.PersistentRecursive, TestContext.Current.CancellationToken);
            await zk.CreateAsync("/a", "tag-1"u8.ToArray(), cancellationToken: TestContext.Current.CancellationToken);
            await zk.SetAsync("/a", new byte[1000], cancellationToken: TestContext.Current.CancellationToken);
            await zk.GetAsync("/a", TestContext.Current.CancellationToken);
            await zk.Transaction().Create("/b", "tag-2"u8.ToArray()).Delete("/a").CommitAsync(TestContext.Current.CancellationToken);
            await Assert.ThrowsAsync<NoNodeException>(async () => await zk.GetAsync("/a", TestContext.Current.CancellationToken));
            await zk.GetChildrenAsync("/", TestContext.Current.CancellationToken);
        }

        History history = History.Load(_folder);
        Assert.Equal(0, history.BrokenLines);
        WireConnectedEntry connected = Assert.Single(history.Entries.OfType<WireConnectedEntry>());
        Assert.Equal(7, connected.Client);
        Assert.NotEqual(0, connected.Session);
        Assert.Null(Assert.Single(history.Entries.OfType<WireEndedEntry>()).Undecoded);

        WireOperationEntry[] all = [.. history.Entries.OfType<WireOperationEntry>()];
        Assert.All(all, each => Assert.True(each.Answered));
        WireOperationEntry create = all.Single(each => each.Path == "/a" && each.Tag == "tag-1");
        Assert.Equal("/a", create.ResultPath);
        WireOperationEntry set = all.Single(each => each.Type == OpCode.SetData);
        Assert.StartsWith("#1000#", set.Tag, StringComparison.Ordinal);
        Assert.Equal(set.Zxid, set.Stat!.Value.Mzxid);
        WireOperationEntry get = all.First(each => each.Type == OpCode.GetData);
        Assert.Equal(set.Tag, get.ResultTag);
        Assert.Equal(set.Stat, get.Stat);
        Assert.Equal(ErrorCode.NoNode, all.Last(each => each.Type == OpCode.GetData).Error);
        WireOperationEntry multi = all.Single(each => each.Type == OpCode.Multi);
        Assert.Equal([OpCode.Create, OpCode.Delete], multi.Parts!.Select(each => each.Type is OpCode.Create2 ? OpCode.Create : each.Type));
        WireOperationEntry list = all.Single(each => each.Type is OpCode.GetChildren or OpCode.GetChildren2);
        Assert.Equal(ChildrenDigest.Of(["zookeeper", "b"]), list.Children);

        Assert.Equal(
            [(WatchedEventType.NodeCreated, "/a"), (WatchedEventType.NodeDataChanged, "/a"), (WatchedEventType.NodeCreated, "/b"), (WatchedEventType.NodeDeleted, "/a")],
            history.Entries.OfType<WireNotificationEntry>().Select(each => (each.Type, each.Path)));
        List<HistoryEntry> order = [.. history.Entries];
        Assert.True(order.FindIndex(each => each is WireNotificationEntry { Type: WatchedEventType.NodeDataChanged }) < order.IndexOf(set));
    }

    [Fact]
    public void Requests_without_an_answer_are_recorded_when_the_connection_ends()
    {
        using (var writer = new HistoryWriter(_folder, "one"))
        {
            using var transcript = new WireTranscript(writer, client: 1, connection: 1, "server");
            using var bytes = new JuteBuffer();
            Frame(bytes, static (ref JuteWriter to) => new ConnectRequest(0, 0, 1000, 0, new byte[16], ReadOnly: false).Write(ref to));
            Frame(bytes, static (ref JuteWriter to) =>
            {
                new RequestHeader(1, OpCode.Delete).Write(ref to);
                new VersionRequest("/gone", -1).Write(ref to);
            });
            // One byte after the other: a frame may come in any pieces.
            foreach (byte each in bytes.WrittenSpan.ToArray()) transcript.Sending([each]);
        }

        WireOperationEntry operation = Assert.Single(History.Load(_folder).Entries.OfType<WireOperationEntry>());
        Assert.False(operation.Answered);
        Assert.Equal("/gone", operation.Path);
    }

    private delegate void Writing(ref JuteWriter writer);

    private static void Frame(JuteBuffer buffer, Writing write)
    {
        var writer = new JuteWriter(buffer);
        int start = writer.BeginFrame();
        write(ref writer);
        writer.EndFrame(start);
        writer.Commit();
    }
}
