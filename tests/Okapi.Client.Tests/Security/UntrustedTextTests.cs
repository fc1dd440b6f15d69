using System.Globalization;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Okapi.Connections;
using Okapi.Protocol;
using Okapi.Security;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Security;

/// <summary>What others have written reaches exceptions and logs in a form that neither a terminal obeys nor a reader is fooled by.</summary>
public sealed class UntrustedTextTests
{
    // Servers take the first of these in a path; it turns the direction of what follows.
    private const string Turned = "/a\u202egpj.exe";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(ErrorCode.NoNode)]
    [InlineData(ErrorCode.NoAuth)]
    [InlineData((ErrorCode)(-77))]
    public async Task A_servers_refusal_shows_the_path_and_keeps_it_as_it_is(ErrorCode error)
    {
        var peer = new ScriptedPeer();
        using var log = new LogRecorder();
        ZooKeeperOptions options = peer.Options();
        options.LoggerFactory = log;
        await using ZooKeeperClient zk = ZooKeeperClient.Start(options);
        Task<NodeData> read = zk.GetAsync(Turned, Cancel).AsTask();
        PeerConnection connection = await peer.AcceptSessionAsync();
        await connection.ReplyAsync(await connection.ExpectAsync(OpCode.GetData), error: error);
        var refused = await Assert.ThrowsAnyAsync<ZooKeeperException>(() => read);
        Assert.Equal(Turned, refused.Path);
        Assert.Contains("/a\\u202egpj.exe", refused.Message, StringComparison.Ordinal);
        AssertShown(refused.Message);

        Task<Stat> lost = zk.SetAsync(Turned, null, cancellationToken: Cancel).AsTask();
        await connection.ExpectAsync(OpCode.SetData);
        connection.Reset();
        AssertShown((await Assert.ThrowsAsync<ConnectionLossException>(() => lost)).Message);
        foreach (LogEntry entry in log.Entries) AssertShown(entry.Text.ReplaceLineEndings(" "));
    }

    [Fact]
    public void A_certificate_does_not_write_its_own_line_of_log()
    {
        using var authority = TestAuthority.Create();
        using X509Certificate2 certificate = authority.Issue("a\u001b[2J\u202eb", ["other.test"]);
        var verdict = new Verdict("localhost", anyName: false);
        Assert.False(verdict.Accepts(this, certificate, null, SslPolicyErrors.RemoteCertificateChainErrors));
        Assert.Contains("\\u001b[2J\\u202eb", verdict.Refusal, StringComparison.Ordinal);
        AssertShown(verdict.Refusal!);
    }

    [Fact]
    public async Task What_answers_the_probe_for_a_read_write_server_is_shown_as_text()
    {
        var peer = new ScriptedPeer();
        ConnectCallback connect = peer.Options().ConnectCallback!;
        Task<string> asked = ReadWriteProbe.AskAsync(new CallbackConnector(connect), new("a", 1), TimeSpan.FromSeconds(20), TimeProvider.System, Cancel);
        PeerConnection connection = await peer.AcceptAsync();
        await connection.SendRawAsync(Encoding.ASCII.GetBytes("rw\r\nokapi: all is well\u001b[2J"));
        connection.Close();
        Assert.Equal("rw\\u000d\\u000aokapi: all is well\\u001b[2J", await asked);
    }

    private static void AssertShown(string text) => Assert.DoesNotContain(
        text,
        c => char.IsControl(c) || char.GetUnicodeCategory(c) is UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
}
