using Microsoft.Extensions.Logging;
using Okapi.Diagnostics;
using Okapi.Protocol;
using Okapi.Requests;
using Okapi.Watches;

namespace Okapi.Sessions;

/// <summary>
/// A session's side of its watches: arms them on each new connection, arms single ones anew, and removes on the server what no watch needs any more.
/// </summary>
internal sealed class WatchArming(WatchTable watches, Outbox outbox, ILogger logger)
{
    /// <summary>
    /// How many connections in a row may end with a setWatches unanswered: so many that a bad network does not look like a server that does not know it, and fewer than a read is sent again (<see cref="OutboxLimits"/>).
    /// </summary>
    private const int Tries = 5;

    private readonly Lock _lock = new();

    /// <summary>What was sent and not answered; answers come in order.</summary>
    private readonly List<SetWatchesRequest> _unanswered = [];
    private int _refusals;

    /// <summary>Arms everything on a new connection, in frames that go ahead of all requests.</summary>
    /// <param name="zxid">The newest transaction seen; what happened since fires one-shot watches.</param>
    public void ArmAll(long zxid)
    {
        List<SetWatchesRequest> batches = watches.BuildRearm(zxid);
        if (batches.Count == 0) return;
        Log.Rearming(logger, batches.Sum(batch => batch.Count), zxid);
        foreach (SetWatchesRequest batch in batches)
        {
            lock (_lock) _unanswered.Add(batch);
            outbox.SendControl((ref JuteWriter writer) => Write(ref writer, batch));
        }
    }

    /// <summary>Arms watches anew on the connection in use, after the requests made so far.</summary>
    public void Arm(SetWatchesRequest batch)
    {
        lock (_lock)
        {
            // Noted before it is sent: sending can fail on this very thread, and the connection be given up within the call.
            _unanswered.Add(batch);
            if (!outbox.TrySendInOrder((ref JuteWriter writer) => Write(ref writer, batch))) _unanswered.Remove(batch);
        }
    }

    /// <summary>The server has answered; watches that it refuses end.</summary>
    public void OnReply(ErrorCode error)
    {
        SetWatchesRequest batch;
        lock (_lock)
        {
            if (_unanswered.Count == 0) throw new ProtocolException("The server answered a setWatches that was not sent.");
            batch = _unanswered[0];
            _unanswered.RemoveAt(0);
            if (_unanswered.Count == 0) _refusals = 0;
        }

        if (error == ErrorCode.Ok) watches.OnRearmed(batch);
        else EndRefused(batch, error, ServerErrors.Create(error, OpCode.SetWatches, path: null));
    }

    /// <summary>
    /// The connection is gone. Batches without an answer are sent again on the next one, with all others. A server that knows no setWatches2 (before 3.6, ClickHouse Keeper) may
    /// close the connection instead of answering, and would do so for ever: after a few times in a row the watches end.
    /// </summary>
    /// <param name="reason">Why it is gone.</param>
    public void OnDropped(Exception reason)
    {
        SetWatchesRequest[] unanswered;
        lock (_lock)
        {
            unanswered = [.. _unanswered];
            _unanswered.Clear();
        }

        if (unanswered.Length == 0 || reason is not IOException) return; // silence is the network's; a close is the server's
        if (++_refusals < Tries) return;
        _refusals = 0;
        bool second = unanswered[0].NeedsSetWatches2;
        string name = second ? nameof(OpCode.SetWatches2) : nameof(OpCode.SetWatches);
        foreach (SetWatchesRequest batch in unanswered.Where(batch => batch.NeedsSetWatches2 == second))
            EndRefused(batch, ErrorCode.Unimplemented, new UnimplementedException(path: null, $"{Tries} times in a row the connection was closed without an answer to {name}: the server does not seem to know it. {reason.Message}"));
    }

    /// <summary>Removes on the server what no watch on a path needs any more.</summary>
    /// <returns>Completes when the server has answered, or the connection is gone.</returns>
    public Task ReleaseUnusedAsync(string serverPath)
    {
        lock (watches.Order)
        {
            if (!outbox.IsOpen) return Task.CompletedTask; // what no watch needs is not armed on the next connection
            IReadOnlyList<WatcherType> unused = watches.TakeUnused(serverPath);
            if (unused.Count == 0) return Task.CompletedTask; // the usual case: the watch has fired
            return WhenGoneAsync([.. unused.Select(type => outbox.SendAsync<RemoveWatchesOperation, ErrorCode>(new(serverPath, type), CancellationToken.None).AsTask())]);
        }
    }

    private static async Task WhenGoneAsync(Task[] removals)
    {
        try
        {
            await Task.WhenAll(removals).ConfigureAwait(false);
        }
        catch (ZooKeeperException)
        {
            // The connection is gone, and the watch with it.
        }
    }

    private static void Write(ref JuteWriter writer, SetWatchesRequest batch)
    {
        new RequestHeader(Xids.SetWatches, batch.NeedsSetWatches2 ? OpCode.SetWatches2 : OpCode.SetWatches).Write(ref writer);
        batch.Write(ref writer);
    }

    private void EndRefused(SetWatchesRequest batch, ErrorCode error, ZooKeeperException reason)
    {
        Log.RearmRefused(logger, batch.Count, error);
        watches.EndRefused(batch, reason);
    }
}
