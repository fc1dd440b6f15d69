using System.Collections.Concurrent;
using Okapi.Client.Tests.Protocol;
using Okapi.Connections;
using Okapi.Protocol;
using Okapi.Requests;

namespace Okapi.Client.Tests.Connections;

/// <summary>The tests play the reader: they add, publish and supervise.</summary>
public sealed class CompletionThreadTests : IDisposable
{
    private readonly ConcurrentQueue<string> _seen = new();
    private readonly CompletionThread _completions;
    private readonly Flushes _flushes;
    private readonly Thread _thread;
    private int _onPool;

    public CompletionThreadTests()
    {
        _flushes = new Flushes(_seen);
        _completions = new CompletionThread(RunOnPool, _flushes);
        _thread = new Thread(_completions.Run) { IsBackground = true };
        _thread.Start();
    }

    public void Dispose() => _completions.End();

    [Fact]
    public async Task Operations_complete_in_order_on_the_one_thread()
    {
        var threads = new ConcurrentQueue<Thread>();
        for (int i = 0; i < 1_000; i++)
        {
            int number = i;
            _completions.Add(new Code(() =>
            {
                threads.Enqueue(Thread.CurrentThread);
                _seen.Enqueue($"{number}");
            }));
            if (i % 7 == 0) _completions.Publish();
        }

        await FinishAsync();
        Assert.Equal(Enumerable.Range(0, 1_000).Select(i => $"{i}"), _seen);
        Assert.All(threads, thread => Assert.Same(_thread, thread));
    }

    [Fact]
    public async Task H28_What_waits_behind_code_that_blocks_goes_on_elsewhere()
    {
        using var release = new ManualResetEventSlim();
        Task blocking = Add(() => release.Wait(Scripts.Patience));
        Task behind = Add(static () => { });
        _completions.Publish();
        await SuperviseUntilAsync(behind);
        Assert.False(blocking.IsCompleted);

        // From now on nothing waits for that code: nobody has to look again.
        for (int i = 0; i < 100; i++)
        {
            Task later = Add(static () => { });
            _completions.Publish();
            await later.Soon();
        }

        Assert.False(blocking.IsCompleted);
        release.Set();
        await blocking.Soon();
        await WaitUntilIdleAsync();
        await Scripts.EventuallyAsync(() => Volatile.Read(ref _onPool) == 0); // what helped out meanwhile might take what comes next
        Thread? thread = null;
        Task after = Add(() => thread = Thread.CurrentThread);
        _completions.Publish();
        await after.Soon();
        Assert.Same(_thread, thread);
    }

    [Fact]
    public async Task Code_that_blocks_on_the_pool_too_holds_up_nobody()
    {
        using var release = new ManualResetEventSlim();
        Task[] blocking = [.. Enumerable.Range(0, 3).Select(_ => Add(() => release.Wait(Scripts.Patience)))];
        Task behind = Add(static () => { });
        _completions.Publish();
        await SuperviseUntilAsync(behind);
        Assert.All(blocking, task => Assert.False(task.IsCompleted));
        release.Set();
        await Task.WhenAll(blocking).Soon();
    }

    [Fact]
    public async Task What_is_submitted_while_more_is_to_be_completed_is_sent_once_at_the_end()
    {
        using var begin = new ManualResetEventSlim();
        Task first = Add(() => begin.Wait(Scripts.Patience));
        for (int i = 0; i < 3; i++) _ = Add(() => _seen.Enqueue($"{TakesFlush()}"));
        _ = Add(() => _seen.Enqueue("last"));
        _completions.Publish();
        begin.Set();
        await first.Soon();
        await _flushes.Sent.Soon();
        Assert.Equal(["True", "True", "True", "last", "here"], _seen);
    }

    [Fact]
    public async Task What_is_submitted_last_is_sent_at_once()
    {
        Task only = Add(() =>
        {
            Assert.True(TakesFlush());
            _seen.Enqueue("after");
        });
        _completions.Publish();
        await only.Soon();
        Assert.Equal(["here", "after"], _seen);
    }

