using System.Collections.Immutable;

namespace Okapi.Recipes.Caches;

/// <summary>A znode and what is below it. It never changes; what is changed shares everything else with what it was.</summary>
internal sealed class Branch
{
    private static readonly ImmutableSortedDictionary<string, Branch> s_none = ImmutableSortedDictionary.Create<string, Branch>(StringComparer.Ordinal);

    private Branch(CachedNode node, ImmutableSortedDictionary<string, Branch> children, int count, long bytes)
    {
        Node = node;
        Children = children;
        Count = count;
        Bytes = bytes;
    }

    public CachedNode Node { get; }

    /// <summary>By name.</summary>
    public ImmutableSortedDictionary<string, Branch> Children { get; }

    /// <summary>How many znodes it has, this one included.</summary>
    public int Count { get; }

    /// <summary>What they are reckoned at.</summary>
    public long Bytes { get; }

    public static Branch Leaf(CachedNode node) => new(node, s_none, 1, node.Bytes);

    public Branch With(CachedNode node) => new(node, Children, Count, Bytes - Node.Bytes + node.Bytes);

    public Branch WithChild(string name, Branch child)
    {
        Branch? old = Children.GetValueOrDefault(name);
        return new(Node, Children.SetItem(name, child), Count + child.Count - (old?.Count ?? 0), Bytes + child.Bytes - (old?.Bytes ?? 0));
    }

    public Branch WithoutChild(string name) =>
        Children.TryGetValue(name, out Branch? old) ? new(Node, Children.Remove(name), Count - old.Count, Bytes - old.Bytes) : this;

    /// <summary>All znodes, parents before children.</summary>
    public IEnumerable<CachedNode> Nodes()
    {
        var rest = new Stack<Branch>();
        rest.Push(this);
        while (rest.TryPop(out Branch? next))
        {
            yield return next.Node;
            foreach ((string _, Branch child) in next.Children.Reverse()) rest.Push(child);
        }
    }
}
