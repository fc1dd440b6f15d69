using Okapi.Recipes.Nodes;

namespace Okapi.Recipes.Caches;

/// <summary>What leads from one state of a tree to another.</summary>
internal static class Difference
{
    /// <summary>The changes, such that at each step every znode has its parent. What both states share is not looked at.</summary>
    public static IEnumerable<CacheChange> Between(Branch? old, Branch? now)
    {
        // Not by recursion: a tree can be deeper than a stack.
        var rest = new Stack<Step>();
        rest.Push(new(old, now));
        while (rest.TryPop(out Step step))
        {
            switch (step)
            {
                case { Deleted: { } deleted }:
                    yield return CacheChange.Deleted(deleted);
                    break;
                case { Old: null, New: { } created }:
                    yield return CacheChange.Created(created.Node);
                    foreach (Branch child in created.Children.Values.Reverse()) rest.Push(new(null, child));
                    break;
                case { Old: { } gone, New: null }:
                    rest.Push(new(gone.Node));
                    foreach (Branch child in gone.Children.Values.Reverse()) rest.Push(new(child, null));
                    break;
                case { Old: { } was, New: { } stays } when was != stays:
                    if (!was.Node.Stat.IsSameZnodeAs(stays.Node.Stat))
                    {
                        rest.Push(new(null, stays));
                        rest.Push(new(was, null));
                        break;
                    }

                    if (!was.Node.IsSameAs(stays.Node)) yield return CacheChange.Changed(was.Node, stays.Node);
                    PushChildren(rest, was, stays);
                    break;
            }
        }
    }

    private static void PushChildren(Stack<Step> rest, Branch old, Branch now)
    {
        if (old.Children == now.Children) return;
        foreach ((string name, Branch child) in now.Children.Reverse())
        {
            Branch? was = old.Children.GetValueOrDefault(name);
            if (was != child) rest.Push(new(was, child));
        }

        foreach ((string name, Branch child) in old.Children.Reverse())
            if (!now.Children.ContainsKey(name)) rest.Push(new(child, null));
    }

    /// <summary>Two branches to compare, or a znode whose children have been told as deleted.</summary>
    private readonly record struct Step(Branch? Old, Branch? New, CachedNode? Deleted = null)
    {
        public Step(CachedNode deleted)
            : this(null, null, deleted)
        {
        }
    }
}
