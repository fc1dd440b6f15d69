using System.Reflection;

namespace Okapi.Fuzz.Tests.Records;

/// <summary>Makes values of records from the parameters that their types are made with, and compares them field by field.</summary>
internal static class Values
{
    private static readonly Dictionary<Type, Func<Luck, object?>> Makers = new()
    {
        [typeof(int)] = luck => luck.Int(),
        [typeof(long)] = luck => luck.Long(),
        [typeof(bool)] = luck => luck.Chance(2),
        [typeof(string)] = Strings.Any,
        [typeof(byte[])] = luck => luck.Bytes(12),
        [typeof(ReadOnlyMemory<byte>)] = luck => (ReadOnlyMemory<byte>)luck.Bytes(12),
        [typeof(ReadOnlyMemory<byte>?)] = luck => luck.Chance(4) ? null : (ReadOnlyMemory<byte>?)luck.Bytes(12),
        [typeof(WirePath)] = luck => new WirePath(luck.Chance(2) ? "" : "/app", Strings.Any(luck)),
        [typeof(string[])] = luck => Array(luck, Strings.Any),
        [typeof(IReadOnlyList<string>)] = luck => Array(luck, Strings.Any),
        [typeof(Acl[])] = Acls,
        [typeof(IReadOnlyList<Acl>)] = Acls,
        [typeof(ClientInfo[])] = luck => Array(luck, each => new ClientInfo(Strings.Any(each), Strings.Any(each))),
    };

    private static readonly System.Collections.Concurrent.ConcurrentDictionary<Type, (ConstructorInfo Constructor, Func<Luck, object?>[] Parameters)> Constructors = new();
    private static readonly System.Collections.Concurrent.ConcurrentDictionary<Type, PropertyInfo[]> Properties = new();

    /// <summary>A value of a record whose parameters are free.</summary>
    public static object Any(Type type, Luck luck)
    {
        (ConstructorInfo constructor, Func<Luck, object?>[] parameters) = Constructors.GetOrAdd(type, Find);
        object?[] arguments = new object?[parameters.Length];
        for (int i = 0; i < arguments.Length; i++) arguments[i] = parameters[i](luck);
        return constructor.Invoke(arguments);
    }

    public static object Create(Luck luck, bool hasTtl) => new CreateRequest(
        Path(luck), Data(luck), Acls(luck), hasTtl ? (CreateMode)luck.Pick([5, 6]) : (CreateMode)luck.Pick([0, 1, 2, 3, 4, 99, -1]), hasTtl ? luck.Long() : 0);

    public static object Watches(Luck luck, bool persistent) => new SetWatchesRequest(
        luck.Long(), Texts(luck), Texts(luck), Texts(luck), persistent ? Texts(luck) : [], persistent ? [.. Texts(luck), "/one"] : []);

    public static object Operation(Luck luck)
    {
        var type = (OpCode)luck.Pick([1, 15, 2, 13, 5, 4, 8, 19, 21]);
        return type switch
        {
            OpCode.Delete or OpCode.Check => new MultiOperation(type, Path(luck), Version: luck.Int()),
            OpCode.SetData => new MultiOperation(type, Path(luck), Data(luck), Version: luck.Int()),
            OpCode.GetData or OpCode.GetChildren => new MultiOperation(type, Path(luck)),
            OpCode.CreateContainer => new MultiOperation(type, Path(luck), Data(luck), Acls(luck), CreateMode.Container),
            OpCode.CreateTtl => new MultiOperation(type, Path(luck), Data(luck), Acls(luck), (CreateMode)luck.Pick([5, 6]), TtlMs: luck.Long()),
            _ => new MultiOperation(type, Path(luck), Data(luck), Acls(luck), (CreateMode)luck.Below(4)),
        };
    }

