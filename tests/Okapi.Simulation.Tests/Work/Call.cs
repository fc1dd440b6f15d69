using Okapi.Sessions;

namespace Okapi.Simulation.Tests.Work;

/// <summary>How a call ended, as far as its effect goes.</summary>
internal enum Ending
{
    Pending,
    Applied,
    Refused,
    NotSent,
    Unknown,
}

/// <summary>One call of the client, from its making to its one completion.</summary>
internal abstract class Call(int tag, string text)
{
    /// <summary>Its number, and the data of what it writes.</summary>
    public int Tag { get; } = tag;

    public string Text { get; } = text;

    public TimeSpan MadeAt { get; init; }

    /// <summary>How long it may take beyond which it counts as hung.</summary>
    public TimeSpan Limit { get; init; }

    public Session? Session { get; init; }

    /// <summary>Whether its reply takes its place among the others'; false for calls of several requests.</summary>
    public bool IsOrdered { get; init; } = true;

    public bool IsRead { get; init; }

    /// <summary>Whether it asks for a persistent watch.</summary>
    public bool IsStream => Text.Contains("Persistent", StringComparison.Ordinal) && Text.StartsWith("watch", StringComparison.Ordinal);

    /// <summary>Paths whose deletion it asks for.</summary>
    public IReadOnlyList<string> Deletes { get; init; } = [];

    /// <summary>Whether it writes data with its number.</summary>
    public bool IsTagged { get; init; }

    public int LossesBefore { get; init; }

    public bool WasConnected { get; init; }

    public int ConnectsBefore { get; init; }

    public CancellationTokenSource? Cancel { get; init; }

    public Ending Ending { get; protected set; }

    public Exception? Error { get; protected set; }

    public abstract bool TryFinish(Simulator simulator);

    protected void Classify(Exception error)
    {
        Error = error;
        Ending = error switch
        {
            ConnectionLossException loss => loss.Outcome == RequestOutcome.NotSent ? Ending.NotSent : Ending.Unknown,
            RequestTimeoutException timeout => timeout.Outcome == RequestOutcome.NotSent ? Ending.NotSent : Ending.Unknown,
            SessionEndedException or OperationCanceledException => Ending.Unknown,
            ZooKeeperException => Ending.Refused,
            _ => Ending.Unknown,
        };
    }
}

internal sealed class Call<T>(int tag, string text, ValueTask<T> result, Func<T, bool> onResult) : Call(tag, text)
{
    public override bool TryFinish(Simulator simulator)
    {
        if (!result.IsCompleted) return false;
        try
        {
            Ending = onResult(result.GetAwaiter().GetResult()) ? Ending.Applied : Ending.Refused;
        }
        catch (Exception error)
        {
            Classify(error);
            simulator.Require(error is ZooKeeperException or OperationCanceledException, $"{Text} (call {Tag}) fails with {error}");
            simulator.Require(error is not OperationCanceledException || Cancel is { IsCancellationRequested: true }, $"{Text} (call {Tag}) is cancelled though nobody did");
        }

        return true;
    }
}
