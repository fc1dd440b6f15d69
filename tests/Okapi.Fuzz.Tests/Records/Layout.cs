using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace Okapi.Fuzz.Tests.Records;

/// <summary>What is known of bytes that were taken for a record.</summary>
/// <param name="IsWhole">Whether they are such a record.</param>
/// <param name="Length">How many bytes the record has.</param>
/// <param name="IsCanonical">
/// Whether the record is written as Okapi writes it. Not so is what is read leniently, as Apache's does: null where a string or vector is empty, broken UTF-8, a truth value above 1, a byte
/// that an old peer leaves out, a number that nobody looks at.
/// </param>
internal readonly record struct Parsed(bool IsWhole, int Length, bool IsCanonical);

/// <summary>
/// How a record lies in bytes, as zookeeper.jute has it, and nothing of the code that is put to the test: one letter a field.
/// i int, l long, z truth value, Z truth value that may be missing, x int that is not looked at; s string or null, r string, e string whose null is empty, n id of an ACL, whose null is "\0";
/// b buffer or null, p buffer whose null is empty; S strings, A ACL, C identities; M mode of a create, T mode and time to live of a createTTL; O operations of a multi, R results of one.
/// </summary>
internal static class Layout
{
    public const string Stat = "lllliiiliil", Acl = "ien", ClientInfo = "ee";

    /// <summary>Reads bytes by a layout.</summary>
    /// <param name="layout">The layout.</param>
    /// <param name="bytes">The bytes.</param>
    /// <param name="asApache">Whether to take a vector of less than -1 elements for an empty one, as Apache's jute does, which counts down to 0 or less.</param>
    public static Parsed Parse(string layout, ReadOnlySpan<byte> bytes, bool asApache = false)
    {
        var walk = new Walk(bytes, asApache);
        bool isWhole = walk.Take(layout);
        return new(isWhole, walk.Position, isWhole && walk.IsCanonical);
    }

    private ref struct Walk(ReadOnlySpan<byte> bytes, bool asApache)
    {
        private readonly ReadOnlySpan<byte> _bytes = bytes;

        public int Position { get; private set; }

        public bool IsCanonical { get; private set; } = true;

        private readonly int Left => _bytes.Length - Position;

        public bool Take(string layout)
        {
            foreach (char field in layout)
                if (!TakeField(field)) return false;
            return true;
        }

        private bool TakeField(char field) => field switch
        {
            'i' => Skip(4),
            'l' => Skip(8),
            'z' => TakeBoolean(),
            'Z' => Left == 0 ? Lenient() : TakeBoolean(),
            'x' => TakeInt(out int unused) && (unused == 0 || Lenient()),
            's' => TakeString(out _),
            'r' => TakeString(out bool isNull) && !isNull,
            'e' or 'n' => TakeString(out bool isNone) && (!isNone || Lenient()),
            'b' => TakeBuffer(out _, out _),
            'p' => TakeBuffer(out bool isNoBuffer, out _) && (!isNoBuffer || Lenient()),
            'S' => TakeVector("e", 4),
            'A' => TakeVector(Acl, 12),
            'C' => TakeVector(ClientInfo, 8),
            'M' => TakeInt(out int mode) && (mode is not (5 or 6) || Lenient()),
            'T' => TakeInt(out int mode) && Skip(8) && (mode is 5 or 6 || Lenient()),
            'O' => TakeOperations(),
            'o' => TakeOperation(out bool isEnd) && (!isEnd || Lenient()),
            'R' => TakeResults(),
            _ => throw new ArgumentException($"No field is called {field}."),
        };

        private bool Lenient()
        {
            IsCanonical = false;
            return true;
        }

        private bool Skip(int count)
        {
            if (Left < count) return false;
            Position += count;
            return true;
        }

        private bool TakeInt(out int value)
        {
            value = 0;
            if (Left < 4) return false;
            value = BinaryPrimitives.ReadInt32BigEndian(_bytes[Position..]);
            Position += 4;
            return true;
        }

        private bool TakeBoolean()
        {
            if (Left < 1) return false;
            if (_bytes[Position++] > 1) Lenient();
            return true;
        }

        private bool TakeBuffer(out bool isNull, out ReadOnlySpan<byte> content)
        {
            isNull = false;
            content = default;
            if (!TakeInt(out int length) || length < -1) return false;
            isNull = length == -1;
            if (isNull) return true;
            if (length > Left) return false;
            content = _bytes.Slice(Position, length);
            Position += length;
            return true;
        }

        private bool TakeString(out bool isNull)
        {
            if (!TakeBuffer(out isNull, out ReadOnlySpan<byte> content)) return false;
            return Utf8.IsValid(content) || Lenient();
        }

        private bool TakeVector(string element, int least)
        {
            if (!TakeInt(out int count) || (count < -1 && !asApache)) return false;
            if (count < 0) return Lenient();
            if ((long)count * least > Left) return false;
            for (int i = 0; i < count; i++)
                if (!Take(element)) return false;
            return true;
        }

        private bool TakeOperations()
        {
            while (true)
            {
                if (!TakeOperation(out bool isEnd)) return false;
                if (isEnd) return true;
            }
        }

        private bool TakeOperation(out bool isEnd)
        {
            isEnd = false;
            int start = Position;
            if (!TakeInt(out int type) || !TakeBoolean() || !TakeInt(out int error)) return false;
            isEnd = _bytes[start + 4] != 0;
            if (error != -1 || (isEnd && type != -1)) Lenient();
            if (isEnd) return true;
            switch (type)
            {
                case 2 or 13:
                    return Take("ri");
                case 5:
                    return Take("rbi");
                case 4 or 8:
                    return Take("rz") && (_bytes[Position - 1] == 0 || Lenient()); // a watch flag, which is not kept
                case 1 or 15 or 19:
                    if (!Take("rbA") || !TakeInt(out int mode)) return false;
                    return mode is 5 or 6 || (mode == 4) != (type == 19) ? Lenient() : true; // written as its mode has it
                case 21:
                    return Take("rbAT");
                default:
                    return false;
            }
        }

        private bool TakeResults()
        {
            while (true)
            {
                int start = Position;
                if (!TakeInt(out int type) || !TakeBoolean() || !TakeInt(out int error)) return false;
                if (_bytes[start + 4] != 0) return (type == -1 && error == -1) || Lenient();
                if (type != -1 && error != 0) Lenient();
                bool isRead = type switch
                {
                    -1 => TakeInt(out int own) && (own == error || Lenient()),
                    2 or 13 => true,
                    5 => Take(Stat),
                    1 => Take("r"),
                    15 or 19 or 21 => Take("r" + Stat),
                    4 => Take("b" + Stat),
                    8 => Take("S"),
                    _ => false,
                };
                if (!isRead) return false;
            }
        }
    }

