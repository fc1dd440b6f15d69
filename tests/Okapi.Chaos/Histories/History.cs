using System.Text.Json;

namespace Okapi.Chaos.Histories;

/// <summary>All that happened in a run, from the files its processes wrote.</summary>
public sealed class History
{
    /// <summary>All entries: those of one process, and so of one client, in the order in which it wrote them.</summary>
    public required IReadOnlyList<HistoryEntry> Entries { get; init; }

    /// <summary>Lines that could not be read, such as the last of a process that was killed.</summary>
    public int BrokenLines { get; init; }

    public RunEntry Run => Entries.OfType<RunEntry>().FirstOrDefault() ?? new RunEntry();

    /// <summary>A history that was made by hand, for tests.</summary>
    public static History Of(params IEnumerable<HistoryEntry> entries) => new() { Entries = [.. entries] };

    public static History Load(string folder)
    {
        var entries = new List<HistoryEntry>();
        int broken = 0;
        foreach (string file in Directory.GetFiles(folder, "*.history").Order(StringComparer.Ordinal))
        {
            foreach (string line in File.ReadLines(file))
            {
                try
                {
                    if (JsonSerializer.Deserialize(line, HistoryJson.Default.HistoryEntry) is { } entry) entries.Add(entry);
                }
                catch (JsonException)
                {
                    broken++;
                }
            }
        }

        PooledTextConverter.Clear();
        return new History { Entries = entries, BrokenLines = broken };
    }
}
