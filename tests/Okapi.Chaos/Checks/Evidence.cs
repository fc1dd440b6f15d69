using Okapi.Chaos.Histories;
using Okapi.Chaos.Truth;
using Okapi.Protocol;

namespace Okapi.Chaos.Checks;

/// <summary>A history beside the truth, sorted for those who check.</summary>
public sealed class Evidence
{
    private static readonly WireOperationEntry[] None = [];

    private readonly Dictionary<(int Client, string Path), List<WireOperationEntry>> _answersByPath = [];

    public Evidence(History history, IReadOnlyList<ServerLog> servers)
    {
        History = history;
        Run = history.Run;
        var open = new Dictionary<(int, int), WireConnection>();
        var newestSeen = new Dictionary<long, long>();
        foreach (HistoryEntry each in history.Entries)
        {
            switch (each)
            {
                case WireConnectedEntry { Session: not 0 } connected:
                    var connection = new WireConnection(connected);
                    open[(connected.Client, connected.Connection)] = connection;
                    Connections.Add(connection);
                    break;
                case WireEndedEntry ended:
                    if (ended.Undecoded is { } what) Undecoded.Add($"client {ended.Client}, connection {ended.Connection}, {what}");
                    if (open.Remove((ended.Client, ended.Connection), out WireConnection? over)) over.Ended = ended.Time;
                    break;
                case WireEntry wire when open.TryGetValue((wire.Client, wire.Connection), out WireConnection? on):
                    Take(on, wire, newestSeen);
                    break;
                case OperationEntry operation:
                    Operations.Add(operation);
                    break;
                case FaultEntry fault:
                    Faults.Add(fault);
                    break;
                case HealEntry heal:
                    Healed[heal.Fault] = heal.Time;
                    break;
                default:
                    break;
            }
        }

        Connections.Sort((left, right) => left.Opened.Time.CompareTo(right.Opened.Time));
        foreach (WireConnection each in Connections)
        {
            if (!Sessions.TryGetValue(each.Session, out List<WireConnection>? of)) Sessions.Add(each.Session, of = []);
            of.Add(each);
        }

        Log = TransactionLog.Merge(servers, newestSeen);
    }

    public History History { get; }

    public RunEntry Run { get; }

    public TransactionLog Log { get; }

    /// <summary>The API's calls.</summary>
    public List<OperationEntry> Operations { get; } = [];

    /// <summary>All connections by the time they were opened.</summary>
    public List<WireConnection> Connections { get; } = [];

    /// <summary>The connections of each session, one after the other.</summary>
    public Dictionary<long, List<WireConnection>> Sessions { get; } = [];

    public List<FaultEntry> Faults { get; } = [];

    /// <summary>When each fault was healed.</summary>
    public Dictionary<int, long> Healed { get; } = [];

    /// <summary>What was on the wire and could not be decoded: then the history is not complete.</summary>
    public List<string> Undecoded { get; } = [];

    /// <summary>The moment at which all faults were healed.</summary>
    public long LastHeal => Healed.Count > 0 ? Healed.Values.Max() : Run.Time;

    /// <summary>Whether servers had different trees at a moment, by the account of one of them. Which of them had the tree of the log it cannot know.</summary>
    public bool HadDiverged(DateTimeOffset moment) => Log.Servers.Any(server => server.Divergences.Any(each => each.Covers(moment)));

    /// <summary>The same, at a time of the history.</summary>
    public bool HadDiverged(long time) => HadDiverged(Run.Started + TimeSpan.FromMicroseconds((time - Run.Time) / 1000.0));

    /// <summary>For how long they had, in all.</summary>
    public TimeSpan DivergedFor()
    {
        TimeSpan sum = TimeSpan.Zero;
        DateTimeOffset counted = Run.Started, end = Run.Started + TimeSpan.FromMicroseconds((History.Entries.Select(each => each.Time).DefaultIfEmpty(Run.Time).Max() - Run.Time) / 1000.0);
        foreach (Divergence each in Log.Servers.SelectMany(server => server.Divergences).OrderBy(each => each.From))
        {
            DateTimeOffset from = each.From > counted ? each.From : counted, to = each.To < end ? each.To : end;
            if (to <= from) continue;
            sum += to - from;
            counted = to;
        }

        return sum;
    }

    public IEnumerable<T> Entries<T>()
        where T : HistoryEntry => History.Entries.OfType<T>();

    /// <summary>The answers to a client's requests about a path, in the order in which they came.</summary>
    public IReadOnlyList<WireOperationEntry> AnswersTo(int client, string path) =>
        _answersByPath.TryGetValue((client, path), out List<WireOperationEntry>? answers) ? answers : None;

    /// <summary>Those that came between two moments.</summary>
    public IEnumerable<WireOperationEntry> AnswersTo(int client, string path, long from, long to)
    {
        IReadOnlyList<WireOperationEntry> all = AnswersTo(client, path);
        int low = 0, high = all.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (all[middle].Time < from) low = middle + 1;
            else high = middle;
        }

        for (; low < all.Count && all[low].Time <= to; low++) yield return all[low];
    }

    internal static bool IsWrite(OpCode type) =>
        type is OpCode.Create or OpCode.Create2 or OpCode.CreateContainer or OpCode.CreateTtl or OpCode.Delete or OpCode.SetData or OpCode.SetAcl or OpCode.Multi or OpCode.CloseSession;

    /// <summary>Why a request failed; a transaction's answer says so in its parts.</summary>
    internal static ErrorCode ErrorOf(WireOperationEntry operation)
    {
        if (operation.Parts is null || operation.Type != OpCode.Multi) return operation.Error;
        ErrorCode error = operation.Error;
        foreach (WirePart part in operation.Parts)
        {
            if (part.Error is not (ErrorCode.Ok or ErrorCode.RuntimeInconsistency)) return part.Error;
            if (error == ErrorCode.Ok) error = part.Error;
        }

        return error;
    }

    private void Take(WireConnection connection, WireEntry entry, Dictionary<long, long> newestSeen)
    {
        if (entry is not WireOperationEntry operation)
        {
            connection.Received.Add(entry);
            return;
        }

        if (!operation.Answered)
        {
            connection.Unanswered.Add(operation);
            return;
        }

        connection.Received.Add(operation);
        connection.LastZxid = Math.Max(connection.LastZxid, operation.Zxid);
        long epoch = TransactionLog.EpochOf(operation.Zxid);
        newestSeen[epoch] = Math.Max(newestSeen.GetValueOrDefault(epoch), operation.Zxid);
        if (operation.Path is null) return;
        if (!_answersByPath.TryGetValue((operation.Client, operation.Path), out List<WireOperationEntry>? answers))
            _answersByPath.Add((operation.Client, operation.Path), answers = []);
        answers.Add(operation);
    }
}
