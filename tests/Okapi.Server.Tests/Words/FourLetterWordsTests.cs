using System.Text;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Server.Tests.Words;

/// <summary>What the conformance suite cannot show of four-letter words: it has no clock to move, no member that lags, and no version but two.</summary>
public class FourLetterWordsTests
{
    [Fact]
    public async Task By_default_only_srvr_is_answered()
    {
        await using EmbeddedServer server = await StartAsync(new());
        Assert.StartsWith("Zookeeper version: 3.9.5-okapi, built on .NET ", await WordAsync(server, "srvr"), StringComparison.Ordinal);
        Assert.Equal("ruok is not executed because it is not in the whitelist.\n", await WordAsync(server, "ruok"));
        Assert.Equal("isro is not executed because it is not in the whitelist.\n", await WordAsync(server, "isro"));
    }

    [Fact]
    public async Task A_member_that_only_reads_says_so_and_all_members_tell_which_does()
    {
        await using EmbeddedServer server = await StartAsync(new() { Members = 2 });
        Fault fault = await server.Members[1].Faults.TurnReadOnlyAsync();
        Assert.Equal("rw", await WordAsync(server, "isro"));
        Assert.Equal("ro", await WordAsync(server, "isro", member: 2));
        string srvr = await WordAsync(server, "srvr", member: 2);
        Assert.Contains("\nREAD-ONLY mode; serving only read-only clients\nLatency", srvr, StringComparison.Ordinal);
        Assert.Contains("\nMode: read-only\n", srvr, StringComparison.Ordinal);
        fault.Dispose();
        Assert.Equal("isro is not executed because it is not in the whitelist.\n", await WordAsync(server, "isro"));
        Assert.DoesNotContain("READ-ONLY", await WordAsync(server, "srvr", member: 2), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Versions_before_3_6_have_no_word_hash()
    {
        await using EmbeddedServer old = await StartAsync(new() { Version = ServerVersion.V35 });
        Assert.Equal("", await WordAsync(old, "hash"));
        await using EmbeddedServer later = await StartAsync(new() { Version = ServerVersion.V38 });
        Assert.Equal("hash is not executed because it is not in the whitelist.\n", await WordAsync(later, "hash"));
    }

    [Fact]
    public async Task The_version_is_the_one_whose_behaviour_is_shown()
    {
        foreach ((ServerVersion version, string text) in new[] { (ServerVersion.V34, "3.4."), (ServerVersion.V35, "3.5."), (ServerVersion.V38, "3.8.0-"), (ServerVersion.V39, "3.9.") })
        {
            await using EmbeddedServer server = await StartAsync(new() { Version = version });
            Assert.StartsWith("Zookeeper version: " + text, await WordAsync(server, "srvr"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_trace_mask_is_waited_for_and_kept()
    {
        await using EmbeddedServer server = await StartAsync(All());
        await using Stream stream = await server.ConnectAsync(cancellationToken: TestContext.Current.CancellationToken);
        foreach (byte each in "stmk\0\0\0\0\0\0\u0002\u0001"u8.ToArray())
        {
            await stream.WriteAsync(new[] { each }, TestContext.Current.CancellationToken);
        }

        Assert.Equal("513", await ReadToEndAsync(stream));
        Assert.Equal("513", await WordAsync(server, "gtmk"));
    }

    [Fact]
    public async Task A_word_may_come_in_pieces()
    {
        await using EmbeddedServer server = await StartAsync(All());
        await using Stream stream = await server.ConnectAsync(cancellationToken: TestContext.Current.CancellationToken);
        foreach (byte each in "ruok"u8.ToArray()) await stream.WriteAsync(new[] { each }, TestContext.Current.CancellationToken);
        Assert.Equal("imok", await ReadToEndAsync(stream));
    }

    [Fact]
    public async Task Latencies_are_as_long_as_the_clock_says()
    {
        var time = new ManualTime();
        EmbeddedServerOptions options = All();
        options.TimeProvider = time;
        options.Members = 2;
        await using EmbeddedServer server = await StartAsync(options);
        await using var zk = new WireClient(await server.ConnectAsync(2, TestContext.Current.CancellationToken));
        await zk.HandshakeAsync();
        using (Fault lag = await server.Members[1].Faults.LagAsync())
        {
            await zk.SendAsync(OpCode.Sync, (ref JuteWriter writer) => writer.WriteString("/"));
            await UntilAsync(() => WordAsync(server, "mntr", member: 2), "\nzk_outstanding_requests\t1\n");
            Assert.Contains("(queued=1,recved=2,sent=1,", await WordAsync(server, "cons", member: 2), StringComparison.Ordinal);
            time.Advance(TimeSpan.FromMilliseconds(30));
        }

        Assert.Equal(ErrorCode.Ok, (await zk.ReadReplyAsync()).Error);
        Assert.Contains("\nLatency min/avg/max: 0/15.0/30\n", await WordAsync(server, "srvr", member: 2), StringComparison.Ordinal);
        Assert.Contains(",llat=30,minlat=0,avglat=15,maxlat=30)", await WordAsync(server, "cons", member: 2), StringComparison.Ordinal);
        Assert.Contains("\nLatency min/avg/max: 0/0.0/0\n", await WordAsync(server, "srvr", member: 1), StringComparison.Ordinal); // each member counts its own
    }

    [Fact]
    public async Task Dump_says_when_sessions_and_connections_end()
    {
        var time = new ManualTime(); // its day is 2024-10-04
        EmbeddedServerOptions options = All();
        options.TimeProvider = time;
        await using EmbeddedServer server = await StartAsync(options);
        await using var zk = new WireClient(await server.ConnectAsync(cancellationToken: TestContext.Current.CancellationToken));
        await zk.HandshakeAsync(timeoutMs: 10_000);
        Assert.Equal(
            $"SessionTracker dump:\nSession Sets (1)/(1):\n1 expire at Fri Oct 04 00:00:12 UTC 2024:\n\t0x{zk.SessionId:x}\nephemeral nodes dump:\nSessions with Ephemerals (0):\n"
            + $"Connections dump:\nConnections Sets (2)/(2):\n1 expire at Fri Oct 04 00:00:10 UTC 2024:\n\tip: /memory:0 sessionId: 0x0\n1 expire at Fri Oct 04 00:00:12 UTC 2024:\n\tip: /memory:0 sessionId: 0x{zk.SessionId:x}\n",
            await WordAsync(server, "dump"));
    }

    [Fact]
    public async Task A_hundred_thousand_watches_are_told_of_whole()
    {
        await using EmbeddedServer server = await StartAsync(All());
        await using var zk = new WireClient(await server.ConnectAsync(cancellationToken: TestContext.Current.CancellationToken));
        await zk.HandshakeAsync();
        const int Requests = 20, PathsEach = 5_000;
        for (int i = 0; i < Requests; i++)
        {
            int request = i;
            await zk.CallAsync(OpCode.SetWatches, (ref JuteWriter writer) =>
            {
                writer.WriteLong(long.MaxValue);
                writer.WriteInt(0);
                writer.WriteInt(PathsEach);
                for (int j = 0; j < PathsEach; j++) writer.WriteString($"/ü€😀-{request}-{j}");
                writer.WriteInt(0);
            }, Xids.SetWatches);
        }

        string answer = await WordAsync(server, "wchc");
        string[] lines = answer.Split('\n');
        Assert.Equal($"0x{zk.SessionId:x}", lines[0]);
        Assert.Equal(Requests * PathsEach, lines.Count(line => line.StartsWith("\t/ü€😀-", StringComparison.Ordinal)));
        Assert.Equal(Requests * PathsEach, lines.Skip(1).Distinct().Count() - 1);
    }

    [Fact]
    public async Task Passwords_are_in_no_answer()
    {
        EmbeddedServerOptions options = All();
        options.SuperPassword = "hunter-1";
        options.SaslUsers["ann"] = "hunter-2";
        await using EmbeddedServer server = await StartAsync(options);
        await using var zk = new WireClient(await server.ConnectAsync(cancellationToken: TestContext.Current.CancellationToken));
        await zk.HandshakeAsync();
        await zk.CallAsync(OpCode.Auth, (ref JuteWriter writer) =>
        {
            writer.WriteInt(0);
            writer.WriteString("digest");
            writer.WriteBuffer("bob:hunter-3"u8.ToArray());
        }, Xids.Auth);
        string hash = Acl.DigestId("bob", "hunter-3")[4..], session = Convert.ToHexStringLower(zk.Session.Password);
        foreach (string word in (string[])["conf", "cons", "dump", "envi", "mntr", "srvr", "stat", "wchc", "wchp", "wchs", "dirs"])
        {
            string answer = await WordAsync(server, word);
            Assert.NotEqual("", answer);
            foreach (string secret in (string[])["hunter-", hash, session]) Assert.DoesNotContain(secret, answer, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public async Task Folders_have_the_size_of_their_files()
    {
        string folder = Directory.CreateTempSubdirectory("okapi-words-").FullName;
        try
        {
            EmbeddedServerOptions options = All();
            options.DataFolder = folder;
            await using EmbeddedServer server = await StartAsync(options);
            await using (var zk = new WireClient(await server.ConnectAsync(cancellationToken: TestContext.Current.CancellationToken))) await zk.HandshakeAsync();
            string path = Path.Combine(folder, "version-2");
            long size = new DirectoryInfo(path).EnumerateFiles().Sum(file => file.Length);
            Assert.True(size > 0);
            Assert.Equal($"datadir_size: {size}\nlogdir_size: {size}\n", await WordAsync(server, "dirs"));
            Assert.Contains($"\ndataDir={path}\ndataDirSize={size}\ndataLogDir={path}\ndataLogSize={size}\n", await WordAsync(server, "conf"), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static EmbeddedServerOptions All() => new() { FourLetterWords = { "*" } };

    private static Task<EmbeddedServer> StartAsync(EmbeddedServerOptions options)
    {
        options.UseSockets = false;
        return EmbeddedServer.StartAsync(options, TestContext.Current.CancellationToken);
    }

    private static async Task<string> WordAsync(EmbeddedServer server, string word, int member = 1)
    {
        await using Stream stream = await server.ConnectAsync(member, TestContext.Current.CancellationToken);
        await stream.WriteAsync(Encoding.Latin1.GetBytes(word), TestContext.Current.CancellationToken);
        return await ReadToEndAsync(stream);
    }

    private static async Task<string> ReadToEndAsync(Stream stream)
    {
        using var reader = new StreamReader(stream, Encoding.UTF8, leaveOpen: true);
        return await reader.ReadToEndAsync(TestContext.Current.CancellationToken);
    }

    // Asks again until it is so: each answer is a whole round of the server's.
    private static async Task UntilAsync(Func<Task<string>> ask, string part)
    {
        while (!(await ask()).Contains(part, StringComparison.Ordinal)) TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
    }
}
