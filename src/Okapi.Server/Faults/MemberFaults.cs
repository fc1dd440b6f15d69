using Okapi.Server.Connections;

namespace Okapi.Server.Faults;

/// <summary>Faults as one member's connections meet them.</summary>
internal sealed class MemberFaults(FaultBook book, int member, TimeProvider time)
{
    /// <summary>Whether a new connection is refused, which counts as a strike.</summary>
    public bool Refuses() => book.Find(FaultKind.Refuse, member)?.Strike() == true;

    public Fault? Take(in FaultyRequest request) => book.IsEmpty ? null : book.Take(request, member);

    public bool IsEmpty => book.IsEmpty;

    /// <summary>Lets bytes from a client pass.</summary>
    /// <returns>How many of them; fewer when the connection is cut among them.</returns>
    public async ValueTask<int> PassInAsync(ServerConnection connection, int count, CancellationToken ct)
    {
        long before = connection.BytesIn;
        connection.BytesIn += count;
        if (book.IsEmpty) return count;
        await HoldAsync(FaultDirection.Requests, ct).ConfigureAwait(false);
        if (book.Find(FaultKind.CutAfter, member, FaultDirection.Requests) is not { } cut || before + count < cut.Bytes || before > cut.Bytes || !cut.Strike()) return count;
        Cut(connection, cut.Cut);
        return cut.Cut == CutKind.HalfClose ? count : (int)(cut.Bytes - before); // what the client sends still counts
    }

    /// <summary>Sends bytes to a client.</summary>
    public async ValueTask SendAsync(Stream stream, ReadOnlyMemory<byte> bytes, ServerConnection connection, CancellationToken ct)
    {
        if (book.IsEmpty)
        {
            await stream.WriteAsync(bytes, ct).ConfigureAwait(false);
            await stream.FlushAsync(ct).ConfigureAwait(false);
            connection.BytesOut += bytes.Length;
            return;
        }

        await HoldAsync(FaultDirection.Replies, ct).ConfigureAwait(false);
        Fault? cut = book.Find(FaultKind.CutAfter, member, FaultDirection.Replies);
        bool isCutHere = cut is not null && connection.BytesOut <= cut.Bytes && connection.BytesOut + bytes.Length >= cut.Bytes && cut.Strike();
        if (isCutHere) bytes = bytes[..(int)(cut!.Bytes - connection.BytesOut)];
        int step = book.Find(FaultKind.Split, member)?.Strike() == true ? 1 : Math.Max(bytes.Length, 1);
        for (int at = 0; at < bytes.Length; at += step)
        {
            await stream.WriteAsync(bytes.Slice(at, step), ct).ConfigureAwait(false);
            await stream.FlushAsync(ct).ConfigureAwait(false);
        }

        connection.BytesOut += bytes.Length;
        if (isCutHere) Cut(connection, cut!.Cut);
    }

    public static void Cut(ServerConnection connection, CutKind kind)
    {
        if (kind == CutKind.Reset) connection.Abort();
        else if (kind == CutKind.HalfClose) connection.HalfClose();
        else connection.CloseAtOnce();
    }

    private async ValueTask HoldAsync(FaultDirection direction, CancellationToken ct)
    {
        while (book.Find(FaultKind.Stall, member, direction) is { } stall)
        {
            stall.Strike();
            await stall.Over.WaitAsync(ct).ConfigureAwait(false);
        }

        if (book.Find(FaultKind.Delay, member, direction) is { } delay)
        {
            var waiting = Task.Delay(delay.Duration, time, ct);
            delay.Strike(); // whoever moves the clock then moves this wait with it
            await waiting.ConfigureAwait(false);
        }
    }
}
