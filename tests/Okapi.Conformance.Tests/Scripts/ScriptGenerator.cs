namespace Okapi.Conformance.Tests.Scripts;

/// <summary>Makes scripts up. The same seed gives the same script.</summary>
public sealed class ScriptGenerator(int seed)
{
    public const int MaximumSteps = 60;

    private static readonly string[] Paths = ["~/a", "~/b", "~/a/a", "~/a/b", "~/b/a", "~/b/b", "~/a/a/a", "~/a/a/b", "~/a/b/a", "~/b/a/a"];
    private static readonly string?[] OddPaths =
    [
        "/", "", "~/", "~/a/", "a", "~//a", "~/.", "~/a/..", "~/./a", "~/a\u0001", "~/\0", "~/\uf8ff", "~/\ufff0", "~/\u00e9", "/nowhere/a", "/zookeeper", "/zookeeper/config",
        "/zookeeper/quota", "/zookeeper/", "a/b", "~/s-0000000000", "~/a/0000000000", "~/s-0000000001", "~/c0000000001", null,
    ];

    private static readonly string[] Credentials = ["digest:u1:p1", "digest:u1:p1", "digest:u2:p2", "digest:u2:p2", "digest:u1:wrong", "digest:super:okapi-super", "digest:nocolon", "digest:", "ip:1.2.3.4", "super:x", "nobody:knows"];
    private static readonly string[] GoodAcls = ["read", "noread", "nocreate", "nodelete", "noadmin", "admin", "u1", "u2", "u1+read", "u1u2", "auth", "auth+read", "ip", "net", "othernet", "twice", "none", "more"];
    private static readonly string[] BadAcls = [.. Acls.All.Keys.Except(GoodAcls)];
    private static readonly int[] UnknownTypes = [0, -1, 10, 23, 99, 108, 1000, int.MinValue];

    private readonly Random _random = new(seed);

    public static Script Make(int seed) => new ScriptGenerator(seed).Make();

    private Script Make()
    {
        int count = _random.Next(4) == 0 ? _random.Next(5, 20) : _random.Next(20, MaximumSteps + 1);
        var steps = new List<Step>();
        // Something to work with: most of a script's steps would meet nothing otherwise.
        foreach (string path in (string[])["~/a", "~/b", "~/a/a"])
        {
            if (Chance(2)) steps.Add(new(Session(), new Operation("create", path) { Data = Data() }));
        }

        while (steps.Count < count) AddSteps(steps);
        return new([.. steps.Take(MaximumSteps)]);
    }

    private void AddSteps(List<Step> steps)
    {
        int session = Session();
        if (Chance(12))
        {
            int together = _random.Next(2, 6);
            for (int i = 0; i < together; i++)
            {
                Operation request = Request();
                steps.Add(new(session, request, Unawaited: i < together - 1 && !IsStumbledOver(request)));
            }

            return;
        }

        switch (_random.Next(60))
        {
            case 0:
                steps.Add(new(session, new("close")));
                steps.Add(new(session, new(Chance(8) ? "resume" : "open")));
                break;
            case 1 or 2:
                if (!Chance(4)) steps.Add(new(session, new("drop")));
                for (int i = _random.Next(4); i > 0; i--) steps.Add(new(Session(), Write()));
                if (Chance(12)) steps.Add(new(session, new("resume") { Since = 1 }));
                steps.Add(new(session, new("resume") { Since = Chance(3) ? -1 : 0, Data = Chance(12) ? "wrong" : null }));
                if (!Chance(4)) steps.Add(new(session, SetWatches()));
                break;
            case 3 or 4:
                steps.Add(new(session, new("auth") { Data = Credentials[Chance(3) ? _random.Next(Credentials.Length) : _random.Next(4)] }));
                break;
            case 5 when Chance(2):
                steps.Add(new(session, new("raw") { Number = One(UnknownTypes), Data = Chance(2) ? null : "00000000" }));
                steps.Add(new(session, new("resume")));
                break;
            default:
                steps.Add(new(session, Request()));
                break;
        }
    }

    /// <summary>
    /// Apache does not take back what the parts of such a multi have counted before it stumbled; whether requests pipelined behind it see that is a matter of time.
    /// </summary>
    private static bool IsStumbledOver(Operation request) =>
        request.Parts.Any(part => part.Path is null || part.Acl is "nullid?" || (part.Verb is "create" or "create2" or "createContainer" && part.Number is 5 or 6));

    private Operation Request()
    {
        Operation request = _random.Next(10) switch
        {
            < 5 => Write(),
            < 8 => Read(),
            _ => Watching(),
        };
        if (Chance(60) && request.Verb is not ("ping" or "whoAmI" or "setWatches" or "setWatches2")) request = request with { Cut = _random.Next(1, 14) };
        else if (Chance(60)) request = request with { Pad = _random.Next(1, 9) };
        return request;
    }

