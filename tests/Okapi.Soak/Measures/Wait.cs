using System.Diagnostics;

namespace Okapi.Soak.Measures;

/// <summary>Waits that have a bound, for what can only be looked at.</summary>
internal static class Wait
{
    public static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);

    /// <summary>Looks until it is so, or the bound is reached.</summary>
    /// <returns>Whether it came to be so.</returns>
    public static async Task<bool> UntilAsync(Func<Task<bool>> isSo, TimeSpan? bound = null)
    {
        var watch = Stopwatch.StartNew();
        while (!await isSo())
        {
            if (watch.Elapsed > (bound ?? Bound)) return false;
            await Task.Delay(100);
        }

        return true;
    }
}
