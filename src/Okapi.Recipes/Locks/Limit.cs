namespace Okapi.Recipes.Locks;

/// <summary>How long somebody is ready to wait: until a time, until he is told to stop, or until what he waits for is disposed.</summary>
internal sealed class Limit : IDisposable
{
    private readonly CancellationToken _caller;
    private readonly CancellationTokenSource? _timer;
    private readonly CancellationTokenSource _any;

    public Limit(TimeProvider time, TimeSpan? timeout, CancellationToken caller, CancellationToken disposed)
    {
        if (timeout < TimeSpan.Zero && timeout != Timeout.InfiniteTimeSpan) throw new ArgumentOutOfRangeException(nameof(timeout), timeout, "A timeout is zero or more, or infinite.");
        _caller = caller;
        IsZero = timeout == TimeSpan.Zero;
        _timer = timeout is null || IsZero || timeout == Timeout.InfiniteTimeSpan ? null : new CancellationTokenSource(timeout.Value, time);
        _any = CancellationTokenSource.CreateLinkedTokenSource(caller, disposed, _timer?.Token ?? default);
    }

    /// <summary>Whether nothing is waited for but the servers' answers.</summary>
    public bool IsZero { get; }

    /// <summary>Trips when there is no more waiting, for whichever reason.</summary>
    public CancellationToken Token => _any.Token;

    /// <summary>Whether it is the time that is up.</summary>
    public bool IsTimeUp => _timer?.IsCancellationRequested == true && !_caller.IsCancellationRequested;

    public void Dispose()
    {
        _any.Dispose();
        _timer?.Dispose();
    }
}
