using System.Globalization;
using System.Text.RegularExpressions;
using Okapi.Conformance.Tests.Rows;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Words;

/// <summary>Four-letter words: their layout to the letter, and that what they say is so. The server is nobody else's, for everything on it is counted.</summary>
public abstract class WordTests(TargetFixture fixture) : RowTest(fixture)
{
    public sealed class OnApache(ApacheAlone fixture) : WordTests(fixture), IClassFixture<ApacheAlone>;

    public sealed class OnEmbedded(EmbeddedAlone fixture) : WordTests(fixture), IClassFixture<EmbeddedAlone>;

    public sealed class OnEmbedded39(Embedded39Alone fixture) : WordTests(fixture), IClassFixture<Embedded39Alone>;

    [Fact]
    public async Task Srvr_and_stat_say_what_there_is()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/e", flags: 1);
        WireClient other = await OpenAsync();
        long zxid = await other.LastZxidAsync();
        int nodes = (await zk.CallAsync(OpCode.GetAllChildrenNumber, Body.Path("/"))).Ok((ref JuteReader reader) => reader.ReadInt()) + 2;

        const string State = @"Latency min/avg/max: (\d+)/(\d+\.\d+(E-4)?)/(\d+)\nReceived: (?<received>\d+)\nSent: (?<sent>\d+)\nConnections: 3\nOutstanding: 0\nZxid: 0x(?<zxid>[0-9a-f]+)\nMode: standalone\nNode count: (?<nodes>\d+)\n";
        const string Head = @"^Zookeeper version: (?<version>3\.[89]\.\d+)-[^\n]*, built on [^\n]+\n";
        Match first = MatchOf(Head + State + "$", await Target.WordAsync("srvr"));
        Assert.StartsWith(Target.IsVersion38 ? "3.8." : "3.9.", first.Groups["version"].Value, StringComparison.Ordinal);
        Assert.Equal(zxid.ToString("x", CultureInfo.InvariantCulture), first.Groups["zxid"].Value);
        Assert.Equal(nodes, Number(first, "nodes")); // both count the root twice, as Apache has it
        (await zk.PingAsync()).Ok();
        Match second = MatchOf(Head + "Clients:\n((?<client> [^\n]*)\n)+\n" + State + "$", await Target.WordAsync("stat"));
        Assert.Equal(Number(first, "received") + 2, Number(second, "received")); // the ping and the word itself
        // The first word's answer and the ping's; Apache counts a reply after it has sent it, so one may be late.
        Assert.InRange(Number(second, "sent") - Number(first, "sent"), Target is ApacheTarget ? 1 : 2, Target is ApacheTarget ? 3 : 2);
        string[] clients = [.. second.Groups["client"].Captures.Select(each => each.Value)];
        Assert.Equal(3, clients.Length);
        // While Apache handles what has come, and for a moment after the answer, it is not interested in more, and the answer counts as not sent yet.
        (string interest, string queued) = Target is ApacheTarget ? ("[01]", "[01]") : ("1", "0");
        Assert.Equal(2, clients.Count(each => Regex.IsMatch(each, $@"^ /127\.0\.0\.1:\d+\[{interest}\]\(queued={queued},(?!recved=1,sent=0\))recved=\d+,sent=\d+\)$")));
        Assert.Single(clients, each => Regex.IsMatch(each, @"^ /127\.0\.0\.1:\d+\[0\]\(queued=0,recved=1,sent=0\)$"));

        await Waiting.UntilAsync(async () => AreAllSent(await Target.WordAsync("stat")), "every answer counted"); // before the numbers begin anew
        Assert.Equal("Server stats reset.\n", await Target.WordAsync("srst"));
        Match third = MatchOf(Head + State + "$", await Target.WordAsync("srvr"));
        Assert.Equal((1, 1), (Number(third, "received"), Number(third, "sent"))); // this word, and the answer to srst
        Assert.Contains("\nLatency min/avg/max: 0/0.0/0\n", third.Value, StringComparison.Ordinal);