    [Fact]
    public async Task What_was_submitted_before_code_that_blocks_is_sent_by_the_pool()
    {
        using var release = new ManualResetEventSlim();
        using var hasFollower = new ManualResetEventSlim();
        var submitted = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        Task blocking = Add(() =>
        {
            hasFollower.Wait(Scripts.Patience); // until something waits behind this
            submitted.SetResult(TakesFlush());
            release.Wait(Scripts.Patience);
        });
        _completions.Publish();
        Task behind = Add(static () => { });
        _completions.Publish();
        hasFollower.Set();
        Assert.True(await submitted.Task.Soon()); // it is looked after only now: a thread that is slow to wake up is given up, too
        await SuperviseUntilAsync(_flushes.Sent);
        await SuperviseUntilAsync(behind);
        Assert.Equal(["pool"], _seen);
        Assert.False(blocking.IsCompleted);
        release.Set();
        await blocking.Soon();
    }

    [Fact]
    public async Task What_another_thread_submits_is_sent_by_the_one_that_sleeps()
    {
        await WaitUntilIdleAsync();
        Assert.True(TakesFlush());
        await _flushes.Sent.Soon();
        Assert.Equal(["here"], _seen);
    }

    [Fact]
    public async Task What_another_thread_submits_while_code_blocks_is_sent_by_the_pool()
    {
        using var release = new ManualResetEventSlim();
        Task blocking = await BlockAsync(release);
        Assert.True(TakesFlush());
        await SuperviseUntilAsync(_flushes.Sent);
        await Scripts.EventuallyAsync(() => _completions.Supervise() == Timeout.InfiniteTimeSpan);
        Assert.False(TakesFlush());
        Assert.Equal(["pool"], _seen);
        release.Set();
        await blocking.Soon();
    }

    [Fact]
    public async Task H26_What_the_pool_does_not_get_round_to_send_is_sent_by_the_thread_when_it_gets_on()
    {
        _flushes.IsPoolBusy = true;
        using var release = new ManualResetEventSlim();
        Task blocking = await BlockAsync(release);
        Assert.True(TakesFlush());
        await Scripts.EventuallyAsync(() => _completions.Supervise() == Timeout.InfiniteTimeSpan);
        Assert.Empty(_seen);
        release.Set();
        await _flushes.Sent.Soon();
        Assert.Equal(["here"], _seen);
        await blocking.Soon();
    }

    [Fact]
    public async Task A_thread_that_was_given_up_just_before_it_fell_asleep_is_looked_after_again()
    {
        // It is held up by its sending, after the last of its callers has gone on; the reader gives it up, and then it sleeps.
        using var sending = new ManualResetEventSlim();
        using var held = new ManualResetEventSlim();
        _flushes.OnFlush = () =>
        {
            held.Set();
            sending.Wait(Scripts.Patience);
        };
        await WaitUntilIdleAsync();
        Assert.True(TakesFlush());
        Assert.True(held.Wait(Scripts.Patience, TestContext.Current.CancellationToken));
        await Scripts.EventuallyAsync(() => _completions.Supervise() == Timeout.InfiniteTimeSpan);
        sending.Set();
        await _flushes.Sent.Soon();
        await WaitUntilIdleAsync();

        using var release = new ManualResetEventSlim();
        Task blocking = Add(() => release.Wait(Scripts.Patience));
        Task behind = Add(static () => { });
        _completions.Publish();
        await SuperviseUntilAsync(behind);
        Assert.False(blocking.IsCompleted);
        release.Set();
        await blocking.Soon();
    }

    [Fact]
    public async Task At_the_end_all_is_completed_even_behind_code_that_blocks()
    {
        using var release = new ManualResetEventSlim();
        _ = Add(() => release.Wait(Scripts.Patience));
        Task behind = Add(static () => { });
        _completions.Publish();
        _completions.End();
        await behind.Soon();
        release.Set();
        Assert.True(_thread.Join(Scripts.Patience));
    }

