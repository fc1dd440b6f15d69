using System.Text;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Cli.Tests.Crashes;

/// <summary>What a server shows below a znode.</summary>
internal sealed record Shown(IReadOnlyDictionary<string, Znode> Nodes, int ChildVersion)
{
    public static async Task<Shown> ReadAsync(WireClient client, string root)
    {
        WireReply reply = await client.CallAsync(OpCode.GetChildren2, (ref JuteWriter writer) => new ReadRequest(root, false).Write(ref writer));
        if (reply.Error != ErrorCode.Ok) throw new InvalidDataException($"{root}: {reply.Error}");
        ChildrenReply children = reply.Read(ChildrenReply.Read);
        foreach (string name in children.Names) await client.SendAsync(OpCode.GetData, (ref JuteWriter writer) => new ReadRequest($"{root}/{name}", false).Write(ref writer));
        var nodes = new Dictionary<string, Znode>();
        foreach (string name in children.Names)
        {
            reply = await client.ReadReplyAsync();
            if (reply.Error != ErrorCode.Ok) throw new InvalidDataException($"{root}/{name}: {reply.Error}");
            DataReply node = reply.Read(DataReply.Read);
            nodes.Add(name, new(Encoding.ASCII.GetString(node.Data ?? []), node.Stat.Version, node.Stat.EphemeralOwner, node.Stat.Mzxid));
        }

        return new(nodes, children.Stat.ChildVersion);
    }
}
