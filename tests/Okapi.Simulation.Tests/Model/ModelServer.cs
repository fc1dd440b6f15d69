namespace Okapi.Simulation.Tests.Model;

internal sealed class ModelServer(Ensemble ensemble, Simulator simulator, int number)
{
    private World _world = ensemble.World;
    private int _applied;
    private bool _isCatchingUp;

    public int Number { get; } = number;

    public Ensemble Ensemble => ensemble;

    public Simulator Simulator => simulator;

    public bool IsUp { get; private set; } = true;

    public ModelTree Replica { get; private set; } = new();

    public List<ModelConnection> Connections { get; } = [];

    public long Zxid => _world.ZxidBefore(_applied);

    public void LoadAll()
    {
        _world = ensemble.World;
        Replica = _world.Tree.Clone();
        _applied = _world.Log.Count;
    }

    public void ScheduleCatchUp()
    {
        if (_isCatchingUp) return;
        _isCatchingUp = true;
        simulator.After(simulator.Between(0.1, ensemble.LagMs), () =>
        {
            _isCatchingUp = false;
            CatchUp();
        });
    }

    public void CatchUp()
    {
        while (_applied < _world.Log.Count)
        {
            Txn txn = _world.Log[_applied++];
            foreach (Change change in txn.Changes)
            {
                Replica.Apply(change, txn.Zxid);
                foreach (ModelConnection connection in Connections) connection.Watches.Trigger(change, txn.Zxid);
            }
        }
    }

    public void Stop()
    {
        if (!IsUp) return;
        IsUp = false;
        simulator.Note($"server {Number} stops");
        foreach (ModelConnection connection in Connections.ToArray()) connection.Stream.Reset();
    }

    public void Start()
    {
        if (IsUp) return;
        IsUp = true;
        simulator.Note($"server {Number} starts");
    }
}
