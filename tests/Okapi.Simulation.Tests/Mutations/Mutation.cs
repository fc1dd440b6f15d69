namespace Okapi.Simulation.Tests.Mutations;

/// <summary>
/// A bug that Okapi does not have, as a change of its sources. The file is named by the bug's number; its first line says what goes wrong, and each part of it begins with
/// <c>@@</c> and a file, followed by the lines to replace (<c>-</c>) and what stands there instead (<c>+</c>). The new lines ask <c>Bug.Is("H54")</c>, so that one build has all of them.
/// </summary>
internal sealed record Mutation(string Id, string Title, IReadOnlyList<Hunk> Hunks)
{
    public static IReadOnlyList<Mutation> ReadAll(string folder) =>
        [.. Directory.EnumerateFiles(folder, "*.txt").Order(StringComparer.Ordinal).Select(file => Parse(Path.GetFileNameWithoutExtension(file), File.ReadAllLines(file)))];

    public static Mutation Parse(string id, IReadOnlyList<string> lines)
    {
        var hunks = new List<Hunk>();
        foreach (string line in lines.Skip(1))
        {
            if (line.StartsWith("@@ ", StringComparison.Ordinal)) hunks.Add(new(line[3..].Trim(), [], []));
            else if (line.StartsWith('-')) Last().Old.Add(line[1..].Trim());
            else if (line.StartsWith('+')) Last().New.Add(line[1..]);
            else if (line.Trim().Length > 0) throw new FormatException($"{id}: \"{line}\" is neither @@ nor - nor +.");
        }

        if (hunks.Count == 0 || hunks.Any(hunk => hunk.Old.Count == 0)) throw new FormatException($"{id} replaces nothing.");
        if (!hunks.Any(hunk => hunk.New.Any(line => line.Contains($"Bug.Is(\"{id}\")", StringComparison.Ordinal)))) throw new FormatException($"{id} does not ask whether it is switched on.");
        return new(id, lines[0].Trim(), hunks);

        Hunk Last() => hunks.Count > 0 ? hunks[^1] : throw new FormatException($"{id} names no file.");
    }

    /// <summary>Changes the sources, which are known by their paths.</summary>
    public void Apply(IDictionary<string, List<string>> sources)
    {
        foreach (Hunk hunk in Hunks)
        {
            if (!sources.TryGetValue(hunk.File, out List<string>? source)) throw new FormatException($"{Id}: there is no {hunk.File}.");
            int[] places = [.. Enumerable.Range(0, source.Count).Where(at => Matches(source, at, hunk.Old))];
            if (places.Length != 1) throw new FormatException($"{Id}: \"{hunk.Old[0]}\" is {places.Length} times in {hunk.File}, not once. What it is about has changed; so must tests/Okapi.Simulation/Mutations/{Id}.txt.");
            source.RemoveRange(places[0], hunk.Old.Count);
            source.InsertRange(places[0], hunk.New);
        }
    }

    private static bool Matches(List<string> source, int at, IReadOnlyList<string> old)
    {
        if (at + old.Count > source.Count) return false;
        for (int i = 0; i < old.Count; i++)
            if (source[at + i].Trim() != old[i]) return false;
        return true;
    }
}

/// <summary>One place that a mutation changes.</summary>
internal sealed record Hunk(string File, List<string> Old, List<string> New);
