namespace Okapi.Recipes;

/// <summary>Which znodes a cache holds.</summary>
public enum CacheScope
{
    /// <summary>A znode and all below it.</summary>
    Tree = 0,

    /// <summary>A znode and its children, but not theirs.</summary>
    Children = 1,

    /// <summary>One znode.</summary>
    SingleNode = 2,
}

/// <summary>What a cache holds, and how much at most. A cache creates no znodes: it does not use what <see cref="RecipeOptions"/> says of them.</summary>
public record CacheOptions : RecipeOptions
{
    /// <summary>Which znodes it holds; a whole tree unless told otherwise.</summary>
    public CacheScope Scope { get; set; }

    /// <summary>Whether it holds data too; without it, Stats alone are read. True by default.</summary>
    public bool KeepData { get; set; } = true;

    /// <summary>How many znodes it holds at most, from 1; 1,000,000 by default. With one more it fails (<see cref="CacheLimitExceededException"/>).</summary>
    public int MaxNodes { get; set; } = 1_000_000;

    /// <summary>
    /// How many bytes it holds at most, from 1; 256 MiB by default. With more it fails (<see cref="CacheLimitExceededException"/>). What <see cref="ZnodeCache.Bytes"/> counts: data, paths and about 300 bytes for each
    /// znode. Data on its way (<see cref="MaxConcurrentReads"/> times the largest), old snapshots in use and changes that wait for their readers come on top.
    /// </summary>
    public long MaxBytes { get; set; } = 256L << 20;

    /// <summary>How many reads it has under way at most, 1 to 65,536; 256 by default.</summary>
    public int MaxConcurrentReads { get; set; } = 256;

    /// <summary>How many changes wait for a reader of <see cref="ZnodeCache.ChangesAsync"/> before it gets the difference between two snapshots in their place, 1 to 1,048,576; 1,024 by default.</summary>
    public int ChangeBufferSize { get; set; } = 1_024;

    internal void Validate()
    {
        if (!Enum.IsDefined(Scope)) throw new ArgumentException($"{nameof(Scope)} {Scope} is not one of {nameof(CacheScope)}.");
        Require(MaxNodes, int.MaxValue, nameof(MaxNodes));
        Require(MaxBytes, long.MaxValue, nameof(MaxBytes));
        Require(MaxConcurrentReads, 1 << 16, nameof(MaxConcurrentReads));
        Require(ChangeBufferSize, 1 << 20, nameof(ChangeBufferSize));
    }

    private static void Require(long value, long most, string name)
    {
        if (value < 1 || value > most) throw new ArgumentException($"{name} is {value}; it must be from 1 to {most}.");
    }
}
