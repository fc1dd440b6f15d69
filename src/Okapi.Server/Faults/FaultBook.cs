namespace Okapi.Server;

/// <summary>The faults that are in force. Without any, asking costs one read of a field.</summary>
internal sealed class FaultBook
{
    private readonly Lock _lock = new();
    private Fault[] _faults = [];

    public bool IsEmpty => _faults.Length == 0;

    /// <summary>All that are in force, in the order in which they were asked for.</summary>
    public IReadOnlyList<Fault> InForce => _faults;

    public Fault Add(Fault fault)
    {
        lock (_lock) _faults = [.. _faults, fault];
        return fault;
    }

    public void Remove(Fault fault)
    {
        lock (_lock) _faults = [.. _faults.Where(each => each != fault)];
    }

    /// <summary>The first fault of a kind that is in force for a member.</summary>
    public Fault? Find(FaultKind kind, int member, FaultDirection direction = FaultDirection.Both) =>
        Array.Find(_faults, fault => fault.Kind == kind && (fault.Member ?? member) == member && (fault.Direction & direction) != 0);

    /// <summary>The first fault that strikes a request, which counts as a strike.</summary>
    public Fault? Take(in FaultyRequest request, int member)
    {
        foreach (Fault fault in _faults)
        {
            if (fault.Kind is not (FaultKind.AnswerError or FaultKind.AlterReply or FaultKind.CutForReply or FaultKind.CutForRequest) || (fault.Member ?? member) != member) continue;
            if ((fault.When is null || fault.When(request)) && fault.Strike()) return fault;
        }

        return null;
    }
}
