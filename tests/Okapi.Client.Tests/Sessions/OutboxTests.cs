#pragma warning disable CA2012 // some of these take results as and when no caller should, which is their point
using Okapi.Protocol;
using Okapi.Requests;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Sessions;

/// <summary>A request's way from the call to the reply, on one thread.</summary>
public class OutboxTests
{
    private static readonly OutboxLimits Roomy = new(65_536, 16 << 20, 1 << 20);

    [Fact]
    public async Task Requests_are_sent_in_the_order_of_the_calls_with_numbers_that_count_up()
    {
        using OutboxDriver driver = new OutboxDriver().Connect();
        Task<int>[] calls = [.. Enumerable.Range(1, 100).Select(id => driver.Send(id, isRead: id % 3 != 0).AsTask())];
        List<SentFrame> sent = driver.TakeAll();
        Assert.Equal(Enumerable.Range(1, 100), sent.Select(frame => frame.Id));
        Assert.Equal(Enumerable.Range(1, 100), sent.Select(frame => frame.Xid));
        Assert.Equal(1, driver.Flushes); // one call wakes the connection, the rest ride along
        foreach (SentFrame frame in sent) driver.Reply(frame);
        Assert.Equal(Enumerable.Range(1, 100), await Task.WhenAll(calls));
        Assert.Equal(0, driver.Outbox.Count);
    }

    [Fact]
    public void H31_Request_numbers_wrap_to_one_and_never_meet_the_special_ones()
    {
        using OutboxDriver driver = new OutboxDriver(firstXid: int.MaxValue - 3).Connect();
        for (int id = 0; id < 6; id++) _ = driver.Send(id).AsTask();
        Assert.Equal([int.MaxValue - 2, int.MaxValue - 1, int.MaxValue, 1, 2, 3], driver.TakeAll().Select(frame => frame.Xid));
    }

    [Fact]
    public async Task What_is_called_before_a_connection_waits_for_one_and_goes_after_the_sessions_own_frames()
    {
        using var driver = new OutboxDriver();
        ValueTask<int> call = driver.Send(7);
        driver.Outbox.Attach(driver);
        Assert.Empty(driver.TakeAll());
        driver.Outbox.SendControl(new RequestHeader(Xids.Ping, OpCode.Ping).Write);
        Assert.Equal([OpCode.Ping], driver.TakeAll().Select(frame => frame.OpCode));
        driver.Outbox.SendControl(new RequestHeader(Xids.SetWatches, OpCode.SetWatches).Write);
        driver.Outbox.Open();
        List<SentFrame> sent = driver.TakeAll();
        Assert.Equal([OpCode.SetWatches, OpCode.GetData], sent.Select(frame => frame.OpCode));
        driver.Reply(sent[1]);
        Assert.Equal(7, await call);
    }

    [Theory]
    [InlineData(4, 1 << 20)]
    [InlineData(1000, 64)]
    public async Task Beyond_the_limits_callers_wait_in_order_and_nobody_passes_them(int requests, int bytes)
    {
        using OutboxDriver driver = new OutboxDriver(new(requests, bytes, 1 << 20)).Connect();
        Task<int>[] calls = [.. Enumerable.Range(0, 50).Select(id => driver.Send(id).AsTask())];
        var seen = new List<int>();
        for (int rounds = 0; seen.Count < 50; rounds++)
        {
            Assert.True(rounds < 100);
            List<SentFrame> sent = driver.TakeAll();
            seen.AddRange(sent.Select(frame => frame.Id));
            if (requests == 4) Assert.InRange(sent.Count, 1, 4);
            foreach (SentFrame frame in sent) driver.Reply(frame);
        }

        Assert.Equal(Enumerable.Range(0, 50), seen);
        Assert.Equal(Enumerable.Range(0, 50), await Task.WhenAll(calls));
    }

