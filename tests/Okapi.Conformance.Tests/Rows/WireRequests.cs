using System.Buffers.Binary;
using System.Text;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>A call for each request, so that a test reads as a conversation.</summary>
internal static class WireRequests
{
    public static Task<WireReply> CreateAsync(this WireClient zk, string? path, byte[]? data = null, IReadOnlyList<Acl>? acl = null, int flags = 0) =>
        zk.CallAsync(OpCode.Create, Body.Create(path, data, acl, flags));

    public static Task<WireReply> Create2Async(this WireClient zk, string path, byte[]? data = null, IReadOnlyList<Acl>? acl = null, int flags = 0) =>
        zk.CallAsync(OpCode.Create2, Body.Create(path, data, acl, flags));

    public static Task<WireReply> CreateContainerAsync(this WireClient zk, string path, int flags = 4) =>
        zk.CallAsync(OpCode.CreateContainer, Body.Create(path, flags: flags));

    public static Task<WireReply> CreateTtlAsync(this WireClient zk, string path, long ttlMs, int flags = 5) =>
        zk.CallAsync(OpCode.CreateTtl, Body.Create(path, flags: flags, ttlMs: ttlMs));

    /// <summary>Creates a znode, which must succeed, and gives its path.</summary>
    public static async Task<string> CreatedAsync(this WireClient zk, string path, byte[]? data = null, IReadOnlyList<Acl>? acl = null, int flags = 0) =>
        (await zk.CreateAsync(path, data, acl, flags)).Ok(PathReply.Read).Path;

    public static Task<WireReply> DeleteAsync(this WireClient zk, string? path, int version = -1) => zk.CallAsync(OpCode.Delete, Body.Number(path, version));

    public static Task<WireReply> SetAsync(this WireClient zk, string? path, byte[]? data = null, int version = -1) =>
        zk.CallAsync(OpCode.SetData, Body.Set(path, data, version));

    public static Task<WireReply> SetAclAsync(this WireClient zk, string? path, IReadOnlyList<Acl>? acl, int version = -1) =>
        zk.CallAsync(OpCode.SetAcl, Body.SetAcl(path, acl, version));

    public static Task<WireReply> GetAclAsync(this WireClient zk, string path) => zk.CallAsync(OpCode.GetAcl, Body.Path(path));

    public static Task<WireReply> GetAsync(this WireClient zk, string path, bool watch = false) => zk.CallAsync(OpCode.GetData, Body.Read(path, watch));

    public static Task<WireReply> ExistsAsync(this WireClient zk, string path, bool watch = false) => zk.CallAsync(OpCode.Exists, Body.Read(path, watch));

    public static Task<WireReply> ChildrenAsync(this WireClient zk, string path, bool watch = false) => zk.CallAsync(OpCode.GetChildren, Body.Read(path, watch));

    public static Task<WireReply> Children2Async(this WireClient zk, string path, bool watch = false) => zk.CallAsync(OpCode.GetChildren2, Body.Read(path, watch));

    public static Task<WireReply> SyncAsync(this WireClient zk, string path = "/") => zk.CallAsync(OpCode.Sync, Body.Path(path));

    public static Task<WireReply> PingAsync(this WireClient zk) => zk.CallAsync(OpCode.Ping, xid: Xids.Ping);

    public static Task<WireReply> MultiAsync(this WireClient zk, params (OpCode Type, BodyWriter Body)[] operations) => zk.CallAsync(OpCode.Multi, Body.Multi(operations));

    public static Task<WireReply> AuthAsync(this WireClient zk, string scheme, string credential) => zk.CallAsync(OpCode.Auth, Body.Auth(scheme, credential), Xids.Auth);

    public static Task<WireReply> AddWatchAsync(this WireClient zk, string path, int mode = 0) => zk.CallAsync(OpCode.AddWatch, Body.Number(path, mode));

    public static Task<WireReply> CheckWatchesAsync(this WireClient zk, string path, int type) => zk.CallAsync(OpCode.CheckWatches, Body.Number(path, type));

    public static Task<WireReply> RemoveWatchesAsync(this WireClient zk, string path, int type) => zk.CallAsync(OpCode.RemoveWatches, Body.Number(path, type));

    /// <summary>The Stat of a znode that must exist.</summary>
    public static async Task<Stat> StatAsync(this WireClient zk, string path) => (await zk.ExistsAsync(path)).Ok(Stat.Read);

    /// <summary>Whether a znode exists; any other answer fails the test.</summary>
    public static async Task<bool> IsThereAsync(this WireClient zk, string path)
    {
        WireReply reply = await zk.ExistsAsync(path);
        if (reply.Error != ErrorCode.NoNode) reply.Ok(Stat.Read);
        return reply.Error == ErrorCode.Ok;
    }

    public static async Task<byte[]?> DataAsync(this WireClient zk, string path) => (await zk.GetAsync(path)).Ok(DataReply.Read).Data;

    /// <summary>The names of a znode's children, sorted.</summary>
    public static async Task<string[]> NamesAsync(this WireClient zk, string path) => [.. (await zk.ChildrenAsync(path)).Ok(NamesReply.Read).Names.Order(StringComparer.Ordinal)];

    public static async Task<Acl[]> AclAsync(this WireClient zk, string path) => (await zk.GetAclAsync(path)).Ok(AclReply.Read).Acl;

    /// <summary>Ends the session in good order.</summary>
    public static async Task CloseAsync(this WireClient zk)
    {
        (await zk.CallAsync(OpCode.CloseSession)).Ok();
        await zk.ExpectCloseAsync();
    }

    /// <summary>The last transaction that the server has applied.</summary>
    public static async Task<long> LastZxidAsync(this WireClient zk) => (await zk.PingAsync()).Zxid;

    /// <summary>The events that have come so far, as text, with paths relative to a root: <c>Created /a</c>.</summary>
    public static async Task<string[]> EventTextsAsync(this WireClient zk, string root = "") => [.. (await zk.EventsAsync()).Select(each => each.EventText(root))];

    /// <summary>Reads events until one is the wanted, which the server may take its time for, and gives those before it.</summary>
    public static async Task<string[]> UntilEventAsync(this WireClient zk, string wanted, string root = "")
    {
        var before = new List<string>();
        while (true)
        {
            string text = (await zk.ReadEventAsync()).Text(root);
            if (text == wanted) return [.. before];
            before.Add(text);
        }
    }

    /// <summary>Sends a header and, after it, bytes that need not be what the header promises.</summary>
    public static Task SendRawAsync(this WireClient zk, int xid, OpCode type, byte[] body)
    {
        byte[] frame = new byte[12 + body.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, 8 + body.Length);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(4), xid);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(8), (int)type);
        body.CopyTo(frame, 12);
        return zk.SendBytesAsync(frame);
    }

    public static byte[] Utf8(this string text) => Encoding.UTF8.GetBytes(text);
}
