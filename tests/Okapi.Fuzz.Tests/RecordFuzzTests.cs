using System.Reflection;
using Okapi.Fuzz.Tests.Records;

namespace Okapi.Fuzz.Tests;

/// <summary>F1: records of the protocol, there and back, and from whatever bytes.</summary>
[Collection(nameof(OneAfterAnother))]
public class F1
{
    [Fact]
    public void Every_record_of_the_protocol_is_fuzzed() => Assert.Equal(
        typeof(IJuteRecord<>).Assembly.GetTypes()
            .Where(type => type is { IsInterface: false, IsByRefLike: false } && type.GetMethods(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.DeclaredOnly).Any(Reads))
            .Select(type => type.Name).Order(StringComparer.Ordinal),
        RecordKind.All.Select(kind => kind.Type.Name).Distinct().Order(StringComparer.Ordinal));

    [Fact]
    public void What_was_written_reads_the_same_and_what_is_no_record_is_refused() =>
        new FuzzLoop(nameof(F1), 1_000_000, TimeSpan.FromSeconds(15)).Run(() => new RecordFuzzer().Run);

    private static bool Reads(MethodInfo method) => method.GetParameters() is [{ } first, ..] && first.ParameterType == typeof(JuteReader).MakeByRefType();
}

/// <summary>Fuzzing takes both processors, and counts what it allocates.</summary>
[CollectionDefinition(nameof(OneAfterAnother), DisableParallelization = true)]
public class OneAfterAnother;