    private Operation Write() => _random.Next(20) switch
    {
        < 9 => Create(),
        < 12 => new("delete", Chance(30) ? One(["/", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"]) : WritePath()) { Version = Version() },
        < 15 => new("setData", WritePath()) { Data = Data(), Version = Version() },
        < 17 => new("setACL", WritePath()) { Acl = Acl(), Version = Version() },
        _ => new("multi") { Parts = [.. Enumerable.Range(0, _random.Next(7)).Select(_ => Part())] },
    };

    private Operation Create()
    {
        string verb = _random.Next(10) switch { < 5 => "create", < 8 => "create2", 8 => "createContainer", _ => "createTTL" };
        int flags = verb switch
        {
            _ when Chance(25) => One([4, 5, 6, 7, 99, -1]),
            "createContainer" => Chance(4) ? 0 : 4,
            "createTTL" => Chance(6) ? _random.Next(4) : _random.Next(5, 7),
            _ => Chance(2) ? 0 : _random.Next(4),
        };
        string? path = WritePath();
        if (Chance(60)) path = One(["/", ""]);
        if (flags is 2 or 3 or 6 && Chance(2)) path = One(["~/s-", "~/", "~/a/", "~/a/s-", "~/c", "~/b/s-"]);
        if (path is "~" or "/" or "" && flags is 2 or 3 or 6) flags = 0; // its name would count what other scripts do
        // 3.8.0 checks the time to live only if the flags say that there is one, and dies of one that is out of range.
        long ttl = verb == "createTTL" && flags is not (5 or 6) ? 100_000 : verb == "createTTL" ? One([100_000, 100_000, 1, 0, -1, (1L << 40) - 1, 1L << 40, long.MaxValue]) : 0;
        return new(verb, path) { Data = Data(), Acl = Acl(), Number = flags, Ttl = ttl };
    }

    private Operation Part() => _random.Next(24) switch
    {
        < 9 => Create(),
        < 14 => new("delete", WritePath()) { Version = Version() },
        < 18 => new("setData", WritePath()) { Data = Data(), Version = Version() },
        < 23 => new("check", AnyPath()) { Version = Version() },
        _ => Chance(2) ? new("setACL", WritePath()) { Acl = "open" } : new("getData", AnyPath()),
    };

    private Operation Read() => _random.Next(16) switch
    {
        < 3 => Watched("getData"),
        < 6 => Watched("exists"),
        < 8 => Watched("getChildren"),
        < 10 => Watched("getChildren2"),
        10 => new("getACL", AnyPath()),
        11 => new("getEphemerals", AnyPath()),
        12 => new("getAllChildrenNumber", AnyPath()),
        13 => new("multiRead") { Parts = [.. Enumerable.Range(0, _random.Next(5)).Select(_ => new Operation(Chance(20) ? "exists" : Chance(2) ? "getData" : "getChildren", AnyPath()) { Watch = Chance(3) })] },
        14 => new("sync", AnyPath()),
        _ => new(Chance(2) ? "whoAmI" : "ping"),
    };

    private Operation Watched(string verb)
    {
        var read = new Operation(verb, AnyPath());
        return IsShared(read.Path) ? read : read with { Watch = Chance(2) };
    }

    private Operation Watching() => _random.Next(10) switch
    {
        < 6 => new("addWatch", WatchPath()) { Number = Chance(15) ? One([2, 9, -1]) : _random.Next(2) },
        6 => new("checkWatches", WatchPath()) { Number = WatcherType() },
        < 9 => new("removeWatches", WatchPath()) { Number = WatcherType() },
        _ => SetWatches(),
    };

    private Operation SetWatches()
    {
        bool all = Chance(2);
        string[] lists = all ? ["data", "exist", "child", "persistent", "recursive"] : ["data", "exist", "child"];
        return new(all ? "setWatches2" : "setWatches")
        {
            Since = Chance(6) ? One([0, 1]) : -_random.Next(1, 8),
            Parts = [.. Enumerable.Range(0, _random.Next(8)).Select(_ => new Operation(One(lists), WatchPath()))],
        };
    }

    private int WatcherType() => Chance(15) ? One([0, 4, 5, 9]) : _random.Next(1, 4);

    private int Session() => _random.Next(Script.Sessions);

    private bool Chance(int of) => _random.Next(of) == 0;

    private T One<T>(T[] of) => of[_random.Next(of.Length)];

    private string GoodPath() => _random.Next(10) switch
    {
        0 => "~",
        < 5 => Paths[_random.Next(2)],
        < 8 => Paths[_random.Next(6)],
        _ => One(Paths),
    };

    private string? AnyPath() => Chance(15) ? One(OddPaths) : GoodPath();

    // Writes must not touch what all scripts on a server share.
    private string? WritePath() => AnyPath() is var path && IsShared(path) ? GoodPath() : path;

    // What happens to the root is everybody's, and would be heard; and to checkWatches, 3.8.0 gives everybody's watches of a path.
    private string WatchPath() => AnyPath() is ['~', ..] path ? path : "~";

    private static bool IsShared(string? path) => path is "/" or "" || (path is not null && path.StartsWith("/zookeeper", StringComparison.Ordinal));

    private string? Data() => _random.Next(6) switch { 0 => null, 1 => "", 2 => "longer", _ => "x" };

    private int Version() => _random.Next(8) switch { < 4 => -1, 4 => 0, 5 => _random.Next(3), 6 => 1, _ => One([-2, 2, 7, int.MaxValue]) };

    private string Acl() => _random.Next(12) switch { < 8 => "open", < 11 => One(GoodAcls), _ => One(BadAcls) };
}