    [Fact]
    public async Task A_call_cancelled_before_it_is_sent_is_never_sent()
    {
        using var driver = new OutboxDriver(new(3, 1 << 20, 1 << 20));
        using var cancellation = new CancellationTokenSource();
        Task<int>[] calls = [.. Enumerable.Range(0, 5).Select(id => driver.Send(id, token: id is 1 or 3 ? cancellation.Token : default).AsTask())]; // 3 and 4 wait for room
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => calls[1]);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => calls[3]);
        driver.Connect();
        List<SentFrame> sent = driver.TakeAll();
        Assert.Equal([0, 2, 4], sent.Select(frame => frame.Id));
        foreach (SentFrame frame in sent) driver.Reply(frame);
        Assert.Equal(new[] { 0, 2, 4 }, await Task.WhenAll(calls[0], calls[2], calls[4]));
        Assert.True((await Assert.ThrowsAnyAsync<OperationCanceledException>(() => driver.Send(9, token: cancellation.Token).AsTask())).CancellationToken == cancellation.Token);
        Assert.Empty(driver.TakeAll());
    }

    [Fact]
    public async Task A_call_cancelled_after_it_was_sent_throws_its_reply_away_and_harms_no_other()
    {
        using OutboxDriver driver = new OutboxDriver().Connect();
        using var cancellation = new CancellationTokenSource();
        Task<int> cancelled = driver.Send(1, token: cancellation.Token).AsTask(), other = driver.Send(2).AsTask();
        List<SentFrame> sent = driver.TakeAll();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        foreach (SentFrame frame in sent) driver.Reply(frame);
        Assert.Equal(2, await other);
    }

    [Fact]
    public async Task After_a_loss_reads_go_again_in_order_before_what_was_not_sent_and_writes_fail_as_unknown()
    {
        using OutboxDriver driver = new OutboxDriver().Connect();
        Task<int>[] sent = [.. Enumerable.Range(1, 6).Select(id => driver.Send(id, isRead: id % 2 == 1).AsTask())];
        driver.Reply(driver.TakeAll()[0]);
        Task<int>[] unsent = [.. Enumerable.Range(7, 4).Select(id => driver.Send(id, isRead: id % 2 == 1).AsTask())];
        Assert.Equal(3, driver.Lose());
        foreach (int write in new[] { 2, 4, 6 })
            Assert.Equal(RequestOutcome.Unknown, (await Assert.ThrowsAsync<ConnectionLossException>(() => sent[write - 1])).Outcome);
        driver.Connect();
        List<SentFrame> again = driver.TakeAll();
        Assert.Equal([3, 5, 7, 8, 9, 10], again.Select(frame => frame.Id));
        Assert.Equal(again.Count, again.Select(frame => frame.Xid).Distinct().Count());
        foreach (SentFrame frame in again) driver.Reply(frame);
        Assert.Equal(new[] { 1, 3, 5 }, await Task.WhenAll(sent[0], sent[2], sent[4]));
        Assert.Equal(new[] { 7, 8, 9, 10 }, await Task.WhenAll(unsent));
    }

    [Fact]
    public async Task A_read_that_loses_every_connection_fails_in_the_end()
    {
        using var driver = new OutboxDriver(Roomy with { Resends = 3 });
        Task<int> read = driver.Send(1).AsTask();
        for (int i = 0; i < 4; i++)
        {
            Assert.False(read.IsCompleted);
            driver.Connect();
            Assert.Single(driver.TakeAll());
            driver.Lose();
        }

        await Assert.ThrowsAsync<ConnectionLossException>(() => read);
        Assert.Equal(0, driver.Outbox.Count);
    }

    [Fact]
    public async Task A_request_that_is_too_large_fails_alone_and_uses_no_number()
    {
        using OutboxDriver driver = new OutboxDriver(new(100, 1 << 20, 200)).Connect();
        Task<int> before = driver.Send(1).AsTask(), large = driver.Send(2, padding: 1000).AsTask(), after = driver.Send(3).AsTask();
        await Assert.ThrowsAsync<ArgumentException>(() => large);
        List<SentFrame> sent = driver.TakeAll();
        Assert.Equal([(1, 1), (2, 3)], sent.Select(frame => (frame.Xid, frame.Id)));
        foreach (SentFrame frame in sent) driver.Reply(frame);
        Assert.Equal(new[] { 1, 3 }, await Task.WhenAll(before, after));
    }

    [Fact]
    public void H32_A_reply_out_of_turn_or_to_nothing_breaks_the_protocol()
    {
        using OutboxDriver driver = new OutboxDriver().Connect();
        Assert.Throws<ProtocolException>(() => driver.Reply(1, 1));
        _ = driver.Send(1).AsTask();
        Assert.Throws<ProtocolException>(() => driver.Reply(1, 1)); // encoded, not sent
        _ = driver.Send(2).AsTask();
        driver.TakeAll();
        Assert.Throws<ProtocolException>(() => driver.Reply(2, 2));
    }

    [Fact]
    public async Task What_is_pending_when_the_session_ends_fails_and_so_does_what_comes_later()
    {
        using var driver = new OutboxDriver(new(2, 1 << 20, 1 << 20));
        driver.Connect();
        Task<int> sent = driver.Send(1, isRead: false).AsTask();
        driver.TakeAll();
        Task<int> encoded = driver.Send(2).AsTask(), waiting = driver.Send(3).AsTask();
        driver.Outbox.End(() => new SessionExpiredException(5, "over"));
        foreach (Task<int> call in new[] { sent, encoded, waiting, driver.Send(4).AsTask() }) await Assert.ThrowsAsync<SessionExpiredException>(() => call);
        Assert.Equal(0, driver.Outbox.Count);
        Assert.Empty(driver.TakeAll());
        driver.Reply(1, 1);
    }

    [Fact]
    public async Task A_request_times_out_with_its_outcome_and_the_next_one_due_is_told()
    {
        using OutboxDriver driver = new OutboxDriver().Connect();
        TimeSpan timeout = TimeSpan.FromSeconds(10);
        Task<int> sent = driver.Send(1).AsTask();
        driver.TakeAll();
        driver.Time.Advance(TimeSpan.FromSeconds(4));
        Task<int> unsent = driver.Send(2).AsTask();
        Assert.False(driver.Expire(timeout, out TimeSpan? next));
        Assert.Equal(TimeSpan.FromSeconds(6), next);
        driver.Time.Advance(TimeSpan.FromSeconds(6));
        Assert.True(driver.Expire(timeout, out next));
        Assert.Equal(TimeSpan.FromSeconds(4), next);
        Assert.Equal(RequestOutcome.Unknown, (await Assert.ThrowsAsync<RequestTimeoutException>(() => sent)).Outcome);
        driver.Time.Advance(TimeSpan.FromSeconds(4));
        Assert.True(driver.Expire(timeout, out next)); // the first reply is still missing
        Assert.Null(next);
        Assert.Equal(RequestOutcome.NotSent, (await Assert.ThrowsAsync<RequestTimeoutException>(() => unsent)).Outcome);
        Assert.Empty(driver.TakeAll());
    }

    // An object that is used again must be out of everybody's hands: each of these three had the old use complete the new one.
    [Fact]
    public async Task H23_A_reply_to_a_cancelled_call_does_not_complete_the_next_use_of_its_object()
    {
        using OutboxDriver driver = new OutboxDriver().Connect();
        using var cancellation = new CancellationTokenSource();
        ValueTask<int> cancelled = driver.Send(1, token: cancellation.Token);
        SentFrame frame = Assert.Single(driver.TakeAll());
        await cancellation.CancelAsync();
        Assert.True(driver.Outbox.TakeReply(driver, frame.Xid, out PendingOperation? late));
        await Assert.ThrowsAsync<OperationCanceledException>(async () => await cancelled);
        ValueTask<int> next = driver.Send(2); // uses the object again
        Assert.Null(late);
        Assert.False(next.IsCompleted);
        driver.Reply(Assert.Single(driver.TakeAll()));
        Assert.Equal(2, await next);
    }

    [Fact]
    public async Task H23_A_lost_write_that_is_cancelled_meanwhile_does_not_fail_the_next_use_of_its_object()
    {
        using OutboxDriver driver = new OutboxDriver().Connect();
        using var cancellation = new CancellationTokenSource();
        ValueTask<int> first = driver.Send(1, isRead: false), second = driver.Send(2, isRead: false, token: cancellation.Token);
        driver.TakeAll();
        ValueTask<int>? third = null;
        driver.Outbox.Detach(driver, operation =>
        {
            if (third is null)
            {
                cancellation.Cancel();
                if (second.IsCompleted) Assert.ThrowsAny<Exception>(() => Result(second)); // its object is free now
                third = driver.Send(3, isRead: false);
            }

            return new ConnectionLossException(RequestOutcome.Unknown, operation.Path, "lost", null);
        });
        Assert.False(third!.Value.IsCompleted);
        await Assert.ThrowsAsync<ConnectionLossException>(async () => await first);
        driver.Connect();
        driver.Reply(Assert.Single(driver.TakeAll()));
        Assert.Equal(3, await third.Value);
    }

    [Fact]
    public async Task H23_A_request_answered_while_others_time_out_does_not_fail_the_next_use_of_its_object()
    {
        using OutboxDriver driver = new OutboxDriver().Connect();
        ValueTask<int> first = driver.Send(1), second = driver.Send(2);
        List<SentFrame> sent = driver.TakeAll();
        driver.Time.Advance(TimeSpan.FromSeconds(10));
        ValueTask<int>? third = null;
        driver.Outbox.ExpireDue(
            driver.Time.GetTimestamp(),
            TimeSpan.FromSeconds(5),
            (operation, outcome) =>
            {
                if (third is null)
                {
                    foreach (SentFrame frame in sent) driver.Reply(frame);
                    if (second.IsCompleted) Result(second);
                    third = driver.Send(3);
                }

                return new RequestTimeoutException(outcome, operation.Path, "late");
            },
            out _);
        Assert.False(third!.Value.IsCompleted);
        await Assert.ThrowsAsync<RequestTimeoutException>(async () => await first);
        driver.Reply(Assert.Single(driver.TakeAll()));
        Assert.Equal(3, await third.Value);
    }

    [Fact]
    public async Task A_result_that_is_taken_too_early_or_twice_is_the_callers_mistake_and_harms_nobody_else()
    {
        using OutboxDriver driver = new OutboxDriver().Connect();
        ValueTask<int> early = driver.Send(1);
        Assert.Throws<InvalidOperationException>(() => Result(early));
        driver.Reply(Assert.Single(driver.TakeAll()));
        Assert.Equal(1, Result(early));
        Result(early); // once more
        ValueTask<int> second = driver.Send(2), third = driver.Send(3);
        Assert.Throws<InvalidOperationException>(() => Result(early)); // its object is in use again
        foreach (SentFrame frame in driver.TakeAll()) driver.Reply(frame);
        Assert.Equal(2, await second);
        Assert.Equal(3, await third);
    }

    [Fact]
    public async Task H23_Every_call_completes_exactly_once_and_with_its_own_reply_whatever_races_for_it()
    {
        const int Callers = 4, CallsEach = 1_000;
        int seed = Environment.TickCount;
        using var driver = new OutboxDriver(new(64, 4096, 1 << 20)); // small, so that calls wait as well
        using var stop = new CancellationTokenSource();
        int replied = 0, cancelled = 0, lost = 0, late = 0, ended = 0;
        async Task CallAsync(int caller)
        {
            var random = new Random(seed + caller);
            for (int i = 0; i < CallsEach; i++)
            {
                int id = (caller * CallsEach) + i;
                using var cancellation = new CancellationTokenSource();
                ValueTask<int> call = driver.Send(id, isRead: random.Next(2) == 0, token: random.Next(2) == 0 ? cancellation.Token : default);
                if (random.Next(3) == 0) ThreadPool.UnsafeQueueUserWorkItem(_ => Cancel(cancellation), null);
                try
                {
                    Assert.True(await call == id, $"seed {seed}");
                    Interlocked.Increment(ref replied);
                }
                catch (OperationCanceledException)
                {
                    Interlocked.Increment(ref cancelled);
                }
                catch (ConnectionLossException)
                {
                    Interlocked.Increment(ref lost);
                }
                catch (RequestTimeoutException)
                {
                    Interlocked.Increment(ref late);
                }
                catch (SessionClosedException)
                {
                    Interlocked.Increment(ref ended);
                }
            }
        }

        Task[] callers = [.. Enumerable.Range(0, Callers).Select(caller => Task.Run(() => CallAsync(caller)))];
        Task all = Task.WhenAll(callers);
        // One thread is the connection, as in life: it sends, answers, is lost and comes back; another lets requests time out. They are busy to the end, and so are none of the pool.
        Task connection = OnThreadAsync(() =>
        {
            var random = new Random(seed);
            while (!stop.IsCancellationRequested)
            {
                driver.Connect();
                for (int batches = random.Next(1, 40); batches > 0 && !stop.IsCancellationRequested; batches--)
                {
                    List<SentFrame> sent = driver.TakeAll();
                    int answered = batches == 1 ? random.Next(sent.Count + 1) : sent.Count;
                    for (int i = 0; i < answered; i++) driver.Reply(sent[i]);
                    if (answered < sent.Count) break;
                }

                driver.Lose();
            }
        });
        Task clock = OnThreadAsync(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                driver.Time.Advance(TimeSpan.FromMilliseconds(1));
                driver.Expire(TimeSpan.FromMilliseconds(50), out _);
                Thread.Yield();
            }
        });
        int Done() => Volatile.Read(ref replied) + Volatile.Read(ref cancelled) + Volatile.Read(ref lost) + Volatile.Read(ref late);
        try
        {
            Task<Task> anyOver = Task.WhenAny(all, connection, clock);
            for (int before = -1; !anyOver.IsCompleted;)
            {
                // A machine may take its time over all of them. A call that nobody completes holds up its caller for ever, and when the other callers are through no more are done.
                if (before == Done()) Assert.Fail($"seed {seed}: {replied} replied, {cancelled} cancelled, {lost} lost, {late} late, {driver.Outbox.Count} pending");
                before = Done();
                await Task.WhenAny(anyOver, Task.Delay(ScriptedPeer.Patience, TestContext.Current.CancellationToken));
            }

            await await anyOver;
        }
        finally
        {
            await stop.CancelAsync();
            driver.Outbox.End(() => new SessionClosedException(1, "end"));
        }

        await Task.WhenAll(connection, clock).WaitAsync(ScriptedPeer.Patience);
        Assert.Equal(Callers * CallsEach, replied + cancelled + lost + late + ended);
        Assert.True(replied > 0 && cancelled > 0, $"seed {seed}: {replied} replied, {cancelled} cancelled, {lost} lost, {late} late, {ended} ended");
        Assert.Equal(0, driver.Outbox.Count);
    }

    private static Task OnThreadAsync(Action run) => Task.Factory.StartNew(run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static void Cancel(CancellationTokenSource cancellation)
    {
        try
        {
            cancellation.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The call was faster.
        }
    }

    private static int Result(ValueTask<int> call) => call.GetAwaiter().GetResult();
}
