namespace Okapi.Fuzz.Tests;

/// <summary>Chance from one seed (SplitMix64: one number of state, so that an input costs nothing to begin).</summary>
internal sealed class Luck(ulong seed)
{
    // What goes wrong somewhere: the ends of int and what is near them, -1 and below, sizes that would hurt if they were believed, and how TLS begins to say no.
    private static readonly int[] Hostile =
        [int.MaxValue, int.MaxValue - 8, int.MinValue, -1, -2, -4, -8, -112, 0, 1, 2, 4, 0xff, 0xffff, 0xfffff, 0x100000, 0x00ffffff, 0x10000000, 0x40000000, 0x15030300];

    // Two seeds that follow one another must not give the same numbers shifted.
    private ulong _state = Mix(seed);

    public ulong Next() => Mix(_state += 0x9e3779b97f4a7c15);

    public int Below(int limit) => (int)(Next() % (uint)limit);

    public int Between(int least, int greatest) => least + Below(greatest - least + 1);

    public bool Chance(int of) => Below(of) == 0;

    public T Pick<T>(IReadOnlyList<T> from) => from[Below(from.Count)];

    public int Int() => Below(3) switch { 0 => Pick(Hostile), 1 => Below(1000), _ => (int)Next() };

    public int HostileInt() => Pick(Hostile);

    public long Long() => Below(3) switch { 0 => Int(), 1 => ((long)Int() << 32) | (uint)Int(), _ => (long)Next() };

    public byte[] Bytes(int most)
    {
        byte[] bytes = new byte[Below(most + 1)];
        for (int i = 0; i < bytes.Length; i++) bytes[i] = (byte)Next();
        return bytes;
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
}