    public static object Result(Luck luck)
    {
        var type = (OpCode)luck.Pick([-1, 1, 2, 4, 5, 8, 13, 15, 19, 21]);
        return type switch
        {
            OpCode.Error => new MultiResult(type, (ErrorCode)luck.Int()),
            OpCode.SetData => new MultiResult(type, Stat: (Stat)Any(typeof(Stat), luck)),
            OpCode.Create => new MultiResult(type, Path: Strings.Any(luck)),
            OpCode.Create2 or OpCode.CreateContainer or OpCode.CreateTtl => new MultiResult(type, Path: Strings.Any(luck), Stat: (Stat)Any(typeof(Stat), luck)),
            OpCode.GetData => new MultiResult(type, Stat: (Stat)Any(typeof(Stat), luck), Data: luck.Chance(4) ? null : luck.Bytes(12)),
            OpCode.GetChildren => new MultiResult(type, Children: Texts(luck)),
            _ => new MultiResult(type),
        };
    }

    public static object List(Luck luck, Func<Luck, object> make)
    {
        object first = make(luck);
        System.Collections.IList list = (System.Collections.IList)Activator.CreateInstance(typeof(List<>).MakeGenericType(first.GetType()))!;
        for (int i = luck.Below(4); i > 0; i--) list.Add(make(luck));
        return list;
    }

    /// <summary>Whether two values are the same in every field; lists by content, which records do not compare by.</summary>
    public static bool Same(object? one, object? other)
    {
        if (one is WirePath path) return other is WirePath same && path.ToString() == same.ToString(); // a chroot is joined on the wire
        if (one is null || other is null) return one is null && other is null;
        if (one is ReadOnlyMemory<byte> memory) return memory.Span.SequenceEqual(((ReadOnlyMemory<byte>)other).Span);
        if (one is byte[] bytes) return bytes.AsSpan().SequenceEqual((byte[])other);
        if (one is string or int or long or bool or Enum) return one.Equals(other);
        if (one is System.Collections.IList list) return Same(list, (System.Collections.IList)other);
        Type type = one.GetType();
        if (type != other.GetType()) return false;
        if (type == typeof(Stat)) return one.Equals(other); // numbers alone
        foreach (PropertyInfo property in Properties.GetOrAdd(type, Fields))
            if (!Same(property.GetValue(one), property.GetValue(other))) return false;
        return true;
    }

    private static bool Same(System.Collections.IList one, System.Collections.IList other)
    {
        if (one.Count != other.Count) return false;
        for (int i = 0; i < one.Count; i++)
            if (!Same(one[i], other[i])) return false;
        return true;
    }

    /// <summary>What the record is made of; not what is worked out from it.</summary>
    private static PropertyInfo[] Fields(Type type) => [.. type.GetConstructors().OrderByDescending(each => each.GetParameters().Length).First().GetParameters().Select(each => type.GetProperty(each.Name!)!)];

    private static (ConstructorInfo, Func<Luck, object?>[]) Find(Type type)
    {
        ConstructorInfo constructor = type.GetConstructors().OrderByDescending(each => each.GetParameters().Length).First();
        return (constructor, [.. constructor.GetParameters().Select(Maker)]);
    }

    private static Func<Luck, object?> Maker(ParameterInfo parameter)
    {
        Type type = parameter.ParameterType;
        bool mayBeNull = new NullabilityInfoContext().Create(parameter).ReadState == NullabilityState.Nullable;
        Func<Luck, object?> make = Makers.TryGetValue(type, out Func<Luck, object?>? known) ? known
            : type.IsEnum ? luck => Enum.ToObject(type, luck.Int())
            : luck => Any(type, luck);
        return mayBeNull && !type.IsValueType ? luck => luck.Chance(4) ? null : make(luck) : make;
    }

    private static WirePath Path(Luck luck) => (WirePath)Makers[typeof(WirePath)](luck)!;

    private static ReadOnlyMemory<byte>? Data(Luck luck) => (ReadOnlyMemory<byte>?)Makers[typeof(ReadOnlyMemory<byte>?)](luck);

    private static Acl[] Acls(Luck luck) => Array(luck, each => new Acl((Permissions)each.Int(), Strings.Any(each), Strings.Any(each)));

    private static string[] Texts(Luck luck) => Array(luck, Strings.Any);

    private static T[] Array<T>(Luck luck, Func<Luck, T> make)
    {
        var array = new T[luck.Below(4)];
        for (int i = 0; i < array.Length; i++) array[i] = make(luck);
        return array;
    }
}
