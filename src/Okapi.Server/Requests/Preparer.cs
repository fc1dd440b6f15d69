using System.Globalization;
using System.Runtime.InteropServices;
using Okapi.Protocol;
using Okapi.Server.Security;
using Okapi.Server.Sessions;
using Okapi.Server.Transactions;
using Okapi.Server.Trees;

namespace Okapi.Server.Requests;

/// <summary>On whose behalf a write is decided.</summary>
internal readonly record struct Caller(ServerSession Session, Member Member, IReadOnlyList<Identity> Identities);

/// <summary>
/// Decides writes: a request becomes a transaction that is sure to apply, or an error. The order of the checks is Apache's (PrepRequestProcessor), since it decides which of two
/// errors a client sees (B35, B51, B55, B59).
/// </summary>
internal sealed class Preparer(Tree tree, EmbeddedServerOptions options)
{
    private readonly PreparedView _view = new(tree);

    public Prepared Create(in CreateRequest request, OpCode type, in Caller caller)
    {
        string path = request.Path.Path;
        CreateMode mode = request.Mode;
        long ttl = type == OpCode.CreateTtl ? request.TtlMs : -1;
        if (CheckMode(mode, ttl, type) is var wrong and not ErrorCode.Ok) return wrong;
        if (CheckSession(caller) is var session and not ErrorCode.Ok) return session;
        if (mode.IsEphemeral() && caller.Session.IsLocal && !TryUpgrade(caller)) return ErrorCode.EphemeralOnLocalSession;
        if (!HasParent(path, out string parentPath)) return ErrorCode.BadArguments;
        (IReadOnlyList<Acl> acl, ErrorCode invalid) = AccessControl.Resolve(request.Acl, caller.Identities, options);
        if (invalid != ErrorCode.Ok) return invalid;
        if (_view.Find(parentPath) is not { } parent) return ErrorCode.NoNode;
        if (!AccessControl.Allows(parent.Acl, Permissions.Create, caller.Identities)) return ErrorCode.NoAuth;
        if (mode.IsSequential()) path += Suffix(parent.RawCversion);
        if (ZnodePath.FindFault(path) is not null) return ErrorCode.BadArguments;
        if (_view.Find(path) is not null) return ErrorCode.NodeExists;
        if (Ownership.IsSession(parent.Owner)) return ErrorCode.NoChildrenForEphemerals;
        byte[]? data = BytesOf(request.Data);
        if (CheckQuota(path, data?.Length ?? 0, 1) is var quota and not ErrorCode.Ok) return quota;
        // The opcode decides what the znode is, whatever the flags say (B45).
        return new CreateTransaction(type, path, data, acl, mode.IsEphemeral() && type is (OpCode.Create or OpCode.Create2), unchecked(parent.RawCversion + 1), Math.Max(ttl, 0));
    }

    /// <summary>What is looked at first, before the path is.</summary>
    public ErrorCode CheckMode(CreateMode mode, long ttl, OpCode type)
    {
        if ((int)mode is < 0 or > 6) return ErrorCode.BadArguments;
        if (mode.HasTtl() && !options.EnableTtl) return ErrorCode.Unimplemented;
        return (mode.HasTtl() ? ttl is <= 0 or > Ownership.MaxTtlMs : ttl >= 0 || type == OpCode.CreateTtl) ? ErrorCode.BadArguments : ErrorCode.Ok;
    }

    public Prepared Delete(in VersionRequest request, in Caller caller)
    {
        if (CheckSession(caller) is var session and not ErrorCode.Ok) return session;
        string path = request.Path.Path;
        if (!HasParent(path, out string parentPath) || IsSpecial(path)) return ErrorCode.BadArguments;
        if (_view.Find(parentPath) is not { } parent) return ErrorCode.NoNode;
        if (!AccessControl.Allows(parent.Acl, Permissions.Delete, caller.Identities)) return ErrorCode.NoAuth;
        if (_view.Find(path) is not { } node) return ErrorCode.NoNode;
        if (!IsExpected(request.Version, node.Version)) return ErrorCode.BadVersion;
        if (node.ChildCount > 0) return ErrorCode.NotEmpty;
        return CheckCountable(path) is var quota and not ErrorCode.Ok ? quota : new DeleteTransaction(path);
    }

