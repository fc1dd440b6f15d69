using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>Four-letter words, all of them allowed.</summary>
public abstract class WordRows(TargetFixture fixture) : RowTest(fixture)
{
    private const string Counters = @"Latency min/avg/max: \d+/\d+\.\d+/\d+\nReceived: \d+\nSent: \d+\nConnections: \d+\nOutstanding: \d+\nZxid: 0x[0-9a-f]+\nMode: standalone\nNode count: \d+\n";
    private const string Connection = @" /127\.0\.0\.1:\d+\[\d+\]\(queued=\d+,recved=\d+,sent=\d+";

    public sealed class OnApache(SharedApache fixture) : WordRows(fixture);

    public sealed class OnEmbedded(SharedEmbedded fixture) : WordRows(fixture);

    public sealed class OnEmbedded39(SharedEmbedded39 fixture) : WordRows(fixture);

    [Theory]
    [Row("B122")]
    [InlineData("ruok", "imok")]
    [InlineData("isro", "rw")]
    [InlineData("ruok\n", "imok")]
    [InlineData("RUOK", "")]
    [InlineData("abcd", "")]
    [InlineData("quit", "")]
    public async Task B122_a_word_is_answered_and_what_is_none_ends_the_connection(string word, string answer) => Assert.Equal(answer, await Target.WordAsync(word));

    [Fact]
    [Row("B123")]
    public async Task B123_srvr_and_stat_tell_of_the_server()
    {
        WireClient zk = await OpenAsync();
        Assert.Matches($@"\AZookeeper version: [^\n]+\n{Counters}\z", await Target.WordAsync("srvr"));
        string stat = await Target.WordAsync("stat");
        Assert.Matches($@"\AZookeeper version: [^\n]+\nClients:\n({Connection}\)\n)+\n{Counters}\z", stat);
        (await zk.PingAsync()).Ok();
    }

    [Fact]
    [Row("B123")]
    public async Task B123_mntr_tells_a_key_and_a_value_a_line()
    {
        string[] lines = (await Target.WordAsync("mntr")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(lines, line => Assert.Matches(@"\Azk_[^\t]+\t[^\t]*\z", line));
        string[] keys = [.. lines.Select(line => line.Split('\t')[0])];
        foreach (string key in (string[])
        [
            "zk_version", "zk_server_state", "zk_avg_latency", "zk_min_latency", "zk_max_latency", "zk_packets_received", "zk_packets_sent", "zk_num_alive_connections", "zk_outstanding_requests",
            "zk_znode_count", "zk_watch_count", "zk_ephemerals_count", "zk_approximate_data_size",
        ])
        {
            Assert.Contains(key, keys);
        }

        Assert.Contains("zk_server_state\tstandalone", lines);
    }

    [Fact]
    [Row("B123")]
    public async Task B123_cons_tells_of_each_connection_and_its_session()
    {
        WireClient zk = await OpenAsync();
        (await zk.PingAsync()).Ok();
        string[] lines = (await Target.WordAsync("cons")).TrimEnd('\n').Split('\n');
        Assert.All(lines, line => Assert.Matches($@"\A{Connection}.*\)\z", line));
        Assert.Contains(lines, line => line.Contains($"sid=0x{zk.SessionId:x},", StringComparison.Ordinal) && line.Contains("lop=PING,", StringComparison.Ordinal) && line.Contains("to=60000,", StringComparison.Ordinal));
    }

    [Fact]
    [Row("B123")]
    public async Task B123_the_words_of_watches_tell_who_watches_what()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.GetAsync(root, watch: true);
        Assert.Matches(@"\A\d+ connections watching \d+ paths\nTotal watches:\d+\n?\z", await Target.WordAsync("wchs"));
        Assert.Contains($"0x{zk.SessionId:x}\n\t{root}\n", await Target.WordAsync("wchc"));
        Assert.Contains($"{root}\n\t0x{zk.SessionId:x}\n", await Target.WordAsync("wchp"));
    }

    [Fact]
    [Row("B123")]
    public async Task B123_dump_tells_of_sessions_and_ephemeral_znodes()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/e", flags: 1);
        string dump = await Target.WordAsync("dump");
        Assert.StartsWith("SessionTracker dump:\n", dump);
        Assert.Matches(@"(?m)^Session Sets \(\d+\)/\(\d+\):$", dump);
        Assert.Matches(@"(?m)^Sessions with Ephemerals \(\d+\):$", dump);
        Assert.Matches($@"\n\t0x{zk.SessionId:x}\n", dump);
        Assert.Contains($"\n0x{zk.SessionId:x}:\n\t{root}/e\n", dump);
    }

    [Fact]
    [Row("B123")]
    public async Task B123_conf_and_envi_tell_how_the_server_runs()
    {
        string conf = await Target.WordAsync("conf");
        foreach (string line in (string[])[$"clientPort={Target.EndPoint.Port}", "tickTime=500", "minSessionTimeout=1000"]) Assert.Contains(line, conf.Split('\n'));
        string envi = await Target.WordAsync("envi");
        Assert.StartsWith("Environment:\n", envi);
        Assert.Contains("\nzookeeper.version=", envi);
    }

    [Fact]
    [Row("B122")]
    public async Task B122_a_word_ends_its_connection_and_disturbs_no_other()
    {
        WireClient zk = await OpenAsync();
        WireClient word = await ConnectAsync();
        await word.SendBytesAsync("isro"u8.ToArray());
        byte[] answer = new byte[2];
        await word.Stream.ReadExactlyAsync(answer);
        Assert.Equal("rw"u8.ToArray(), answer);
        await word.ExpectCloseAsync();
        (await zk.PingAsync()).Ok();
    }
}
