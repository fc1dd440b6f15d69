using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Microsoft.FSharp.Core;

namespace Okapi.Protocol.Tests;

/// <summary>Bytes in and out of records, and a text of a record that shows each of its fields.</summary>
internal static class Wire
{
    internal delegate void Writes(object value, ref JuteWriter writer);

    internal delegate object Reads(ref JuteReader reader);

    /// <summary>Hex digits as they are, <c>'text'</c> as ASCII; blanks only for the eye.</summary>
    internal static byte[] Hex(string text)
    {
        var digits = new StringBuilder();
        string[] parts = text.Split('\'');
        for (int i = 0; i < parts.Length; i++)
            digits.Append(i % 2 == 1 ? Convert.ToHexString(Encoding.ASCII.GetBytes(parts[i])) : string.Concat(parts[i].Where(c => !char.IsWhiteSpace(c))));
        return Convert.FromHexString(digits.ToString());
    }

    internal static byte[] Encode(Writes write, object value)
    {
        // The capacity is smaller than most records, so that every test passes through the buffer's growth.
        using var buffer = new JuteBuffer(capacity: 16);
        var writer = new JuteWriter(buffer);
        write(value, ref writer);
        writer.Commit();
        return buffer.WrittenSpan.ToArray();
    }

    internal static object Decode(Reads read, ReadOnlySpan<byte> bytes, out int remaining)
    {
        var reader = new JuteReader(bytes);
        object value = read(ref reader);
        remaining = reader.Remaining;
        return value;
    }

    /// <summary>Every field of a record, arrays by content: records compare arrays by reference, and a field that was forgotten on both sides must show.</summary>
    internal static string Describe(object? value) => value switch
    {
        null => "null",
        string text => $"\"{text}\"",
        WirePath path => $"\"{path}\"",
        byte[] bytes => $"x{Convert.ToHexString(bytes)}",
        ReadOnlyMemory<byte> bytes => $"x{Convert.ToHexString(bytes.Span)}",
        IEnumerable values => $"[{string.Join(", ", values.Cast<object?>().Select(Describe))}]",
        Enum number => Convert.ToInt64(number, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture),
        int or long or bool => Convert.ToString(value, CultureInfo.InvariantCulture)!,
        _ => $"{value.GetType().Name}({string.Join(", ", Fields(value.GetType()).Select(field => $"{field.Name}: {Describe(field.GetValue(value))}"))})",
    };

    /// <summary>Runs a property and throws, with the seed and the failing value, when it fails.
    /// OKAPI_PROPERTY_RUNS sets how many values; OKAPI_PROPERTY_REPLAY=seed,gamma runs those of a failure again.</summary>
    internal static void Check<T>(Gen<T> values, Action<T> holds, int runs)
    {
        Config config = Config.QuickThrowOnFailure.WithQuietOnSuccess(true).WithMaxTest(
            int.TryParse(Environment.GetEnvironmentVariable("OKAPI_PROPERTY_RUNS"), CultureInfo.InvariantCulture, out int asked) ? asked : runs);
        if (Environment.GetEnvironmentVariable("OKAPI_PROPERTY_REPLAY")?.Split(',') is [string seed, string gamma, ..])
        {
            var start = new Rnd(ulong.Parse(seed, CultureInfo.InvariantCulture), ulong.Parse(gamma, CultureInfo.InvariantCulture));
            config = config.WithReplay(FSharpOption<Replay>.Some(new Replay(start, FSharpOption<int>.None)));
        }

        Prop.ForAll(values.Select(value => new Shown<T>(value)).ToArbitrary(), shown => holds(shown.Value)).Check(config);
    }

    private static IEnumerable<PropertyInfo> Fields(Type type) =>
        type.GetConstructors().MaxBy(constructor => constructor.GetParameters().Length)!.GetParameters().Select(parameter => type.GetProperty(parameter.Name!)!);

    private readonly record struct Shown<T>(T Value)
    {
        public override string ToString() => Describe(Value);
    }
}
