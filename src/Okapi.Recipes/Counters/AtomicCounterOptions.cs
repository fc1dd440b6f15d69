namespace Okapi.Recipes;

/// <summary>Options of an <see cref="AtomicCounter"/>.</summary>
public record AtomicCounterOptions : RecipeOptions
{
    /// <summary>How the value is written.</summary>
    public CounterFormat Format { get; set; }

    /// <summary>How often a change is tried while others change the counter at the same time; 1 or more.</summary>
    public int MaxAttempts { get; set; } = 1000;

    /// <summary>How long a change is tried; more than zero.</summary>
    public TimeSpan MaxTime { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The longest pause after the first attempt; it doubles with each. How long a pause is, is left to chance.</summary>
    public TimeSpan Backoff { get; set; } = TimeSpan.FromMilliseconds(2);

    /// <summary>The longest pause of all.</summary>
    public TimeSpan MaxBackoff { get; set; } = TimeSpan.FromMilliseconds(100);

    internal CounterFormat EffectiveFormat => Format != CounterFormat.FromNaming ? Format : Naming == NodeNaming.Kazoo ? CounterFormat.Text : CounterFormat.Int64;

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxAttempts, 1, nameof(MaxAttempts));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(MaxTime, TimeSpan.Zero, nameof(MaxTime));
        ArgumentOutOfRangeException.ThrowIfLessThan(Backoff, TimeSpan.Zero, nameof(Backoff));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxBackoff, Backoff, nameof(MaxBackoff));
        if (!Enum.IsDefined(Format)) throw new ArgumentOutOfRangeException(nameof(Format), Format, "There is no such format.");
    }
}
