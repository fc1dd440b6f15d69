using System.Text;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Scripts;

/// <summary>What a server says, as text that is the same for two servers that say the same.</summary>
public sealed class ReplyText(Ledger ledger)
{
    /// <summary>An event.</summary>
    public string Event(WireReply frame)
    {
        try
        {
            var reader = new JuteReader(frame.Body);
            WatcherEvent told = WatcherEvent.Read(ref reader);
            string odd = (frame.Error == ErrorCode.Ok ? "" : $" error {(int)frame.Error}") + (frame.Zxid == -1 ? "" : $" {ledger.Zxid(frame.Zxid)}")
                + (told.State == KeeperState.SyncConnected ? "" : $" {told.State}") + Rest(ref reader);
            return $"{told.Type} {ledger.Path(told.Path)}{odd}";
        }
        catch (ProtocolException)
        {
            return "an event that cannot be read: " + Convert.ToHexString(frame.Body);
        }
    }

    /// <summary>A reply.</summary>
    /// <param name="request">What it answers.</param>
    /// <param name="xid">The number under which that was sent.</param>
    /// <param name="frame">The reply.</param>
    public string Reply(Operation request, int xid, WireReply frame)
    {
        string number = frame.Xid == xid ? "" : $"xid {frame.Xid} for {xid}, ";
        // Judged before the body is read, whose numbers are told by those of the writes. A multi that cannot be read has no zxid of its own.
        bool isWrite = request.IsWrite && !(request.Verb == "multi" && frame.Error == ErrorCode.MarshallingError);
        string zxid = isWrite ? ledger.Write(frame.Zxid) : ledger.Read(frame.Zxid);
        return $"{number}{frame.Error} {zxid}{Body(request, frame)}";
    }

    private string Body(Operation request, WireReply frame)
    {
        var reader = new JuteReader(frame.Body);
        try
        {
            // Apache answers with the results so far, if it can read the rest of a transaction or of a batch no more.
            bool isBatch = request.Verb is "multi" or "multiRead" && reader.Remaining > 0;
            string body = frame.Error == ErrorCode.Ok || isBatch ? Body(request, ref reader) : "";
            return body + Rest(ref reader);
        }
        catch (ProtocolException)
        {
            return " a body that cannot be read: " + Convert.ToHexString(frame.Body);
        }
    }

    private string Body(Operation request, ref JuteReader reader)
    {
        switch (request.Verb)
        {
            case "create" or "sync":
                return " " + ledger.Path(reader.ReadString());
            case "create2" or "createContainer" or "createTTL":
                return $" {ledger.Path(reader.ReadString())} {Stat(ref reader, false)}";
            case "setData" or "setACL" or "exists":
                return " " + Stat(ref reader, request.IsGlobal);
            case "getData":
                return $" {Bytes(reader.ReadByteArray())} {Stat(ref reader, request.IsGlobal)}";
            case "getChildren":
                return " " + Names(request, ref reader);
            case "getChildren2":
                return $" {Names(request, ref reader)} {Stat(ref reader, request.IsGlobal)}";
            case "getACL":
                return $" {Entries(ref reader)} {Stat(ref reader, request.IsGlobal)}";
            case "getEphemerals":
                return " " + Set(reader.ReadStrings().Select(ledger.Path));
            case "getAllChildrenNumber":
                int count = reader.ReadInt();
                return request.IsGlobal ? "" : $" {count}";
            case "whoAmI":
                return " " + Set(reader.ReadRecords<ClientInfo>(8).Select(each => $"{each.Scheme}:{each.User}"));
            case "multi" or "multiRead":
                return Results(request, ref reader);
            default:
                return "";
        }
    }

    private string Stat(ref JuteReader reader, bool isGlobal) => ledger.Stat(Okapi.Stat.Read(ref reader), isGlobal);

    // Children come in any order, and those of the root are mostly other scripts'.
    private string Names(Operation request, ref JuteReader reader)
    {
        string[] names = reader.ReadStrings();
        if (request.IsGlobal) names = [.. names.Select(name => ledger.Path("/" + name)).Where(name => name is "~" or "/zookeeper")];
        return Set(names.Select(ScriptText.Escape));
    }

    // "auth" stands for all that a connection has proven, and comes in any order.
    private static string Entries(ref JuteReader reader)
    {
        Acl[] entries = reader.ReadRecords<Acl>(12);
        var text = new StringBuilder("[");
        for (int i = 0, next; i < entries.Length; i = next)
        {
            for (next = i + 1; next < entries.Length && entries[next].Permissions == entries[i].Permissions; next++)
            {
            }

            text.AppendJoin(' ', entries[i..next].Select(each => $" {(int)each.Permissions}:{each.Scheme}:{ScriptText.Escape(each.Id)}").Order(StringComparer.Ordinal));
        }

        return text.Append(" ]").ToString();
    }

    private string Results(Operation request, ref JuteReader reader)
    {
        var text = new StringBuilder(" {");
        for (int i = 0; ; i++)
        {
            MultiHeader header = MultiHeader.Read(ref reader);
            if (header.Done) return text.Append(header == MultiHeader.End ? " }" : $" {header} }}").ToString();
            text.Append(i == 0 ? " " : " ; ").Append((int)header.Type);
            if (header.Error != 0) text.Append(' ').Append((ErrorCode)header.Error);
            bool isGlobal = i < request.Parts.Count && request.Parts[i].IsGlobal;
            switch (header.Type)
            {
                case OpCode.Error:
                    text.Append(" says ").Append((ErrorCode)reader.ReadInt());
                    break;
                case OpCode.Create:
                    text.Append(' ').Append(ledger.Path(reader.ReadString()));
                    break;
                case OpCode.Create2 or OpCode.CreateContainer or OpCode.CreateTtl:
                    text.Append(' ').Append(ledger.Path(reader.ReadString())).Append(' ').Append(Stat(ref reader, false));
                    break;
                case OpCode.SetData:
                    text.Append(' ').Append(Stat(ref reader, isGlobal));
                    break;
                case OpCode.GetData:
                    text.Append(' ').Append(Bytes(reader.ReadByteArray())).Append(' ').Append(Stat(ref reader, isGlobal));
                    break;
                case OpCode.GetChildren:
                    text.Append(' ').Append(Names(isGlobal ? request.Parts[i] : request, ref reader));
                    break;
            }
        }
    }

    private static string Bytes(byte[]? bytes) => bytes is null ? "(null)" : "'" + string.Concat(bytes.Select(each => each is > 32 and < 127 and not (byte)'\\' ? $"{(char)each}" : $"\\x{each:x2}")) + "'";

    private static string Set(IEnumerable<string> values) => "[" + string.Join(' ', values.Order(StringComparer.Ordinal)) + "]";

    private static string Rest(ref JuteReader reader)
    {
        if (reader.Remaining == 0) return "";
        var rest = new StringBuilder(" and then ");
        while (reader.Remaining >= 4) rest.Append(reader.ReadInt().ToString("x8", System.Globalization.CultureInfo.InvariantCulture));
        while (reader.Remaining > 0) rest.Append(reader.ReadBoolean() ? "+" : "0");
        return rest.ToString();
    }
}