    /// <summary>Bytes that are such a record, written as Okapi writes it.</summary>
    public static void Make(string layout, Luck luck, List<byte> into)
    {
        foreach (char field in layout)
        {
            switch (field)
            {
                case 'i': Int(luck.Int()); break;
                case 'l': Long(luck.Long()); break;
                case 'z' or 'Z': into.Add((byte)luck.Below(2)); break;
                case 'x': Int(0); break;
                case 's': Text(luck.Chance(4)); break;
                case 'r' or 'e' or 'n': Text(false); break;
                case 'b' or 'p': Buffer(field == 'b' && luck.Chance(4)); break;
                case 'S': Vector("e"); break;
                case 'A': Vector(Acl); break;
                case 'C': Vector(ClientInfo); break;
                case 'M': Int(luck.Pick([0, 1, 2, 3, 4, 99, -1])); break;
                case 'T': Int(luck.Pick([5, 6])); Long(luck.Long()); break;
                case 'O': for (int i = luck.Below(4); i > 0; i--) Operation(); Header(-1, 1, -1); break;
                case 'o': Operation(); break;
                case 'R': for (int i = luck.Below(4); i > 0; i--) Result(); Header(-1, 1, -1); break;
                default: throw new ArgumentException($"No field is called {field}.");
            }
        }

        void Int(int value)
        {
            for (int shift = 24; shift >= 0; shift -= 8) into.Add((byte)(value >> shift));
        }

        void Long(long value)
        {
            Int((int)(value >> 32));
            Int((int)value);
        }

        void Header(int type, byte done, int error)
        {
            Int(type);
            into.Add(done);
            Int(error);
        }

        void Text(bool isNull)
        {
            if (isNull)
            {
                Int(-1);
                return;
            }

            byte[] bytes = Encoding.UTF8.GetBytes(Strings.Any(luck));
            Int(bytes.Length);
            into.AddRange(bytes);
        }

        void Buffer(bool isNull)
        {
            if (isNull)
            {
                Int(-1);
                return;
            }

            byte[] bytes = luck.Bytes(luck.Chance(8) ? 400 : 12);
            Int(bytes.Length);
            into.AddRange(bytes);
        }

        void Vector(string element)
        {
            int count = luck.Below(4);
            Int(count);
            for (int i = 0; i < count; i++) Make(element, luck, into);
        }

        void Operation()
        {
            int type = luck.Pick([1, 15, 2, 13, 5, 4, 8, 19, 21]);
            Header(type, 0, -1);
            Make(type switch { 2 or 13 => "ri", 5 => "rbi", 4 or 8 => "r", 21 => "rbAT", _ => "rbA" }, luck, into);
            if (type is 4 or 8) into.Add(0);
            if (type is 1 or 15) Int(luck.Below(4));
            if (type == 19) Int(4);
        }

        void Result()
        {
            int type = luck.Pick([-1, 1, 2, 4, 5, 8, 13, 15, 19, 21]);
            int error = type == -1 ? luck.Int() : 0;
            Header(type, 0, error);
            if (type == -1) Int(error);
            Make(type switch { 5 => Stat, 1 => "r", 15 or 19 or 21 => "r" + Stat, 4 => "b" + Stat, 8 => "S", _ => "" }, luck, into);
        }
    }
}

internal static class Strings
{
    private static readonly string[] Odd = ["", "/", "/a", "/app/b c", "/\u00e9/\u65e5\u672c", "\ud83e\udd8c", "a\0b", "world", "anyone", "digest", new string('x', 300), "\uffff", "\u0001"];

    /// <summary>A string that is sound UTF-16, of kinds that have gone wrong somewhere.</summary>
    public static string Any(Luck luck)
    {
        if (luck.Chance(2)) return luck.Pick(Odd);
        return string.Create(luck.Below(12), luck, static (chars, luck) =>
        {
            foreach (ref char each in chars) each = (char)luck.Between(1, luck.Chance(4) ? 0xd7ff : 0x7e);
        });
    }
}
