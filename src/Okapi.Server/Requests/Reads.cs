using Okapi.Protocol;
using Okapi.Server.Connections;
using Okapi.Server.Security;
using Okapi.Server.Trees;

namespace Okapi.Server.Requests;

/// <summary>Answers requests that change nothing in the tree, from what the member sees of it. (Apache's FinalRequestProcessor.)</summary>
internal sealed class Reads(Member member)
{
    /// <summary>Answers a request.</summary>
    /// <exception cref="ProtocolException">The body is malformed.</exception>
    public void Answer(ServerConnection connection, int xid, OpCode type, ref JuteReader body)
    {
        Tree tree = member.View;
        long zxid = tree.LastZxid;
        switch (type)
        {
            case OpCode.Ping:
                connection.Reply(Xids.Ping, zxid);
                break;
            case OpCode.Exists:
                Exists(connection, xid, ReadRequest.Read(ref body), zxid);
                break;
            case OpCode.GetData:
                ReadRequest get = ReadRequest.Read(ref body);
                if (Find(connection, xid, get.Path.Path, Permissions.Read, zxid) is not { } data) break;
                if (get.Watch) member.Watches.Data.Add(get.Path.Path, connection, Watches.WatchModes.OneShot);
                connection.Reply(xid, zxid, new DataReply(data.Data, data.ToStat()));
                break;
            case OpCode.GetChildren:
                ReadRequest names = ReadRequest.Read(ref body);
                if (Find(connection, xid, names.Path.Path, Permissions.Read, zxid) is not { } parent) break;
                if (names.Watch) member.Watches.Children.Add(names.Path.Path, connection, Watches.WatchModes.OneShot);
                connection.Reply(xid, zxid, new NamesReply(Names(parent)));
                break;
            case OpCode.GetChildren2:
                ReadRequest children = ReadRequest.Read(ref body);
                if (Find(connection, xid, children.Path.Path, Permissions.Read, zxid) is not { } node) break;
                if (children.Watch) member.Watches.Children.Add(children.Path.Path, connection, Watches.WatchModes.OneShot);
                connection.Reply(xid, zxid, new ChildrenReply(Names(node), node.ToStat()));
                break;
            case OpCode.GetAcl:
                if (Find(connection, xid, PathRequest.Read(ref body).Path.Path, Permissions.Read | Permissions.Admin, zxid) is not { } guarded) break;
                bool mayAdminister = AccessControl.Allows(guarded.Acl, Permissions.Admin, connection.Identities);
                connection.Reply(xid, zxid, new AclReply(mayAdminister ? [.. guarded.Acl] : AccessControl.Redacted(guarded.Acl), guarded.ToStat()));
                break;
            case OpCode.GetAllChildrenNumber:
                string above = PathRequest.Read(ref body).Path.Path;
                if (Find(connection, xid, above, Permissions.Read, zxid) is not null) connection.Reply(xid, zxid, new CountReply(tree.CountDescendants(above)));
                break;
            case OpCode.GetEphemerals:
                Ephemerals(connection, xid, body.ReadString(), zxid);
                break;
            case OpCode.MultiRead:
                connection.ReplyMulti(xid, zxid, Several(connection, MultiOperation.ReadAll(ref body)));
                break;
            case OpCode.WhoAmI:
                connection.Reply(xid, zxid, new WhoAmIReply([.. connection.Identities.Select(identity => new ClientInfo(identity.Scheme, identity.User))]));
                break;
            case OpCode.SetWatches or OpCode.SetWatches2:
                member.Watches.Rearm(SetWatchesRequest.Read(ref body, type), tree, connection);
                connection.Reply(xid, zxid);
                break;
            case OpCode.AddWatch:
                AddWatchRequest add = AddWatchRequest.Read(ref body);
                if (!Enum.IsDefined(add.Mode)) throw new ProtocolException($"{(int)add.Mode} is not a mode of watching.");
                member.Watches.Add(add.Path.Path, connection, add.Mode);
                connection.Reply(xid, zxid, new CountReply(0)); // Apache's ErrorResponse: a code, which is Ok
                break;
            case OpCode.CheckWatches:
                WatchesRequest check = WatchesRequest.Read(ref body);
                AnswerWatches(connection, xid, zxid, member.Watches.Contains(check.Path.Path, check.Type, connection));
                break;
            case OpCode.RemoveWatches:
                WatchesRequest remove = WatchesRequest.Read(ref body);
                AnswerWatches(connection, xid, zxid, member.Watches.Remove(remove.Path.Path, remove.Type, connection));
                break;
            default:
                throw new InvalidOperationException($"{type} is not a read.");
        }
    }

