using System.Globalization;
using System.Net.Sockets;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Scripts;

/// <summary>One of a script's sessions: the connection it has, and what is waited for there.</summary>
public sealed class Seat(int number, Target target, string root, Ledger ledger, TimeSpan patience) : IAsyncDisposable
{
    // Long, for the sessions of scripts are not to expire. Those that a script leaves behind do, in the end.
    private const int TimeoutMs = 30_000;

    private readonly ReplyText _text = new(ledger);
    private readonly Queue<(Operation Request, int Xid)> _pending = new();
    private WireClient? _connection;
    private ConnectResponse _session;
    private int _sessions;
    private int _xid;

    public int Number => number;

    public bool IsConnected => _connection is not null;

    /// <summary>Whether the connection may have watches, so that there may be events to wait for.</summary>
    public bool HasWatches { get; private set; }

    /// <summary>Sends a request.</summary>
    public async Task SendAsync(Operation request, List<string> heard)
    {
        if (_connection is null)
        {
            heard.Add($"{number}: is not connected");
            return;
        }

        int xid = RequestBytes.Xid(request, ++_xid);
        HasWatches |= request.MayWatch || request.Verb == "raw";
        try
        {
            await _connection.SendBytesAsync(RequestBytes.Frame(request, xid, root, ledger.Since(request.Since)));
            _pending.Enqueue((request, xid));
        }
        catch (IOException)
        {
            await EndAsync("closed", heard);
        }
    }

    /// <summary>Reads until all that was sent is answered.</summary>
    public async Task ReadAsync(List<string> heard)
    {
        while (_pending.Count > 0 && _connection is not null)
        {
            if (await NextAsync(heard) is not { } frame) continue;
            if (frame.IsEvent)
            {
                heard.Add($"{number}: {_text.Event(frame)}");
                continue;
            }

            (Operation request, int xid) = _pending.Dequeue();
            // A mark that everything before it has been heard is no part of the script.
            if (request is { Verb: "ping", Data: "mark" } && frame is { Xid: Xids.Ping, Error: ErrorCode.Ok }) continue;
            heard.Add($"{number}: {_text.Reply(request, xid, frame)}");
            if (request.Verb == "close" || (request.Verb is "raw" or "auth" && frame.Error != ErrorCode.Ok)) await ReadToEndAsync(heard);
        }
    }

    /// <summary>Sends a ping whose reply comes after all events that were fired so far.</summary>
    public Task MarkAsync(List<string> heard) => SendAsync(new Operation("ping") { Data = "mark" }, heard);

    /// <summary>Opens a new session.</summary>
    public async Task OpenAsync(List<string> heard)
    {
        await LeaveAsync(heard);
        (_connection, ConnectResponse? answer) = await HandshakeAsync(default, 0);
        if (answer is not { } session)
        {
            await EndAsync("closed in place of a handshake", heard);
            return;
        }

        _session = session;
        ledger.Name(session.SessionId, string.Create(CultureInfo.InvariantCulture, $"{number}.{_sessions++}"));
        Tell(session, heard);
    }

    /// <summary>Ends the connection, and not the session, and waits until the server has ended it too: its watches are then gone.</summary>
    public async Task LeaveAsync(List<string> heard)
    {
        if (_connection is null) return;
        _connection.EndSending();
        try
        {
            while (await _connection.ReadAsync() is { } frame) heard.Add($"{number}: after the end, {(frame.IsEvent ? _text.Event(frame) : $"reply {frame.Xid} {frame.Error}")}");
        }
        catch (Exception e) when (e is TimeoutException or EndOfStreamException)
        {
            heard.Add($"{number}: is left open");
        }

        await DropAsync();
    }

    public async ValueTask DisposeAsync() => await DropAsync();

    private async Task DropAsync()
    {
        if (_connection is null) return;
        await _connection.DisposeAsync();
        _connection = null;
        _pending.Clear();
        HasWatches = false;
    }

    /// <summary>Takes the session to another connection; if the password is wrong, not even that.</summary>
    public async Task ResumeAsync(Operation resume, List<string> heard)
    {
        var claimed = _session with { Password = resume.Data == "wrong" ? [.. Enumerable.Repeat((byte)7, 16)] : _session.Password };
        (WireClient connection, ConnectResponse? answer) = await HandshakeAsync(claimed, ledger.Since(resume.Since));
        if (answer is not { } session)
        {
            heard.Add($"{number}: closed in place of a handshake");
            await connection.DisposeAsync();
            return;
        }

        if (_connection is not null)
        {
            heard.Add($"{number}: the older connection:");
            await ReadToEndAsync(heard);
            await DropAsync();
        }

        _connection = connection;
        Tell(session, heard);
        if (session.SessionId == 0) await ReadToEndAsync(heard);
    }

    private async Task<(WireClient Connection, ConnectResponse? Answer)> HandshakeAsync(ConnectResponse claimed, long lastZxid)
    {
        WireClient connection = await target.ConnectAsync();
        connection.Patience = patience;
        try
        {
            return (connection, await connection.HandshakeAsync(TimeoutMs, claimed.Password is null ? null : claimed, lastZxid));
        }
        catch (Exception e) when (e is IOException or TimeoutException or SocketException)
        {
            return (connection, null);
        }
    }

    private void Tell(ConnectResponse session, List<string> heard) => heard.Add(
        $"{number}: session {ledger.Session(session.SessionId)} timeout={session.TimeoutMs} password={(session.Password.All(each => each == 0) ? "zeros" : "some")}:{session.Password.Length} version={session.ProtocolVersion}{(session.ReadOnly ? " read-only" : "")}");

    // What a server says on a connection that it is to end.
    private async Task ReadToEndAsync(List<string> heard)
    {
        while (_connection is not null)
        {
            if (await NextAsync(heard) is not { } frame) continue;
            heard.Add($"{number}: {(frame.IsEvent ? _text.Event(frame) : $"reply {frame.Xid} {frame.Error}")}");
        }
    }

    private async Task<WireReply?> NextAsync(List<string> heard)
    {
        try
        {
            if (await _connection!.ReadAsync() is { } frame) return frame;
            await EndAsync("closed", heard);
        }
        catch (TimeoutException)
        {
            await EndAsync("silence", heard);
        }
        catch (Exception e) when (e is EndOfStreamException or ProtocolException)
        {
            await EndAsync("half a frame", heard);
        }

        return null;
    }

    private async Task EndAsync(string how, List<string> heard)
    {
        bool unheard = _pending.Any(each => each.Request.Data != "mark");
        heard.Add($"{number}: {how}{(unheard ? $" before {_pending.Count} replies" : "")}");
        await DropAsync();
    }
}
