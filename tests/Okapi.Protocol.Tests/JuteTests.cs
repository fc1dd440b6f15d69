using System.Buffers.Binary;
using System.Text;
using FsCheck.Fluent;

namespace Okapi.Protocol.Tests;

/// <summary>The buffer, and what the writer and the reader do beyond the records.</summary>
public class JuteTests
{
    [Fact]
    public void A_null_buffer_is_told_from_an_empty_one()
    {
        using var buffer = new JuteBuffer();
        var writer = new JuteWriter(buffer);
        writer.WriteBuffer(default(ReadOnlyMemory<byte>?));
        writer.WriteBuffer(ReadOnlySpan<byte>.Empty);
        writer.WriteBuffer(default(ReadOnlyMemory<byte>?));
        writer.WriteBuffer((ReadOnlyMemory<byte>?)ReadOnlyMemory<byte>.Empty);
        writer.Commit();
        var reader = new JuteReader(buffer.WrittenSpan);
        Assert.Null(reader.ReadByteArray());
        Assert.True(reader.ReadByteArray() is []);

        // A null array converts to empty memory without a word; the reader must not pass through that conversion.
        Assert.False(reader.ReadMemory().HasValue);
        Assert.True(reader.ReadMemory().HasValue);
    }

    [Fact]
    public void Null_strings_and_vectors_are_minus_one()
    {
        using var buffer = new JuteBuffer();
        var writer = new JuteWriter(buffer);
        writer.WriteString(null);
        writer.WriteStrings(null);
        writer.WriteRecords<Acl>(null);
        writer.Commit();
        Assert.Equal(Wire.Hex("FFFFFFFF FFFFFFFF FFFFFFFF"), buffer.WrittenSpan);
        var reader = new JuteReader(buffer.WrittenSpan);
        Assert.Null(reader.ReadString());
        Assert.Empty(reader.ReadStrings());
        Assert.Empty(reader.ReadRecords<Acl>(Acl.MinimumSize));
    }

    [Fact]
    public void A_frame_has_its_length_in_front()
    {
        using var buffer = new JuteBuffer(capacity: 1);
        var writer = new JuteWriter(buffer);
        int first = writer.BeginFrame();
        new RequestHeader(1, OpCode.GetData).Write(ref writer);
        new ReadRequest("/a", Watch: false).Write(ref writer);
        Assert.Equal(15, writer.EndFrame(first));
        int second = writer.BeginFrame();
        Assert.Equal(19, second);
        Assert.Equal(0, writer.EndFrame(second));
        Assert.Equal(23, writer.Position);
        writer.Commit();
        Assert.Equal(Wire.Hex("0000000F 00000001 00000004 00000002 '/a' 00 00000000"), buffer.WrittenSpan);
    }

    [Fact]
    public void What_was_not_committed_does_not_count()
    {
        using var buffer = new JuteBuffer(capacity: 1);
        new JuteWriter(buffer).WriteLong(1);
        Assert.Equal(0, buffer.Length);
        buffer.Append([0xaa]);
        var writer = new JuteWriter(buffer);
        writer.WriteString(new string('x', 10_000)); // grows, and keeps what was committed
        Assert.Equal([0xaa], buffer.WrittenSpan.ToArray());
        writer = new JuteWriter(buffer);
        writer.WriteBoolean(true);
        writer.Commit();
        Assert.Equal([0xaa, 1], buffer.WrittenSpan.ToArray());
        Assert.Equal([0xaa, 1], buffer.Written.ToArray());
    }

