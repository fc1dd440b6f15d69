using Okapi.Protocol;
using Okapi.Simulation.Tests.Model;

namespace Okapi.Simulation.Tests.Work;

/// <summary>Other clients' writes, made at the ensemble directly.</summary>
internal sealed class OtherClients(Scene scene)
{
    private static readonly Acl[] Open = [.. Acl.Open];

    public void Plan(TimeSpan end)
    {
        int count = scene.Simulator.Random.Next(0, 40);
        for (int i = 0; i < count; i++) scene.Simulator.At(scene.Simulator.Between(0, end.TotalMilliseconds), Write);
    }

    private void Write()
    {
        Simulator simulator = scene.Simulator;
        Ensemble ensemble = scene.Ensemble;
        int count = simulator.Chance(0.25) ? simulator.Random.Next(2, 5) : 1;
        var operations = new List<MultiOperation>();
        for (int i = 0; i < count; i++)
        {
            string path = scene.ServerPath(simulator.Pick(Workload.Paths));
            bool exists = ensemble.World.Tree[path] is not null;
            byte[] data = [(byte)simulator.Random.Next(256)];
            operations.Add(!exists ? new(OpCode.Create, path, data, Open) : simulator.Chance(0.6) ? new(OpCode.SetData, path, data) : new(OpCode.Delete, path));
        }

        simulator.Note($"another client writes {string.Join(", ", operations.Select(operation => $"{operation.Type} {operation.Path.Path}"))} as 0x{ensemble.World.Zxid + 1:x}");
        ensemble.Write(operations, 0);
    }
}