    private void Exists(ServerConnection connection, int xid, ReadRequest request, long zxid)
    {
        string path = request.Path.Path;
        if (path.Contains('\0', StringComparison.Ordinal))
        {
            connection.Reply(xid, zxid, ErrorCode.BadArguments);
            return;
        }

        Znode? node = member.View.Find(path);
        // Since 3.9 whether a znode exists is for those alone who may read it (ZOOKEEPER-2590).
        if (node is not null && member.Options.Version >= ServerVersion.V39 && !AccessControl.Allows(node.Acl, Permissions.Read, connection.Identities))
        {
            connection.Reply(xid, zxid, ErrorCode.NoAuth);
            return;
        }

        if (request.Watch) member.Watches.Data.Add(path, connection, Watches.WatchModes.OneShot); // of what does not exist as well (B99)
        if (node is null) connection.Reply(xid, zxid, ErrorCode.NoNode);
        else connection.Reply(xid, zxid, node.ToStat());
    }

    /// <summary>Finds a znode, or answers why it may not be seen: what is missing comes before what is forbidden (B73).</summary>
    private Znode? Find(ServerConnection connection, int xid, string path, Permissions wanted, long zxid)
    {
        Znode? node = member.View.Find(path);
        ErrorCode error = Check(node, wanted, connection);
        if (error == ErrorCode.Ok) return node;
        connection.Reply(xid, zxid, error);
        return null;
    }

    private void Ephemerals(ServerConnection connection, int xid, string? prefix, long zxid)
    {
        IEnumerable<string> paths = member.View.EphemeralsOf(connection.SessionId);
        // A prefix of the text, not of the path: /u/ep names /u/ep2 as well (B78).
        if (!string.IsNullOrWhiteSpace(prefix) && prefix.Trim() != "/") paths = paths.Where(path => path.StartsWith(prefix, StringComparison.Ordinal));
        connection.Reply(xid, zxid, new NamesReply([.. paths]));
    }

    private List<MultiResult> Several(ServerConnection connection, List<MultiOperation> operations)
    {
        var results = new List<MultiResult>(operations.Count);
        foreach (MultiOperation operation in operations)
        {
            if (operation.Type is not (OpCode.GetData or OpCode.GetChildren)) throw new ProtocolException($"{operation.Type} is not a read.");
            Znode? node = member.View.Find(operation.Path.Path);
            ErrorCode error = Check(node, Permissions.Read, connection);
            results.Add(
                error != ErrorCode.Ok ? new(OpCode.Error, error)
                : operation.Type == OpCode.GetData ? new(OpCode.GetData, Data: node!.Data, Stat: node.ToStat())
                : new(OpCode.GetChildren, Children: Names(node!)));
        }

        return results;
    }

    private static ErrorCode Check(Znode? node, Permissions wanted, ServerConnection connection) =>
        node is null ? ErrorCode.NoNode : AccessControl.Allows(node.Acl, wanted, connection.Identities) ? ErrorCode.Ok : ErrorCode.NoAuth;

    private static void AnswerWatches(ServerConnection connection, int xid, long zxid, bool? found) =>
        connection.Reply(xid, zxid, found switch { true => ErrorCode.Ok, false => ErrorCode.NoWatcher, null => ErrorCode.MarshallingError });

    private static string[] Names(Znode node) => node.Children is null ? [] : [.. node.Children];
}
