using System.Text;
using Okapi.Fuzz.Tests.Streams;
using Okapi.Server;
using Okapi.TestSupport;

namespace Okapi.Fuzz.Tests.Server;

/// <summary>A session that has nothing to do with those who send nonsense, and sees whether they do it harm: it has an ephemeral, a watch over all, and looks at the tree.</summary>
internal sealed class Bystander : IAsyncDisposable
{
    private const string Own = "/bystander", Ephemeral = "/bystander/ephemeral";

    private readonly WireClient _zk;
    private readonly bool _isLocked;
    private string _tree = "";
    private int _version;

    private Bystander(WireClient zk, bool isLocked)
    {
        _zk = zk;
        _isLocked = isLocked;
    }

    /// <summary>How far the server was when it was last looked at.</summary>
    public long Zxid { get; private set; }

    public static async Task<Bystander> StartAsync(EmbeddedServer server, bool isLocked)
    {
        var zk = new WireClient(await server.ConnectAsync());
        await zk.HandshakeAsync(timeoutMs: 60_000);
        var self = new Bystander(zk, isLocked);
        await self.OkAsync(OpCode.Auth, (ref JuteWriter writer) => new AuthRequest("digest", Encoding.ASCII.GetBytes("super:" + Conversation.Password)).Write(ref writer));
        foreach (string path in Script.Prepared) await self.CreateAsync(path, CreateMode.Persistent);
        await self.CreateAsync(Own, CreateMode.Persistent);
        await self.CreateAsync(Ephemeral, CreateMode.Ephemeral);
        // Nobody but the superuser may touch what is the bystander's; in a tree that is locked, nothing at all.
        foreach (string path in isLocked ? await self.PathsAsync() : [Own, Ephemeral])
            await self.OkAsync(OpCode.SetAcl, (ref JuteWriter writer) => new SetAclRequest(path, Acl.ReadOnly, -1).Write(ref writer));
        await self.OkAsync(OpCode.AddWatch, (ref JuteWriter writer) => new AddWatchRequest("/", WatchMode.PersistentRecursive).Write(ref writer));
        self._tree = await self.TreeAsync();
        return self;
    }

    /// <summary>Looks whether all is well after somebody's nonsense.</summary>
    /// <param name="mayHaveWritten">Whether anything that could have been a write was answered with success.</param>
    /// <param name="isThorough">Whether to look at everything.</param>
    public async Task LookAsync(bool mayHaveWritten, bool isThorough)
    {
        WireReply pong = await _zk.CallAsync(OpCode.Ping, xid: Xids.Ping);
        Zxid = pong.Zxid;
        foreach (WireReply told in _zk.TakeEvents())
        {
            // What sessions leave behind goes when they end, and containers and what has a time to live go of themselves.
            if (told.Event.Type == WatchedEventType.NodeDeleted && !_isLocked && !told.Event.Path.StartsWith(Own, StringComparison.Ordinal)) continue;
            if (!mayHaveWritten || _isLocked) throw new FuzzException($"{told.Event} happened, and no write had been answered with success.");
        }

        if (isThorough) await LookThoroughlyAsync();
    }

    public ValueTask DisposeAsync() => _zk.DisposeAsync();

    private async Task LookThoroughlyAsync()
    {
        _version++;
        await OkAsync(OpCode.SetData, (ref JuteWriter writer) => new SetDataRequest(Own, BitConverter.GetBytes(_version), _version - 1).Write(ref writer));
        // What a session leaves behind when it ends may go just then.
        if (_zk.TakeEvents().Count(told => told.Event is { Type: WatchedEventType.NodeDataChanged, Path: Own }) != 1) throw new FuzzException("The bystander's watch does not work any more.");
        Stat ephemeral = (await OkAsync(OpCode.Exists, (ref JuteWriter writer) => new ReadRequest(Ephemeral, false).Write(ref writer))).Read(Stat.Read);
        if (ephemeral.EphemeralOwner != _zk.SessionId) throw new FuzzException("The bystander's ephemeral is another's.");
        if (!_isLocked) return;
        string tree = await TreeAsync();
        if (tree != _tree) throw new FuzzException($"The tree has changed, and nobody may change it. Before:{Environment.NewLine}{_tree}Now:{Environment.NewLine}{tree}");
    }

    /// <summary>All of the tree as text; of what is the bystander's own, that it is there.</summary>
    private async Task<string> TreeAsync()
    {
        var text = new StringBuilder();
        foreach (string path in await PathsAsync())
        {
            DataReply data = (await OkAsync(OpCode.GetData, (ref JuteWriter writer) => new ReadRequest(path, false).Write(ref writer))).Read(DataReply.Read);
            AclReply acl = (await OkAsync(OpCode.GetAcl, (ref JuteWriter writer) => new PathRequest(path).Write(ref writer))).Read(AclReply.Read);
            text.Append(path).AppendLine(path == Own ? "" : $" {Convert.ToHexString(data.Data ?? [])} {data.Stat} {string.Join(' ', acl.Acl.Select(each => each.ToString()))}");
        }

        return text.ToString();
    }

    private async Task<List<string>> PathsAsync()
    {
        List<string> paths = ["/"];
        for (int i = 0; i < paths.Count; i++)
        {
            string path = paths[i];
            NamesReply names = (await OkAsync(OpCode.GetChildren, (ref JuteWriter writer) => new ReadRequest(path, false).Write(ref writer))).Read(NamesReply.Read);
            paths.AddRange(names.Names.Order(StringComparer.Ordinal).Select(name => path.Length == 1 ? path + name : $"{path}/{name}"));
        }

        return paths;
    }

    private Task CreateAsync(string path, CreateMode mode) =>
        OkAsync(OpCode.Create, (ref JuteWriter writer) => new CreateRequest(path, Encoding.ASCII.GetBytes("data of " + path), Acl.Open, mode).Write(ref writer));

    private async Task<WireReply> OkAsync(OpCode type, BodyWriter body)
    {
        WireReply reply = await _zk.CallAsync(type, body);
        return reply.Error == ErrorCode.Ok ? reply : throw new FuzzException($"The bystander's {type} is answered by {reply.Error}.");
    }
}
