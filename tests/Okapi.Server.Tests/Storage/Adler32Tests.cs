using System.Text;
using Okapi.Server.Storage;

namespace Okapi.Server.Tests.Storage;

public class Adler32Tests
{
    [Theory]
    [InlineData("", 0x00000001u)]
    [InlineData("a", 0x00620062u)]
    [InlineData("abc", 0x024d0127u)]
    [InlineData("Wikipedia", 0x11e60398u)]
    [InlineData("message digest", 0x29750586u)]
    public void Known_texts_have_the_known_checksums(string text, uint expected) => Assert.Equal(expected, Adler32.Of(Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void The_greatest_bytes_do_not_overflow_the_sums()
    {
        byte[] bytes = new byte[100_000];
        Array.Fill(bytes, (byte)255);
        for (int length = 5540; length < 5570; length++) Assert.Equal(ByteByByte(bytes.AsSpan(0, length)), Adler32.Of(bytes.AsSpan(0, length)));
        Assert.Equal(ByteByByte(bytes), Adler32.Of(bytes));
    }

    [Fact]
    public void Parts_give_what_the_whole_gives()
    {
        var random = new Random(20);
        byte[] bytes = new byte[20_000];
        random.NextBytes(bytes);
        uint parts = Adler32.Empty;
        for (int at = 0; at < bytes.Length;)
        {
            int length = Math.Min(random.Next(1, 700), bytes.Length - at);
            parts = Adler32.Append(parts, bytes.AsSpan(at, length));
            at += length;
        }

        Assert.Equal(ByteByByte(bytes), parts);
        Assert.Equal(ByteByByte(bytes), Adler32.Of(bytes));
    }

    private static uint ByteByByte(ReadOnlySpan<byte> bytes)
    {
        ulong a = 1, b = 0;
        foreach (byte each in bytes)
        {
            a = (a + each) % 65521;
            b = (b + a) % 65521;
        }

        return (uint)((b << 16) | a);
    }
}
