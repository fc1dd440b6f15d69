using System.Text;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Server.Tests.Security;

/// <summary>H69, on the server's side: at no level does a log hold a password, a credential, a token or a znode's data.</summary>
public sealed class SecretsTests
{
    private const int BadFrame = 104;
    private const string Canary = "hunter2canary";

    private static readonly byte[] s_secret = Encoding.ASCII.GetBytes(Canary);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task H69_No_log_of_the_server_holds_a_secret()
    {
        using var log = new LogRecorder();
        string folder = Directory.CreateTempSubdirectory("okapi-secrets-").FullName;
        var passwords = new List<byte[]>();
        try
        {
            await using EmbeddedServer server = await InMemory.StartAsync(options =>
            {
                (options.LoggerFactory, options.DataFolder, options.SuperPassword, options.SnapshotCount) = (log, folder, Canary, 5);
                options.SaslUsers["ann"] = Canary;
                options.FourLetterWords.Add("*");
            });
            await using (ZooKeeperClient ann = await InMemory.ConnectAsync(server, options => options.Sasl = new() { UserName = "ann", Password = Canary }))
            await using (ZooKeeperClient super = await InMemory.ConnectAsync(server, options => options.Auth.Add(AuthInfo.Digest("super", Canary))))
            {
                for (int i = 0; i < 20; i++) await ann.CreateAsync("/a-", s_secret, CreateMode.PersistentSequential, cancellationToken: Cancel);
                await super.CreateAsync("/mine", s_secret, acl: Acl.CreatorAll, cancellationToken: Cancel);
                await Assert.ThrowsAsync<NodeExistsException>(() => super.CreateAsync("/mine", s_secret, cancellationToken: Cancel).AsTask());
                passwords.Add(ann.GetSessionCredentials()!.Password.ToArray());
                await server.RestartAsync();
                await super.GetAsync("/mine", Cancel);
                await Assert.ThrowsAsync<AuthFailedException>(() => super.AddAuthAsync(new AuthInfo("nonesuch", s_secret), Cancel));
            }

            await Assert.ThrowsAsync<AuthFailedException>(() => InMemory.ConnectAsync(server, options => options.Sasl = new() { UserName = "ann", Password = Canary + "!" }));
            foreach (Func<WireClient, Task> wrong in Wrongs())
            {
                await using WireClient zk = await InMemory.OpenAsync(server);
                passwords.Add(zk.Session.Password);
                await wrong(zk);
                await zk.ReadAsync(); // an error, or the end

                await using WireClient thief = await InMemory.OpenAsync(server, resume: zk.Session with { Password = [.. s_secret, 1, 2, 3] });
                Assert.Equal(0, thief.SessionId);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        await log.WaitAsync(BadFrame, 1, Cancel);
        Assert.True(log.Entries.Count > 10, $"{log.Entries.Count} entries were logged.");
        string[] forms =
        [
            .. passwords.Append(s_secret).SelectMany(bytes => new[] { Convert.ToHexString(bytes), BitConverter.ToString(bytes), Convert.ToBase64String(bytes), string.Join(", ", bytes) }),
            Canary, Acl.DigestId("super", Canary)["super:".Length..],
        ];
        foreach (LogEntry entry in log.Entries)
            foreach (string form in forms) Assert.DoesNotContain(form, entry.Text, StringComparison.OrdinalIgnoreCase);
    }

    private static IEnumerable<Func<WireClient, Task>> Wrongs() =>
    [
        zk => zk.SendFrameAsync((ref JuteWriter writer) => // a credential that is none
        {
            new RequestHeader(Xids.Auth, OpCode.Auth).Write(ref writer);
            new AuthRequest(Canary, s_secret).Write(ref writer);
        }),
        zk => zk.SendBytesAsync(s_secret), // a length that cannot be
        zk => zk.SendFrameAsync((ref JuteWriter writer) => // a path that ends in the middle
        {
            new RequestHeader(1, OpCode.SetData).Write(ref writer);
            writer.WriteInt(1000);
            writer.WriteBuffer(s_secret);
        }),
        zk => zk.SendAsync(OpCode.Sasl, (ref JuteWriter writer) => writer.WriteBuffer(s_secret)).ContinueWith(_ => zk.SendAsync(OpCode.Sasl, (ref JuteWriter writer) => writer.WriteBuffer(s_secret))).Unwrap(),
    ];
}