    /// <summary>Deletes a container, or a znode that has outlived its time. There is no ACL check: the server itself asks for it.</summary>
    public Prepared DeleteContainer(string path)
    {
        if (!HasParent(path, out _) || IsSpecial(path)) return ErrorCode.BadArguments;
        if (_view.Find(path) is not { } node) return ErrorCode.NoNode;
        if (node.ChildCount > 0) return ErrorCode.NotEmpty;
        return Ownership.IsSession(node.Owner) ? ErrorCode.BadVersion : new DeleteTransaction(path, OpCode.DeleteContainer);
    }

    public Prepared SetData(in SetDataRequest request, in Caller caller)
    {
        if (CheckSession(caller) is var session and not ErrorCode.Ok) return session;
        string path = request.Path.Path;
        if (ZnodePath.FindFault(path) is not null) return ErrorCode.BadArguments;
        if (_view.Find(path) is not { } node) return ErrorCode.NoNode;
        if (!AccessControl.Allows(node.Acl, Permissions.Write, caller.Identities)) return ErrorCode.NoAuth;
        byte[]? data = BytesOf(request.Data);
        if (CheckQuota(path, (data?.Length ?? 0) - (node.Data?.Length ?? 0), 0) is var quota and not ErrorCode.Ok) return quota;
        return IsExpected(request.Version, node.Version) ? new SetDataTransaction(path, data, Next(node.Version)) : ErrorCode.BadVersion;
    }

    public Prepared SetAcl(in SetAclRequest request, in Caller caller)
    {
        if (CheckSession(caller) is var session and not ErrorCode.Ok) return session;
        string path = request.Path.Path;
        if (ZnodePath.FindFault(path) is not null) return ErrorCode.BadArguments;
        (IReadOnlyList<Acl> acl, ErrorCode invalid) = AccessControl.Resolve(request.Acl, caller.Identities, options);
        if (invalid != ErrorCode.Ok) return invalid;
        if (_view.Find(path) is not { } node) return ErrorCode.NoNode;
        if (!AccessControl.Allows(node.Acl, Permissions.Admin, caller.Identities)) return ErrorCode.NoAuth;
        return IsExpected(request.Version, node.Aversion) ? new SetAclTransaction(path, acl, Next(node.Aversion)) : ErrorCode.BadVersion;
    }

    public Prepared Check(in VersionRequest request, in Caller caller)
    {
        if (CheckSession(caller) is var session and not ErrorCode.Ok) return session;
        string path = request.Path.Path;
        if (ZnodePath.FindFault(path) is not null) return ErrorCode.BadArguments;
        if (_view.Find(path) is not { } node) return ErrorCode.NoNode;
        if (!AccessControl.Allows(node.Acl, Permissions.Read, caller.Identities)) return ErrorCode.NoAuth;
        return IsExpected(request.Version, node.Version) ? new CheckTransaction(path, Next(node.Version)) : ErrorCode.BadVersion;
    }

    public Prepared Reconfig(in Caller caller)
    {
        if (!options.EnableReconfig) return ErrorCode.ReconfigDisabled;
        return CheckSession(caller) is var session and not ErrorCode.Ok ? session : ErrorCode.Unimplemented; // as on a standalone server (B124)
    }

    /// <summary>Decides all parts, each as if those before it were done. If one is refused, none happens (B83, B84).</summary>
    /// <param name="operations">The parts, as they were asked for.</param>
    /// <param name="caller">Who asked.</param>
    /// <param name="refusal">The error of the part that was refused, or Ok.</param>
    public MultiTransaction Multi(IReadOnlyList<MultiOperation> operations, in Caller caller, out ErrorCode refusal)
    {
        var parts = new Transaction[operations.Count];
        refusal = ErrorCode.Ok;
        try
        {
            for (int i = 0; i < parts.Length; i++)
            {
                Prepared prepared = refusal != ErrorCode.Ok ? ErrorCode.RuntimeInconsistency : Part(operations[i], caller);
                parts[i] = prepared.Transaction ?? new ErrorTransaction(prepared.Error);
                if (prepared.IsAllowed)
                {
                    _view.Note(prepared.Transaction, caller.Session.Id);
                }
                else if (refusal == ErrorCode.Ok)
                {
                    refusal = prepared.Error;
                    Array.Fill(parts, new ErrorTransaction(ErrorCode.Ok), 0, i);
                }
            }
        }
        finally
        {
            _view.Clear();
        }

        return new(parts);
    }

