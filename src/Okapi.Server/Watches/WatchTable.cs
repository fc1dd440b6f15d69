using System.Runtime.InteropServices;

namespace Okapi.Server.Watches;

/// <summary>
/// Watches of one kind (of data, or of children): who watches which path, and how. Since 3.9 the modes of one connection on one path live side by side; before, the last one asked
/// for replaces the others (ZOOKEEPER-4466).
/// </summary>
internal sealed class WatchTable(bool modesCoexist)
{
    private readonly Dictionary<string, Dictionary<IWatcher, WatchModes>> _byPath = new(StringComparer.Ordinal);
    private readonly Dictionary<IWatcher, HashSet<string>> _byWatcher = [];
    private int _recursive;

    public IReadOnlyDictionary<string, Dictionary<IWatcher, WatchModes>> ByPath => _byPath;

    public IReadOnlyDictionary<IWatcher, HashSet<string>> ByWatcher => _byWatcher;

    public void Add(string path, IWatcher watcher, WatchModes mode)
    {
        if (!_byPath.TryGetValue(path, out Dictionary<IWatcher, WatchModes>? watchers)) _byPath.Add(path, watchers = new(capacity: 1));
        ref WatchModes modes = ref CollectionsMarshal.GetValueRefOrAddDefault(watchers, watcher, out bool exists);
        Set(ref modes, modesCoexist ? modes | mode : mode);
        if (exists) return;
        if (!_byWatcher.TryGetValue(watcher, out HashSet<string>? paths)) _byWatcher.Add(watcher, paths = new(StringComparer.Ordinal));
        paths.Add(path);
    }

    /// <summary>Adds whoever watches a path, or a path above it recursively; one-shot watches of the path are spent with it.</summary>
    public void Take(string path, WatchedEventType type, HashSet<IWatcher> taken)
    {
        if (_byPath.TryGetValue(path, out Dictionary<IWatcher, WatchModes>? here)) TakeHere(path, here, type, taken);
        if (_recursive == 0 || type == WatchedEventType.NodeChildrenChanged) return;
        for (string? above = ZnodePath.GetParent(path); above is not null; above = ZnodePath.GetParent(above))
        {
            if (!_byPath.TryGetValue(above, out Dictionary<IWatcher, WatchModes>? watchers)) continue;
            foreach ((IWatcher watcher, WatchModes modes) in watchers)
            {
                if ((modes & WatchModes.Recursive) != 0) taken.Add(watcher);
            }
        }
    }

    /// <summary>Whether a connection watches a path in one of the modes.</summary>
    public bool Contains(string path, IWatcher watcher, WatchModes modes)
    {
        if (modesCoexist) return _byPath.TryGetValue(path, out Dictionary<IWatcher, WatchModes>? watchers) && (watchers.GetValueOrDefault(watcher) & modes) != 0;

        // 3.8.0 asks only whether the path has any watcher at all, or whether this one's watch of it is recursive.
        return _byPath.TryGetValue(path, out Dictionary<IWatcher, WatchModes>? any) && any.Count > 0;
    }

    /// <summary>Removes a connection's watch of a path in some modes; 3.8.0 removes it whatever its mode.</summary>
    /// <returns>Whether there was one.</returns>
    public bool Remove(string path, IWatcher watcher, WatchModes modes)
    {
        if (!_byPath.TryGetValue(path, out Dictionary<IWatcher, WatchModes>? watchers) || !watchers.TryGetValue(watcher, out WatchModes before)) return false;
        WatchModes left = modesCoexist ? before & ~modes : WatchModes.None;
        if (left == before) return false;
        if (left == WatchModes.None)
        {
            Forget(path, watcher, watchers);
        }
        else
        {
            ref WatchModes kept = ref CollectionsMarshal.GetValueRefOrNullRef(watchers, watcher);
            Set(ref kept, left);
        }

        return true;
    }

    /// <summary>Forgets a connection.</summary>
    public void RemoveAll(IWatcher watcher)
    {
        if (!_byWatcher.TryGetValue(watcher, out HashSet<string>? paths)) return;
        foreach (string path in paths.ToArray()) Forget(path, watcher, _byPath[path]);
    }

    private void TakeHere(string path, Dictionary<IWatcher, WatchModes> watchers, WatchedEventType type, HashSet<IWatcher> taken)
    {
        List<IWatcher>? spent = null;
        foreach ((IWatcher watcher, WatchModes modes) in watchers)
        {
            if (modes == WatchModes.Recursive && type == WatchedEventType.NodeChildrenChanged) continue;
            taken.Add(watcher);
            if ((modes & WatchModes.OneShot) != 0) (spent ??= []).Add(watcher);
        }

        foreach (IWatcher watcher in spent ?? [])
        {
            ref WatchModes modes = ref CollectionsMarshal.GetValueRefOrNullRef(watchers, watcher);
            Set(ref modes, modes & ~WatchModes.OneShot);
            if (modes == WatchModes.None) Forget(path, watcher, watchers);
        }
    }

    private void Forget(string path, IWatcher watcher, Dictionary<IWatcher, WatchModes> watchers)
    {
        watchers.Remove(watcher, out WatchModes modes);
        if ((modes & WatchModes.Recursive) != 0) _recursive--;
        if (watchers.Count == 0) _byPath.Remove(path);
        if (!_byWatcher.TryGetValue(watcher, out HashSet<string>? paths)) return;
        paths.Remove(path);
        if (paths.Count == 0) _byWatcher.Remove(watcher);
    }

    private void Set(ref WatchModes modes, WatchModes to)
    {
        _recursive += (to & WatchModes.Recursive) == (modes & WatchModes.Recursive) ? 0 : (to & WatchModes.Recursive) != 0 ? 1 : -1;
        modes = to;
    }
}
