using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Okapi.Recipes
{
    /// <summary>How a counter's value is written in its znode; all who share a counter have to agree.</summary>
    public enum CounterFormat
    {
        /// <summary>As the naming says: <see cref="Int64"/> with <see cref="NodeNaming.Curator"/>, <see cref="Text"/> with <see cref="NodeNaming.Kazoo"/>.</summary>
        FromNaming = 0,

        /// <summary>8 bytes, big endian: Curator's <c>DistributedAtomicLong</c>.</summary>
        Int64 = 1,

        /// <summary>4 bytes, big endian: Curator's <c>DistributedAtomicInteger</c> and <c>SharedCount</c>, kazoo's <c>Counter(support_curator=True)</c>.</summary>
        Int32 = 2,

        /// <summary>A decimal number in ASCII: kazoo's <c>Counter</c> with an int for its default.</summary>
        Text = 3,
    }
}

namespace Okapi.Recipes.Counters
{
    /// <summary>Reads and writes numbers as Curator and kazoo do. No data is zero in every format.</summary>
    internal static class CounterFormats
    {
        public static long Read(this CounterFormat format, string path, ReadOnlySpan<byte> data) => format switch
        {
            _ when data.Length == 0 => 0,
            CounterFormat.Int64 when data.Length == sizeof(long) => BinaryPrimitives.ReadInt64BigEndian(data),
            CounterFormat.Int32 when data.Length == sizeof(int) => BinaryPrimitives.ReadInt32BigEndian(data),
            CounterFormat.Text when long.TryParse(data, NumberStyles.Integer, CultureInfo.InvariantCulture, out long value) => value,
            _ => throw new InvalidDataException($"{path} is not a counter of the format {format}: it has {data.Length} bytes of data that do not fit."),
        };

        /// <exception cref="OverflowException">The format has no room for the value.</exception>
        public static byte[] Write(this CounterFormat format, long value)
        {
            byte[] data = new byte[format == CounterFormat.Int32 ? sizeof(int) : sizeof(long)];
            switch (format)
            {
                case CounterFormat.Int32:
                    BinaryPrimitives.WriteInt32BigEndian(data, checked((int)value));
                    return data;
                case CounterFormat.Text:
                    return Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture));
                default:
                    BinaryPrimitives.WriteInt64BigEndian(data, value);
                    return data;
            }
        }
    }
}
