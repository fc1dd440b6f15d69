using System.Globalization;

namespace Okapi.Fuzz.Tests;

/// <summary>What a run is to do; eng/fuzz sets it by the environment.</summary>
internal static class FuzzSettings
{
    /// <summary>OKAPI_FUZZ_INPUTS: how many inputs each kind of fuzzing runs, however long it takes. Null: what ./test has time for.</summary>
    public static long? Inputs { get; } = Number("OKAPI_FUZZ_INPUTS");

    /// <summary>OKAPI_FUZZ_SEED: the seed of the first input; input n has the seed n later.</summary>
    public static ulong? Seed { get; } = (ulong?)Number("OKAPI_FUZZ_SEED");

    /// <summary>The first seed where none is given.</summary>
    public static ulong Chance { get; } = (ulong)Random.Shared.NextInt64(1L << 48);

    /// <summary>OKAPI_FUZZ_REPLAY: a file with an input that failed.</summary>
    public static string? Replay { get; } = Environment.GetEnvironmentVariable("OKAPI_FUZZ_REPLAY");

    private static long? Number(string name) =>
        long.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : null;
}
