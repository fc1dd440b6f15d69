using Okapi.Fuzz.Tests.Streams;

namespace Okapi.Fuzz.Tests.Differential;

/// <summary>F4: a frame that is spoiled is met by the embedded server as by Apache's: with the same code, the end of the connection, or silence.</summary>
internal sealed class DifferentialFuzzer(TwoServers servers, IReadOnlyList<Conversation> conversations) : IAsyncDisposable
{
    private const int RestartEvery = 1000;

    // Enough to see how the state came to be on which they differ.
    private const int Remembered = 12;

    private readonly Seat _apache = new(), _embedded = new();
    private readonly Queue<string> _before = new();
    private readonly List<byte> _session = [];
    private int _count;

    /// <summary>How often a difference was one that is known.</summary>
    public Dictionary<string, int> Excused { get; } = [];

    /// <summary>How many answers of each class Apache's server gave.</summary>
    public SortedDictionary<string, int> Classes { get; } = new(StringComparer.Ordinal);

    public async Task RunAsync(ulong seed)
    {
        if (++_count % RestartEvery == 0)
        {
            await Task.WhenAll(_apache.LeaveAsync(servers.Apache), _embedded.LeaveAsync(servers.Embedded));
            await servers.RestartAsync();
        }

        var luck = new Luck(seed);
        await CompareAsync(Make(luck));
    }

    /// <summary>Runs what a session sent, frame by frame; the last of it may be no frame.</summary>
    public async Task RunAsync(byte[] input)
    {
        List<byte[]> frames = Conversation.Frames(input);
        if (input[frames.Sum(each => each.Length)..] is { Length: > 0 } rest) frames.Add(rest);
        foreach (byte[] frame in frames) await CompareAsync(frame);
    }

    public async ValueTask DisposeAsync()
    {
        await _apache.DisposeAsync();
        await _embedded.DisposeAsync();
    }

    private async Task CompareAsync(byte[] bytes)
    {
        byte[] sent = Comparable.Cut(bytes);
        if (sent.Length == 0) return;
        if (!_apache.IsOpen) _session.Clear();
        _session.AddRange(sent);
        await Task.WhenAll(_apache.OpenAsync(servers.Apache), _embedded.OpenAsync(servers.Embedded));
        List<byte[]> frames = Conversation.Frames(sent);
        bool isGoodbye = frames.Count > 0 && KnownQuirks.Type(frames[^1]) == OpCode.CloseSession;
        Task<IReadOnlyList<string>> one = _apache.SendAsync(sent, isGoodbye, servers.Apache), other = _embedded.SendAsync(sent, isGoodbye, servers.Embedded);
        (IReadOnlyList<string> apache, IReadOnlyList<string> embedded) = (await one, await other);
        string type = KnownQuirks.Type(sent).ToString();
        string @class = string.Join(", ", apache.Select(each => each[(each.IndexOf(' ', StringComparison.Ordinal) + 1)..]).DefaultIfEmpty("silence"));
        Classes[@class] = Classes.GetValueOrDefault(@class) + 1;
        _before.Enqueue($"{type}: {Text(apache)}: {Convert.ToHexString(sent)}");
        if (_before.Count > Remembered) _before.Dequeue();
        if (apache.SequenceEqual(embedded)) return;
        if (KnownQuirks.Find(frames, sent.AsSpan(frames.Sum(frame => frame.Length)), apache, embedded) is not { } row)
            throw new FuzzException($"{type} is met with \"{Text(apache)}\" by Apache's server and with \"{Text(embedded)}\" by the embedded one. The frames before, the last of them this one:\n{string.Join('\n', _before)}", [.. _session]);
        Excused[row] = Excused.GetValueOrDefault(row) + 1;
        // What only one of them has registered goes with the session.
        await Task.WhenAll(_apache.LeaveAsync(servers.Apache), _embedded.LeaveAsync(servers.Embedded));
    }

    private static string Text(IReadOnlyList<string> answers) => answers.Count == 0 ? "silence" : string.Join(", ", answers);

    private byte[] Make(Luck luck)
    {
        IReadOnlyList<byte[]> frames = luck.Pick(conversations).ToServer, others = luck.Pick(conversations).ToServer;
        byte[] frame = luck.Chance(4) ? Server.ServerFuzzer.Made(luck) : frames[luck.Between(1, frames.Count - 1)];
        if (luck.Chance(4)) return frame;
        // One frame is spoiled, or what became of it is two.
        byte[] spoiled = Mutation.Spoil([frame], others, 2_000_000, luck);
        return spoiled.Length > 300_000 ? frame : spoiled;
    }
}
