namespace Okapi.Recipes;

/// <summary>A tree is larger than its cache may become (<see cref="CacheOptions.MaxNodes"/>, <see cref="CacheOptions.MaxBytes"/>). The cache has failed: it answers nothing any more, because it would have to leave something out.</summary>
public sealed class CacheLimitExceededException : Exception
{
    internal CacheLimitExceededException(string path, string limit, long allowed, long needed)
        : base($"The cache of {path} needs room for {needed}; {nameof(CacheOptions)}.{limit} allows {allowed}.")
    {
        Path = path;
        Limit = limit;
        Allowed = allowed;
    }

    /// <summary>The cache's path.</summary>
    public string Path { get; }

    /// <summary>Which option: <see cref="CacheOptions.MaxNodes"/> or <see cref="CacheOptions.MaxBytes"/>.</summary>
    public string Limit { get; }

    /// <summary>The option's value.</summary>
    public long Allowed { get; }
}
