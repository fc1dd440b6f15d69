using System.Buffers.Binary;
using FsCheck;
using FsCheck.Fluent;

namespace Okapi.Protocol.Tests;

/// <summary>What holds for every record, whatever its fields are (F1 and F2 in small).</summary>
public class RecordTests
{
    // What an attacker writes where a length or a count is expected: near the limits of int, just past -1, and sizes that would hurt if they were believed.
    private static readonly int[] HostileInts = [int.MaxValue, int.MaxValue - 8, int.MinValue, -1, -2, 0, 1, 0x00ffffff, 0x10000000, 0x40000000];

    public static TheoryData<string> Kinds => Records.Names;

    [Fact]
    public void Every_record_of_the_assembly_is_tested_here() => Assert.Equal(
        typeof(IJuteRecord<>).Assembly.GetTypes()
            .Where(type => !type.IsInterface && type.GetInterfaces().Any(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IJuteRecord<>)))
            .Select(type => type.Name).Order(StringComparer.Ordinal),
        Records.All.Values.Select(kind => kind.Record?.Name).OfType<string>().Order(StringComparer.Ordinal));

    [Theory, MemberData(nameof(Kinds))]
    public void What_was_written_reads_the_same_with_nothing_left(string name)
    {
        RecordKind kind = Records.All[name];
        Wire.Check(
            kind.Values,
            value =>
            {
                object read = Wire.Decode(kind.Read, Wire.Encode(kind.Write, value), out int remaining);
                Assert.Equal(Wire.Describe(value), Wire.Describe(read));
                Assert.Equal(0, remaining);
            },
            runs: 500);
    }

    // B24: a newer peer may append fields; what is known is read and the rest is left alone.
    [Theory, MemberData(nameof(Kinds))]
    public void Bytes_after_a_record_are_left_to_the_caller(string name)
    {
        RecordKind kind = Records.All[name];
        foreach (object value in Records.Samples(kind, 20))
        {
            object read = Wire.Decode(kind.Read, [.. Wire.Encode(kind.Write, value), 0xab, 0xcd, 0xef], out int remaining);
            Assert.Equal(Wire.Describe(value), Wire.Describe(read));
            Assert.Equal(3, remaining);
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void H34_A_record_cut_anywhere_is_a_protocol_error(string name)
    {
        RecordKind kind = Records.All[name];
        foreach (object value in Records.Samples(kind, 20))
        {
            byte[] bytes = Wire.Encode(kind.Write, value);
            for (int length = 0; length < bytes.Length - kind.OptionalTail; length++)
                Assert.Throws<ProtocolException>(() => Wire.Decode(kind.Read, bytes.AsSpan(0, length), out _));
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void H34_Any_bytes_give_a_value_or_a_protocol_error(string name)
    {
        RecordKind kind = Records.All[name];
        Gen<byte[]> noise = Gen.Frequency(
            (3, Gen.Choose(0, 255).Select(b => (byte)b)),
            (5, Gen.Elements<byte>(0, 0, 0, 1, 0xff, 0x7f, 0x80))).ArrayOf();

        // Noise alone dies at the first length. A valid record with a few bytes changed, or two spliced, gets far inside.
        Gen<byte[]> mutants =
            from value in kind.Values
            from other in kind.Values
            from cut in Gen.Choose(0, 1000)
            from hits in Gen.Choose(0, 3)
            from places in Gen.Choose(0, 10_000).ArrayOf(hits)
            from values in Gen.Elements(HostileInts).ArrayOf(hits)
            select Mutate(Wire.Encode(kind.Write, value), Wire.Encode(kind.Write, other), cut, places, values);
        Wire.Check(
            Gen.OneOf(noise, mutants),
            bytes =>
            {
                object value;
                int remaining;
                try
                {
                    value = Wire.Decode(kind.Read, bytes, out remaining);
                }
                catch (ProtocolException e)
                {
                    Assert.NotEmpty(e.Message);
                    return;
                }

                Assert.InRange(remaining, 0, bytes.Length);
                _ = value.ToString(); // what a peer sent must also be fit to log
                if (kind.Record is null || kind.Record == typeof(MultiOperation)) return; // these go by an opcode that noise contradicts

                // Lenience is settled in one step: null becomes empty, broken UTF-8 becomes U+FFFD, 2 becomes true, and then it stays.
                Assert.Equal(Wire.Describe(value), Wire.Describe(Wire.Decode(kind.Read, Wire.Encode(kind.Write, value), out _)));
            },
            runs: 500);
    }

    // A length is believed only as far as bytes have come: otherwise 4 bytes from a stranger would cost 2 GiB.
    [Theory, MemberData(nameof(Kinds))]
    public void H34_A_hostile_length_allocates_in_proportion_to_what_was_sent(string name)
    {
        RecordKind kind = Records.All[name];
        foreach (object sample in Records.Samples(kind, 4))
        {
            byte[] bytes = Wire.Encode(kind.Write, sample);
            Allocated(kind.Read, bytes); // the first run allocates for types and static fields
            Allocated(kind.Read, bytes.AsSpan(0, 0));
            for (int place = 0; place + 4 <= bytes.Length; place++)
            {
                foreach (int hostile in HostileInts)
                {
                    byte[] changed = [.. bytes];
                    BinaryPrimitives.WriteInt32BigEndian(changed.AsSpan(place), hostile);
                    Assert.InRange(Allocated(kind.Read, changed), 0, 16_384 + (64L * changed.Length));
                }
            }
        }
    }

    // The densest inputs: as many elements as fit. Even these cost a small multiple of what was sent.
    [Theory]
    [InlineData("NamesReply", "", "00000000", "", 4)]
    [InlineData("WhoAmIReply", "", "00000000 00000000", "", 8)]
    [InlineData("create", "00000000 00000000", "00000000 00000000 00000000", "00000000", 12)]
    [InlineData("multi", null, "00000002 00 FFFFFFFF 00000000 FFFFFFFF", "FFFFFFFF 01 FFFFFFFF", 0)]
    [InlineData("multi reply", null, "00000002 00 00000000", "FFFFFFFF 01 FFFFFFFF", 0)]
    public void H34_The_densest_input_allocates_in_proportion_to_its_size(string name, string? before, string element, string after, int counted)
    {
        const int elements = 20_000;
        byte[] one = Wire.Hex(element);
        var bytes = new List<byte>(Wire.Hex(before ?? string.Empty));
        if (counted > 0)
        {
            byte[] count = new byte[4];
            BinaryPrimitives.WriteInt32BigEndian(count, elements);
            bytes.AddRange(count);
        }

        for (int i = 0; i < elements; i++) bytes.AddRange(one);
        bytes.AddRange(Wire.Hex(after));
        byte[] input = [.. bytes];
        RecordKind kind = Records.All[name];
        Wire.Decode(kind.Read, input, out int remaining);
        Assert.Equal(0, remaining); // the input is what it claims to be, or the measure below means nothing
        Assert.InRange(Allocated(kind.Read, input), 1, 64L * input.Length);
    }

    private static byte[] Mutate(byte[] bytes, byte[] other, int cut, int[] places, int[] values)
    {
        byte[] mutant = cut < bytes.Length ? [.. bytes[..cut], .. other.Skip(cut)] : [.. bytes];
        for (int i = 0; i < places.Length && mutant.Length >= 4; i++)
            BinaryPrimitives.WriteInt32BigEndian(mutant.AsSpan(places[i] % (mutant.Length - 3)), values[i]);
        return mutant;
    }

    private static long Allocated(Wire.Reads read, ReadOnlySpan<byte> bytes)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            Wire.Decode(read, bytes, out _);
        }
        catch (ProtocolException)
        {
            // Either outcome is fine; the other tests say which.
        }

        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
