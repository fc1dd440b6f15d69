using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Okapi.Server.Proxies;

/// <summary>One way of a connection through a proxy: one task receives, the other sends, and what faults do is done between them.</summary>
internal sealed class ProxyLine(Socket from, Socket to, FaultDirection direction, long connection, FaultBook book, FaultProxyOptions options, Traffic traffic, Action<CutKind, FaultDirection> cut)
{
    /// <summary>How much is received at once.</summary>
    private const int ChunkSize = 16 * 1024;

    /// <summary>Into how many steps a second of limited bandwidth is divided, at least.</summary>
    private const int Steps = 50;

    private readonly ConditionalWeakTable<Fault, BitFlips> _flips = [];
    private readonly TimeProvider _time = options.TimeProvider;
    private readonly Random _random = new(Seeds.Mix(options.Seed, (connection * 4) + (int)direction));
    private volatile bool _isClosed;
    private long _passed;
    private long _freeAt;

    /// <summary>Passes on what comes, until the end has been passed on, or the connection is cut.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        using var buffered = new Buffered();
        Task receiving = ReceiveAsync(buffered, ct);
        try
        {
            await SendAsync(buffered, ct).ConfigureAwait(false);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            cut(CutKind.Reset, direction); // the one who was to receive it has gone
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // The connection was cut.
        }
        catch
        {
            cut(CutKind.Reset, direction); // a fault of the proxy itself: nobody is to wait for it, and who disposes it is told
            throw;
        }

