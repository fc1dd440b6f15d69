namespace Okapi.Chaos.Truth;

/// <summary>The trees that clients could see, one zxid after another: what was agreed on, and at the end of an epoch also what was lost with it.</summary>
internal sealed class Replay(TransactionLog log)
{
    private readonly ModelTree _tree = new();
    private ModelTree? _withLost;
    private int _committed;
    private int _lost;

    /// <summary>Takes what each transaction did.</summary>
    public Action<ModelEvent>? OnEvent { get; init; }

    /// <summary>The tree as of a zxid, which must not be lower than the last one asked for. It changes with the next call.</summary>
    public ModelTree At(long zxid)
    {
        while (Next(log.Committed, _committed) is var committed && Next(log.Lost, _lost) is var lost && Math.Min(committed, lost) <= zxid)
        {
            if (committed == long.MaxValue && lost == long.MaxValue) break;
            if (lost < committed)
            {
                _withLost ??= new ModelTree(_tree);
                _withLost.Apply(log.Lost[_lost++], OnEvent);
            }
            else
            {
                _withLost = null;
                _tree.Apply(log.Committed[_committed++], OnEvent);
            }
        }

        return _withLost ?? _tree;
    }

    private static long Next(IReadOnlyList<LoggedTransaction> of, int at) => at < of.Count ? of[at].Zxid : long.MaxValue;
}
