using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.CompilerServices;
using Okapi.Soak.Measures;

namespace Okapi.Soak.Leaks;

/// <summary>
/// Counts Okapi's own objects. Samples are taken while there is work: of each, all of Okapi's objects that it leads to are remembered, weakly. Afterwards those that are still alive have to be such as
/// can be reached from what is held.
/// </summary>
internal sealed class Census
{
    /// <summary>How many objects of a type static fields may keep: pools have bounds, and a list that only grows is a leak.</summary>
    private const int MaxPooled = 16;

    private static readonly HashSet<Assembly> s_own =
    [
        typeof(ZooKeeperClient).Assembly, typeof(Stat).Assembly, typeof(Recipes.DistributedLock).Assembly, typeof(Server.EmbeddedServer).Assembly,
    ];

    private static readonly ConcurrentDictionary<Type, bool> s_kinds = new();

    private readonly ConditionalWeakTable<object, object> _known = [];
    private readonly List<WeakReference> _seen = [];

    public int Seen
    {
        get
        {
            lock (_seen) return _seen.Count;
        }
    }

    /// <summary>Remembers Okapi's objects that one leads to, on its own side of the wire.</summary>
    public void Take(object sample)
    {
        bool isServer = IsServer(sample);
        foreach (object each in ObjectGraph.From([sample], met => !IsOwn(met) || IsShared(met) || IsServer(met) == isServer))
        {
            if (!IsOwn(each) || !_known.TryAdd(each, each)) continue;
            lock (_seen) _seen.Add(new WeakReference(each));
        }
    }

    /// <summary>Objects that are alive and that nobody who may holds, by type. What threads that are about to rest still hold is given a while.</summary>
    /// <param name="held">What is held.</param>
    public async Task<IReadOnlyList<(string Type, int Count)>> FindLeaksAsync(params object[] held)
    {
        IReadOnlyList<(string Type, int Count)> leaks = [];
        await Wait.UntilAsync(() => Task.FromResult((leaks = Look(held)).Count == 0), TimeSpan.FromSeconds(20));
        return leaks;
    }

    /// <summary>As <see cref="FindLeaksAsync"/>, at once.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public IReadOnlyList<(string Type, int Count)> Look(object[] held)
    {
        Gauges.Collect();
        HashSet<object> reachable = ObjectGraph.From(held), pooled = ObjectGraph.From(s_own.SelectMany(ObjectGraph.StaticsOf));
        lock (_seen)
        {
            _seen.RemoveAll(static each => !each.IsAlive);
            return
            [
                .. _seen.Select(each => each.Target).OfType<object>().Where(each => !reachable.Contains(each)).GroupBy(each => each.GetType().ToString())
                    .Where(group => group.Count() > MaxPooled || group.Any(each => !pooled.Contains(each)))
                    .Select(group => (group.Key, group.Count())).OrderByDescending(each => each.Item2),
            ];
        }
    }

    private static bool IsOwn(object each) => s_kinds.GetOrAdd(each.GetType(), static type => IsOwn(type));

    /// <summary>What has no fields is there once for all, as lambdas that capture nothing; arrays are pooled, or belong to something that counts.</summary>
    private static bool IsOwn(Type type) => !type.IsArray && ObjectGraph.HasFields(type) && (s_own.Contains(type.Assembly) || (type.Name.StartsWith("AsyncStateMachineBox", StringComparison.Ordinal) && type.GetGenericArguments().Any(part => s_own.Contains(part.Assembly))));

    private static bool IsServer(object each) => each.GetType().Assembly == typeof(Server.EmbeddedServer).Assembly;

    private static bool IsShared(object each) => each.GetType().Assembly == typeof(Stat).Assembly;
}