        await receiving.ConfigureAwait(false);
    }

    /// <summary>Ends this way in good order; what comes from now on is lost.</summary>
    public void Close()
    {
        _isClosed = true;
        try
        {
            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // It was closed already, or has not been opened: then it is closed as soon as it is.
        }
    }

    private async Task ReceiveAsync(Buffered buffered, CancellationToken ct)
    {
        byte[] buffer = new byte[ChunkSize];
        EndKind end = EndKind.None;
        try
        {
            while (end == EndKind.None)
            {
                int count = 0;
                try
                {
                    count = await from.ReceiveAsync(buffer, ct).ConfigureAwait(false);
                    if (count == 0) end = EndKind.InOrder;
                }
                catch (Exception error) when (error is SocketException or ObjectDisposedException)
                {
                    end = EndKind.Reset;
                }

                await buffered.AddAsync(new(buffer.AsSpan(0, count).ToArray(), _time.GetTimestamp(), end), ct).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The connection was cut.
        }
    }

    private async Task SendAsync(Buffered buffered, CancellationToken ct)
    {
        if (_isClosed) Close();
        while (true)
        {
            Chunk chunk = await buffered.NextAsync(ct).ConfigureAwait(false);
            await DelayAsync(chunk.ReceivedAt, ct).ConfigureAwait(false);
            if (chunk.End != EndKind.None)
            {
                await EndAsync(chunk.End, ct).ConfigureAwait(false);
                return;
            }

            Fault? blackhole = await PassAsync(chunk.Bytes, ct).ConfigureAwait(false);
            buffered.Release(chunk);
            if (blackhole is null) continue;
            await SwallowAsync(blackhole, buffered, ct).ConfigureAwait(false);
            return;
        }
    }

    /// <returns>What has swallowed some of the bytes; null: they have gone.</returns>
    private async ValueTask<Fault?> PassAsync(Memory<byte> bytes, CancellationToken ct)
    {
        while (bytes.Length > 0 && !_isClosed)
        {
            int size = await ThrottleAsync(bytes.Length, ct).ConfigureAwait(false);
            await StallAsync(ct).ConfigureAwait(false);
            CutIfDue();
            if (_isClosed) break;
            if (Find<Swallowed>() is { } blackhole) return blackhole.Fault;
            (Fault? split, TimeSpan pause) = Split(ref size);
            size = UpToNextLimit(size);
            Corrupt(bytes.Span[..size]);
            if (!await TrySendAsync(bytes[..size], ct).ConfigureAwait(false)) break;
            bytes = bytes[size..];
            _passed += size;
            traffic.Add(direction, size);
            CutIfDue();
            ct.ThrowIfCancellationRequested();
            if (split is not null) await Waits.ForAsync(split, pause, _time, ct).ConfigureAwait(false);
        }

        return null;
    }

    private async ValueTask<bool> TrySendAsync(ReadOnlyMemory<byte> bytes, CancellationToken ct)
    {
        try
        {
            while (bytes.Length > 0) bytes = bytes[await to.SendAsync(bytes, ct).ConfigureAwait(false)..];
            return true;
        }
        catch (SocketException) when (_isClosed)
        {
            return false; // it was closed meanwhile, in good order
        }
    }

    /// <summary>Tells the other side that there is no more.</summary>
    private async ValueTask EndAsync(EndKind end, CancellationToken ct)
    {
        foreach ((Fault fault, SlowlyClosed slow) in All<SlowlyClosed>()) await Waits.StrikeAsync(fault, slow.By, _time, ct).ConfigureAwait(false);

        await StallAsync(ct).ConfigureAwait(false);
        while (Find<Swallowed>() is { } blackhole)
        {
            blackhole.Fault.Strike();
            await blackhole.Fault.Over.WaitAsync(ct).ConfigureAwait(false);
        }

        if (end == EndKind.Reset) cut(CutKind.Reset, direction);
        else Close();
    }

    private async ValueTask DelayAsync(long receivedAt, CancellationToken ct)
    {
        TimeSpan delay = TimeSpan.Zero;
        foreach ((Fault fault, Delayed delayed) in All<Delayed>())
        {
            delay += delayed.By + (delayed.Jitter * ((2 * _random.NextDouble()) - 1));
            await Waits.StrikeAsync(fault, delay - _time.GetElapsedTime(receivedAt), _time, ct).ConfigureAwait(false);
        }
    }

    private async ValueTask StallAsync(CancellationToken ct)
    {
        while (All<Stalled>().Select(each => each.Impairment.After <= _passed ? each.Fault : null).FirstOrDefault(each => each is not null) is { } stall)
        {
            stall.Strike();
            await stall.Over.WaitAsync(ct).ConfigureAwait(false);
        }
    }

    /// <summary>Waits until some of the bytes may go.</summary>
    /// <returns>How many may.</returns>
    private async ValueTask<int> ThrottleAsync(int size, CancellationToken ct)
    {
        if (All<Throttled>().OrderBy(each => each.Impairment.BytesPerSecond).FirstOrDefault() is not { Fault: { } fault, Impairment: { } limit }) return size;
        size = (int)Math.Min(size, Math.Max(1, limit.BytesPerSecond / Steps));
        long takes = (long)Math.Ceiling(size / (double)limit.BytesPerSecond * _time.TimestampFrequency);
        long now = _time.GetTimestamp();
        // Time is taken from when the line was free and not from when it was looked at, or the lateness of timers would add up.
        _freeAt = Math.Max(_freeAt, now - (_time.TimestampFrequency / Steps)) + takes;
        await Waits.StrikeAsync(fault, _time.GetElapsedTime(now, _freeAt), _time, ct).ConfigureAwait(false);
        return size;
    }

    /// <summary>Reads what comes and loses it, until the fault ends or the time is up: the connection has a hole then and cannot go on.</summary>
    private async ValueTask SwallowAsync(Fault fault, Buffered buffered, CancellationToken ct)
    {
        TimeSpan cutAfter = ((Swallowed)fault.Impairment!).CutAfter;
        using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
        Task losing = LoseAsync(over.Token);
        try
        {
            await Waits.StrikeAsync(fault, cutAfter, _time, ct).ConfigureAwait(false);
        }
        finally
        {
            await over.CancelAsync().ConfigureAwait(false);
            await losing.ConfigureAwait(false);
        }

        cut(CutKind.Reset, direction);

        async Task LoseAsync(CancellationToken until)
        {
            try
            {
                while (true) buffered.Release(await buffered.NextAsync(until).ConfigureAwait(false));
            }
            catch (OperationCanceledException)
            {
                // It is over.
            }
        }
    }

    private void CutIfDue()
    {
        if (_isClosed) return;
        foreach ((Fault fault, Cutting cutting) in All<Cutting>())
        {
            if (cutting.After != _passed || !fault.Strike()) continue;
            cut(cutting.Kind, direction);
            return;
        }
    }

    private (Fault? Fault, TimeSpan Pause) Split(ref int size)
    {
        if (All<Splitting>().OrderBy(each => each.Impairment.Size).FirstOrDefault() is not { Fault: { } fault, Impairment: { } split }) return default;
        fault.Strike(); // before the bytes go: whoever has them can count the strikes
        size = Math.Min(size, split.Size);
        return (fault, split.Pause);
    }

    /// <summary>As many bytes as may go before a fault strikes that counts them.</summary>
    private int UpToNextLimit(int size)
    {
        foreach (long after in All<Cutting>().Select(each => each.Impairment.After).Concat(All<Stalled>().Select(each => each.Impairment.After)))
            if (after > _passed) size = (int)Math.Min(size, after - _passed);
        return size;
    }

    private void Corrupt(Span<byte> bytes)
    {
        foreach ((Fault fault, CorruptedAt at) in All<CorruptedAt>())
            if (at.Offset >= _passed && at.Offset < _passed + bytes.Length && fault.Strike()) bytes[(int)(at.Offset - _passed)] ^= at.Mask;
        foreach ((Fault fault, Corrupted corrupted) in All<Corrupted>())
        {
            BitFlips flips = _flips.GetValue(fault, _ => new(corrupted.Share, Seeds.Mix(corrupted.Seed, (connection * 4) + (int)direction)));
            for (int strikes = flips.Flip(bytes); strikes > 0; strikes--) fault.Strike();
        }
    }

    private (Fault Fault, T Impairment)? Find<T>()
        where T : Impairment
    {
        foreach ((Fault Fault, T Impairment) each in All<T>()) return each;
        return null;
    }

    /// <summary>The faults of a kind that are in force here.</summary>
    private IEnumerable<(Fault Fault, T Impairment)> All<T>()
        where T : Impairment
    {
        if (book.IsEmpty) yield break;
        foreach (Fault fault in book.InForce)
            if (fault.Impairment is T impairment && (fault.Direction & direction) != 0 && fault.Scope.Has(connection)) yield return (fault, impairment);
    }
}
