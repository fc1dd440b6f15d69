using Okapi.Protocol;
using Okapi.Requests;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Sessions;

/// <summary>An operation that carries a number, and whose reply has to carry the same one: a reply that meets the wrong request shows.</summary>
internal readonly struct EchoOperation(int id, bool isRead = true, int padding = 0) : IOperation<int>
{
    public OpCode OpCode => isRead ? OpCode.GetData : OpCode.SetData;

    public bool IsSafeToResend => isRead;

    public string? Path => "/echo";

    public void Write(ref JuteWriter writer)
    {
        writer.WriteInt(id);
        if (padding > 0) writer.WriteBuffer(new byte[padding]);
    }

    public bool TryRead(ErrorCode error, ref JuteReader body, out int result)
    {
        result = body.ReadInt();
        return result == id ? true : throw new InvalidOperationException($"The reply of request {result} came to request {id}.");
    }
}

/// <summary>A frame as an outbox sent it.</summary>
internal readonly record struct SentFrame(int Xid, OpCode OpCode, int Id);

/// <summary>An outbox and, in place of a connection, the test itself.</summary>
internal sealed class OutboxDriver : IFlushTarget, IDisposable
{
    private JuteBuffer _batch = new();

    public OutboxDriver(OutboxLimits? limits = null, int firstXid = 0)
    {
        Outbox = new Outbox(limits ?? new OutboxLimits(65_536, 16 << 20, 1 << 20), Time, firstXid);
    }

    public ManualTime Time { get; } = new();

    public Outbox Outbox { get; }

    public int Flushes { get; private set; }

    public OutboxDriver Connect()
    {
        Outbox.Attach(this);
        Outbox.Open();
        return this;
    }

    public ValueTask<int> Send(int id, bool isRead = true, int padding = 0, CancellationToken token = default) => Outbox.SendAsync<EchoOperation, int>(new(id, isRead, padding), token);

    /// <summary>Takes all that is to be sent, batch by batch.</summary>
    public List<SentFrame> TakeAll()
    {
        var frames = new List<SentFrame>();
        while (Outbox.TakeBatch(this, ref _batch))
        {
            ReadOnlySpan<byte> rest = _batch.WrittenSpan;
            while (rest.Length > 0)
            {
                var reader = new JuteReader(rest);
                int length = reader.ReadInt();
                RequestHeader header = RequestHeader.Read(ref reader);
                frames.Add(new(header.Xid, header.Type, reader.Remaining >= 4 && length > 8 ? reader.ReadInt() : 0));
                rest = rest[(4 + length)..];
            }
        }

        return frames;
    }

    /// <summary>Answers a frame as a server would.</summary>
    public void Reply(SentFrame frame) => Reply(frame.Xid, frame.Id);

    public void Reply(int xid, int id)
    {
        if (!Outbox.TakeReply(this, xid, out PendingOperation? operation) || operation is null) return;
        Span<byte> body = stackalloc byte[4];
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(body, id);
        var reader = new JuteReader(body);
        operation.Read(ErrorCode.Ok, ref reader);
        operation.Complete();
    }

    public int Lose() => Outbox.Detach(this, operation => new ConnectionLossException(RequestOutcome.Unknown, operation.Path, "lost", null));

    public bool Expire(TimeSpan timeout, out TimeSpan? next) =>
        Outbox.ExpireDue(Time.GetTimestamp(), timeout, (operation, outcome) => new RequestTimeoutException(outcome, operation.Path, "late"), out next);

    public void Flush(bool atOnce) => Flushes++;

    public void Dispose()
    {
        Outbox.Dispose();
        _batch.Dispose();
    }
}
