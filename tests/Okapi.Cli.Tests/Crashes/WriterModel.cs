using System.Globalization;
using System.Text;
using Okapi.Protocol;

namespace Okapi.Cli.Tests.Crashes;

/// <summary>What a client asked for in one request: one change, several that are all done or none, or the end of its session.</summary>
internal sealed record Write(IReadOnlyList<MultiOperation> Parts, bool IsMulti = false)
{
    public static readonly Write Close = new([]);

    public bool IsClose => Parts.Count == 0;
}

/// <summary>A znode as a writer knows it. <c>Mzxid</c> is 0 where it was never told.</summary>
internal sealed record Znode(string Data, int Version, long Owner, long Mzxid)
{
    public bool Matches(Znode seen) => Data == seen.Data && Version == seen.Version && Owner == seen.Owner && (Mzxid == 0 || Mzxid == seen.Mzxid);
}

/// <summary>
/// The znodes below a znode that only one session at a time writes to. Requests of one session are carried out in order and nobody else interferes, so what becomes of each is known
/// beforehand, and what a server may show after a crash is what the model shows after all acknowledged requests and some more, in order.
/// </summary>
internal sealed class WriterModel
{
    private WriterModel(string root, Dictionary<string, Znode> nodes, int created, int deleted)
    {
        Root = root;
        Nodes = nodes;
        Created = created;
        Deleted = deleted;
    }

    public WriterModel(string root)
        : this(root, [], 0, 0)
    {
    }

    public string Root { get; }

    /// <summary>By name, without the path.</summary>
    public Dictionary<string, Znode> Nodes { get; }

    /// <summary>How many children there ever were; the next sequence number.</summary>
    public int Created { get; private set; }

    public int Deleted { get; private set; }

    public WriterModel Clone() => new(Root, new(Nodes), Created, Deleted);

    /// <summary>Carries a request out, wholly or not at all.</summary>
    /// <returns>What the server says to it.</returns>
    public ErrorCode Apply(Write write, long session, long zxid)
    {
        if (write.IsClose)
        {
            foreach (string name in Nodes.Where(each => each.Value.Owner == session).Select(each => each.Key).ToArray()) Remove(name);
            return ErrorCode.Ok;
        }

        if (!write.IsMulti) return Apply(write.Parts[0], session, zxid);
        WriterModel trial = Clone();
        foreach (MultiOperation part in write.Parts)
        {
            if (trial.Apply(part, session, zxid) is var error and not ErrorCode.Ok) return error;
        }

        foreach (MultiOperation part in write.Parts) Apply(part, session, zxid);
        return ErrorCode.Ok;
    }

    /// <summary>The first difference from what a server shows, or null.</summary>
    public string? FindDifference(Shown shown)
    {
        foreach ((string name, Znode node) in Nodes)
        {
            if (!shown.Nodes.TryGetValue(name, out Znode? seen)) return $"{Root}/{name} is missing";
            if (!node.Matches(seen)) return $"{Root}/{name} should be {Describe(node)} and is {Describe(seen)}";
        }

        if (shown.Nodes.Keys.FirstOrDefault(name => !Nodes.ContainsKey(name)) is { } extra) return $"{Root}/{extra} should not be there";
        return shown.ChildVersion == Created + Deleted ? null : $"{Root} should have seen {Created} children come and {Deleted} go, and has cversion {shown.ChildVersion}";
    }

    private static string Describe(Znode node) =>
        string.Create(CultureInfo.InvariantCulture, $"{node.Data.Length} bytes beginning \"{node.Data[..Math.Min(12, node.Data.Length)]}\", version {node.Version}, owner 0x{node.Owner:x}, mzxid 0x{node.Mzxid:x}");

    private ErrorCode Apply(in MultiOperation part, long session, long zxid)
    {
        string name = part.Path.Path[(Root.Length + 1)..];
        if (part.Type == OpCode.Create)
        {
            if (part.Mode.IsSequential()) name += Created.ToString("D10", CultureInfo.InvariantCulture);
            if (Nodes.ContainsKey(name)) return ErrorCode.NodeExists;
            Nodes.Add(name, new(Text(part), 0, part.Mode.IsEphemeral() ? session : 0, zxid));
            Created++;
            return ErrorCode.Ok;
        }

        if (!Nodes.TryGetValue(name, out Znode? node)) return ErrorCode.NoNode;
        if (part.Version != -1 && part.Version != node.Version) return ErrorCode.BadVersion;
        if (part.Type == OpCode.SetData) Nodes[name] = node with { Data = Text(part), Version = node.Version + 1, Mzxid = zxid };
        else if (part.Type == OpCode.Delete) Remove(name);
        return ErrorCode.Ok;
    }

    private void Remove(string name)
    {
        Nodes.Remove(name);
        Deleted++;
    }

    private static string Text(in MultiOperation part) => Encoding.ASCII.GetString(part.Data!.Value.Span);
}
