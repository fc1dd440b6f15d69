using System.Text;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Server.Tests.Security;

/// <summary>What a connection gets for each step of SASL, in bytes as Apache ZooKeeper 3.8.0 gives it.</summary>
public sealed class SaslLoginTests : IDisposable
{
    private readonly LogRecorder _log = new();

    private static readonly byte[] s_noToken = [255, 255, 255, 255];

    public void Dispose()
    {
        Assert.DoesNotContain(_log.Entries, entry => entry.Id is 106 or 109); // nothing has gone wrong that should not
        _log.Dispose();
    }

    [Theory]
    [InlineData(false, ErrorCode.AuthFailed)]
    [InlineData(true, ErrorCode.SessionClosedRequireSaslAuth)]
    public async Task A_failure_has_an_empty_token_and_ends_the_connection(bool isRequired, ErrorCode error)
    {
        await using EmbeddedServer server = await StartAsync(isRequired, "ann");
        await using WireClient zk = await OpenAsync(server);
        WireReply challenge = await StepAsync(zk, "whatever"u8.ToArray()); // what comes first counts for nothing
        Assert.Equal((ErrorCode.Ok, 0L), (challenge.Error, challenge.Zxid));
        Assert.StartsWith("realm=\"zk-sasl-md5\",nonce=\"", Encoding.Latin1.GetString(challenge.Body.AsSpan(4)), StringComparison.Ordinal);
        WireReply refused = await StepAsync(zk, "nonsense"u8.ToArray());
        Assert.Equal((error, 0L), (refused.Error, refused.Zxid));
        Assert.Equal(s_noToken, refused.Body);
        await zk.ExpectCloseAsync();

        // The session goes on.
        await using var again = new WireClient(await server.ConnectAsync(cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(zk.SessionId, (await again.HandshakeAsync(resume: zk.Session)).SessionId);
    }

    [Fact]
    public async Task Where_there_is_no_SASL_each_step_is_answered_without_a_token()
    {
        await using EmbeddedServer server = await StartAsync(isRequired: false);
        await using WireClient zk = await OpenAsync(server);
        foreach (byte[] token in (byte[][])[[], [1, 2], []])
        {
            WireReply reply = await StepAsync(zk, token);
            Assert.Equal(ErrorCode.Ok, reply.Error);
            Assert.Equal(s_noToken, reply.Body);
        }

        Assert.Equal(ErrorCode.Ok, (await zk.CallAsync(OpCode.Ping, xid: Xids.Ping)).Error);
    }

    [Theory]
    [InlineData("ffffffff")]
    [InlineData("")]
    [InlineData("0000")]
    [InlineData("7fffffff")]
    [InlineData("00000005aabb")]
    public async Task A_step_with_no_token_at_all_ends_the_connection_without_a_word(string body)
    {
        await using EmbeddedServer server = await StartAsync(isRequired: false, "ann");
        await using WireClient zk = await OpenAsync(server);
        byte[] rest = Convert.FromHexString(body);
        await zk.SendBytesAsync((byte[])[0, 0, 0, (byte)(8 + rest.Length), 0, 0, 0, 1, 0, 0, 0, (byte)OpCode.Sasl, .. rest]);
        await zk.ExpectCloseAsync();
    }

    [Fact]
    public async Task Refusals_are_counted()
    {
        await using EmbeddedServer server = await StartAsync(isRequired: false, "ann");
        for (int i = 0; i < 2; i++)
        {
            await using WireClient zk = await OpenAsync(server);
            await StepAsync(zk, []);
            await StepAsync(zk, []);
        }

        await using Stream word = await server.ConnectAsync(cancellationToken: TestContext.Current.CancellationToken);
        await word.WriteAsync("mntr"u8.ToArray(), TestContext.Current.CancellationToken);
        using var reader = new StreamReader(word);
        Assert.Contains("\nzk_auth_failed_count\t2\n", await reader.ReadToEndAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    private Task<EmbeddedServer> StartAsync(bool isRequired, params string[] users)
    {
        var options = new EmbeddedServerOptions { UseSockets = false, RequireSasl = isRequired, LoggerFactory = _log, FourLetterWords = { "mntr" } };
        foreach (string user in users) options.SaslUsers[user] = "of-" + user;
        return EmbeddedServer.StartAsync(options, TestContext.Current.CancellationToken);
    }

    private static async Task<WireClient> OpenAsync(EmbeddedServer server)
    {
        var client = new WireClient(await server.ConnectAsync(cancellationToken: TestContext.Current.CancellationToken));
        await client.HandshakeAsync();
        return client;
    }

    private static Task<WireReply> StepAsync(WireClient zk, byte[] token) => zk.CallAsync(OpCode.Sasl, (ref JuteWriter writer) => writer.WriteBuffer(token));
}
