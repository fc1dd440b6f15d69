using Okapi.Sessions;
using Okapi.Simulation.Tests.Model;
using Okapi.Simulation.Tests.Work;

namespace Okapi.Simulation.Tests.Checks;

/// <summary>All calls of the client: each ends once (I1) and in time (I10), replies are seen in order (I3), and writes take effect as their endings say (I2).</summary>
internal sealed class CallLedger(Scene scene, ClientLife life)
{
    private readonly List<Call> _pending = [];
    private readonly List<Call> _finished = [];
    private readonly Dictionary<string, (int Applied, int Possible)> _deletes = [];
    private int _lastReplied;
    private Session? _lastRepliedOn;

    /// <summary>The number of the next call.</summary>
    public int NextTag { get; private set; } = 1;

    public IReadOnlyList<Call> Pending => _pending;

    /// <summary>Whether a call for a persistent watch has failed.</summary>
    public bool HadLostStream { get; private set; }

    private Simulator Simulator => scene.Simulator;

    public void Add<T>(string text, ValueTask<T> task, Func<T, bool> onResult, CancellationTokenSource? cancel = null, bool isTagged = false, bool isRead = false, bool isOrdered = true, IReadOnlyList<string>? deletes = null)
    {
        int tag = NextTag++;
        Simulator.Note($"call {tag}: {text}");
        _pending.Add(new Call<T>(tag, text, task, onResult)
        {
            MadeAt = Simulator.Now,
            Limit = scene.Options.RequestTimeout * (isOrdered ? 1 : 3),
            Session = scene.Client.Core.Session,
            Cancel = cancel,
            IsTagged = isTagged,
            IsRead = isRead,
            IsOrdered = isOrdered,
            Deletes = deletes ?? [],
            LossesBefore = life.Losses,
            ConnectsBefore = life.Connects,
            WasConnected = scene.Client.IsConnected,
        });
    }

    /// <summary>Takes those that have ended.</summary>
    public void Read()
    {
        for (int i = 0; i < _pending.Count; i++)
        {
            Call call = _pending[i];
            TimeSpan age = Simulator.Now - call.MadeAt;
            if (call.TryFinish(Simulator))
            {
                _pending.RemoveAt(i--);
                OnFinished(call);
            }
            else if (call.Cancel is { IsCancellationRequested: true })
            {
                Simulator.Fail($"{call.Text} (call {call.Tag}) is cancelled and does not end");
            }
            else if (age > call.Limit + TimeSpan.FromMilliseconds(100))
            {
                Simulator.Fail($"I10: {call.Text} (call {call.Tag}) is pending for {age.TotalMilliseconds} ms, with a request time-out of {scene.Options.RequestTimeout.TotalMilliseconds} ms");
            }
        }
    }

    /// <summary>I2: a refused write has no effect, one with an unknown outcome has it once or not at all.</summary>
    public void CheckEffects()
    {
        foreach (Call call in _finished)
        {
            if (!call.IsTagged || call.Ending == Ending.Applied) continue;
            int applied = scene.Ensemble.CountApplied(call.Tag);
            Simulator.Require(applied <= (call.Ending == Ending.Unknown ? 1 : 0), $"I2: {call.Text} (call {call.Tag}) ended as {call.Ending} and took effect {applied} times");
        }

        if (scene.Ensemble.Worlds.Count > 1) return;
        var deleted = new Dictionary<string, int>();
        foreach (Txn txn in scene.Ensemble.World.Log)
            foreach (Change change in txn.Changes)
                if (txn.SessionId != 0 && change.Type == WatchedEventType.NodeDeleted) deleted[change.Path] = deleted.GetValueOrDefault(change.Path) + 1;
        foreach ((string path, (int applied, int possible)) in _deletes)
        {
            int count = deleted.GetValueOrDefault(path);
            Simulator.Require(count >= applied && count <= possible, $"I2: {path} was deleted {count} times, where {applied} to {possible} deletes succeeded");
        }
    }

    private void OnFinished(Call call)
    {
        Simulator.Note($"call {call.Tag} ends: {call.Ending}{(call.Error is null ? "" : " " + call.Error.GetType().Name + " " + call.Error.Message)}");
        Simulator.Mix((ulong)call.Tag * 16 + (ulong)call.Ending);
        _finished.Add(call);
        Simulator.Require(call.Error is not NoAuthException, $"H39: {call.Text} (call {call.Tag}) is refused for want of a credential");
        if (call.IsOrdered && call.Ending is Ending.Applied or Ending.Refused) CheckOrder(call);
        HadLostStream |= call.IsStream && call.Ending != Ending.Applied;
        if (call.Error is ConnectionLossException) CheckLoss(call);
        if (call.Ending == Ending.Applied && call.IsTagged)
        {
            int applied = scene.Ensemble.CountApplied(call.Tag);
            Simulator.Require(applied == 1, $"I2: {call.Text} (call {call.Tag}) succeeds and took effect {applied} times");
        }

        foreach (string path in call.Deletes)
        {
            (int applied, int possible) = _deletes.GetValueOrDefault(path);
            _deletes[path] = (applied + (call.Ending == Ending.Applied ? 1 : 0), possible + (call.Ending is Ending.Applied or Ending.Unknown ? 1 : 0));
        }
    }

    private void CheckOrder(Call call)
    {
        if (_lastRepliedOn == call.Session) Simulator.Require(call.Tag > _lastReplied, $"I3: the reply to call {call.Tag} is seen after that to call {_lastReplied}");
        (_lastReplied, _lastRepliedOn) = (call.Tag, call.Session);
    }

    private void CheckLoss(Call call)
    {
        int losses = life.Losses - call.LossesBefore;
        Simulator.Require(losses > 0 || call.WasConnected, $"{call.Text} (call {call.Tag}) fails with a connection loss and none was lost");
        Simulator.Require(!call.IsRead || losses > 5, $"{call.Text} (call {call.Tag}) is a read and was not sent again");
        Simulator.Require(call.WasConnected || life.Connects > call.ConnectsBefore, $"{call.Text} (call {call.Tag}) fails with a connection loss and could not have been sent");
    }
}
