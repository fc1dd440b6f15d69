using System.Text;
using Okapi.Simulation.Tests.Model;

namespace Okapi.Simulation.Tests.Work;

/// <summary>H39: what the client has to present on each connection, before everything else.</summary>
internal sealed class Credentials
{
    private readonly Scene _scene;
    private readonly List<string> _taken = ["okapi:secret"];

    public Credentials(Scene scene)
    {
        _scene = scene;
        scene.Ensemble.OnFirstRequest = CheckPresented;
    }

    /// <summary>Adds one, which has to be there on every later connection once a server has taken it.</summary>
    public void Add(string name)
    {
        Task taken = _scene.Client.Core.AddAuthAsync(new("digest", Encoding.UTF8.GetBytes(name)));
        _scene.Simulator.Note($"a credential is added");
        Look();

        void Look()
        {
            if (taken.IsCompletedSuccessfully) _taken.Add(name);
            else if (!taken.IsCompleted) _scene.Simulator.After(TimeSpan.FromMilliseconds(20), Look);
        }
    }

    private void CheckPresented(ModelConnection connection)
    {
        if (connection.Stream.IsDisposed) return;
        foreach (string credential in _taken)
            _scene.Simulator.Require(connection.Credentials.Contains(credential), $"H39: {credential} is not presented before the first request");
    }
}