    // The model writes the same with the class library; sizes cross every step of growth.
    [Fact]
    public void A_buffer_that_grows_and_is_cut_back_holds_what_a_list_of_bytes_would() => Wire.Check(
        from capacity in Gen.Choose(0, 40) from steps in Gen.Choose(0, 5).Zip(Gen.Choose(0, 5000)).ArrayOf() select (capacity, steps),
        plan =>
        {
            using var buffer = new JuteBuffer(plan.capacity);
            var model = new List<byte>();
            foreach ((int step, int n) in plan.steps)
            {
                var writer = new JuteWriter(buffer);
                byte[] number = new byte[8];
                byte[] run = [.. Enumerable.Range(0, n).Select(i => (byte)(i + n))];
                switch (step)
                {
                    case 0:
                        writer.WriteInt(-n);
                        BinaryPrimitives.WriteInt32BigEndian(number, -n);
                        model.AddRange(number[..4]);
                        break;
                    case 1:
                        writer.WriteLong(n * 0x1_0000_0001L);
                        BinaryPrimitives.WriteInt64BigEndian(number, n * 0x1_0000_0001L);
                        model.AddRange(number);
                        break;
                    case 2:
                        string text = new('\u00e9', n);
                        writer.WriteString(text);
                        BinaryPrimitives.WriteInt32BigEndian(number, Encoding.UTF8.GetByteCount(text));
                        model.AddRange([.. number[..4], .. Encoding.UTF8.GetBytes(text)]);
                        break;
                    case 3:
                        writer.WriteBuffer(run.AsSpan());
                        BinaryPrimitives.WriteInt32BigEndian(number, n);
                        model.AddRange([.. number[..4], .. run]);
                        break;
                    case 4:
                        buffer.Append(run);
                        model.AddRange(run);
                        break;
                    default:
                        int length = Math.Min(n, model.Count);
                        buffer.Truncate(length);
                        model.RemoveRange(length, model.Count - length);
                        break;
                }

                if (step < 4) writer.Commit();
                Assert.Equal(model.Count, buffer.Length);
                Assert.True(buffer.WrittenSpan.SequenceEqual(model.ToArray()));
            }

            buffer.Clear();
            Assert.True(buffer.WrittenSpan.IsEmpty);
        },
        runs: 100);

    [Theory]
    [InlineData(-1)]
    [InlineData(4)]
    public void A_buffer_is_cut_only_within_what_was_written(int length)
    {
        using var buffer = new JuteBuffer();
        buffer.Append([1, 2, 3]);
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Truncate(length));
        Assert.Equal(3, buffer.Length);
    }

    // Requests carry passwords, and the pool hands the memory to whoever asks next.
    [Fact]
    public void H69_Memory_goes_back_to_the_pool_cleared()
    {
        var buffer = new JuteBuffer(capacity: 16);
        buffer.Append("hunter2"u8);
        ReadOnlyMemory<byte> outgrown = buffer.Written;
        var writer = new JuteWriter(buffer);
        writer.WriteString(new string('x', 1000));
        writer.Commit();
        Assert.False(outgrown.Span.ContainsAnyExcept((byte)0));
        ReadOnlyMemory<byte> last = buffer.Written;
        buffer.Dispose();
        Assert.False(last.Span.ContainsAnyExcept((byte)0));
        buffer.Dispose(); // twice must not give the memory back twice
        Assert.Equal(0, buffer.Length);
        Assert.True(buffer.WrittenSpan.IsEmpty);
    }

    [Theory]
    [InlineData("", "/", "/")]
    [InlineData("", "/a", "/a")]
    [InlineData("/app", "/", "/app")]
    [InlineData("/app", "/a", "/app/a")]
    [InlineData("/app", "/app", "/app/app")]
    [InlineData("/\u00e9/x", "/\u65e5", "/\u00e9/x/\u65e5")]
    public void H41_A_chroot_and_a_path_are_joined_on_the_wire(string chroot, string path, string joined)
    {
        var wirePath = new WirePath(chroot, path);
        Assert.Equal(joined, wirePath.ToString());
        using var buffer = new JuteBuffer(capacity: 1);
        var writer = new JuteWriter(buffer);
        writer.WritePath(wirePath);
        writer.Commit();
        var reader = new JuteReader(buffer.WrittenSpan);
        Assert.Equal(joined, reader.ReadString());
        Assert.Equal(0, reader.Remaining);
        Assert.Equal(new WirePath("", path), WirePath.FromString(path));
    }
}
