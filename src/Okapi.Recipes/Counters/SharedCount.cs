using System.Runtime.CompilerServices;
using Okapi.Recipes.Counters;

namespace Okapi.Recipes;

/// <summary>A <see cref="SharedValue"/> that is a number of 32 bits: Curator's <c>SharedCount</c>, and kazoo's <c>Counter(support_curator=True)</c>.</summary>
public sealed class SharedCount
{
    private readonly SharedValue _value;

    internal SharedCount(ZooKeeperClient zk, string path, int seed, RecipeOptions options) => _value = new(zk, path, CounterFormat.Int32.Write(seed), options);

    /// <summary>The znode.</summary>
    public string Path => _value.Path;

    /// <inheritdoc cref="SharedValue.GetAsync"/>
    /// <exception cref="InvalidDataException">The znode does not hold 4 bytes.</exception>
    public async Task<VersionedValue<int>> GetAsync(CancellationToken cancellationToken = default) => ToCount(await _value.GetAsync(cancellationToken).ConfigureAwait(false));

    /// <inheritdoc cref="SharedValue.SetAsync"/>
    public async Task<VersionedValue<int>> SetAsync(int value, CancellationToken cancellationToken = default) =>
        ToCount(await _value.SetAsync(CounterFormat.Int32.Write(value), cancellationToken).ConfigureAwait(false));

    /// <inheritdoc cref="SharedValue.TrySetAsync"/>
    public async Task<VersionedValue<int>?> TrySetAsync(VersionedValue<int> expected, int value, CancellationToken cancellationToken = default) =>
        await _value.TrySetAsync(new(CounterFormat.Int32.Write(expected.Value), expected.Version, expected.Zxid), CounterFormat.Int32.Write(value), cancellationToken).ConfigureAwait(false) is { } written ? ToCount(written) : null;

    /// <inheritdoc cref="SharedValue.ChangesAsync"/>
    /// <exception cref="InvalidDataException">Somebody wrote what is not 4 bytes.</exception>
    public async IAsyncEnumerable<VersionedValue<int>> ChangesAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (VersionedValue<byte[]> value in _value.ChangesAsync(cancellationToken).ConfigureAwait(false)) yield return ToCount(value);
    }

    private VersionedValue<int> ToCount(VersionedValue<byte[]> value) => new((int)CounterFormat.Int32.Read(Path, value.Value), value.Version, value.Zxid);
}
