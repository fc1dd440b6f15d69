using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Okapi.Soak.Leaks;

/// <summary>All objects that can be reached from some, by their fields.</summary>
internal static class ObjectGraph
{
    private const BindingFlags Fields = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    /// <summary>Ways that lead from anything to everything: they tell nothing of who holds what.</summary>
    private static readonly HashSet<string> s_crossroads =
    [
        "System.Threading.Thread", "System.Threading.TimerQueue", "System.Threading.ExecutionContext", "System.Net.Sockets.SocketAsyncEngine",
        "System.Threading.ThreadPoolWorkQueue", "System.Globalization.CultureInfo", "System.RuntimeType", "System.String",
    ];

    private static readonly ConcurrentDictionary<Type, FieldInfo[]> s_fields = new();
    private static readonly ConcurrentDictionary<Type, bool> s_free = new();
    private static readonly MethodInfo s_hasReferences = typeof(RuntimeHelpers).GetMethod(nameof(RuntimeHelpers.IsReferenceOrContainsReferences))!;

    /// <param name="roots">Where to begin.</param>
    /// <param name="passes">Which objects to go through; the others are not among the result.</param>
    public static HashSet<object> From(IEnumerable<object> roots, Func<object, bool>? passes = null)
    {
        var found = new HashSet<object>(ReferenceEqualityComparer.Instance);
        var open = new Stack<object>();
        foreach (object root in roots) Meet(root);
        while (open.TryPop(out object? each))
        {
            if (each is Array array) MeetElements(array);
            else MeetFields(each, each.GetType());
        }

        return found;

        void Meet(object? value)
        {
            if (value is null) return;
            Type type = value.GetType();
            if (type.IsPrimitive || type.IsEnum || value is MemberInfo or Assembly or Module || s_crossroads.Contains(type.FullName ?? string.Empty)) return;
            if (type.IsValueType)
            {
                MeetFields(value, type);
                return;
            }

            if (passes?.Invoke(value) != false && found.Add(value)) open.Push(value);
        }

        void MeetElements(Array array)
        {
            if (!MayRefer(array.GetType().GetElementType()!)) return;
            foreach (object? element in array) Meet(element);
        }

        void MeetFields(object value, Type type)
        {
            foreach (FieldInfo field in FieldsOf(type)) Meet(field.GetValue(value));
        }
    }

    /// <summary>What the static fields of an assembly's types hold.</summary>
    public static IEnumerable<object> StaticsOf(Assembly assembly) =>
        from type in assembly.GetTypes()
        where !type.ContainsGenericParameters
        from field in type.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
        where !field.IsLiteral && MayRefer(field.FieldType)
        let value = field.GetValue(null)
        where value is not null
        select value;

    /// <summary>Whether objects of a type hold anything, a value or a reference.</summary>
    public static bool HasFields(Type type)
    {
        for (Type? at = type; at is not null; at = at.BaseType)
        {
            if (at.GetFields(Fields).Length > 0) return true;
        }

        return false;
    }

    private static FieldInfo[] FieldsOf(Type type) => s_fields.GetOrAdd(type, static wanted =>
    {
        var fields = new List<FieldInfo>();
        for (Type? at = wanted; at is not null && at != typeof(object); at = at.BaseType) fields.AddRange(at.GetFields(Fields).Where(field => MayRefer(field.FieldType)));
        return [.. fields];
    });

    private static bool MayRefer(Type type) =>
        !type.IsPointer && !type.IsByRefLike && !type.IsFunctionPointer && !type.IsPrimitive && !type.IsEnum
        && (!type.IsValueType || (!IsReferenceFree(type)));

    private static bool IsReferenceFree(Type type) => s_free.GetOrAdd(type, static wanted => !(bool)s_hasReferences.MakeGenericMethod(wanted).Invoke(null, null)!);
}