        static bool AreAllSent(string stat) => Regex.Count(stat, @"\(queued=0,recved=(?<count>\d+),sent=\k<count>\)") == 2;
    }

    [Fact]
    public async Task Cons_tells_what_each_connection_has_done_and_crst_forgets_it()
    {
        (WireClient zk, string root) = await StartAsync();
        WireReply created = Done(await zk.CreateAsync(root + "/n")); // xid 2
        (await zk.ExistsAsync(root + "/none")).Is(ErrorCode.NoNode); // xid 3
        string mine = $"sid=0x{zk.SessionId:x},";
        Match match = MatchOf(
            @"^ /127\.0\.0\.1:\d+\[1\]\(queued=0,recved=4,sent=4,sid=0x[0-9a-f]+,lop=EXIS,est=(?<est>\d+),to=60000,lcxid=0x3,lzxid=0x(?<zxid>[0-9a-f]+),lresp=\d+,llat=\d+,minlat=\d+,avglat=\d+,maxlat=\d+\)$",
            await LineAsync(mine, "[1](queued=0,recved=4,sent=4,"));
        Assert.Equal(created.Zxid.ToString("x", CultureInfo.InvariantCulture), match.Groups["zxid"].Value);
        Assert.Equal(DateTimeOffset.UtcNow, DateTimeOffset.FromUnixTimeMilliseconds(Number(match, "est")), TimeSpan.FromMinutes(10));
        (await zk.PingAsync()).Ok();
        await LineAsync(mine, ",recved=5,sent=5,");
        Assert.Contains(",lop=PING,", await LineAsync(mine), StringComparison.Ordinal);
        Assert.Contains(",lcxid=0x3,", await LineAsync(mine), StringComparison.Ordinal); // the last of the client's own

        Assert.Equal("Connection stats reset.\n", await Target.WordAsync("crst"));
        MatchOf(
            @"^ /127\.0\.0\.1:\d+\[1\]\(queued=0,recved=0,sent=0,sid=0x[0-9a-f]+,lop=NA,est=\d+,to=60000,lzxid=0xffffffffffffffff,lresp=0,llat=0,minlat=0,avglat=0,maxlat=0\)$",
            await LineAsync(mine, "[1](queued=0,"));
        Assert.EndsWith("[0](queued=0,recved=1,sent=0)", await LineAsync("recved=1,sent=0)"), StringComparison.Ordinal); // the word's own connection
        Assert.EndsWith(")\n\n", await Target.WordAsync("cons"), StringComparison.Ordinal);

        // An event counts as sent.
        Done(await zk.GetAsync(root + "/n", watch: true));
        Done(await zk.SetAsync(root + "/n"));
        await LineAsync(mine, ",recved=2,sent=3,");
        Assert.Contains(",lop=SETD,", await LineAsync(mine), StringComparison.Ordinal);

        async Task<string> LineAsync(string part, string numbers = "")
        {
            // Apache counts a reply, and is interested in more, after it has sent it, so its numbers may be late: it is asked again.
            for (int left = Target is ApacheTarget ? 100 : 1;; left--)
            {
                string line = Assert.Single((await Target.WordAsync("cons")).Split('\n'), each => each.Contains(part, StringComparison.Ordinal));
                if (line.Contains(numbers, StringComparison.Ordinal)) return line;
                Assert.True(left > 1, $"{line} has not come to {numbers}.");
            }
        }
    }

    [Fact]
    public async Task Watches_are_told_by_path_and_by_session()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n");
        WireClient other = await OpenAsync();
        Done(await zk.GetAsync(root + "/n", watch: true));
        (await zk.ExistsAsync(root + "/none", watch: true)).Is(ErrorCode.NoNode);
        Done(await zk.ChildrenAsync(root, watch: true)); // of children: not told of
        Done(await zk.AddWatchAsync(root + "/p", mode: 1));
        Done(await other.GetAsync(root + "/n", watch: true));

        Assert.Equal("2 connections watching 3 paths\nTotal watches:4\n", await Target.WordAsync("wchs"));
        string one = $"0x{zk.SessionId:x}", two = $"0x{other.SessionId:x}";
        string byPath = await Target.WordAsync("wchp"), bySession = await Target.WordAsync("wchc");
        Assert.Equal(Sorted([root + "/n", one, two], [root + "/none", one], [root + "/p", one]), Groups(byPath));
        Assert.Equal(Sorted([one, root + "/n", root + "/none", root + "/p"], [two, root + "/n"]), Groups(bySession));
        // 3.8.0 keeps a recursive watch among those of children too.
        Assert.Contains($"\nzk_watch_count\t{(Is38 ? 6 : 5)}\n", await Target.WordAsync("mntr"), StringComparison.Ordinal);

        await other.CloseAsync();
        Assert.Equal("1 connections watching 3 paths\nTotal watches:3\n", await Target.WordAsync("wchs"));

        static string[] Sorted(params string[][] groups) => [.. groups.Select(group => $"{group[0]}: {string.Join(' ', group.Skip(1).Order(StringComparer.Ordinal))}").Order(StringComparer.Ordinal)];

        static string[] Groups(string answer)
        {
            Assert.EndsWith("\n\n", answer, StringComparison.Ordinal);
            return Sorted([.. Regex.Matches(answer, @"(?<key>[^\t\n]+)\n(\t(?<each>[^\n]+)\n)+").Select(match => (string[])[match.Groups["key"].Value, .. match.Groups["each"].Captures.Select(each => each.Value)])]);
        }
    }

    [Fact]
    public async Task Dump_tells_of_sessions_ephemerals_and_connections()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/e1", flags: 1);
        await zk.CreatedAsync(root + "/e2", flags: 1);
        WireClient other = await OpenAsync();
        const string Date = @"[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d [A-Z]{1,5} \d{4}";
        Match match = MatchOf(
            @$"^SessionTracker dump:\nSession Sets \(\d+\)/\((?<sessions>\d+)\):\n(\d+ expire at {Date}:\n(\t(?<session>0x[0-9a-f]+)\n)*)+ephemeral nodes dump:\nSessions with Ephemerals \(1\):\n(?<owner>0x[0-9a-f]+):\n(\t(?<path>/[^\n]+)\n)+"
            + @$"Connections dump:\nConnections Sets \(\d+\)/\(3\):\n(\d+ expire at {Date}:\n(\tip: /127\.0\.0\.1:\d+ sessionId: (?<connection>0x[0-9a-f]+)\n)*)+$",
            await Target.WordAsync("dump"));
        string[] sessions = [$"0x{zk.SessionId:x}", $"0x{other.SessionId:x}"];
        Assert.Equal(sessions, Captures("session").Intersect(sessions).Order(StringComparer.Ordinal));
        Assert.Equal(Number(match, "sessions"), Captures("session").Length);
        Assert.Equal($"0x{zk.SessionId:x}", match.Groups["owner"].Value);
        Assert.Equal([root + "/e1", root + "/e2"], Captures("path").Order(StringComparer.Ordinal));
        Assert.Equal(["0x0", .. sessions], Captures("connection").Order(StringComparer.Ordinal));
        Assert.Contains("\nzk_ephemerals_count\t2\n", await Target.WordAsync("mntr"), StringComparison.Ordinal);

        string[] Captures(string name) => [.. match.Groups[name].Captures.Select(each => each.Value)];
    }

    [Fact]
    public async Task Mntr_has_a_line_for_each_number()
    {
        (WireClient zk, string root) = await StartAsync();
        Dictionary<string, string> before = Values(await Target.WordAsync("mntr"));
        await zk.CreatedAsync(root + "/12345", new byte[100]);
        await OpenAsync();
        string answer = await Target.WordAsync("mntr");
        Assert.Matches(@"^(zk_[^\t\n]+\t[^\t\n]+\n)+$", answer);
        Dictionary<string, string> after = Values(answer);
        Assert.Equal("standalone", after["zk_server_state"]);
        Assert.Matches(@"^3\.[89]\.\d+-.*, built on .+$", after["zk_version"]);
        Assert.Matches(@"^\d+\.\d+(E-4)?$", after["zk_avg_latency"]);
        Assert.Equal(100 + root.Length + 6, Number("zk_approximate_data_size"));
        Assert.Equal(1, Number("zk_znode_count"));
        Assert.Equal(1, Number("zk_global_sessions"));
        Assert.Equal(1, Number("zk_num_alive_connections"));
        Assert.Equal(3, Number("zk_packets_received"));
        Assert.InRange(Number("zk_packets_sent"), Target is ApacheTarget ? 2 : 3, Target is ApacheTarget ? 6 : 3); // of which the answer to the word is one, or on Apache's servers one for each 8,192 characters
        foreach (string name in (string[])["zk_outstanding_requests", "zk_min_latency", "zk_max_latency", "zk_watch_count", "zk_ephemerals_count"]) Assert.Matches(@"^\d+$", after[name]);
        Assert.Equal("0", after["zk_local_sessions"]);
        Assert.InRange(Number("zk_uptime"), 0, 600_000);

        long Number(string name) => long.Parse(after[name], CultureInfo.InvariantCulture) - long.Parse(before[name], CultureInfo.InvariantCulture);

        static Dictionary<string, string> Values(string answer) => answer.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t')).ToDictionary(parts => parts[0], parts => parts[1]);
    }

    [Fact]
    public async Task Conf_dirs_and_envi_tell_of_the_setup()
    {
        string conf = await Target.WordAsync("conf");
        Assert.Equal(
            ["clientPort", "secureClientPort", "dataDir", "dataDirSize", "dataLogDir", "dataLogSize", "tickTime", "maxClientCnxns", "minSessionTimeout", "maxSessionTimeout", "clientPortListenBacklog", "serverId"],
            Lines(conf).Select(line => line.Split('=')[0]));
        foreach (string line in (string[])[$"clientPort={Target.EndPoint.Port}", "secureClientPort=-1", "tickTime=500", "maxClientCnxns=0", "minSessionTimeout=1000", "maxSessionTimeout=600000", "serverId=0"])
            Assert.Contains(line, Lines(conf));
        MatchOf(@"^datadir_size: \d+\nlogdir_size: \d+\n$", await Target.WordAsync("dirs"));
        string[] envi = Lines(await Target.WordAsync("envi"));
        Assert.Equal("Environment:", envi[0]);
        foreach (string name in (string[])["zookeeper.version", "host.name", "os.name", "os.arch", "os.version", "user.name", "user.home", "user.dir", "os.memory.free", "os.memory.max", "os.memory.total"])
            Assert.Single(envi, line => line.StartsWith(name + "=", StringComparison.Ordinal));
        Assert.Single(envi, line => line == "os.name=Linux" || !OperatingSystem.IsLinux());

        foreach (string word in (string[])["conf", "envi", "cons", "dump", "mntr", "stat"])
            Assert.DoesNotContain(Target.SuperPassword, await Target.WordAsync(word), StringComparison.Ordinal);

        static string[] Lines(string answer) => answer.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    [Fact]
    public async Task The_shortest_words_have_the_shortest_answers()
    {
        Assert.Equal("imok", await Target.WordAsync("ruok"));
        Assert.Equal("imok", await Target.WordAsync("ruok\n"));
        Assert.Equal("imok", await Target.WordAsync("ruokruok"));
        Assert.Equal("rw", await Target.WordAsync("isro"));
        Assert.Equal("306", await Target.WordAsync("gtmk"));
        Assert.Equal("306", await Target.WordAsync("stmk\0\0\0\0\0\0\u0001\u0032"));
        Assert.Equal("", await Target.WordAsync("hash")); // until there have been 128 transactions
        foreach (string none in (string[])["zzzz", "RUOK", "orst", "lsnp", "kill", "reqs"]) Assert.Equal("", await Target.WordAsync(none));
    }

    private static Match MatchOf(string pattern, string text)
    {
        Match match = Regex.Match(text, pattern, RegexOptions.CultureInvariant);
        Assert.True(match.Success, $"{pattern}\ndoes not match\n{text}");
        return match;
    }

    private static WireReply Done(WireReply reply)
    {
        Assert.Equal(ErrorCode.Ok, reply.Error);
        return reply;
    }

    private static long Number(Match match, string group) => long.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);
}

/// <summary>Which words are answered at all.</summary>
public abstract class WordListTests(TargetFixture fixture) : RowTest(fixture)
{
    private static readonly TargetOptions s_some = new() { Words = "ruok, isro" };

    public sealed class Apache() : ApacheFixture(s_some);

    public sealed class Embedded() : EmbeddedFixture(s_some);

    public sealed class OnApache(Apache fixture) : WordListTests(fixture), IClassFixture<Apache>;

    public sealed class OnEmbedded(Embedded fixture) : WordListTests(fixture), IClassFixture<Embedded>;

    [Fact]
    public async Task A_word_that_is_not_on_the_list_is_not_executed()
    {
        foreach (string word in (string[])["conf", "cons", "crst", "dirs", "dump", "envi", "gtmk", "hash", "mntr", "srst", "stat", "stmk", "wchc", "wchp", "wchs"])
            Assert.Equal($"{word} is not executed because it is not in the whitelist.\n", await Target.WordAsync(word));
        Assert.Equal("imok", await Target.WordAsync("ruok"));
        Assert.Equal("rw", await Target.WordAsync("isro"));
        Assert.Equal("", await Target.WordAsync("zzzz"));
    }
}