    private Prepared Part(in MultiOperation operation, in Caller caller) => operation.Type switch
    {
        OpCode.Delete => Delete(new(operation.Path, operation.Version), caller),
        OpCode.SetData => SetData(new(operation.Path, operation.Data, operation.Version), caller),
        OpCode.Check => Check(new(operation.Path, operation.Version), caller),
        // The flags say that there is a time to live, and there is none.
        OpCode.Create or OpCode.Create2 or OpCode.CreateContainer when operation.Mode.HasTtl() => ErrorCode.MarshallingError,
        _ => Create(new(operation.Path, operation.Data, operation.Acl ?? [], operation.Mode, operation.TtlMs), TypeOfCreate(operation), caller),
    };

    /// <summary>In a multi the flags decide what is created, and 3.8.0 does not tell create2 from create (ZOOKEEPER-4026).</summary>
    private OpCode TypeOfCreate(in MultiOperation operation) => operation.Mode switch
    {
        CreateMode.Container => OpCode.CreateContainer,
        CreateMode.PersistentWithTtl or CreateMode.PersistentSequentialWithTtl => OpCode.CreateTtl,
        _ => operation.Type == OpCode.CreateTtl || options.Version < ServerVersion.V39 ? OpCode.Create : operation.Type,
    };

    /// <summary>A local session becomes everybody's with its first ephemeral znode, whatever becomes of that (B50).</summary>
    private bool TryUpgrade(in Caller caller)
    {
        if (options.LocalSessions != LocalSessions.UntilEphemeral) return false;
        caller.Member.Upgrade(caller.Session);
        return true;
    }

    private static ErrorCode CheckSession(in Caller caller) =>
        caller.Session.IsClosing ? ErrorCode.SessionExpired
        : caller.Session.Owner is { } owner && owner != caller.Member ? ErrorCode.SessionMoved
        : ErrorCode.Ok;

    private ErrorCode CheckQuota(string path, int bytes, int count)
    {
        if (CheckCountable(path) is var error and not ErrorCode.Ok) return error;
        if (!options.EnforceQuota) return ErrorCode.Ok;
        try
        {
            return tree.Quotas.IsExceededBy(path, bytes, count) ? ErrorCode.QuotaExceeded : ErrorCode.Ok;
        }
        catch (FormatException)
        {
            return ErrorCode.MarshallingError; // B121
        }
    }

    private ErrorCode CheckCountable(string path) => tree.Quotas.CanCount(path) ? ErrorCode.Ok : ErrorCode.MarshallingError;

    private static bool HasParent(string path, out string parent)
    {
        int slash = path.LastIndexOf('/');
        parent = slash < 0 ? string.Empty : path[..slash];
        return slash >= 0 && !path.Contains('\0', StringComparison.Ordinal);
    }

    private static bool IsSpecial(string path) => path is "/" or "/zookeeper" or Tree.QuotaRoot or Tree.ConfigPath;

    private static bool IsExpected(int expected, int actual) => expected == -1 || expected == actual;

    /// <summary>It wraps, and −1 is not left out: that came after 3.9 (ZOOKEEPER-4743).</summary>
    private static int Next(int version) => unchecked(version + 1);

    /// <summary>Ten characters with the sign, as Java's %010d has it.</summary>
    private static string Suffix(int number) => number.ToString(number < 0 ? "D9" : "D10", CultureInfo.InvariantCulture);

    private static byte[]? BytesOf(ReadOnlyMemory<byte>? data) =>
        data is not { } memory ? null
        : MemoryMarshal.TryGetArray(memory, out ArraySegment<byte> segment) && segment.Array!.Length == segment.Count ? segment.Array
        : memory.ToArray();
}
