using Okapi.Fuzz.Tests.Streams;
using Okapi.Security;

namespace Okapi.Fuzz.Tests.Client;

/// <summary>F2: whatever a server sends, a client takes it for what it is, ends each call once, and goes on with a better server.</summary>
internal sealed class ClientFuzzer(IReadOnlyList<Conversation> conversations)
{
    private const int Tries = 3;
    private static readonly TimeSpan MostTime = TimeSpan.FromMilliseconds(50);

    private readonly Interesting _interesting = new();

    /// <summary>How many inputs reached something that none before had reached.</summary>
    public int Kept => _interesting.Count;

    /// <summary>Runs the input of a seed, or, half the time where many inputs run, one made from an input that reached something new.</summary>
    public void Run(ulong seed)
    {
        var luck = new Luck(seed);
        int number = luck.Below(conversations.Count);
        ulong ending = luck.Next();
        byte[] bytes = Mutation.Spoil(conversations[number].ToClient, luck.Pick(conversations).ToClient, MaxReply(ending), luck);
        if (_interesting.Count > 0 && luck.Chance(3))
        {
            byte[] kept = _interesting.Pick(luck);
            (number, ending) = (kept[0], luck.Next());
            List<byte[]> frames = Conversation.Frames(Said(kept));
            if (frames.Count > 0) bytes = Mutation.Spoil(frames, luck.Pick(conversations).ToClient, MaxReply(ending), luck);
        }

        byte[] input = Input(number, ending, bytes);
        string outcome = Run(input);
        _interesting.Consider($"{number} {outcome}", input);
    }

    /// <summary>Runs an input as it is: the number of the conversation, 8 bytes of luck (where the bytes are cut, how the connection ends, how long a reply may be), whether the handshake is the recorded one, and what else the server says.</summary>
    public string Run(byte[] input)
    {
        try
        {
            long mostBytes = MostBytes(BitConverter.ToUInt64(input, 1));
            for (int tries = 1; ; tries++)
            {
                (string outcome, long bytes, TimeSpan time) = Measure(input);
                // A collection of garbage falls to whoever allocates just then; more than once is no chance. What is allocated once, for types and pools, is not allocated again.
                if (bytes <= mostBytes && time <= MostTime) return outcome;
                if (tries == Tries) throw new FuzzException($"It took {time.TotalMilliseconds:f1} ms and {bytes} bytes; {MostTime.TotalMilliseconds} ms and {mostBytes} bytes are allowed.");
            }
        }
        catch (Exception error) when (error is not FuzzException { Input: not null })
        {
            throw new FuzzException($"{conversations[input[0]].Script.Name}: {(error is FuzzException ? error.Message : error.ToString())}", input);
        }
    }

    /// <summary>What was recorded, as it is: the client must be content with it.</summary>
    public void RunUnspoiled()
    {
        for (int number = 0; number < conversations.Count; number++)
        {
            string outcome = Run(Input(number, 0, [.. conversations[number].ToClient.SelectMany(frame => frame)]));
            if (!outcome.Contains("all frames in order", StringComparison.Ordinal) || outcome.Contains("ConnectionLoss", StringComparison.Ordinal)) throw new FuzzException($"{conversations[number].Script.Name} as it was recorded: {outcome}");
        }
    }

    /// <summary>A handshake as it was recorded is left out: the session in it is another one in each run.</summary>
    private byte[] Input(int number, ulong ending, byte[] bytes)
    {
        byte[] handshake = conversations[number].ToClient[0];
        bool isSound = bytes.AsSpan().StartsWith(handshake);
        return [(byte)number, .. BitConverter.GetBytes(ending), (byte)(isSound ? 1 : 0), .. isSound ? bytes.AsSpan(handshake.Length) : bytes];
    }

    private byte[] Said(byte[] input) => input[9] == 0 ? input[10..] : [.. conversations[input[0]].ToClient[0], .. input.AsSpan(10)];

    private (string Outcome, long Bytes, TimeSpan Time) Measure(byte[] input)
    {
        ulong ending = BitConverter.ToUInt64(input, 1);
        byte[] said = Said(input);
        ThrownHere.Begin();
        long before = GC.GetAllocatedBytesForCurrentThread();
        TimeSpan start = ThreadTime.Now;
        var run = new ClientRun(conversations[input[0]], MaxReply(ending), ending);
        try
        {
            run.Run(said, new Luck(ending));
        }
        catch (Exception)
        {
            ThrownHere.End(IsExpected);
            throw;
        }

        TimeSpan time = ThreadTime.Now - start;
        long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        IReadOnlyList<Exception> odd = ThrownHere.End(IsExpected);
        if (odd.Count > 0) throw new FuzzException($"Something threw {odd[0]}");
        return (run.Outcome, bytes, time);
    }

    private static bool IsExpected(Exception error) =>
        error is ProtocolException or IOException or ZooKeeperException or TimeoutException or OperationCanceledException or ObjectDisposedException or SaslException;

    /// <summary>The longest reply that the client takes: a small one, so that longer ones are soon made.</summary>
    private static int MaxReply(ulong ending) => ending % 64 == 0 ? Conversation.LargeMaxReply : Conversation.MaxReply;

    /// <summary>Twice the longest reply, for the buffer and what is made of it, and what a client and its calls take.</summary>
    private static long MostBytes(ulong ending) => (2L * MaxReply(ending)) + (1 << 20);
}
