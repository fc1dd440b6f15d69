using Okapi.Protocol;
using Okapi.Simulation.Tests.Model;
using Okapi.Simulation.Tests.Wire;

namespace Okapi.Simulation.Tests.Work;

/// <summary>The faults of a run, and their end.</summary>
internal sealed class Nemesis
{
    private readonly Scene _scene;
    private readonly Simulator _simulator;
    private readonly Ensemble _ensemble;
    private readonly Network _network;
    private TimeSpan _end;
    private bool _deniesNext;

    public Nemesis(Scene scene)
    {
        _scene = scene;
        _simulator = scene.Simulator;
        _ensemble = scene.Ensemble;
        _network = scene.Network;
        _ensemble.OnHandshake += OnHandshake;
    }

    public void Plan(TimeSpan end)
    {
        _end = end;
        int count = _simulator.Random.Next(0, 9);
        for (int i = 0; i < count; i++) _simulator.At(_simulator.Between(0, end.TotalMilliseconds), Strike);
    }

    public void Heal()
    {
        _simulator.Note($"faults are over");
        _network.SilentUntil = TimeSpan.Zero;
        _deniesNext = false;
        foreach (ModelServer server in _ensemble.Servers) server.Start();
        foreach (ClientStream stream in _network.Streams)
        {
            stream.ToClient.StalledUntil = stream.ToServer.StalledUntil = TimeSpan.Zero;
            stream.Peer.Swallow = stream.Peer.Misnumber = 0;
        }
    }

    private void Strike()
    {
        ClientStream? stream = _network.Current;
        int kind = _simulator.Random.Next(14);
        _simulator.Note($"fault {kind}");
        switch (kind)
        {
            case 0 or 1:
                stream?.Reset();
                break;
            case 2:
                if (stream is not null) stream.ToClient.StalledUntil = Until();
                break;
            case 3:
                if (stream is not null) stream.ToServer.StalledUntil = Until();
                break;
            case 4:
                if (stream is not null) stream.ToServer.StalledUntil = stream.ToClient.StalledUntil = Until();
                break;
            case 5:
                stream?.ToClient.SendEnd();
                break;
            case 6:
                stream?.ToServer.SendEnd();
                break;
            case 7:
                _network.SilentUntil = Until();
                if (_simulator.Chance(0.7)) stream?.Reset();
                break;
            case 8 when _scene.Session is { } session:
                _ensemble.EndSession(session, "it is made to expire");
                break;
            case 9:
                Restart(_simulator.Pick(_ensemble.Servers), Until());
                break;
            case 10:
                RestartAll(Until(), keepsData: _simulator.Chance(0.6));
                break;
            case 11 when stream is not null:
                stream.Peer.Swallow++;
                _scene.Log.HadWrongReplies = true;
                break;
            case 12 when stream is not null:
                stream.Peer.Misnumber++;
                _scene.Log.HadWrongReplies = true;
                break;
            case 13 when stream is not null:
                stream.Reset();
                _deniesNext = true;
                break;
            default:
                break;
        }
    }

    /// <summary>Most faults are shorter than what a session survives.</summary>
    private TimeSpan Until()
    {
        double most = _simulator.Chance(0.7) ? 0.5 : 3;
        TimeSpan until = _simulator.Now + (_ensemble.Granted * (_simulator.Random.NextDouble() * most));
        return until < _end ? until : _end;
    }

    private void Restart(ModelServer server, TimeSpan until)
    {
        server.Stop();
        _simulator.At(until, server.Start);
    }

    private void RestartAll(TimeSpan until, bool keepsData)
    {
        foreach (ModelServer server in _ensemble.Servers) server.Stop();
        if (!keepsData)
        {
            _simulator.Note($"the data of all servers is gone");
            _ensemble.Wipe();
        }

        _simulator.At(until, () =>
        {
            _ensemble.TouchSessions();
            foreach (ModelServer server in _ensemble.Servers) server.Start();
        });
    }

    private void OnHandshake(ModelConnection connection, ConnectRequest request)
    {
        if (!_deniesNext || request.SessionId == 0 || connection.Stream.IsDisposed) return;
        _deniesNext = false;
        connection.DenySession = true;
        _network.Denied.Add(request.SessionId);
    }
}
