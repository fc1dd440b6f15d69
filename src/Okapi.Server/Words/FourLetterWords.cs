using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Okapi.Server.Connections;

namespace Okapi.Server.Words;

/// <summary>Answers four-letter words: what a connection may say in place of a handshake (Apache's FourLetterCommands). The connection ends with the answer.</summary>
internal sealed class FourLetterWords
{
    private readonly Member _member;
    private readonly Dictionary<int, Word> _known;

    public FourLetterWords(Member member)
    {
        _member = member;
        var trace = new TraceMask();
        Word[] words =
        [
            new("ruok", (_, answer) => answer.Append("imok")),
            new("isro", (_, answer) => answer.Append(member.IsReadOnly ? "ro" : "rw")),
            new("srvr", (_, answer) => ServerWords.Srvr(member, answer)),
            new("stat", (_, answer) => ServerWords.Stat(member, answer)),
            new("srst", (_, answer) => ServerWords.Srst(member, answer)),
            new("mntr", (_, answer) => ServerWords.Mntr(member, answer)),
            new("conf", (_, answer) => SetupWords.Conf(member, answer)),
            new("dirs", (_, answer) => SetupWords.Dirs(member, answer)),
            new("envi", (_, answer) => SetupWords.Envi(member, answer)),
            new("cons", (_, answer) => ConnectionWords.Cons(member, answer)),
            new("crst", (_, answer) => ConnectionWords.Crst(member, answer)),
            new("dump", (_, answer) => ConnectionWords.Dump(member, answer)),
            new("wchs", (_, answer) => WatchWords.Wchs(member.Watches.Data, answer)),
            new("wchp", (_, answer) => WatchWords.Wchp(member.Watches.Data, answer)),
            new("wchc", (_, answer) => WatchWords.Wchc(member.Watches.Data, answer)),
            new("gtmk", (_, answer) => answer.Append(trace.Value)),
            new("stmk", trace.Set) { Argument = sizeof(long) },
            // Apache's answers with a line for each 128 transactions; there is no digest of the tree here, so there is never such a line.
            new("hash", (_, _) => { }) { Since = ServerVersion.V38 },
        ];
        _known = words.Where(word => word.Since <= member.Options.Version).ToDictionary(word => BinaryPrimitives.ReadInt32BigEndian(Encoding.ASCII.GetBytes(word.Name)));
    }

    /// <summary>Looks whether the first bytes of a connection are a word, and answers it. Whatever comes after the word counts for nothing.</summary>
    /// <returns>Whether they are; a word may lack its argument yet.</returns>
    public bool TryAnswer(ServerConnection connection, FrameBuffer received)
    {
        if (received.Count < 4 || connection.IsClosing || !_known.TryGetValue(BinaryPrimitives.ReadInt32BigEndian(received.Waiting), out Word? word)) return false;
        bool isAllowed = IsAllowed(word.Name);
        if (isAllowed && received.Count < 4 + word.Argument) return true;
        connection.Statistics.CountReceived();
        var answer = new StringBuilder();
        if (isAllowed) word.Say(received.Waiting.Slice(4, word.Argument), answer);
        else answer.Append(word.Name).Append(" is not executed because it is not in the whitelist.\n");
        received.Skip(received.Count);
        if (answer.Length > 0) Send(connection, answer);
        connection.Close();
        return true;
    }

    // A client of a read-only server asks all others with isro which of them is not.
    private bool IsAllowed(string word) =>
        _member.Options.FourLetterWords.Contains(word) || _member.Options.FourLetterWords.Contains("*") || (word == "isro" && _member.Leader.Members.Exists(each => each.IsReadOnly));

    // Part by part: watches of a hundred thousand paths need no copy in one piece.
    private static void Send(ServerConnection connection, StringBuilder answer)
    {
        Encoder encoder = Encoding.UTF8.GetEncoder();
        byte[] bytes = ArrayPool<byte>.Shared.Rent(8192);
        foreach (ReadOnlyMemory<char> chunk in answer.GetChunks())
        {
            ReadOnlySpan<char> left = chunk.Span;
            while (!left.IsEmpty)
            {
                encoder.Convert(left, bytes, flush: false, out int used, out int made, out _);
                connection.SendRaw(bytes.AsSpan(0, made));
                left = left[used..];
            }
        }

        ArrayPool<byte>.Shared.Return(bytes);
        connection.Statistics.CountSent();
    }

    private delegate void Answer(ReadOnlySpan<byte> argument, StringBuilder answer);

    private sealed record Word(string Name, Answer Say)
    {
        /// <summary>How many bytes follow it.</summary>
        public int Argument { get; init; }

        public ServerVersion Since { get; init; } = ServerVersion.V34;
    }

    /// <summary>The mask of Apache's trace log (ZooTrace), which says nothing here but that it has been set.</summary>
    private sealed class TraceMask
    {
        public long Value { get; private set; } = 306;

        public void Set(ReadOnlySpan<byte> argument, StringBuilder answer) => answer.Append(Value = BinaryPrimitives.ReadInt64BigEndian(argument));
    }
}
