using System.Net;
using Okapi.TestSupport;

namespace Okapi.Fuzz.Tests.Differential;

/// <summary>One session on one server, which says frame by frame what class of answer it gets: the code of a reply, the end of the connection, or silence.</summary>
internal sealed class Seat : IAsyncDisposable
{
    /// <summary>What is heard when the connection ends.</summary>
    public const string Closed = "closed";

    private const int Mark = 0x4d41524b; // the xid of what follows each frame; its answer says that the frame's own is through

    private WireClient? _zk;

    public bool IsOpen => _zk is not null;

    /// <summary>Opens a session if there is none.</summary>
    public async Task OpenAsync(IPEndPoint server) => _zk ??= await WireClient.OpenAsync(server, timeoutMs: 60_000);

    /// <summary>Sends bytes, and a mark after them.</summary>
    /// <param name="bytes">One frame, or what became of it.</param>
    /// <param name="isGoodbye">Whether the session ends with them: a mark might still be answered or not (B18).</param>
    /// <param name="server">Who they are for.</param>
    /// <returns>What comes back, answer by answer; nothing: silence.</returns>
    public async Task<IReadOnlyList<string>> SendAsync(byte[] bytes, bool isGoodbye, IPEndPoint server)
    {
        WireClient zk = _zk!;
        byte[] mark = Streams.Mutation.Frame([0x4d, 0x41, 0x52, 0x4b, 0, 0, 0, (byte)OpCode.Exists, 0, 0, 0, 1, (byte)'/', 0]);
        var heard = new List<string>();
        try
        {
            await zk.SendBytesAsync(isGoodbye ? bytes : [.. bytes, .. mark]);
            while (await zk.ReadAsync() is { } reply)
            {
                // After a refusal by which the connection ends, what was under way may be answered or not (B18, B25).
                bool isMark = reply.Xid == Mark, isEnding = reply.Error == ErrorCode.SessionExpired || heard.Exists(IsLast);
                if (isMark && !isEnding) return heard;
                if (!isMark && !heard.Exists(IsLast) && !IsEvent(reply)) heard.Add($"{reply.Xid} {reply.Error}");
            }
        }
        catch (EndOfStreamException)
        {
            if (!heard.Exists(IsLast)) heard.Add("half a frame");
        }
        catch (IOException)
        {
            // As good as closed.
        }

        heard.Add(Closed);
        await LeaveAsync(server);
        return heard;
    }

    /// <summary>Ends the session, so that what it has does not go at some time of the server's.</summary>
    public async Task LeaveAsync(IPEndPoint server)
    {
        if (_zk is not { } zk) return;
        _zk = null;
        await zk.DisposeAsync();
        await using WireClient again = await WireClient.OpenAsync(server, timeoutMs: 60_000, resume: zk.Session);
        if (again.SessionId == 0) return; // it was closed
        await again.SendAsync(OpCode.CloseSession);
        while (await again.ReadFrameAsync() is not null);
    }

    public ValueTask DisposeAsync() => _zk?.DisposeAsync() ?? default;

    /// <summary>Whether the connection ends with an answer.</summary>
    public static bool IsLast(string heard) => heard.EndsWith(nameof(ErrorCode.Unimplemented), StringComparison.Ordinal) || heard.EndsWith(nameof(ErrorCode.AuthFailed), StringComparison.Ordinal);

    private static bool IsEvent(WireReply reply) => reply is { Xid: Xids.Notification, Error: ErrorCode.Ok } && Records.Layout.Parse("iie", reply.Body) is { IsWhole: true } parsed && parsed.Length == reply.Body.Length;
}
