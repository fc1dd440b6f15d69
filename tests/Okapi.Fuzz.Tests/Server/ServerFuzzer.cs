using System.Buffers.Binary;
using Okapi.Fuzz.Tests.Records;
using Okapi.Fuzz.Tests.Streams;
using Okapi.Server;
using Okapi.Server.Connections;
using Okapi.TestSupport;

namespace Okapi.Fuzz.Tests.Server;

/// <summary>F3: whatever a client sends, the server gives it what it is owed, and nobody else notices.</summary>
internal sealed class ServerFuzzer : IAsyncDisposable
{
    private const int MaxFrame = 0xfffff;
    private const int BystanderEvery = 64;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan PerInput = TimeSpan.FromMilliseconds(1);
    private static readonly string[] Words = ["ruok", "srvr", "stat", "cons", "dump", "mntr", "envi", "conf", "wchs", "wchc", "wchp", "crst", "srst", "isro", "dirs", "gtmk", "stmk", "hash", "none"];

    private readonly EmbeddedServer _server;
    private readonly ServerVersion _version;
    private readonly IReadOnlyList<Conversation> _conversations;
    private readonly LogRecorder _log;
    private readonly Bystander _bystander;
    private readonly ManualTime _time;
    private int _count;

    private ServerFuzzer(EmbeddedServer server, ManualTime time, ServerVersion version, IReadOnlyList<Conversation> conversations, LogRecorder log, Bystander bystander)
    {
        _server = server;
        _time = time;
        _version = version;
        _conversations = conversations;
        _log = log;
        _bystander = bystander;
    }

    /// <param name="conversations">What clients said.</param>
    /// <param name="version">Whose quirks the server has.</param>
    /// <param name="isLocked">Whether nobody but the bystander may change anything, so that nothing may change.</param>
    public static async Task<ServerFuzzer> StartAsync(IReadOnlyList<Conversation> conversations, ServerVersion version, bool isLocked)
    {
        var log = new LogRecorder();
        var time = new ManualTime();
        EmbeddedServerOptions options = Conversation.ServerOptions(version);
        options.TimeProvider = time;
        options.TickTime = TimeSpan.FromMilliseconds(200); // the sessions that are left behind end soon
        options.MaxSessionTimeout = TimeSpan.FromMinutes(1);
        options.LoggerFactory = new GraveOnly(log);
        options.SaslUsers["ann"] = "of-ann";
        options.FourLetterWords.Add("*");
        EmbeddedServer server = await EmbeddedServer.StartAsync(options);
        return new(server, time, version, conversations, log, await Bystander.StartAsync(server, isLocked));
    }

    public Task RunAsync(ulong seed)
    {
        var luck = new Luck(seed);
        return RunAsync(Make(luck));
    }

