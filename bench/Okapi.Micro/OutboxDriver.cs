using Okapi.Protocol;
using Okapi.Requests;

namespace Okapi.Micro;

/// <summary>An outbox and what stands for its connection: batches are thrown away, and replies are made up, all on one thread.</summary>
internal sealed class OutboxDriver : IFlushTarget, IDisposable
{
    private static readonly byte[] Stat = Sample.Encode(Sample.Stat);

    private JuteBuffer _batch = new(16 * 1024);
    private int _answered;

    public OutboxDriver()
    {
        Outbox.Attach(this);
        Outbox.Open();
    }

    public Outbox Outbox { get; } = new(new OutboxLimits(1 << 20, 64 << 20, 1 << 20), TimeProvider.System);

    public void Flush(bool atOnce)
    {
        // The batch is taken when the measurement says so.
    }

    public ValueTask<Stat?> Submit(CancellationToken cancellationToken = default) =>
        Outbox.SendAsync<ExistsOperation, Stat?>(new ExistsOperation(Sample.Path), cancellationToken);

    /// <summary>What a connection does when it sends.</summary>
    /// <returns>How many bytes went out.</returns>
    public int Send()
    {
        int bytes = 0;
        while (Outbox.TakeBatch(this, ref _batch)) bytes += _batch.Length;
        return bytes;
    }

    /// <summary>What a connection does with the reply to the oldest request.</summary>
    public void Answer()
    {
        _answered = Xids.Next(_answered);
        if (!Outbox.TakeReply(this, _answered, out PendingOperation? operation)) throw new InvalidOperationException("The outbox has another connection.");
        var body = new JuteReader(Stat);
        if (operation is null) return;
        operation.Read(ErrorCode.Ok, ref body);
        operation.Complete();
    }

    public void Dispose()
    {
        Outbox.Dispose();
        _batch.Dispose();
    }
}
