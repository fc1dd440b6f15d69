using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Okapi.Client.Tests.Protocol;
using Okapi.Protocol;
using Okapi.Requests;
using Okapi.Sessions;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Security;

/// <summary>
/// H69: a client is led through all that can happen to it with secrets that are easy to find again; then everything it has said to anybody is looked through.
/// </summary>
public sealed class SecretsTests : IDisposable
{
    // Sixteen bytes, as servers' session passwords are. Of this run only: other tests are listened to as well.
    private readonly string _canary = "canary" + RandomNumberGenerator.GetHexString(10, lowercase: true);
    private readonly ConcurrentQueue<string> _said = new();
    private readonly LogRecorder _log = new();
    private readonly ActivityListener _activities;
    private readonly MeterListener _meters = new();
    private int _spans;
    private int _measurements;

    public SecretsTests()
    {
        _activities = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == ZooKeeperTelemetry.SourceName,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity =>
            {
                Interlocked.Increment(ref _spans);
                Say($"{activity.DisplayName} {activity.OperationName} {activity.StatusDescription} {string.Join(' ', activity.TagObjects)} {string.Join(' ', activity.Baggage)} {string.Join(' ', activity.Events.SelectMany(each => each.Tags))}");
            },
        };
        ActivitySource.AddActivityListener(_activities);
        _meters.InstrumentPublished = static (instrument, listener) =>
        {
            if (instrument.Meter.Name == ZooKeeperTelemetry.SourceName) listener.EnableMeasurementEvents(instrument);
        };
        _meters.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Measured(instrument, value, tags));
        _meters.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Measured(instrument, value, tags));
        _meters.Start();
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private byte[] Secret => Encoding.ASCII.GetBytes(_canary);

    [Fact]
    public async Task H69_No_secret_is_said_to_anybody_while_calls_succeed_fail_time_out_and_are_lost_and_the_session_expires()
    {
        var peer = new ScriptedPeer();
        ZooKeeperOptions options = Options(peer);
        options.Resume = new SessionCredentials(0x1234, Secret);
        options.Auth.Add(AuthInfo.Digest("ann", _canary));
        options.Auth.Add(new AuthInfo("custom", Secret));
        options.MaxReplySize = 1024;
        options.MaxRequestSize = 4096;
        await using ZooKeeperClient zk = ZooKeeperClient.Start(options);
        PeerConnection connection = await AcceptAsync(peer);
        await zk.WaitConnectedAsync(cancellationToken: Cancel);

        ValueTask<NodeData> get = zk.GetAsync("/a", Cancel);
        await connection.ReplyAsync(await connection.ExpectAsync(OpCode.GetData), new DataReply(Secret, default).Write);
        Say(await get);
        Task<OneShotWatch<NodeData>> watching = zk.WatchDataAsync("/a", Cancel);
        await connection.ReplyAsync(await connection.ExpectAsync(OpCode.GetData), new DataReply(Secret, default).Write);
        OneShotWatch<NodeData> watch = await watching;
        Say(watch);
        await connection.NotifyAsync(WatchedEventType.NodeDataChanged, "/a");
        Say(await watch.Fired);
        Say(zk.GetSessionCredentials(), zk);
        foreach (ErrorCode error in new[] { ErrorCode.NodeExists, ErrorCode.NoAuth, ErrorCode.InvalidAcl, (ErrorCode)(-4711) })
        {
            Task<string> create = zk.CreateAsync("/a", Secret, acl: [Acl.Digest(Permissions.All, "ann", _canary)], cancellationToken: Cancel).AsTask();
            await connection.ReplyAsync(await connection.ExpectAsync(OpCode.Create), error: error);
            await FailAsync(create);
        }

        Transaction transaction = zk.Transaction().Create("/a", Secret).Set("/b", Secret);
        Say(transaction);
        Task<TransactionResult> commit = transaction.CommitAsync(Cancel);
        await connection.ReplyAsync(await connection.ExpectAsync(OpCode.Multi), error: ErrorCode.NoAuth);
        await FailAsync(commit);
        await FailAsync(() => zk.SetAsync("/a", Enumerable.Repeat(Secret, 1000).SelectMany(bytes => bytes).ToArray(), cancellationToken: Cancel).AsTask());
        Task<NodeData> large = zk.GetAsync("/a", Cancel).AsTask();
        await connection.ReplyAsync(await connection.ExpectAsync(OpCode.GetData), new DataReply([.. Enumerable.Repeat(Secret, 100).SelectMany(bytes => bytes)], default).Write);
        await FailAsync(large);
        using var cancelled = new CancellationTokenSource();
        Task<Stat> set = zk.SetAsync("/a", Secret, cancellationToken: cancelled.Token).AsTask();
        PeerRequest unanswered = await connection.ExpectAsync(OpCode.SetData);
        await cancelled.CancelAsync();
        await FailAsync(set);
        await connection.ReplyAsync(unanswered, error: ErrorCode.BadVersion);

        // Lost with a write in flight; and then a server that answers nonsense, made of secrets.
        Task<Stat> inFlight = zk.SetAsync("/a", Secret, cancellationToken: Cancel).AsTask();
        await connection.ExpectAsync(OpCode.SetData);
        connection.Reset();
        await FailAsync(inFlight);
        connection = await AcceptAsync(peer);
        inFlight = zk.SetAsync("/a", Secret, cancellationToken: Cancel).AsTask();
        PeerRequest request = await connection.ExpectAsync(OpCode.SetData);
        await connection.ReplyAsync(request.Xid + 1, new DataReply(Secret, default).Write);
        await FailAsync(inFlight);
        connection = await peer.AcceptAsync();
        await connection.ExpectHandshakeAsync();
        await connection.SendRawAsync(Secret);
        connection = await AcceptAsync(peer);

        Task<Stat> pending = zk.SetAsync("/a", Secret, cancellationToken: Cancel).AsTask();
        await connection.ExpectAsync(OpCode.SetData);
        connection.Reset();
        await FailAsync(pending);
        await (await peer.AcceptAsync()).ExpireAsync();
        await FailAsync(() => zk.WaitConnectedAsync(cancellationToken: Cancel));
        await FailAsync(() => zk.SetAsync("/a", Secret, cancellationToken: Cancel).AsTask());
        await FailAsync(() => zk.AddAuthAsync(AuthInfo.Digest("ann", _canary), Cancel));
        AssertSaidNothing(spans: 10, logs: 10);
    }

    [Fact]
    public async Task H69_No_secret_is_said_to_anybody_when_a_call_times_out()
    {
        var peer = new ScriptedPeer();
        var time = new ManualTime();
        ZooKeeperOptions options = Options(peer);
        options.TimeProvider = time;
        options.RequestTimeout = TimeSpan.FromSeconds(2);
        options.SessionTimeout = TimeSpan.FromSeconds(60);
        await using ZooKeeperClient zk = ZooKeeperClient.Start(options);
        Task<Stat> unsent = zk.SetAsync("/a", Secret, cancellationToken: Cancel).AsTask();
        Task added = zk.AddAuthAsync(AuthInfo.Digest("ann", _canary), Cancel);
        time.Advance(TimeSpan.FromSeconds(3));
        await FailAsync(unsent);
        await FailAsync(added);
        AssertSaidNothing(spans: 1, logs: 1);
    }

    [Fact]
    public async Task H69_No_secret_is_said_to_anybody_when_a_credential_is_refused()
    {
        var peer = new ScriptedPeer();
        await using ZooKeeperClient zk = ZooKeeperClient.Start(Options(peer));
        PeerConnection connection = await AcceptAsync(peer);
        Task added = zk.AddAuthAsync(new AuthInfo("nonesuch", Secret), Cancel);
        await connection.ExpectAsync(OpCode.Auth);
        await connection.ReplyAsync(Xids.Auth, error: ErrorCode.AuthFailed);
        await FailAsync(added);
        await FailAsync(() => zk.SetAsync("/a", Secret, cancellationToken: Cancel).AsTask());
        AssertSaidNothing(spans: 1, logs: 1);
    }

    [Theory]
    [InlineData("refused")]
    [InlineData("no proof")]
    [InlineData("a wrong proof")]
    [InlineData("nonsense")]
    public async Task H69_No_secret_is_said_to_anybody_when_SASL_fails(string way)
    {
        var peer = new ScriptedPeer();
        ZooKeeperOptions options = Options(peer);
        options.Sasl = new() { UserName = "ann", Password = _canary };
        await using ZooKeeperClient zk = ZooKeeperClient.Start(options);
        PeerConnection connection = await AcceptAsync(peer);
        PeerRequest request = await connection.ExpectAsync(OpCode.Sasl);
        string challenge = way == "nonsense" ? $"realm={_canary}=\"{_canary}" : "realm=\"r\",nonce=\"n\",qop=\"auth\",charset=utf-8,algorithm=md5-sess";
        await connection.ReplyAsync(request, new SaslToken(Encoding.ASCII.GetBytes(challenge)).Write);
        if (way != "nonsense")
        {
            request = await connection.ExpectAsync(OpCode.Sasl);
            await (way switch
            {
                "refused" => connection.ReplyAsync(request, error: ErrorCode.AuthFailed),
                "no proof" => connection.ReplyAsync(request, new SaslToken(Encoding.ASCII.GetBytes($"x={_canary}")).Write),
                _ => connection.ReplyAsync(request, new SaslToken(Encoding.ASCII.GetBytes($"rspauth={_canary}")).Write),
            });
        }

        await FailAsync(() => zk.WaitConnectedAsync(cancellationToken: Cancel));
        await FailAsync(() => zk.SetAsync("/a", Secret, cancellationToken: Cancel).AsTask());
        Assert.Equal(SessionState.AuthFailed, zk.State);
        AssertSaidNothing(spans: 1, logs: 1);
    }

    [Fact]
    public async Task H69_No_secret_is_said_to_anybody_when_a_keys_password_is_wrong()
    {
        string folder = Directory.CreateTempSubdirectory("okapi-secrets-").FullName;
        using var authority = TestAuthority.Create();
        using X509Certificate2 own = authority.Issue("okapi", ["okapi"], TestAuthority.ClientAuthentication);
        string file = Path.Combine(folder, "own.p12");
        File.WriteAllBytes(file, own.Export(X509ContentType.Pkcs12, _canary + "!"));
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        ZooKeeperOptions options = new()
        {
            ConnectString = $"localhost:{((IPEndPoint)listener.LocalEndpoint).Port}",
            LoggerFactory = _log,
            BackoffMinimum = TimeSpan.FromMilliseconds(1),
            BackoffMaximum = TimeSpan.FromMilliseconds(1),
            Tls = { Enabled = true, ClientCertificateFile = file, ClientKeyPassword = _canary },
        };
        await using ZooKeeperClient zk = ZooKeeperClient.Start(options);
        await _log.WaitAsync(2, 2, Cancel);
        await FailAsync(() => zk.WaitConnectedAsync(TimeSpan.Zero, Cancel));
        Directory.Delete(folder, recursive: true);
        AssertSaidNothing(spans: 0, logs: 2);
    }

    // A type that comes to hold bytes or passwords has to have its place here.
    [Fact]
    public void H69_No_type_shows_a_secret_as_text()
    {
        var tls = new TlsOptions { Enabled = true, ClientKeyPassword = _canary };
        var sasl = new SaslOptions { UserName = "ann", Password = _canary };
        var node = new NodeData(Secret, default);
        object[] instances =
        [
            tls, sasl, node, AuthInfo.Digest("ann", _canary), new AuthInfo("custom", Secret), new SessionCredentials(7, Secret),
            new ZooKeeperOptions { Tls = tls, Sasl = sasl, Auth = { AuthInfo.Digest("ann", _canary) }, Resume = new(7, Secret) },
            new BatchedRead("/a", ErrorCode.Ok, node, null), Acl.Digest(Permissions.All, "ann", _canary), new Acl(Permissions.All, "digest", _canary),
            new SessionInput.Answered(1, new(0, 1, 7, Secret, ReadOnly: false)), new SessionEffect.Handshake(new(0, 1, 1, 7, Secret, ReadOnly: false)),
            sasl.ToCredential()!,
        ];
        foreach (object instance in instances) Say(instance);
        AssertSaidNothing(spans: 0, logs: 0);

        IEnumerable<Type> holders = typeof(ZooKeeperClient).Assembly.GetExportedTypes().Where(type => type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Any(IsSecret));
        Assert.Subset(instances.Select(instance => instance.GetType()).ToHashSet(), holders.ToHashSet());

        static bool IsSecret(PropertyInfo property) =>
            property.PropertyType == typeof(byte[]) || property.PropertyType == typeof(ReadOnlyMemory<byte>) || property.PropertyType == typeof(NodeData) || property.PropertyType == typeof(NodeData?)
            || property.Name.Contains("Password", StringComparison.Ordinal) || property.Name.Contains("Credential", StringComparison.Ordinal) || property.Name.Contains("Secret", StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _activities.Dispose();
        _meters.Dispose();
        _log.Dispose();
    }

    private ZooKeeperOptions Options(ScriptedPeer peer)
    {
        ZooKeeperOptions options = peer.Options().InRealTime();
        options.LoggerFactory = _log;
        return options;
    }

    /// <summary>Opens the session with the secret as its password, and answers the credentials.</summary>
    private async Task<PeerConnection> AcceptAsync(ScriptedPeer peer)
    {
        PeerConnection connection = await peer.AcceptAsync();
        ConnectRequest handshake = await connection.ExpectHandshakeAsync();
        await connection.SendFrameAsync(new ConnectResponse(0, handshake.TimeoutMs, 0x1234, Secret, ReadOnly: false).Write);
        if (handshake.SessionId != 0)
        {
            for (int i = 0; i < 2; i++) await connection.ReplyAsync(await connection.ExpectAsync(OpCode.Auth));
        }

        return connection;
    }

    private Task FailAsync(Func<Task> call)
    {
        try
        {
            return FailAsync(call());
        }
        catch (ArgumentException error)
        {
            Say(error);
            return Task.CompletedTask;
        }
    }

    private async Task FailAsync(Task call)
    {
        Exception? error = await Record.ExceptionAsync(() => call.WaitAsync(TimeSpan.FromSeconds(30), Cancel));
        Assert.NotNull(error);
        for (Exception? each = error; each is not null; each = each.InnerException) Say(each, each.Message, string.Join(' ', each.Data.Values.Cast<object>()));
    }

    private void Say(params object?[] things)
    {
        foreach (object? thing in things) _said.Enqueue(thing?.ToString() ?? string.Empty);
    }

    private void Measured(Instrument instrument, object value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        Interlocked.Increment(ref _measurements);
        Say($"{instrument.Name} {value} {string.Join(' ', tags.ToArray())}");
    }

    private void AssertSaidNothing(int spans, int logs)
    {
        // Whoever listens to nothing finds nothing.
        Assert.True(_spans >= spans && (spans == 0 || _measurements > spans), $"{_spans} spans and {_measurements} measurements were heard.");
        Assert.True(_log.Entries.Count >= logs, $"{_log.Entries.Count} entries were logged.");
        string[] forms =
        [
            _canary, Convert.ToBase64String(Secret).TrimEnd('='), Convert.ToBase64String(Encoding.ASCII.GetBytes("ann:" + _canary)), Convert.ToHexString(Secret),
            string.Join(", ", Secret), string.Join(",", Secret), Acl.DigestId("ann", _canary)["ann:".Length..],
        ];
        foreach (string text in _said.Concat(_log.Entries.Select(entry => entry.Text)))
        {
            string plain = text.Replace("-", "", StringComparison.Ordinal);
            foreach (string form in forms) Assert.DoesNotContain(form.Replace("-", "", StringComparison.Ordinal), plain, StringComparison.OrdinalIgnoreCase);
        }
    }
}
