using System.Net.Sockets;

namespace Okapi.Server.Tests.Proxies;

/// <summary>Bits are flipped where it was asked for, and nowhere else.</summary>
public class CorruptionTests
{
    [Theory]
    [MemberData(nameof(Proxied.Ways), MemberType = typeof(Proxied))]
    public async Task The_bits_that_were_asked_for_are_flipped_and_no_others(FaultDirection way)
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        Fault flip = proxied.Proxy.Faults.CorruptAt(17_000, way, mask: 0x81);
        (Socket from, Socket to) = proxied.Way(way);
        byte[] bytes = Proxied.Bytes(40_000);
        await from.SayAsync(bytes);
        byte[] received = await to.ReceiveAsync(bytes.Length);
        bytes[17_000] ^= 0x81;
        Assert.Equal(bytes, received);
        Assert.Equal(1, flip.Strikes);
    }

    [Fact]
    public async Task Which_bits_are_flipped_at_random_follows_from_the_seed_however_the_bytes_are_cut()
    {
        byte[] first = await FlipAsync(seed: 1, split: 10_000), again = await FlipAsync(seed: 1, split: 7), other = await FlipAsync(seed: 2, split: 7);
        Assert.Equal(first, again);
        Assert.NotEqual(first, other);
        Assert.InRange(first.Sum(each => int.PopCount(each)), 50, 200); // 100 are to be expected

        static async Task<byte[]> FlipAsync(int seed, int split)
        {
            await using Proxied proxied = await Proxied.OpenAsync(new() { Seed = seed });
            using Fault pieces = proxied.Proxy.Faults.Split(split);
            using Fault corrupt = proxied.Proxy.Faults.Corrupt(0.01, FaultDirection.Requests);
            await proxied.Client.SayAsync(new byte[10_000]);
            byte[] received = await proxied.Server.ReceiveAsync(10_000);
            Assert.Equal(received.Count(each => each != 0), corrupt.Strikes);
            return received;
        }
    }

    [Fact]
    public async Task Every_byte_can_be_corrupt()
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        using Fault corrupt = proxied.Proxy.Faults.Corrupt(1);
        await proxied.Client.SayAsync(new byte[1000]);
        Assert.All(await proxied.Server.ReceiveAsync(1000), each => Assert.Equal(1, int.PopCount(each)));
    }
}
