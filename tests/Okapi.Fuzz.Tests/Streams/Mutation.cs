using System.Buffers.Binary;

namespace Okapi.Fuzz.Tests.Streams;

/// <summary>Spoils a conversation: frames, their numbers, their lengths, and their order.</summary>
internal static class Mutation
{
    /// <summary>Spoils frames that are as they were, in one to three places.</summary>
    /// <param name="frames">Frames with their lengths; not changed.</param>
    /// <param name="others">Frames of another conversation to splice in.</param>
    /// <param name="limit">The largest frame that is allowed.</param>
    public static byte[] Spoil(IReadOnlyList<byte[]> frames, IReadOnlyList<byte[]> others, int limit, Luck luck)
    {
        var mutant = new List<byte[]>(frames);
        for (int times = luck.Between(1, 3); times > 0 && mutant.Count > 0; times--)
        {
            // The handshake is one frame among many; spoiled, it ends most of what could be seen after it.
            int at = luck.Chance(8) ? 0 : luck.Below(mutant.Count);
            if (mutant[at].Length < 4) continue; // cut off before
            switch (luck.Below(16))
            {
                case 0:
                    mutant.Insert(at, mutant[at]); // once more
                    break;
                case 1:
                    mutant.RemoveAt(at);
                    break;
                case 2:
                    int other = luck.Below(mutant.Count);
                    (mutant[at], mutant[other]) = (mutant[other], mutant[at]);
                    break;
                case 3:
                    mutant.Insert(at, luck.Pick(others));
                    break;
                case 4:
                    mutant[at] = Frame([.. mutant[at].AsSpan(4, luck.Below(mutant[at].Length - 3)), .. Tail(luck.Pick(others), luck)]); // spliced
                    break;
                case 5:
                    mutant[at] = Oversized(mutant[at], limit, luck);
                    break;
                case 6:
                    mutant[at] = WithInt(mutant[at], 0, luck.HostileInt()); // a length that is not the frame's
                    break;
                case 7:
                    mutant[at] = mutant[at][..luck.Below(mutant[at].Length)]; // the next frame begins too early
                    break;
                case 8:
                    mutant[at] = Frame(mutant[at].AsSpan(4, luck.Below(mutant[at].Length - 3))); // ends early, and says so
                    break;
                case 9:
                    mutant[at] = Frame([.. mutant[at].AsSpan(4), .. luck.Chance(32) ? new byte[limit * 3 / 4] : luck.Bytes(40)]); // goes on
                    break;
                case 10:
                    mutant[at] = WithInt(mutant[at], 4, luck.HostileInt()); // the xid, or what stands there
                    break;
                case 11:
                    mutant[at] = WithInt(mutant[at], luck.Pick([8, 16, 20]), luck.HostileInt()); // type or zxid, err, the first length or count
                    break;
                case 12:
                    mutant[at] = Nudged(mutant[at], luck);
                    break;
                default:
                    mutant[at] = Inside(mutant[at], luck);
                    break;
            }
        }

        return [.. mutant.SelectMany(frame => frame)];
    }

    public static byte[] Frame(ReadOnlySpan<byte> body)
    {
        byte[] frame = new byte[4 + body.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, body.Length);
        body.CopyTo(frame.AsSpan(4));
        return frame;
    }

    private static byte[] Tail(byte[] frame, Luck luck) => frame[luck.Between(Math.Min(4, frame.Length), frame.Length)..];

    private static byte[] Oversized(byte[] frame, int limit, Luck luck)
    {
        int length = Math.Max(limit, frame.Length) + luck.Between(1, 64);
        byte[] large = luck.Chance(2) ? new byte[4 + length] : new byte[frame.Length]; // all of it, or its beginning
        frame.CopyTo(large, 0);
        BinaryPrimitives.WriteInt32BigEndian(large, length);
        return large;
    }

    private static byte[] WithInt(byte[] frame, int at, int value)
    {
        if (frame.Length < at + 4) return frame;
        byte[] changed = [.. frame];
        BinaryPrimitives.WriteInt32BigEndian(changed.AsSpan(at), value);
        return changed;
    }

    private static byte[] Nudged(byte[] frame, Luck luck)
    {
        if (frame.Length < 8) return frame;
        int at = luck.Between(4, frame.Length - 4);
        return WithInt(frame, at, BinaryPrimitives.ReadInt32BigEndian(frame.AsSpan(at)) + luck.Between(-2, 2));
    }

    /// <summary>Changes bytes past the length, which is then made right.</summary>
    private static byte[] Inside(byte[] frame, Luck luck)
    {
        List<byte> body = [.. frame.AsSpan(4)];
        if (body.Count > 0) Records.RecordFuzzer.Spoil(luck, body);
        return Frame(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(body));
    }
}
