using System.Globalization;
using System.Net;

namespace Okapi.Chaos;

/// <summary>
/// Each place in a network namespace of its own, at one bridge. A packet is lost on purpose by a wrong entry in the
/// sender's table of neighbours: it goes out to a hardware address that nobody has. This needs no packet filter, works in
/// one direction at a time, and neither end is told, as with a switch that lost its way.
/// </summary>
internal sealed class Namespaces : INetwork
{
    private const string Bridge = "okapi0";
    private const string Nobody = "02:00:00:00:ff:ff";
    private readonly List<Place> _places = [];

    private Namespaces()
    {
    }

    public bool CanCut => true;

    public string Description => "each server and client process in a network namespace of its own";

    public Place Home { get; } = new("home", Address(100));

    public static async Task<Namespaces> CreateAsync()
    {
        // Names of namespaces are files: in a file system of our own they are nobody else's business.
        await Command.RunAsync("mkdir", "-p", "/run/netns");
        await Command.RunAsync("mount", "-t", "tmpfs", "none", "/run/netns");
        await Ip("link set lo up");
        await Ip($"link add {Bridge} address {Hardware(100)} type bridge");
        await Ip($"addr add {Address(100)}/24 dev {Bridge}");
        await Ip($"link set {Bridge} up");
        return new Namespaces();
    }

    public async Task<Place> AddAsync(string name)
    {
        int number = _places.Count + 1;
        var place = new Place(name, Address(number));
        await Ip($"netns add {name}");
        await Ip($"link add v{number} type veth peer name eth0 address {Hardware(number)} netns {name}");
        await Ip($"link set v{number} master {Bridge} up");
        await Ip($"-n {name} link set lo up");
        await Ip($"-n {name} addr add {place.Address}/24 dev eth0");
        await Ip($"-n {name} link set eth0 up");
        _places.Add(place);
        foreach (Place other in (Place[])[Home, .. _places])
        {
            if (other != place)
            {
                await MendAsync(place, other);
                await MendAsync(other, place);
            }
        }

        return place;
    }

    public (int Client, int Quorum, int Election) Ports() => (2181, 2888, 3888);

    public IReadOnlyList<string> Prefix(Place place) => place == Home ? [] : ["ip", "netns", "exec", place.Name];

    public Task CutAsync(Place from, Place to) => Neighbour(from, to, Nobody);

    public Task MendAsync(Place from, Place to) => Neighbour(from, to, Hardware(to.Address.GetAddressBytes()[3]));

    private Task Neighbour(Place from, Place to, string hardware) =>
        Ip($"{(from == Home ? "" : $"-n {from.Name} ")}neigh replace {to.Address} lladdr {hardware} dev {(from == Home ? Bridge : "eth0")} nud permanent");

    private static IPAddress Address(int number) => new([10, 213, 64, (byte)number]);

    private static string Hardware(int number) => string.Create(CultureInfo.InvariantCulture, $"02:00:00:00:00:{number:x2}");

    private static Task Ip(string command) => Command.RunAsync("ip", command.Split(' '));
}
