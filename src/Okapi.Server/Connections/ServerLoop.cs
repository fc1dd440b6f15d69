using System.Threading.Channels;

namespace Okapi.Server.Connections;

/// <summary>Something for the server's loop to do.</summary>
internal interface IWork
{
    void Run();

    /// <summary>Learns that it will never be done: the loop has failed.</summary>
    void Abandon()
    {
    }
}

/// <summary>
/// The one writer: all that touches the tree, the sessions and the watches runs here, one after another. What came in while a round ran is the next round; at the end of each the
/// journal is committed once for all of it, and only then replies go out (group commit).
/// </summary>
internal sealed class ServerLoop
{
    private const int GreatestRound = 1024;

    private readonly Channel<IWork> _work = Channel.CreateUnbounded<IWork>(new() { SingleReader = true });
    private readonly Action _settle;
    private readonly Action<Exception> _fail;

    /// <param name="settle">Ends a round: what was done becomes durable, then known.</param>
    /// <param name="fail">Is told of an error that no work can be done after.</param>
    public ServerLoop(Action settle, Action<Exception> fail)
    {
        _settle = settle;
        _fail = fail;
        Completion = Task.Run(RunAsync);
    }

    /// <summary>Ends when the loop has.</summary>
    public Task Completion { get; }

    /// <summary>Adds work; false when the loop has ended, or is to.</summary>
    public bool Post(IWork work) => _work.Writer.TryWrite(work);

    /// <summary>Runs something on the loop. What it did is settled only after it has returned.</summary>
    /// <exception cref="ObjectDisposedException">The loop has ended.</exception>
    public Task<T> InvokeAsync<T>(Func<T> function)
    {
        var call = new Call<T>(function);
        return Post(call) ? call.Task : throw new ObjectDisposedException(nameof(EmbeddedServer));
    }

    public Task InvokeAsync(Action action) => InvokeAsync(() =>
    {
        action();
        return true;
    });

    /// <summary>Does what was posted before, and ends.</summary>
    public void Complete() => _work.Writer.TryComplete();

    private async Task RunAsync()
    {
        try
        {
            while (await _work.Reader.WaitToReadAsync().ConfigureAwait(false))
            {
                for (int i = 0; i < GreatestRound && _work.Reader.TryRead(out IWork? work); i++) work.Run();
                _settle();
            }
        }
#pragma warning disable CA1031 // the top of a task: whatever it is, the server ends with it, visibly
        catch (Exception error)
#pragma warning restore CA1031
        {
            _work.Writer.TryComplete();
            _fail(error);
            while (_work.Reader.TryRead(out IWork? work)) work.Abandon();
        }
    }

    private sealed class Call<T>(Func<T> function) : IWork
    {
        private readonly TaskCompletionSource<T> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<T> Task => _result.Task;

        public void Abandon() => _result.TrySetException(new ObjectDisposedException(nameof(EmbeddedServer)));

        public void Run()
        {
            try
            {
                _result.SetResult(function());
            }
#pragma warning disable CA1031 // it is the caller's
            catch (Exception error)
#pragma warning restore CA1031
            {
                _result.SetException(error);
            }
        }
    }
}
