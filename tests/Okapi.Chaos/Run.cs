using System.Diagnostics;
using System.Globalization;
using Okapi.Chaos.Histories;
using Okapi.Chaos.Truth;

namespace Okapi.Chaos;

/// <summary>One run from the first server's start to the last one's end: what it leaves are histories and the servers' data.</summary>
internal sealed class Run
{
    private const int Clients = 24;
    private const int ClientsPerProcess = 2;
    private const int Processes = 4;
    private readonly RunOptions _options;
    private readonly INetwork _network;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly Lock _lock = new();
    private readonly List<string> _problems = [];

    public Run(RunOptions options, INetwork network) => (_options, _network) = (options, network);

    /// <summary>The servers' own folders, with all their data; what judging needs of it is kept beside it.</summary>
    public string ServersFolder => Path.Combine(_options.Folder, "ensemble");

    /// <summary>What went wrong beside all that histories tell.</summary>
    public IReadOnlyList<string> Problems => _problems;

    public IReadOnlyList<Blow> Blows { get; private set; } = [];

    public async Task DriveAsync(CancellationToken cancel)
    {
        Say($"network: {_network.Description}");
        using var history = new HistoryWriter(_options.Folder, "main");
        await using Ensemble ensemble = await Ensemble.StartAsync(_network, ServersFolder, _options.TickMs);
        var workload = new WorkloadOptions(ensemble.ConnectString, _options.Seed, _options.SessionTimeout, Clients, _options.Rate);
        history.Add(new RunEntry
        {
            Seed = _options.Seed,
            Started = DateTimeOffset.UtcNow,
            Command = _options.Command,
            TickMs = _options.TickMs,
            SessionTimeoutMs = (int)_options.SessionTimeout.TotalMilliseconds,
            Servers = ensemble.Servers.Count,
            Clients = Clients,
            RecipeRoots = Layout.RecipeRoots,
            ProbeRoot = Layout.Probes,
            Notes = _network.Description,
        });
        await using var observer = new Observer(ensemble, TimeSpan.FromMilliseconds(2 * _options.TickMs), (server, mode) =>
        {
            history.Add(new ServerModeEntry { Server = server.Id, Mode = mode });
            Say($"  {server.Name} is {mode}");
        });
        await AsNobodyAsync(workload, history, zk => PrepareAsync(zk));
        var groups = new List<IClientGroup>();
        try
        {
            await AddClientsAsync(groups, workload, history);
            await Task.WhenAll(groups.Select(group => group.BeginAsync()));
            Say($"{Clients} clients are at work, {Processes * ClientsPerProcess} of them in {Processes} other processes");
            var field = new Field(ensemble, _network, [.. groups.OfType<ClientProcess>()], _options.SessionTimeout);
            var campaign = new Campaign(field, observer, history, new Random(_options.Seed), Say, Problem);
            Blows = campaign.Blows;
            await campaign.RunAsync(_options.Duration, cancel);
            await EndAsync(groups, ensemble, workload, history);
        }
        finally
        {
            foreach (IClientGroup group in groups)
            {
                await group.DisposeAsync();
            }
        }

        foreach (Server server in ensemble.Servers)
        {
            await FinalTree.RecordAsync(history, server.Id, server.Endpoint.ToString(), cancel);
        }

        await observer.DisposeAsync();
        await Task.WhenAll(ensemble.Servers.Select(server => server.StopAsync()));
        foreach (Server server in ensemble.Servers)
        {
            ServerLog.Keep(server.DataFolder, _options.Folder, server.Id, File.ReadLines(server.MessageFile), server.WipedFolders);
        }
    }

    public void Say(string line)
    {
        lock (_lock)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"[{_clock.Elapsed.TotalSeconds,7:0.0} s] {line}"));
        }
    }

    private async Task AddClientsAsync(List<IClientGroup> groups, WorkloadOptions workload, HistoryWriter history)
    {
        const int Here = Clients - (Processes * ClientsPerProcess);
        groups.Add(new ClientGroup(workload, history, [.. Enumerable.Range(1, Here)], Problem));
        for (int process = 0; process < Processes; process++)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"p{process + 1}");
            int[] numbers = [.. Enumerable.Range(Here + 1 + (process * ClientsPerProcess), ClientsPerProcess)];
            groups.Add(new ClientProcess(name, await _network.AddAsync(name), _network, numbers, workload, _options.Folder, Problem));
        }
    }

    private async Task EndAsync(List<IClientGroup> groups, Ensemble ensemble, WorkloadOptions workload, HistoryWriter history)
    {
        Say("all faults are healed; each client has to write once more");
        await Task.WhenAll(groups.Select(group => group.ProbeAsync()));
        await Task.WhenAll(groups.Select(group => group.QuietAsync()));
        Say("the load has ended; what clients know is compared");
        await WaitStillAsync(ensemble);
        await AsNobodyAsync(workload, history, async zk =>
        {
            foreach (string branch in Layout.Branches)
            {
                await zk.CreateAsync(Layout.Marker(branch));
            }
        });
        await Task.WhenAll(groups.Select(group => group.FinishAsync()));
        await Task.WhenAll(groups.Select(group => group.CloseAsync()));
        foreach (Server server in ensemble.Servers)
        {
            foreach (string word in (string[])["dump", "wchs"])
            {
                string answer = await server.TryAskAsync(word, TimeSpan.FromSeconds(5)) ?? "";
                history.Add(new ServerWordEntry { Server = server.Id, Word = word, Answer = answer });
            }
        }

        await WaitStillAsync(ensemble);
    }

    // Client 0: the one who runs the whole.
    private static async Task AsNobodyAsync(WorkloadOptions workload, HistoryWriter history, Func<ZooKeeperClient, Task> work)
    {
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(new ZooKeeperOptions
        {
            ConnectString = workload.ConnectString,
            SessionTimeout = workload.SessionTimeout,
            ConnectCallback = new WireRecorder(history, client: 0).ConnectAsync,
        });
        await work(zk);
    }

    private static async Task PrepareAsync(ZooKeeperClient zk)
    {
        foreach (string path in Layout.Prepared(Clients))
        {
            await zk.CreateAsync(path);
        }
    }

    // Servers remove outlived TTL znodes and empty containers in their own time.
    private static async Task WaitStillAsync(Ensemble ensemble)
    {
        const int Same = 12;
        string last = "";
        for (int count = 0, attempts = 0; count < Same && attempts < 80; attempts++)
        {
            string?[] now = await Task.WhenAll(ensemble.Servers.Select(async server =>
                FourLetterWords.Value(await server.TryAskAsync("mntr", TimeSpan.FromSeconds(1)), "zk_znode_count")));
            string all = string.Join(' ', now);
            count = all == last ? count + 1 : 0;
            last = all;
            await Task.Delay(250);
        }
    }

    private void Problem(string text)
    {
        lock (_lock)
        {
            _problems.Add(text);
        }

        Say($"PROBLEM {text}");
    }
}
