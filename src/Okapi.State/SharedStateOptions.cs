namespace Okapi.State;

/// <summary>How updates keep out of each other's way.</summary>
public enum UpdateMode
{
    /// <summary>One update at a time among all processes: each takes the write lock first, and its write depends on that lock. The function runs once, unless the lock is lost.</summary>
    Exclusive = 0,

    /// <summary>No lock: an update is written if nobody else wrote meanwhile, and otherwise made again from the new value, so the function may run several times. Good where updates seldom meet.</summary>
    Optimistic = 1,
}

/// <summary>Options of a shared state. They are checked and copied when it is opened.</summary>
public sealed record SharedStateOptions
{
    /// <summary>For how long <see cref="SharedState{T}.Read"/> goes by a value that was not verified; 30 s by default.</summary>
    public TimeSpan MaxStaleness { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How often the value is verified without being told that it changed; 5 s by default.</summary>
    public TimeSpan CheckInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Whether <see cref="SharedState{T}.ReadLatestAsync"/> has its answer proven by a transaction, which goes through the quorum. Without, it rests on ZooKeeper's <c>sync</c>, which a leader
    /// answers alone: one that was deposed and has not noticed yet can miss writes of that moment (ZOOKEEPER-1675, ZOOKEEPER-2136). Off by default; costs a write that changes nothing.
    /// </summary>
    public bool QuorumReads { get; set; }

    /// <summary>How updates keep out of each other's way; exclusive by default.</summary>
    public UpdateMode UpdateMode { get; set; }

    /// <summary>How long <see cref="SharedState{T}.UpdateAsync(Func{T, T}, CancellationToken)"/> waits for its turn before it fails with <see cref="TimeoutException"/>; for ever by default.</summary>
    public TimeSpan UpdateTimeout { get; set; } = Timeout.InfiniteTimeSpan;

    /// <summary>How many changes wait for one subscriber. One that is slower gets, in place of what did not fit, the difference between what it was told and what is. 1,024 by default.</summary>
    public int ChangeBufferSize { get; set; } = 1_024;

    /// <summary>The largest request that the servers take, <c>jute.maxbuffer</c>; 0xfffff by default, as on servers. The client's <see cref="ZooKeeperOptions.MaxRequestSize"/> holds besides.</summary>
    public int MaxRequestSize { get; set; } = 0xfffff;

    /// <summary>The ACL of the znodes that are created; null: the client's <see cref="ZooKeeperOptions.DefaultAcl"/>.</summary>
    public IReadOnlyList<Acl>? Acl { get; set; }

    /// <summary>
    /// Hears of every change from the opening on, one after another. If the state was there already, the first changes are the difference between the given initial value and what was there. An exception of it ends the telling
    /// (<see cref="SharedState{T}.Subscribe"/>).
    /// </summary>
    public Func<StateChange, CancellationToken, ValueTask>? OnChange { get; set; }

    internal SharedStateOptions Validated()
    {
        RequireTime(MaxStaleness, nameof(MaxStaleness));
        RequireTime(CheckInterval, nameof(CheckInterval));
        if (UpdateTimeout != Timeout.InfiniteTimeSpan) RequireTime(UpdateTimeout, nameof(UpdateTimeout));
        if (!Enum.IsDefined(UpdateMode)) throw new ArgumentException($"{nameof(UpdateMode)} {UpdateMode} is not Exclusive or Optimistic.");
        if (ChangeBufferSize is < 1 or > 1 << 24) throw new ArgumentException($"{nameof(ChangeBufferSize)} {ChangeBufferSize} is not from 1 to {1 << 24}.");
        if (MaxRequestSize is < 4096 or > 1 << 30) throw new ArgumentException($"{nameof(MaxRequestSize)} {MaxRequestSize} is not from 4096 to {1 << 30}.");
        return this with { };
    }

    private static void RequireTime(TimeSpan value, string name)
    {
        if (value < TimeSpan.FromMilliseconds(1) || value.TotalMilliseconds > int.MaxValue) throw new ArgumentException($"{name} {value} is not from 1 ms to {int.MaxValue} ms.");
    }
}
