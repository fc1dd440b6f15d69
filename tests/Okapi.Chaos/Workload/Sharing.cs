using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Okapi.Chaos.Histories;
using Okapi.State;

namespace Okapi.Chaos;

/// <summary>What is shared: who wrote last, and how often each wrote.</summary>
internal sealed record Ledger(int Turn, int Last, IReadOnlyList<int> Counts);

[JsonSerializable(typeof(Ledger))]
internal sealed partial class LedgerJson : JsonSerializerContext;

/// <summary>Takes part in a shared state: updates it, reads it both ways, and follows its changes.</summary>
internal sealed class Sharing(Calls calls, string path, UpdateMode mode, int clients, Random random) : Activity
{
    // So short that an outage makes values stale: refusing them is part of the promise.
    private static readonly TimeSpan MaxStaleness = TimeSpan.FromSeconds(3);
    private readonly string _payload = path + "/payload";
    private readonly Lock _lock = new();
    private SharedState<Ledger>? _state;
    private JsonNode? _applied;
    private (int Version, long Zxid) _reached;
    private Task _following = Task.CompletedTask;

    public override Task RunAsync(CancellationToken stop) =>
        RepeatAsync(() => StepAsync(stop), () => TimeSpan.FromMilliseconds(random.Next(100, 900)), stop);

    public override async Task FinishAsync(CancellationToken limit)
    {
        SharedState<Ledger> state = _state ?? throw new InvalidOperationException($"The state at {path} could never be opened.");
        await state.ReadLatestAsync(limit);
        Versioned<Ledger> last = state.Known;
        // Bounded: if what the changes led to is something else, that is a finding and to be written down.
        for (int attempt = 0; ; attempt++)
        {
            lock (_lock)
            {
                if (attempt == 60 || (_reached.Zxid == last.Zxid && DataTag.OfJson(_applied) == Content(last)))
                {
                    See(last.Version, last.Zxid, Content(last), isFinal: true);
                    break;
                }
            }

            await Task.Delay(50, limit);
        }

        await state.DisposeAsync();
        await _following;
    }

    private async Task StepAsync(CancellationToken stop)
    {
        if (_state is null)
        {
            await OpenAsync(stop);
        }

        SharedState<Ledger> state = _state!;
        switch (random.Next(4))
        {
            case 0:
                await state.UpdateAsync(ledger => ledger with
                {
                    Turn = ledger.Turn + 1,
                    Last = calls.Client,
                    Counts = [.. ledger.Counts.Select((count, at) => at == calls.Client - 1 ? count + 1 : count)],
                }, stop);
                break;
            case 1:
                await ReadAsync(state, StateReadKind.Latest, () => state.ReadLatestAsync(stop));
                break;
            default:
                await ReadAsync(state, StateReadKind.Near, () => Task.FromResult(state.Read()));
                break;
        }
    }

    private async Task OpenAsync(CancellationToken stop)
    {
        // QuorumReads: without it the latest read is as good as ZooKeeper's sync, which a deposed leader answers too.
        var options = new SharedStateOptions { MaxStaleness = MaxStaleness, CheckInterval = TimeSpan.FromSeconds(1), UpdateMode = mode, QuorumReads = true };
        SharedState<Ledger> state = await SharedState.OpenAsync(calls.Zk, path, new Ledger(0, 0, new int[clients]), LedgerJson.Default.Ledger, options, stop);
        Versioned<Ledger> opened = state.Known;
        (_applied, _reached) = (JsonNode.Parse(opened.Document.GetRawText()), (opened.Version, opened.Zxid));
        See(opened.Version, opened.Zxid, Content(opened), isFinal: false);
        _following = FollowAsync(state, opened);
        _state = state;
    }

    // Changes of one version belong together: the version is complete when the next one begins.
    private async Task FollowAsync(SharedState<Ledger> state, Versioned<Ledger> since)
    {
        await foreach (StateChange change in state.Changes(since))
        {
            lock (_lock)
            {
                if (change.Zxid != _reached.Zxid)
                {
                    if (_reached.Zxid != since.Zxid)
                    {
                        See(_reached.Version, _reached.Zxid, content: null, isFinal: false);
                    }

                    _reached = (change.Version, change.Zxid);
                }

                _applied = JsonDifference.Apply(_applied, [change]);
            }
        }
    }

    private async Task ReadAsync(SharedState<Ledger> state, StateReadKind kind, Func<Task<Ledger>> read)
    {
        long invoked = HistoryWriter.Now;
        try
        {
            Ledger value = await read();
            long returned = HistoryWriter.Now;
            Versioned<Ledger> known = state.Known;
            // What is known may have moved on since; then it cannot be said which version was read.
            if (ReferenceEquals(known.Value, value))
            {
                Write(Outcome.Ok, returned, known.Version, known.Zxid);
            }
        }
        catch (StaleStateException)
        {
            Write(Outcome.Error, HistoryWriter.Now, 0, 0);
        }

        void Write(Outcome outcome, long returned, int version, long zxid) => calls.History.Add(new StateReadEntry
        {
            Time = returned,
            Client = calls.Client,
            Replica = 1,
            Path = _payload,
            Kind = kind,
            Invoked = invoked,
            Outcome = outcome,
            Zxid = zxid,
            Version = version,
            MaxStalenessMs = (int)MaxStaleness.TotalMilliseconds,
        });
    }

    private static string Content(Versioned<Ledger> known) => DataTag.OfJson(known.Document);

    private void See(int version, long zxid, string? content, bool isFinal) => calls.History.Add(new StateSeenEntry
    {
        Client = calls.Client,
        Replica = 1,
        Path = _payload,
        Version = version,
        Zxid = zxid,
        // Written as the library writes documents: what the differences add up to has to be the znode's bytes, at every version.
        Tag = DataTag.Of(_applied?.ToJsonString()),
        ContentTag = content,
        AppliedTag = content is null ? null : DataTag.OfJson(_applied),
        IsFinal = isFinal,
    });
}
