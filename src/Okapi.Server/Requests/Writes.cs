using Okapi.Protocol;
using Okapi.Server.Connections;
using Okapi.Server.Sessions;
using Okapi.Server.Transactions;
using Okapi.Server.Trees;

namespace Okapi.Server.Requests;

/// <summary>Answers requests that take a place in the order of writes: each becomes a transaction, of its own kind or an error (B33).</summary>
internal sealed class Writes(Member member)
{
    public static bool IsOne(OpCode type) => type switch
    {
        OpCode.Create or OpCode.Create2 or OpCode.CreateContainer or OpCode.CreateTtl or OpCode.Delete or OpCode.DeleteContainer or OpCode.SetData or OpCode.SetAcl or OpCode.Check
            or OpCode.Multi or OpCode.Reconfig or OpCode.CloseSession or OpCode.Sync => true,
        _ => false,
    };

    public void Answer(ServerConnection connection, RequestHeader header, ref JuteReader body)
    {
        ServerSession session = connection.Session!;
        if (header.Type == OpCode.CloseSession)
        {
            Close(connection, session, header.Xid);
            return;
        }

        if (member.IsReadOnly)
        {
            connection.Reply(header.Xid, member.View.LastZxid, ErrorCode.NotReadOnly);
            return;
        }

        if (header.Type == OpCode.Sync)
        {
            Sync(connection, header.Xid, ref body);
            return;
        }

        var caller = new Caller(session, member, connection.Identities);
        if (header.Type == OpCode.Multi) Multi(connection, header.Xid, ref body, caller);
        else One(connection, header, ref body, caller);
    }

    private void One(ServerConnection connection, RequestHeader header, ref JuteReader body, in Caller caller)
    {
        Prepared prepared;
        try
        {
            prepared = Prepare(header.Type, ref body, caller);
        }
        catch (ProtocolException)
        {
            prepared = ErrorCode.MarshallingError; // B23
        }

        if (prepared.Error == ErrorCode.SessionMoved)
        {
            // Its client is attached to another member by now; an answer on this connection could only confuse it (ZOOKEEPER-710).
            connection.Close();
            return;
        }

        if (header.Type == OpCode.Check)
        {
            // 3.8.0 gives it a zxid, and no answer (B26); it also spoils its log with it, which is not done here.
            member.Leader.Commit(connection.SessionId, header.Xid, new ErrorTransaction(ErrorCode.Ok), out _);
            return;
        }

        Outcome outcome = member.Leader.Commit(connection.SessionId, header.Xid, prepared.Transaction ?? new ErrorTransaction(prepared.Error), out TransactionHeader transaction);
        member.WhenCaughtUp(connection, () => Reply(connection, header.Xid, transaction.Zxid, outcome));
    }

    private Prepared Prepare(OpCode type, ref JuteReader body, in Caller caller)
    {
        Preparer preparer = member.Leader.Preparer;
        switch (type)
        {
            case OpCode.Delete:
                return preparer.Delete(VersionRequest.Read(ref body), caller);
            case OpCode.SetData or OpCode.SetAcl when HasNullPath(body):
                body.ReadString();
                if (type == OpCode.SetData) body.ReadByteArray();
                else body.ReadRecords<Acl>(minimumSize: 12);
                body.ReadInt();
                return ErrorCode.BadArguments; // these two look at the path before they use it (B23)
            case OpCode.SetData:
                return preparer.SetData(SetDataRequest.Read(ref body), caller);
            case OpCode.SetAcl:
                return preparer.SetAcl(SetAclRequest.Read(ref body), caller);
            case OpCode.Check:
                return preparer.Check(VersionRequest.Read(ref body), caller);
            case OpCode.Reconfig:
                ReconfigRequest.Read(ref body);
                return preparer.Reconfig(caller);
            case OpCode.DeleteContainer:
                // 3.8.0 takes the bytes of the whole frame for the path, and there is always a NUL among those of the header (B27).
                return member.Options.Version >= ServerVersion.V39 ? preparer.DeleteContainer(body.ReadRequiredString("path")) : ErrorCode.BadArguments;
            default:
                if (HasNullPath(body)) return CreateOfNothing(type, body);
                return preparer.Create(CreateRequest.Read(ref body, type), type, caller);
        }
    }

    /// <summary>A create without a path is refused for its flags first (B35).</summary>
    private Prepared CreateOfNothing(OpCode type, JuteReader body)
    {
        body.ReadString();
        body.ReadByteArray();
        body.ReadRecords<Acl>(minimumSize: 12);
        var mode = (CreateMode)body.ReadInt();
        ErrorCode wrong = member.Leader.Preparer.CheckMode(mode, type == OpCode.CreateTtl ? body.ReadLong() : -1, type);
        return wrong != ErrorCode.Ok ? wrong : ErrorCode.MarshallingError;
    }

