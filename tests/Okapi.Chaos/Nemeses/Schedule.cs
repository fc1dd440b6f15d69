namespace Okapi.Chaos;

/// <summary>
/// Which fault comes next. In rounds: each holds every kind as often as its weight says, in an order drawn anew, so that a
/// short run sees many kinds and a long one all of them equally.
/// </summary>
internal sealed class Schedule(IEnumerable<Nemesis> nemeses, Random random)
{
    private readonly Nemesis[] _kinds = [.. nemeses];
    private readonly Queue<Nemesis> _round = new();

    public Nemesis Next()
    {
        if (_round.Count == 0)
        {
            // Each kind once before any comes again: what is left of the weights follows in an order of its own.
            foreach (IEnumerable<Nemesis> part in (IEnumerable<Nemesis>[])[_kinds, _kinds.SelectMany(kind => Enumerable.Repeat(kind, kind.Weight - 1))])
            {
                Nemesis[] order = [.. part];
                random.Shuffle(order);
                foreach (Nemesis nemesis in order)
                {
                    _round.Enqueue(nemesis);
                }
            }
        }

        return _round.Dequeue();
    }
}