    [Fact]
    public async Task Nothing_is_lost_or_completed_twice_whatever_blocks()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
            var random = new Random(seed);
            int[] counts = new int[500];
            var all = new List<Task>();
            for (int i = 0; i < counts.Length; i++)
            {
                int number = i, spin = random.Next(20) == 0 ? 20_000 : random.Next(50);
                all.Add(Add(() =>
                {
                    Interlocked.Increment(ref counts[number]);
                    Thread.SpinWait(spin);
                    if (spin > 40) TakesFlush();
                }));
                if (random.Next(3) != 0) continue;
                _completions.Publish();
                _completions.Supervise();
            }

            _completions.Publish();
            await SuperviseUntilAsync(Task.WhenAll(all));
            Assert.All(counts, count => Assert.Equal(1, count));
        }
    }

    private bool TakesFlush()
    {
        _flushes.Owe();
        return _completions.TakesFlush();
    }

    private Task Add(Action code)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _completions.Add(new Code(() =>
        {
            try
            {
                code();
                done.SetResult();
            }
            catch (Exception error)
            {
                done.SetException(error);
            }
        }));
        return done.Task;
    }

    /// <summary>Adds code that blocks, and waits until it does: on its way there the thread would send what is owed.</summary>
    private async Task<Task> BlockAsync(ManualResetEventSlim release)
    {
        var isBlocking = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task blocking = Add(() =>
        {
            isBlocking.SetResult();
            release.Wait(Scripts.Patience);
        });
        _completions.Publish();
        await isBlocking.Task.Soon();
        return blocking;
    }

    private void RunOnPool(IThreadPoolWorkItem item)
    {
        Interlocked.Increment(ref _onPool);
        ThreadPool.UnsafeQueueUserWorkItem(
            _ =>
            {
                try
                {
                    item.Execute();
                }
                finally
                {
                    Interlocked.Decrement(ref _onPool);
                }
            },
            null);
    }

    private Task FinishAsync()
    {
        Task last = Add(static () => { });
        _completions.Publish();
        return last.Soon();
    }

    /// <summary>Looks after the thread as the reader does between its waits.</summary>
    private async Task SuperviseUntilAsync(Task task)
    {
        using var limit = new CancellationTokenSource(Scripts.Patience);
        while (!task.IsCompleted)
        {
            TimeSpan wait = _completions.Supervise();
            if (wait == Timeout.InfiniteTimeSpan) await task.Soon();
            else await Task.WhenAny(task, Task.Delay(wait, limit.Token));
            limit.Token.ThrowIfCancellationRequested();
        }

        await task;
    }

    private Task WaitUntilIdleAsync() => Scripts.EventuallyAsync(() => (_thread.ThreadState & ThreadState.WaitSleepJoin) != 0);

    /// <summary>Plays the connection: each flush is owed until somebody does it.</summary>
    private sealed class Flushes(ConcurrentQueue<string> seen) : IFlusher
    {
        private readonly TaskCompletionSource _sent = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _isOwed;

        public Task Sent => _sent.Task;

        public Action? OnFlush { get; set; }

        public bool IsPoolBusy { get; set; }

        public bool IsOwed => Volatile.Read(ref _isOwed) != 0;

        public void Owe() => Interlocked.Exchange(ref _isOwed, 1);

        public void FlushOwed()
        {
            if (Interlocked.Exchange(ref _isOwed, 0) == 0) return;
            OnFlush?.Invoke();
            Note("here");
        }

        public void FlushOnPool()
        {
            if (!IsPoolBusy && Interlocked.Exchange(ref _isOwed, 0) != 0) Note("pool");
        }

        private void Note(string where)
        {
            seen.Enqueue(where);
            _sent.TrySetResult();
        }
    }

    /// <summary>An operation whose completion runs code, as that of an awaited one does.</summary>
    private sealed class Code(Action run) : PendingOperation
    {
        public override OpCode OpCode => OpCode.Exists;

        public override bool IsSafeToResend => true;

        public override string? Path => null;

        public override void Write(ref JuteWriter writer)
        {
        }

        public override void Read(ErrorCode error, ref JuteReader body)
        {
        }

        public override void Complete() => run();

        public override void Fail(Exception error)
        {
        }
    }
}
