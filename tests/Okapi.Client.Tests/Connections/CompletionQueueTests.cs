using Okapi.Client.Tests.Protocol;
using Okapi.Connections;
using Okapi.Requests;

namespace Okapi.Client.Tests.Connections;

public class CompletionQueueTests
{
    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H29_The_task_of_an_event_is_complete_before_a_later_reply_completes_when_several_threads_take_from_the_queue()
    {
        var work = new Queue<IThreadPoolWorkItem>();
        var queue = new CompletionQueue(item =>
        {
            lock (work) work.Enqueue(item);
        });
        using var late = new Event();
        var reply = new Reply(late);
        queue.AddEvent(late);
        queue.Add(reply);
        queue.Publish();

        // One thread has taken the event, and does not get on; that there is more it has told before.
        Task first = Task.Run(Take(), TestContext.Current.CancellationToken);
        await late.Taken.Soon();
        await Task.Run(Take(), TestContext.Current.CancellationToken).Soon();
        Assert.True(reply.SawItComplete);
        late.GoOn();
        await first.Soon();

        Action Take()
        {
            lock (work) return work.Dequeue().Execute;
        }
    }

    [Fact]
    public void An_event_that_is_complete_is_not_kept()
    {
        var queue = new CompletionQueue(static item => item.Execute());
        WeakReference gone = AddEvent(queue);
        queue.Add(new Nothing());
        GC.Collect();
        Assert.False(gone.IsAlive);

        static WeakReference AddEvent(CompletionQueue queue)
        {
            using var done = new Event();
            done.GoOn();
            queue.AddEvent(done);
            queue.Publish();
            return new WeakReference(done);
        }
    }

    /// <summary>Whoever comes first to complete it stands still before it does; whoever comes later does it.</summary>
    private sealed class Event : IEventCompletion, IDisposable
    {
        private readonly TaskCompletionSource _taken = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ManualResetEventSlim _gate = new();
        private int _calls;

        public Task Taken => _taken.Task;

        public bool IsComplete { get; private set; }

        public void Complete()
        {
            if (Interlocked.Increment(ref _calls) == 1)
            {
                _taken.SetResult();
                _gate.Wait(Scripts.Patience);
            }

            IsComplete = true;
        }

        public void GoOn() => _gate.Set();

        public void Dispose() => _gate.Dispose();
    }

    private sealed class Reply(Event earlier) : ICompletion
    {
        public bool? SawItComplete { get; private set; }

        public void Complete() => SawItComplete = earlier.IsComplete;
    }

    private sealed class Nothing : ICompletion
    {
        public void Complete()
        {
        }
    }
}
