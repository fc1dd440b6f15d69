using System.Globalization;

namespace Okapi.Conformance.Tests.Scripts;

/// <summary>Which scripts are run: OKAPI_SCRIPT_SEED is the first one's seed, OKAPI_SCRIPT_COUNT how many there are, OKAPI_SCRIPT_FILE a script to run in their stead.</summary>
public static class ScriptSettings
{
    public static IReadOnlyList<(string Name, Script Script)> Choose(int count)
    {
        if (Environment.GetEnvironmentVariable("OKAPI_SCRIPT_FILE") is { Length: > 0 } file) return [(file, ScriptText.Read(File.ReadAllText(file)))];
        int seed = Number("OKAPI_SCRIPT_SEED") ?? new Random().Next(1_000_000_000);
        count = Number("OKAPI_SCRIPT_COUNT") ?? count;
        TestContext.Current.TestOutputHelper?.WriteLine($"Scripts {seed} to {seed + count - 1}. OKAPI_SCRIPT_SEED and OKAPI_SCRIPT_COUNT choose others.");
        return [
            .. Corpus.All.Select(each => ($"\"{each.Name}\"", ScriptText.Read(each.Text))),
            .. Enumerable.Range(seed, count).Select(each => ($"OKAPI_SCRIPT_SEED={each} OKAPI_SCRIPT_COUNT=1", ScriptGenerator.Make(each))),
        ];
    }

    /// <summary>OKAPI_SCRIPT_FAILURES: how many differing scripts are shrunk and told of before the rest is left out.</summary>
    public static int Failures => Number("OKAPI_SCRIPT_FAILURES") ?? 3;

    private static int? Number(string variable) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out int value) ? value : null;
}
