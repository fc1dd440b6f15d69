using Okapi.Protocol;

namespace Okapi.Chaos.Histories;

/// <summary>Requests and answers as a history has them.</summary>
internal static class WireCodec
{
    public static WireOperationEntry ReadRequest(RequestHeader header, ref JuteReader reader, int client, int connection)
    {
        string? path = null, tag = null;
        int argument = 0;
        bool watch = false;
        IReadOnlyList<WirePart>? parts = null;
        WireWatches? watches = null;
        switch (header.Type)
        {
            case OpCode.Create or OpCode.Create2 or OpCode.CreateContainer or OpCode.CreateTtl:
                CreateRequest create = CreateRequest.Read(ref reader, header.Type);
                (path, tag, argument) = (create.Path.ToString(), TagOf(create.Data), (int)create.Mode);
                break;
            case OpCode.Delete or OpCode.Check:
                VersionRequest delete = VersionRequest.Read(ref reader);
                (path, argument) = (delete.Path.ToString(), delete.Version);
                break;
            case OpCode.SetData:
                SetDataRequest set = SetDataRequest.Read(ref reader);
                (path, tag, argument) = (set.Path.ToString(), TagOf(set.Data), set.Version);
                break;
            case OpCode.SetAcl:
                SetAclRequest acl = SetAclRequest.Read(ref reader);
                (path, argument) = (acl.Path.ToString(), acl.Version);
                break;
            case OpCode.Exists or OpCode.GetData or OpCode.GetChildren or OpCode.GetChildren2:
                Okapi.Protocol.ReadRequest read = Okapi.Protocol.ReadRequest.Read(ref reader);
                (path, watch) = (read.Path.ToString(), read.Watch);
                break;
            case OpCode.Sync or OpCode.GetAcl or OpCode.GetAllChildrenNumber or OpCode.GetEphemerals:
                path = PathRequest.Read(ref reader).Path.ToString();
                break;
            case OpCode.AddWatch:
                AddWatchRequest add = AddWatchRequest.Read(ref reader);
                (path, argument) = (add.Path.ToString(), (int)add.Mode);
                break;
            case OpCode.RemoveWatches or OpCode.CheckWatches:
                WatchesRequest remove = WatchesRequest.Read(ref reader);
                (path, argument) = (remove.Path.ToString(), (int)remove.Type);
                break;
            case OpCode.Multi or OpCode.MultiRead:
                parts = [.. MultiOperation.ReadAll(ref reader).Select(PartOf)];
                path = parts.Count > 0 ? parts[0].Path : null;
                break;
            case OpCode.SetWatches or OpCode.SetWatches2:
                SetWatchesRequest again = SetWatchesRequest.Read(ref reader, header.Type);
                watches = new WireWatches
                {
                    RelativeZxid = again.RelativeZxid,
                    Data = again.Data,
                    Exists = again.Exist,
                    Children = again.Children,
                    Persistent = again.Persistent,
                    PersistentRecursive = again.PersistentRecursive,
                };
                break;
            default:
                break; // auth, closeSession and the like: that they happened is all there is to know, and secrets stay out
        }

        return new WireOperationEntry
        {
            Client = client,
            Connection = connection,
            Xid = header.Xid,
            Type = header.Type,
            Path = path,
            Tag = tag,
            Argument = argument,
            Watch = watch,
            Sent = HistoryWriter.Now,
            Parts = parts,
            Watches = watches,
        };
    }

    public static void ReadReply(WireOperationEntry operation, ReplyHeader header, ref JuteReader reader)
    {
        operation.Answered = true;
        operation.Time = HistoryWriter.Now;
        operation.Zxid = header.Zxid;
        operation.Error = header.Error;
        // A failed transaction has a body all the same: which of its operations failed. (Apache's says so in the header only from 3.9 on.)
        if (operation.Type == OpCode.Multi && reader.Remaining > 0 || operation.Type == OpCode.MultiRead && reader.Remaining > 0)
        {
            List<MultiResult> results = MultiResult.ReadAll(ref reader);
            for (int i = 0; i < Math.Min(results.Count, operation.Parts!.Count); i++) Fill(operation.Parts[i], results[i]);
            return;
        }

        if (header.Error != ErrorCode.Ok || reader.Remaining == 0) return;
        switch (operation.Type)
        {
            case OpCode.Create:
                operation.ResultPath = PathReply.Read(ref reader).Path;
                break;
            case OpCode.Create2 or OpCode.CreateContainer or OpCode.CreateTtl:
                CreateReply created = CreateReply.Read(ref reader);
                (operation.ResultPath, operation.Stat) = (created.Path, created.Stat);
                break;
            case OpCode.SetData or OpCode.SetAcl or OpCode.Exists:
                operation.Stat = Stat.Read(ref reader);
                break;
            case OpCode.GetData:
                DataReply data = DataReply.Read(ref reader);
                (operation.ResultTag, operation.Stat) = (DataTag.Of(data.Data ?? []), data.Stat);
                break;
            case OpCode.GetChildren:
                Fill(operation, NamesReply.Read(ref reader).Names);
                break;
            case OpCode.GetChildren2:
                ChildrenReply children = ChildrenReply.Read(ref reader);
                Fill(operation, children.Names);
                operation.Stat = children.Stat;
                break;
            default:
                break;
        }
    }

    private static string TagOf(ReadOnlyMemory<byte>? data) => DataTag.Of(data is { } bytes ? bytes.Span : default);

    private static WirePart PartOf(MultiOperation each) => new()
    {
        Type = each.Type,
        Path = each.Path.ToString(),
        Tag = each.Type is OpCode.Delete or OpCode.Check or OpCode.GetData or OpCode.GetChildren ? null : TagOf(each.Data),
        Argument = each.Type is OpCode.Delete or OpCode.Check or OpCode.SetData ? each.Version : (int)each.Mode,
    };

    private static void Fill(WireOperationEntry operation, string[] names) =>
        (operation.Children, operation.ChildCount) = (ChildrenDigest.Of(names), names.Length);

    private static void Fill(WirePart part, MultiResult result)
    {
        part.Error = result.Error;
        part.ResultPath = result.Path;
        part.Stat = result.Stat;
        if (result.Type == OpCode.GetData) part.ResultTag = DataTag.Of(result.Data ?? []);
    }
}
