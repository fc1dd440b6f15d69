using System.Buffers.Binary;

namespace Okapi.Fuzz.Tests.Records;

/// <summary>F1: what was written reads the same, and whatever bytes come, they are read as the layout says or refused.</summary>
internal sealed class RecordFuzzer
{
    // A string costs an object of 22 bytes and more, and the densest vector has one in every 4 bytes.
    private const int BytesPerByte = 64;
    private const int BytesPerRecord = 16_384;

    private readonly JuteBuffer _buffer = new(capacity: 16); // smaller than most records, so that it grows
    private readonly List<byte> _bytes = [];

    /// <summary>Runs the input of a seed.</summary>
    public void Run(ulong seed)
    {
        var luck = new Luck(seed);
        RecordKind kind = luck.Pick(RecordKind.All);
        if (luck.Chance(2)) RoundTrip(kind, kind.Make(luck));
        else Check(kind, Mutant(kind, luck));
    }

    /// <summary>Runs an input from a file: the number of a kind, and bytes.</summary>
    public void Run(ReadOnlySpan<byte> input) => Check(RecordKind.All[input[0]], input[1..].ToArray());

    private void RoundTrip(RecordKind kind, object value)
    {
        byte[] bytes = Encode(kind, value);
        Parsed parsed = Layout.Parse(kind.Layout, bytes);
        if (!parsed.IsWhole || parsed.Length != bytes.Length) throw new FuzzException($"What was written of {kind.Name} {value} is not laid out as such: {Convert.ToHexString(bytes)}");
        var from = new JuteBytes(bytes);
        object read = kind.Read(from);
        if (from.Taken != bytes.Length) throw new FuzzException($"{kind.Name} {value} was written as {bytes.Length} bytes and read as {from.Taken}.");
        if (!Values.Same(value, read)) throw new FuzzException($"{kind.Name} {value} came back as {read}.");
    }

    private void Check(RecordKind kind, byte[] bytes)
    {
        Parsed parsed = Layout.Parse(kind.Layout, bytes);
        var from = new JuteBytes(bytes);
        object? value = null;
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            value = kind.Read(from);
        }
        catch (ProtocolException)
        {
            if (parsed.IsWhole) throw Fail("is such a record and was refused");
        }
        catch (Exception error)
        {
            throw Fail($"was met with {error}");
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        if (allocated > BytesPerRecord + ((long)BytesPerByte * bytes.Length)) throw Fail($"made the reader allocate {allocated} bytes");
        if (value is null) return;
        if (!parsed.IsWhole) throw Fail("is no such record and was read");
        if (from.Taken != parsed.Length) throw Fail($"was read as {from.Taken} bytes and has {parsed.Length}");
        byte[] again = Encode(kind, value);
        if (parsed.IsCanonical && !bytes.AsSpan().StartsWith(again)) throw Fail($"was written again as {Convert.ToHexString(again)}");
        // Lenience is settled in one step. Not so where a mode contradicts the opcode that it came with, for what is written goes by the mode.
        if (parsed.IsCanonical || kind.Type == typeof(CreateRequest) || kind.Type == typeof(MultiOperation) || kind.Type == typeof(SetWatchesRequest)) return;
        if (!Layout.Parse(kind.Layout, again).IsCanonical || !Values.Same(value, kind.Read(new JuteBytes(again)))) throw Fail($"does not come to rest: {Convert.ToHexString(again)}");

        FuzzException Fail(string what)
        {
            int number = 0;
            while (RecordKind.All[number] != kind) number++;
            return new($"{kind.Name}: {Convert.ToHexString(bytes)} {what}.", [(byte)number, .. bytes]);
        }
    }

    private byte[] Encode(RecordKind kind, object value)
    {
        _buffer.Clear();
        kind.Write(value, _buffer);
        return _buffer.WrittenSpan.ToArray();
    }

    /// <summary>A sound record that is then spoiled, for noise alone ends at the first length; noise as well.</summary>
    private byte[] Mutant(RecordKind kind, Luck luck)
    {
        if (luck.Chance(16)) return luck.Bytes(60);
        _bytes.Clear();
        Layout.Make(kind.Layout, luck, _bytes);
        for (int times = luck.Below(4); times > 0 && _bytes.Count > 0; times--) Spoil(luck, _bytes);
        return [.. _bytes];
    }

    public static void Spoil(Luck luck, List<byte> bytes)
    {
        int at = luck.Below(bytes.Count);
        switch (luck.Below(7))
        {
            case 0:
                bytes[at] ^= (byte)(1 << luck.Below(8));
                break;
            case 1:
                bytes[at] = (byte)luck.Next();
                break;
            case 2 or 3 when bytes.Count >= 4:
                Span<byte> number = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(bytes).Slice(Math.Min(at, bytes.Count - 4), 4);
                BinaryPrimitives.WriteInt32BigEndian(number, luck.Chance(2) ? luck.HostileInt() : BinaryPrimitives.ReadInt32BigEndian(number) + luck.Between(-3, 3));
                break;
            case 4:
                bytes.RemoveRange(at, Math.Min(luck.Between(1, 8), bytes.Count - at));
                break;
            case 5:
                bytes.InsertRange(at, luck.Bytes(8));
                break;
            default:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
        }
    }
}
