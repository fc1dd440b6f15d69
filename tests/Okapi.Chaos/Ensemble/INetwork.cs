using System.Net;

namespace Okapi.Chaos;

/// <summary>Where a process runs: this program itself, a server, or a client process.</summary>
/// <param name="Name">How it is called in reports.</param>
/// <param name="Address">Its address.</param>
internal sealed record Place(string Name, IPAddress Address);

/// <summary>What connects servers and clients, and what can be done to it.</summary>
internal interface INetwork
{
    /// <summary>Whether <see cref="CutAsync"/> can be used.</summary>
    bool CanCut { get; }

    /// <summary>What it is, for people.</summary>
    string Description { get; }

    /// <summary>Where this program runs.</summary>
    Place Home { get; }

    /// <summary>A new place for a process.</summary>
    Task<Place> AddAsync(string name);

    /// <summary>Ports for a server at a place: for clients, for the leader, for elections.</summary>
    (int Client, int Quorum, int Election) Ports();

    /// <summary>What comes before the name of a program that is to run at a place; it becomes that program, so that process ids are the program's own.</summary>
    IReadOnlyList<string> Prefix(Place place);

    /// <summary>From now on what one place sends to another is lost without a word; not so the other way.</summary>
    Task CutAsync(Place from, Place to);

    /// <summary>Undoes <see cref="CutAsync"/>; nothing happens where nothing was cut.</summary>
    Task MendAsync(Place from, Place to);
}
