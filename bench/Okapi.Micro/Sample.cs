using Okapi.Protocol;

namespace Okapi.Micro;

/// <summary>What is sent and answered in these measurements: a znode with 128 bytes of data, as in <c>drive</c>.</summary>
internal static class Sample
{
    public const string Path = "/b/n-128";

    public static byte[] Data { get; } = new byte[128];

    public static Stat Stat { get; } = new(0x100000001, 0x100000002, 1_700_000_000_000, 1_700_000_000_001, 3, 0, 0, 0, 128, 0, 0x100000001);

    /// <summary>The bytes of a record.</summary>
    public static byte[] Encode<T>(T record)
        where T : IJuteRecord<T>
    {
        using var buffer = new JuteBuffer();
        var writer = new JuteWriter(buffer);
        record.Write(ref writer);
        writer.Commit();
        return buffer.WrittenSpan.ToArray();
    }
}
