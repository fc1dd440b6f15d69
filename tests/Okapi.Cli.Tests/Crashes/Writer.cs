using System.Globalization;
using System.Net;
using System.Text;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Cli.Tests.Crashes;

/// <summary>One client that writes below a znode of its own, a number of requests ahead of the replies, over many crashes of its server.</summary>
internal sealed class Writer(string root, Random random)
{
    private const int Window = 12, Slots = 24, SessionTimeoutMs = 40_000;

    private readonly Queue<Write> _unanswered = new();
    private WriterModel _acknowledged = new(root);
    private ConnectResponse? _session;
    private bool _mayBeOver;
    private int _written;

    public string Root => root;

    /// <summary>The state that is certain after <see cref="CheckAsync"/>.</summary>
    public WriterModel Model => _acknowledged;

    /// <summary>The zxid of the last reply.</summary>
    public long LastZxid { get; private set; }

    public long Acknowledged { get; private set; }

    /// <summary>Writes until the connection breaks, as it does when the server is killed.</summary>
    /// <param name="server">Where.</param>
    /// <param name="onAcknowledged">Is told of every reply.</param>
    public async Task WriteAsync(IPEndPoint server, Action onAcknowledged)
    {
        WireClient? client = null;
        try
        {
            client = await OpenAsync(server);
            WriterModel predicted = _acknowledged.Clone();
            bool isEnding = false;
            while (true)
            {
                while (!isEnding && _unanswered.Count < Window)
                {
                    Write next = Next(predicted);
                    isEnding = next.IsClose;
                    _unanswered.Enqueue(next); // before it is sent: from then on it may happen
                    predicted.Apply(next, client.SessionId, 0);
                    await SendAsync(client, next);
                }

                if (_unanswered.Count == 0) return; // its session is over
                Accept(await client.ReadReplyAsync(), client.SessionId);
                onAcknowledged();
            }
        }
        catch (IOException)
        {
            // The server is gone.
        }
        finally
        {
            if (client is not null) await client.DisposeAsync();
        }
    }

    /// <summary>Compares what the server shows with what was acknowledged and what else was asked for; what is found counts from then on.</summary>
    public void Check(Shown shown)
    {
        string? difference = _acknowledged.FindDifference(shown);
        string? first = difference;
        while (difference is not null)
        {
            if (!_unanswered.TryDequeue(out Write? next)) throw new InvalidDataException($"{root} shows no state that it was ever in. After what was acknowledged: {first}. After all that was asked for: {difference}.");
            _acknowledged.Apply(next, _session!.Value.SessionId, 0);
            if (next.IsClose) _session = null;
            difference = _acknowledged.FindDifference(shown);
        }

        // What is left did not happen, or changed nothing.
        _mayBeOver = _unanswered.Any(each => each.IsClose);
        _unanswered.Clear();
    }

    /// <summary>A session that was there before the crash is there after it.</summary>
    private async Task<WireClient> OpenAsync(IPEndPoint server)
    {
        if (_session is { } session)
        {
            WireClient resumed = await WireClient.OpenAsync(server, SessionTimeoutMs, session, LastZxid);
            if (resumed.SessionId == session.SessionId) return resumed;
            await resumed.DisposeAsync();
            bool ownsNothing = !_acknowledged.Nodes.Values.Any(node => node.Owner == session.SessionId);
            if (!_mayBeOver || !ownsNothing) throw new InvalidDataException($"Session 0x{session.SessionId:x} of {root} is gone.");
        }

        _session = null;
        WireClient opened = await WireClient.OpenAsync(server, SessionTimeoutMs, lastZxid: LastZxid);
        _session = opened.Session;
        return opened;
    }

    private void Accept(WireReply reply, long session)
    {
        Write write = _unanswered.Dequeue();
        ErrorCode expected = _acknowledged.Apply(write, session, reply.Zxid);
        ErrorCode told = reply.Error;
        if (write.IsMulti && told == ErrorCode.Ok)
            told = reply.Read((ref JuteReader reader) => MultiResult.ReadAll(ref reader)).Select(each => each.Error).FirstOrDefault(error => error is not (ErrorCode.Ok or ErrorCode.RuntimeInconsistency));
        if (told != expected) throw new InvalidDataException($"{root}: {told} came where {expected} was due.");
        if (write.IsClose) _session = null;
        LastZxid = reply.Zxid;
        Acknowledged++;
    }

    private Write Next(WriterModel now) => random.Next(100) switch
    {
        < 30 => new([Create(Slot(), random.Next(4) == 0 ? CreateMode.Ephemeral : CreateMode.Persistent)]),
        < 40 => now.Nodes.Keys.FirstOrDefault(name => name[0] == 's') is { } old && now.Nodes.Count > Slots
            ? new([Delete(old)])
            : new([Create("s-", random.Next(2) == 0 ? CreateMode.EphemeralSequential : CreateMode.PersistentSequential)]),
        < 70 => new([Set(Slot(), now)]),
        < 80 => new([Delete(Slot())]),
        < 99 => new([Create(Slot(), CreateMode.Persistent), Set(Slot(), now), Delete(Slot())], IsMulti: true),
        _ => random.Next(3) == 0 ? Write.Close : new([Set(Slot(), now)]),
    };

    private string Slot() => $"n{random.Next(Slots)}";

    private MultiOperation Create(string name, CreateMode mode) => new(OpCode.Create, $"{root}/{name}", Data(), Acl.Open, mode);

    private MultiOperation Delete(string name) => new(OpCode.Delete, $"{root}/{name}");

    private MultiOperation Set(string name, WriterModel now) =>
        new(OpCode.SetData, $"{root}/{name}", Data(), Version: random.Next(3) > 0 ? -1 : now.Nodes.TryGetValue(name, out Znode? node) ? node.Version : 0);

    /// <summary>Never twice the same; mostly small, now and then larger than a page of the log.</summary>
    private byte[] Data()
    {
        string text = string.Create(CultureInfo.InvariantCulture, $"{++_written}:");
        return Encoding.ASCII.GetBytes(text.PadRight(random.Next(20) == 0 ? random.Next(20_000) : random.Next(200), 'x'));
    }

    private static Task SendAsync(WireClient client, Write write)
    {
        if (write.IsClose) return client.SendAsync(OpCode.CloseSession);
        if (write.IsMulti) return client.SendAsync(OpCode.Multi, (ref JuteWriter writer) => MultiOperation.WriteAll(write.Parts, ref writer));
        MultiOperation one = write.Parts[0];
        return client.SendAsync(one.Type, (ref JuteWriter writer) =>
        {
            if (one.Type == OpCode.Create) new CreateRequest(one.Path, one.Data, one.Acl!, one.Mode).Write(ref writer);
            else if (one.Type == OpCode.SetData) new SetDataRequest(one.Path, one.Data, one.Version).Write(ref writer);
            else new VersionRequest(one.Path, one.Version).Write(ref writer);
        });
    }
}
