using System.Globalization;
using System.Text;
using Okapi.Server.Watches;

namespace Okapi.Server.Words;

/// <summary>Words that tell of watches: wchs, wchp, wchc. As on Apache's servers they tell of watches of data alone, among which persistent ones are.</summary>
internal static class WatchWords
{
    public static void Wchs(WatchTable watches, StringBuilder answer) => answer.Append(
        CultureInfo.InvariantCulture,
        $"{watches.ByWatcher.Count} connections watching {watches.ByPath.Count} paths\nTotal watches:{CountOf(watches)}\n");

    public static void Wchp(WatchTable watches, StringBuilder answer)
    {
        foreach ((string path, Dictionary<IWatcher, WatchModes> watchers) in watches.ByPath)
        {
            answer.Append(path).Append('\n');
            foreach (IWatcher watcher in watchers.Keys) answer.Append(CultureInfo.InvariantCulture, $"\t0x{watcher.SessionId:x}\n");
        }

        answer.Append('\n');
    }

    public static void Wchc(WatchTable watches, StringBuilder answer)
    {
        foreach ((IWatcher watcher, HashSet<string> paths) in watches.ByWatcher)
        {
            answer.Append(CultureInfo.InvariantCulture, $"0x{watcher.SessionId:x}\n");
            foreach (string path in paths) answer.Append('\t').Append(path).Append('\n');
        }

        answer.Append('\n');
    }

    public static int CountOf(WatchTable watches) => watches.ByWatcher.Values.Sum(paths => paths.Count);
}