    private void Multi(ServerConnection connection, int xid, ref JuteReader body, in Caller caller)
    {
        List<MultiOperation> operations;
        try
        {
            operations = MultiOperation.ReadAll(ref body);
            if (operations.Exists(operation => operation.Type is OpCode.GetData or OpCode.GetChildren)) throw new ProtocolException("A transaction holds a read.");
            // 3.8.0 refuses the part alone (B90).
            if (member.Options.Version >= ServerVersion.V39 && operations.Exists(operation => IsCreate(operation.Type) && (int)operation.Mode is < 0 or > 6))
                throw new ProtocolException("A transaction creates with flags that nobody knows.");
        }
        catch (ProtocolException)
        {
            member.Leader.Commit(connection.SessionId, xid, new ErrorTransaction(ErrorCode.MarshallingError), out TransactionHeader refused);
            member.WhenCaughtUp(connection, () => connection.Reply(xid, refused.Zxid, ErrorCode.MarshallingError));
            return;
        }

        MultiTransaction transaction = member.Leader.Preparer.Multi(operations, caller, out ErrorCode refusal);
        if (refusal == ErrorCode.MarshallingError)
        {
            // Apache stumbles over the part, and so over all of them.
            connection.Reply(xid, member.View.LastZxid, ErrorCode.MarshallingError);
            return;
        }

        if (refusal == ErrorCode.SessionMoved)
        {
            connection.Close(); // B92
            return;
        }

        Outcome outcome = member.Leader.Commit(connection.SessionId, xid, transaction, out TransactionHeader header);
        member.WhenCaughtUp(connection, () => connection.ReplyMulti(xid, header.Zxid, [.. outcome.Parts!.Select(Result)]));
    }

    private static bool HasNullPath(JuteReader body) => body.Remaining >= 4 && body.ReadInt() == -1;

    private static bool IsCreate(OpCode type) => type is OpCode.Create or OpCode.Create2 or OpCode.CreateContainer or OpCode.CreateTtl;

    private static MultiResult Result(Outcome part) => part.Type switch
    {
        OpCode.Error => new(OpCode.Error, part.Error),
        OpCode.Create => new(OpCode.Create, Path: part.Path),
        OpCode.Create2 or OpCode.CreateContainer or OpCode.CreateTtl => new(OpCode.Create2, Path: part.Path, Stat: part.Stat), // whatever was asked for
        OpCode.SetData => new(OpCode.SetData, Stat: part.Stat),
        _ => new(part.Type),
    };

    private static void Reply(ServerConnection connection, int xid, long zxid, in Outcome outcome)
    {
        switch (outcome.Type)
        {
            case OpCode.Error:
                connection.Reply(xid, zxid, outcome.Error);
                break;
            case OpCode.Create:
                connection.Reply(xid, zxid, new PathReply(outcome.Path!));
                break;
            case OpCode.Create2 or OpCode.CreateContainer or OpCode.CreateTtl:
                connection.Reply(xid, zxid, new CreateReply(outcome.Path!, outcome.Stat));
                break;
            case OpCode.SetData or OpCode.SetAcl:
                connection.Reply(xid, zxid, outcome.Stat);
                break;
            default:
                connection.Reply(xid, zxid);
                break;
        }
    }

    /// <summary>Answers when this member has seen all that was committed before; the path is echoed, whatever it is (B79).</summary>
    private void Sync(ServerConnection connection, int xid, ref JuteReader body)
    {
        try
        {
            string path = body.ReadString()!; // null is echoed as well
            member.WhenCaughtUp(connection, () => connection.Reply(xid, member.View.LastZxid, new PathReply(path)));
        }
        catch (ProtocolException)
        {
            connection.Reply(xid, member.View.LastZxid, ErrorCode.MarshallingError);
        }
    }

    private void Close(ServerConnection connection, ServerSession session, int xid)
    {
        if (session.IsLocal)
        {
            member.LocalSessions.Remove(session);
            Answer(member.View.LastZxid);
            return;
        }

        member.Leader.CloseSession(session, xid);
        long zxid = member.Leader.Tree.LastZxid;
        member.WhenCaughtUp(connection, () => Answer(zxid));
        foreach (Member other in member.Leader.Members)
        {
            if (other != member) other.OnSessionEnded(session.Id);
        }

        void Answer(long at)
        {
            connection.Reply(xid, at);
            connection.Close();
        }
    }
}
