using Okapi.Protocol;

namespace Okapi.Server;

/// <summary>What can go wrong with a server, on request: of all its members, or of one. Faults are in force when the call returns, and until they are disposed or have struck as often as they were to.</summary>
public sealed class ServerFaults
{
    private readonly FaultBook _book;
    private readonly int? _member;
    private readonly Func<Action<Member>, Task> _onMembers;

    internal ServerFaults(FaultBook book, int? member, Func<Action<Member>, Task> onMembers)
    {
        _book = book;
        _member = member;
        _onMembers = onMembers;
    }

    /// <summary>Cuts connections now.</summary>
    /// <param name="kind">How.</param>
    /// <param name="sessionId">Of this session only; null: all.</param>
    public Task CutAsync(CutKind kind = CutKind.Reset, long? sessionId = null) => _onMembers(member => member.CutAll(kind, sessionId));

    /// <summary>Cuts a connection when so many bytes have gone one way since it was opened.</summary>
    /// <param name="bytes">How many, from 0: those go, and not one more.</param>
    /// <param name="direction">Which way they are counted.</param>
    /// <param name="kind">How it is cut.</param>
    /// <param name="times">How many connections are cut.</param>
    public Fault CutAfter(long bytes, FaultDirection direction, CutKind kind = CutKind.Reset, int times = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        RequireTimes(times);
        return _book.Add(new(_book, _member, FaultKind.CutAfter, times) { Bytes = bytes, Direction = direction, Cut = kind });
    }

    /// <summary>Lets no byte pass; connections stay open, as to a server that is frozen.</summary>
    public Fault Stall(FaultDirection direction = FaultDirection.Both) => _book.Add(new(_book, _member, FaultKind.Stall) { Direction = direction });

    /// <summary>Holds what goes through back for a time, each way and chunk by chunk.</summary>
    public Fault Delay(TimeSpan by, FaultDirection direction = FaultDirection.Both)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(by, TimeSpan.Zero);
        return _book.Add(new(_book, _member, FaultKind.Delay) { Duration = by, Direction = direction });
    }

    /// <summary>Sends every byte on its own.</summary>
    public Fault SplitReplies() => _book.Add(new(_book, _member, FaultKind.Split));

    /// <summary>Takes no new connections: they are closed as soon as they are made. Those that are open stay.</summary>
    public Fault Refuse() => _book.Add(new(_book, _member, FaultKind.Refuse));

    /// <summary>Answers requests with an error and does not carry them out.</summary>
    /// <param name="error">The error.</param>
    /// <param name="when">Which requests; null: all, and pings among them.</param>
    /// <param name="times">How many.</param>
    public Fault AnswerError(ErrorCode error, Func<FaultyRequest, bool>? when = null, int times = 1)
    {
        RequireTimes(times);
        return _book.Add(new(_book, _member, FaultKind.AnswerError, times) { Error = error, When = when });
    }

    /// <summary>Carries requests out and does not send the reply.</summary>
    public Fault SwallowReply(Func<FaultyRequest, bool>? when = null, int times = 1) => AlterReply(static _ => null, when, times);

    /// <summary>Carries requests out and sends something else than the reply.</summary>
    /// <param name="alter">Takes the reply, its length in the first four bytes, and gives what is sent in its place; null: nothing.</param>
    /// <param name="when">Which requests; null: all, and pings among them.</param>
    /// <param name="times">How many.</param>
    public Fault AlterReply(Func<byte[], byte[]?> alter, Func<FaultyRequest, bool>? when = null, int times = 1)
    {
        ArgumentNullException.ThrowIfNull(alter);
        RequireTimes(times);
        return _book.Add(new(_book, _member, FaultKind.AlterReply, times) { Alteration = alter, When = when });
    }

    /// <summary>Carries requests out and cuts the connection in place of the reply: the client cannot know whether it was done.</summary>
    public Fault CutInsteadOfReply(Func<FaultyRequest, bool>? when = null, CutKind kind = CutKind.Reset, int times = 1)
    {
        RequireTimes(times);
        return _book.Add(new(_book, _member, FaultKind.CutForReply, times) { When = when, Cut = kind });
    }

    /// <summary>Cuts the connection in place of carrying requests out: to the client it looks just as if they might have been.</summary>
    public Fault CutInsteadOfRequest(Func<FaultyRequest, bool>? when = null, CutKind kind = CutKind.Reset, int times = 1)
    {
        RequireTimes(times);
        return _book.Add(new(_book, _member, FaultKind.CutForRequest, times) { When = when, Cut = kind });
    }

    /// <summary>Goes into read-only mode, as a server does that has lost its quorum, until the fault is disposed, or the server restarts. All connections are closed, now and then.</summary>
    public Task<Fault> TurnReadOnlyAsync() => BeginAsync(FaultKind.ReadOnly, static member => member.BeginReadOnly(), static member => member.EndReadOnly());

    /// <summary>
    /// Lags behind until the fault is disposed, or the server restarts: clients see the tree as it is now, writes are carried out and not answered, and who has seen more is turned away. Of use with more
    /// than one member; then it catches up, and what was missed is told in order.
    /// </summary>
    public Task<Fault> LagAsync() => BeginAsync(FaultKind.Lag, static member => member.BeginLag(), static member => member.EndLag());

    /// <summary>A fault that is a state of members. It ends for those for which it began, which a restart replaces.</summary>
    private async Task<Fault> BeginAsync(FaultKind kind, Action<Member> begin, Action<Member> end)
    {
        HashSet<Member> struck = [];
        await _onMembers(member =>
        {
            struck.Add(member);
            begin(member);
        }).ConfigureAwait(false);
        return new Fault(_book, _member, kind, whenOver: () => _ = EndAsync());

        async Task EndAsync()
        {
            try
            {
                await _onMembers(member =>
                {
                    if (struck.Remove(member)) end(member);
                }).ConfigureAwait(false);
            }
            catch (ObjectDisposedException)
            {
                // It ended with the server.
            }
        }
    }

    private static void RequireTimes(int times) => ArgumentOutOfRangeException.ThrowIfLessThan(times, 1);
}
