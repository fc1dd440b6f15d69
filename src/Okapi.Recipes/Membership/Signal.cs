namespace Okapi.Recipes.Membership;

/// <summary>Wakes whoever waits for something to change. Who takes <see cref="Next"/> before looking misses nothing.</summary>
internal sealed class Signal
{
    private TaskCompletionSource _next = Create();

    /// <summary>Completes at the first <see cref="Set"/> after it was taken.</summary>
    public Task Next => Volatile.Read(ref _next).Task;

    public void Set() => Interlocked.Exchange(ref _next, Create()).TrySetResult();

    private static TaskCompletionSource Create() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
