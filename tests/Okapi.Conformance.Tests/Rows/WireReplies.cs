using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>What a reply is asserted to be, down to its last byte.</summary>
internal static class WireReplies
{
    /// <summary>A success whose body is one record and nothing more.</summary>
    public static T Ok<T>(this WireReply reply, BodyReader<T> read)
    {
        Assert.Equal(ErrorCode.Ok, reply.Error);
        return reply.Whole(read);
    }

    /// <summary>A success without a body.</summary>
    public static WireReply Ok(this WireReply reply) => reply.Is(ErrorCode.Ok);

    /// <summary>A header with a code, and no body.</summary>
    public static WireReply Is(this WireReply reply, ErrorCode code)
    {
        Assert.Equal(code, reply.Error);
        Assert.Empty(reply.Body);
        return reply;
    }

    public static T Whole<T>(this WireReply reply, BodyReader<T> read)
    {
        var reader = new JuteReader(reply.Body);
        T record = read(ref reader);
        Assert.Equal(0, reader.Remaining);
        return record;
    }

    /// <summary>The answer to addWatch has a code of its own after the header, which is always 0.</summary>
    public static void WatchAdded(this WireReply reply) => Assert.Equal(0, reply.Ok((ref JuteReader reader) => reader.ReadInt()));

    /// <summary>An event as text, with its path relative to a root: <c>Created /a</c>.</summary>
    public static string EventText(this WireReply reply, string root = "")
    {
        Assert.True(reply.IsEvent);
        WatcherEvent fired = reply.Whole(WatcherEvent.Read);
        Assert.Equal(KeeperState.SyncConnected, fired.State);
        return fired.Text(root);
    }

    public static string Text(this WatcherEvent fired, string root = "")
    {
        string type = fired.Type.ToString();
        string path = root.Length > 0 && fired.Path.StartsWith(root, StringComparison.Ordinal) ? fired.Path[root.Length..] : fired.Path;
        return $"{(type.StartsWith("Node", StringComparison.Ordinal) ? type[4..] : type)} {(path.Length == 0 ? "/" : path)}";
    }

    /// <summary>The results of a transaction or of a batch of reads, with nothing after the end mark.</summary>
    public static MultiPart[] Parts(this WireReply reply) => reply.Ok(MultiPart.ReadAll);

    /// <summary>The codes of a transaction that failed.</summary>
    public static ErrorCode[] Codes(this WireReply reply) => [.. reply.Parts().Select(part =>
    {
        Assert.Equal(OpCode.Error, part.Type);
        return part.Code;
    })];
}

/// <summary>One result of a transaction or of a batch of reads, byte by byte.</summary>
/// <param name="Type">The type in the result's header.</param>
/// <param name="Code">The code in the result's header, which a failure has in its body once more.</param>
internal sealed record MultiPart(OpCode Type, ErrorCode Code, string? Path = null, Stat? Stat = null, byte[]? Data = null, string[]? Children = null)
{
    public static MultiPart[] ReadAll(ref JuteReader reader)
    {
        var parts = new List<MultiPart>();
        for (MultiHeader header = MultiHeader.Read(ref reader); ; header = MultiHeader.Read(ref reader))
        {
            if (header.Done)
            {
                Assert.Equal(MultiHeader.End, header);
                return [.. parts];
            }

            parts.Add(Read(ref reader, header));
        }
    }

    private static MultiPart Read(ref JuteReader reader, MultiHeader header)
    {
        var code = (ErrorCode)header.Error;
        if (header.Type == OpCode.Error) Assert.Equal(code, (ErrorCode)reader.ReadInt());
        else Assert.Equal(ErrorCode.Ok, code);
        switch (header.Type)
        {
            case OpCode.Create: return new(header.Type, code, Path: reader.ReadString());
            case OpCode.Create2 or OpCode.CreateContainer or OpCode.CreateTtl:
                CreateReply created = CreateReply.Read(ref reader);
                return new(header.Type, code, created.Path, created.Stat);
            case OpCode.SetData: return new(header.Type, code, Stat: Okapi.Stat.Read(ref reader));
            case OpCode.GetData:
                DataReply data = DataReply.Read(ref reader);
                return new(header.Type, code, Stat: data.Stat, Data: data.Data);
            case OpCode.GetChildren: return new(header.Type, code, Children: reader.ReadStrings());
            default: return new(header.Type, code);
        }
    }
}
