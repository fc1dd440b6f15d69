using System.Collections.Concurrent;
using System.Globalization;
using Okapi.Chaos.Histories;

namespace Okapi.Chaos;

/// <summary>Makes one client's calls and writes down each with how it ended.</summary>
internal sealed class Calls(HistoryWriter history, int client, ZooKeeperClient zk)
{
    private readonly ConcurrentDictionary<long, OperationEntry> _pending = new();
    private long _last;

    public ZooKeeperClient Zk => zk;

    public HistoryWriter History => history;

    public int Client => client;

    /// <summary>A number that is this client's alone, and text that is unique in the run.</summary>
    public (long Id, string Tag) Next()
    {
        long id = Interlocked.Increment(ref _last);
        return (id, string.Create(CultureInfo.InvariantCulture, $"c{client}-{id}"));
    }

    /// <summary>Makes a call. How it failed is in the entry; only what no server and no network explains is thrown.</summary>
    public async Task<OperationEntry> MakeAsync(OperationKind kind, string path, long id, string? tag, Func<OperationEntry, ValueTask> call)
    {
        var entry = new OperationEntry
        {
            Client = client,
            Id = id,
            Kind = kind,
            Path = path,
            Tag = tag,
            Session = zk.SessionId,
            Invoked = HistoryWriter.Now,
        };
        _pending[id] = entry;
        entry.Outcome = Outcome.Unknown;
        try
        {
            await call(entry);
            entry.Outcome = entry.Error == ErrorCode.Ok ? Outcome.Ok : Outcome.Error;
        }
        catch (ZooKeeperException e)
        {
            (entry.Outcome, entry.Error) = Ending(e);
        }
        finally
        {
            if (_pending.TryRemove(id, out _))
            {
                history.Add(entry);
            }
        }

        return entry;
    }

    /// <summary>What did not return is written down as that.</summary>
    public int GiveUpPending()
    {
        int count = 0;
        foreach (long id in _pending.Keys)
        {
            if (_pending.TryRemove(id, out OperationEntry? entry))
            {
                entry.Outcome = Outcome.Pending;
                history.Add(entry);
                count++;
            }
        }

        return count;
    }

    public static (Outcome Outcome, ErrorCode Error) Ending(ZooKeeperException error) => error switch
    {
        ConnectionLossException lost => (Of(lost.Outcome), lost.Code),
        RequestTimeoutException late => (Of(late.Outcome), late.Code),
        // Whether it had been done when the session ended is not said.
        SessionEndedException over => (Outcome.Unknown, over.Code),
        _ => (Outcome.Error, error.Code),
    };

    private static Outcome Of(RequestOutcome outcome) => outcome == RequestOutcome.NotSent ? Outcome.NotSent : Outcome.Unknown;
}