    /// <summary>Runs an input as it is: all that a client says from its first byte on.</summary>
    public async Task RunAsync(byte[] input)
    {
        try
        {
            await using var client = new WireClient(await _server.ConnectAsync()) { Patience = Patience };
            ServerOracle oracle = ServerOracle.For(input, _version, _bystander.Zxid);
            byte[] said;
            try
            {
                await client.SendBytesAsync(input);
                ((MemoryStreamEnd)client.Stream).CloseWriting();
            }
            catch (IOException)
            {
                // It was cut off before it was through; what it was owed can still be read.
            }

            said = await ReadAsync(client.Stream);
            bool mayHaveWritten = Compare(oracle, said);
            await _bystander.LookAsync(mayHaveWritten, isThorough: ++_count % BystanderEvery == 0);
            if (_log.Entries is [{ } grave, ..]) throw new FuzzException($"The server logged {grave.Text}");
            _time.Advance(PerInput); // between inputs: no session ends within one, however long the machine takes over it
        }
        catch (Exception error)
        {
            throw new FuzzException(error is FuzzException ? error.Message : error.ToString(), input);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _bystander.DisposeAsync();
        await _server.DisposeAsync();
        await _server.Completion; // a server that has failed says why
    }

    private byte[] Make(Luck luck)
    {
        if (luck.Chance(20)) return [.. System.Text.Encoding.ASCII.GetBytes(luck.Pick(Words)), .. luck.Bytes(8)];
        IReadOnlyList<byte[]> frames = luck.Pick(_conversations).ToServer, others = luck.Pick(_conversations).ToServer;
        List<byte[]> said = [WithTimeout(frames[0]), .. frames.Skip(1).Select(frame => luck.Chance(6) ? Made(luck) : frame)];
        return Mutation.Spoil(said, others, MaxFrame, luck);
    }

    /// <summary>A request of any kind with a sound body; what no client of ours sends as well.</summary>
    public static byte[] Made(Luck luck)
    {
        (OpCode type, string layout) = luck.Pick(Requests);
        var body = new List<byte>();
        Layout.Make("i", luck, body);
        foreach (byte each in BitConverter.GetBytes((int)type).Reverse()) body.Add(each);
        Layout.Make(layout, luck, body);
        return Mutation.Frame(body.ToArray());
    }

    private static readonly (OpCode Type, string Layout)[] Requests =
    [
        (OpCode.Create, "rbAM"), (OpCode.Create2, "rbAM"), (OpCode.CreateContainer, "rbAM"), (OpCode.CreateTtl, "rbAT"), (OpCode.Delete, "ri"), (OpCode.Exists, "rz"), (OpCode.GetData, "rz"), (OpCode.SetData, "rbi"),
        (OpCode.GetAcl, "r"), (OpCode.SetAcl, "rAi"), (OpCode.GetChildren, "rz"), (OpCode.GetChildren2, "rz"), (OpCode.Sync, "r"), (OpCode.Ping, ""), (OpCode.Check, "ri"), (OpCode.Multi, "O"),
        (OpCode.MultiRead, "O"), (OpCode.Reconfig, "sssl"), (OpCode.CheckWatches, "ri"), (OpCode.RemoveWatches, "ri"), (OpCode.AddWatch, "ri"), (OpCode.SetWatches, "lSSS"), (OpCode.SetWatches2, "lSSSSS"),
        (OpCode.GetEphemerals, "s"), (OpCode.GetAllChildrenNumber, "r"), (OpCode.WhoAmI, ""), (OpCode.Auth, "xsb"), (OpCode.Sasl, "b"), (OpCode.DeleteContainer, "r"), (OpCode.CreateSession, ""),
        (OpCode.CloseSession, ""), ((OpCode)10, "i"), ((OpCode)23, ""), ((OpCode)108, "r"), (OpCode.Error, ""), (OpCode.Notification, ""), ((OpCode)int.MaxValue, ""),
    ];

    // Short, so that what is left behind does not pile up.
    private static byte[] WithTimeout(byte[] handshake)
    {
        byte[] changed = [.. handshake];
        BinaryPrimitives.WriteInt32BigEndian(changed.AsSpan(16), 400);
        return changed;
    }

    private static async Task<byte[]> ReadAsync(Stream stream)
    {
        using var patience = new CancellationTokenSource(Patience);
        var said = new MemoryStream();
        try
        {
            await stream.CopyToAsync(said, patience.Token);
        }
        catch (OperationCanceledException)
        {
            throw new FuzzException("The connection does not end when the client has said all.");
        }
        catch (IOException)
        {
            throw new FuzzException("The connection was broken and not ended.");
        }

        return said.ToArray();
    }

    /// <summary>Holds what the server said against what it owed.</summary>
    /// <returns>Whether something may have been written.</returns>
    private static bool Compare(ServerOracle oracle, byte[] said)
    {
        if (oracle.IsWord) return false;
        List<byte[]> frames = Conversation.Frames(said);
        if (frames.Sum(frame => frame.Length) != said.Length) throw new FuzzException($"The server's last words are half a frame: {Convert.ToHexString(said)}");
        if (oracle.Answers.Any(due => due.Xid == Xids.Notification)) return true; // the client has numbered a request as events are, and cannot tell them apart
        bool mayHaveWritten = false;
        int at = 0;
        foreach (Due due in oracle.Answers)
        {
            if (due.Xid is null)
            {
                if (at == frames.Count && oracle.IsUnsure) return false;
                if (at == frames.Count) throw new FuzzException("The handshake is not answered.");
                if (!Layout.Parse("iilpZ", frames[at++].AsSpan(4)).IsWhole) throw new FuzzException("The answer to the handshake is none.");
                continue;
            }

            while (at < frames.Count && IsEvent(frames[at])) at++;
            if (at == frames.Count) throw new FuzzException($"There is no answer to {due.Type}, xid {due.Xid}.");
            (int xid, _, ErrorCode error) = Header(frames[at++]);
            if (xid != due.Xid) throw new FuzzException($"xid {xid} ({error}) came where {due.Xid} ({due.Type}) is owed.");
            if (due.Codes is { } codes ? !codes.Contains(error) : !Enum.IsDefined(error)) throw new FuzzException($"{due.Type} is answered by {error}; it may be {(due.Codes is null ? "any code that there is" : string.Join(" or ", due.Codes))}.");
            mayHaveWritten |= error == ErrorCode.Ok;
            if (due is { MayClose: true } && error != ErrorCode.Ok) break;
        }

        while (at < frames.Count && IsEvent(frames[at])) at++;
        if (at < frames.Count) throw new FuzzException($"{Header(frames[at])} is owed to nobody.");
        return mayHaveWritten;
    }

    private static bool IsEvent(byte[] frame) => Header(frame) is { Xid: Xids.Notification, Error: ErrorCode.Ok } && Layout.Parse("iie", frame.AsSpan(4 + ReplyHeader.Size)) is { IsWhole: true } parsed && parsed.Length == frame.Length - 4 - ReplyHeader.Size;

    private static ReplyHeader Header(byte[] frame)
    {
        var reader = new JuteReader(frame.AsSpan(4));
        return ReplyHeader.Read(ref reader);
    }
}
