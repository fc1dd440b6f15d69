using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace Okapi.Repo.Tests;

/// <summary>An assembly's public API as sorted text, one line for each thing a caller can break on.</summary>
internal static class PublicApi
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    // What the compiler adds to every record says nothing.
    private static readonly HashSet<string> RecordMembers = ["Equals", "GetHashCode", "ToString", "PrintMembers", "<Clone>$", "op_Equality", "op_Inequality", "get_EqualityContract", "EqualityContract"];

    private static readonly NullabilityInfoContext Nullability = new();

    public static string Describe(Assembly assembly, Func<Type, bool>? where = null)
    {
        var text = new StringBuilder();
        IEnumerable<Type> types = assembly.GetTypes().Where(IsVisible).Where(where ?? (_ => true));
        foreach (IGrouping<string, Type> space in types.GroupBy(type => type.Namespace ?? string.Empty).OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $"namespace {space.Key}\n\n");
            foreach (Type type in space.OrderBy(type => Name(type), StringComparer.Ordinal))
            {
                text.Append(Header(type)).Append('\n');
                foreach (string member in Members(type)) text.Append("    ").Append(member).Append('\n');
                text.Append('\n');
            }
        }

        return text.Replace("\n\n", "\n", Math.Max(0, text.Length - 2), Math.Min(2, text.Length)).ToString();
    }

    private static bool IsVisible(Type type) => type.IsNested
        ? (type.IsNestedPublic || type.IsNestedFamily || type.IsNestedFamORAssem) && IsVisible(type.DeclaringType!)
        : type.IsPublic;

    private static string Header(Type type)
    {
        if (IsDelegate(type)) return $"public delegate {Signature(type.GetMethod("Invoke")!, Name(type), string.Empty)}";
        bool isRecord = type.GetMethod("<Clone>$", Declared) is not null || (type.IsValueType && type.GetMethod("PrintMembers", Declared) is not null);
        var words = new List<string>();
        if (type.IsDefined(typeof(FlagsAttribute))) words.Add("[Flags]");
        words.Add("public");
        if (type.IsEnum)
        {
            words.Add($"enum {Name(type)} : {Name(Enum.GetUnderlyingType(type))}");
            return string.Join(' ', words);
        }

        if (type is { IsAbstract: true, IsSealed: true }) words.Add("static");
        else if (type is { IsAbstract: true, IsInterface: false }) words.Add("abstract");
        else if (type is { IsSealed: true, IsValueType: false }) words.Add("sealed");
        if (type.IsValueType && type.IsDefined(typeof(IsReadOnlyAttribute))) words.Add("readonly");
        if (type.IsByRefLike) words.Add("ref");
        if (isRecord) words.Add("record");
        if (type.IsInterface) words.Add("interface");
        else if (type.IsValueType) words.Add("struct");
        else if (!isRecord) words.Add("class");
        words.Add(Name(type));
        IEnumerable<Type> inherited = type.BaseType is { } parent && parent != typeof(object) && parent != typeof(ValueType) ? parent.GetInterfaces() : [];
        IEnumerable<string> bases = type.GetInterfaces().Except(inherited).Where(IsVisible).Select(each => Name(each)).Order(StringComparer.Ordinal);
        if (type.BaseType is { } super && super != typeof(object) && super != typeof(ValueType)) bases = bases.Prepend(Name(super));
        string list = string.Join(", ", bases);
        return string.Join(' ', words) + (list.Length > 0 ? " : " + list : string.Empty) + Constraints(type.GetGenericArguments());
    }

    private static IEnumerable<string> Members(Type type)
    {
        if (IsDelegate(type)) return [];
        if (type.IsEnum)
        {
            return type.GetFields(BindingFlags.Public | BindingFlags.Static)
                .OrderBy(field => Convert.ToInt64(field.GetRawConstantValue(), CultureInfo.InvariantCulture))
                .Select(field => $"{field.Name} = {Convert.ToString(field.GetRawConstantValue(), CultureInfo.InvariantCulture)}");
        }

        return type.GetMembers(Declared)
            .Where(member => !RecordMembers.Contains(member.Name) || !member.IsDefined(typeof(CompilerGeneratedAttribute)))
            .Select(member => (Rank: Rank(member), member.Name, Line: Line(type, member)))
            .Where(member => member.Line is not null)
            .OrderBy(member => member.Rank).ThenBy(member => member.Name, StringComparer.Ordinal).ThenBy(member => member.Line, StringComparer.Ordinal)
            .Select(member => member.Line!);
    }

    private static int Rank(MemberInfo member) => member switch { ConstructorInfo => 0, FieldInfo => 1, PropertyInfo => 2, EventInfo => 3, _ => 4 };

    private static string? Line(Type type, MemberInfo member)
    {
        switch (member)
        {
            case ConstructorInfo constructor when Access(constructor) is { } access && !constructor.IsStatic:
                return $"{access} {Unqualified(type)}({Parameters(constructor)})";
            case FieldInfo { IsLiteral: true } constant when constant.IsPublic:
                return $"public const {Name(constant.FieldType)} {constant.Name} = {Literal(constant.GetRawConstantValue(), constant.FieldType)}";
            case FieldInfo field when field.IsPublic:
                return $"public {(field.IsStatic ? "static " : string.Empty)}{(field.IsInitOnly ? "readonly " : string.Empty)}{Name(field.FieldType, Nullability.Create(field))} {field.Name}";
            case PropertyInfo property when Accessors(property) is { Length: > 0 } accessors:
                MethodInfo first = property.GetMethod is { } getter && Access(getter) is not null ? getter : property.SetMethod!;
                string index = property.GetIndexParameters().Length > 0 ? $"[{string.Join(", ", property.GetIndexParameters().Select(Parameter))}]" : string.Empty;
                return $"{Access(first)} {Modifiers(first)}{Name(property.PropertyType, Nullability.Create(property))} {(index.Length > 0 ? "this" : property.Name)}{index} {{ {accessors} }}";
            case EventInfo happening when happening.AddMethod is { IsPublic: true } add:
                return $"public {Modifiers(add)}event {Name(happening.EventHandlerType!, Nullability.Create(happening))} {happening.Name}";
            case MethodInfo method when Access(method) is { } access && (!method.IsSpecialName || method.Name.StartsWith("op_", StringComparison.Ordinal)):
                return $"{access} {Modifiers(method)}{Signature(method, method.Name, method.IsDefined(typeof(ExtensionAttribute)) ? "this " : string.Empty)}";
            default:
                return null;
        }
    }

    private static string Signature(MethodInfo method, string name, string firstPrefix) =>
        $"{Name(method.ReturnType, Nullability.Create(method.ReturnParameter))} {name}{Generics(method.GetGenericArguments())}({firstPrefix}{Parameters(method)}){Constraints(method.GetGenericArguments())}";

    private static string? Access(MethodBase method) =>
        method.IsPublic ? "public" : (method.IsFamily || method.IsFamilyOrAssembly) && !method.DeclaringType!.IsSealed ? "protected" : null;

    private static string Accessors(PropertyInfo property)
    {
        var words = new List<string>();
        if (property.GetMethod is { } getter && Access(getter) is not null) words.Add("get;");
        if (property.SetMethod is { } setter && Access(setter) is not null)
            words.Add(setter.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) ? "init;" : "set;");
        return string.Join(' ', words);
    }

    private static string Modifiers(MethodInfo method)
    {
        if (method.DeclaringType!.IsInterface) return method.IsStatic ? (method.IsAbstract ? "static abstract " : "static ") : string.Empty;
        if (method.IsStatic) return "static ";
        if (method.IsAbstract) return "abstract ";
        if (!method.IsVirtual || method.IsFinal) return string.Empty;
        return method.GetBaseDefinition() != method ? "override " : "virtual ";
    }

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(Parameter));

    private static string Parameter(ParameterInfo parameter)
    {
        string prefix = parameter switch
        {
            { IsOut: true } => "out ",
            { ParameterType.IsByRef: true } => parameter.IsIn ? "in " : "ref ",
            _ when parameter.IsDefined(typeof(ParamArrayAttribute)) || parameter.IsDefined(typeof(ParamCollectionAttribute)) => "params ",
            _ => string.Empty,
        };
        string value = parameter.HasDefaultValue ? " = " + Literal(parameter.RawDefaultValue, parameter.ParameterType) : string.Empty;
        return $"{prefix}{Name(parameter.ParameterType, Nullability.Create(parameter))} {parameter.Name}{value}";
    }

    private static string Literal(object? value, Type type) => value switch
    {
        null => type.IsValueType && Nullable.GetUnderlyingType(type) is null ? "default" : "null",
        string text => $"\"{text}\"",
        bool flag => flag ? "true" : "false",
        _ when type.IsEnum => $"{Name(type)}.{Enum.ToObject(type, value)}",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    private static string Constraints(Type[] parameters)
    {
        var text = new StringBuilder();
        foreach (Type parameter in parameters.Where(each => each.IsGenericParameter))
        {
            GenericParameterAttributes special = parameter.GenericParameterAttributes;
            bool isStruct = (special & GenericParameterAttributes.NotNullableValueTypeConstraint) != 0;
            var rules = new List<string>();
            if (isStruct) rules.Add("struct");
            if ((special & GenericParameterAttributes.ReferenceTypeConstraint) != 0) rules.Add("class");
            rules.AddRange(parameter.GetGenericParameterConstraints().Where(each => each != typeof(ValueType)).Select(each => Name(each)));
            if (!isStruct && (special & GenericParameterAttributes.DefaultConstructorConstraint) != 0) rules.Add("new()");
            if (rules.Count > 0) text.Append(CultureInfo.InvariantCulture, $" where {parameter.Name} : {string.Join(", ", rules)}");
        }

        return text.ToString();
    }

    private static bool IsDelegate(Type type) => type.BaseType == typeof(MulticastDelegate);

    private static string Name(Type type, NullabilityInfo? nullability = null)
    {
        if (type.IsByRef) return Name(type.GetElementType()!, nullability);
        if (Nullable.GetUnderlyingType(type) is { } inner) return Name(inner) + "?";
        string mark = nullability is not null && !type.IsValueType && nullability is { ReadState: NullabilityState.Nullable } or { ReadState: NullabilityState.Unknown, WriteState: NullabilityState.Nullable } ? "?" : string.Empty;
        if (type.IsArray) return $"{Name(type.GetElementType()!, nullability?.ElementType)}[]{mark}";
        if (type.IsGenericParameter) return type.Name; // reflection calls every unconstrained one nullable
        if (Keyword(type) is { } keyword) return keyword + mark;
        string outer = type.IsNested && !type.IsGenericParameter ? Name(type.DeclaringType!) + "." : string.Empty;
        return outer + Unqualified(type) + Generics(type.GetGenericArguments(), nullability?.GenericTypeArguments) + mark;
    }

    private static string Generics(Type[] arguments, NullabilityInfo[]? nullability = null) =>
        arguments.Length == 0 ? string.Empty : $"<{string.Join(", ", arguments.Select((each, i) => Name(each, nullability?.ElementAtOrDefault(i))))}>";

    private static string Unqualified(Type type) => type.Name.Split('`')[0];

    private static string? Keyword(Type type) => type.IsEnum || type.IsArray ? null : type == typeof(void) ? "void" : type == typeof(object) ? "object" : Type.GetTypeCode(type) switch
    {
        TypeCode.Boolean => "bool",
        TypeCode.Byte => "byte",
        TypeCode.SByte => "sbyte",
        TypeCode.Char => "char",
        TypeCode.Int16 => "short",
        TypeCode.UInt16 => "ushort",
        TypeCode.Int32 => "int",
        TypeCode.UInt32 => "uint",
        TypeCode.Int64 => "long",
        TypeCode.UInt64 => "ulong",
        TypeCode.Double => "double",
        TypeCode.String => "string",
        _ => null,
    };
}
