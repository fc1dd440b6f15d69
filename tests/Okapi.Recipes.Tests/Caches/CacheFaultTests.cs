using System.Collections.Concurrent;
using Okapi.Protocol;
using Okapi.Recipes.Tests.Load;
using Okapi.Server;

namespace Okapi.Recipes.Tests.Caches;

/// <summary>What only a server can show that does what it is told.</summary>
public sealed class CacheFaultTests : IAsyncLifetime
{
    private readonly WireTap _tap = new();
    private EmbeddedServer _server = null!;
    private ZooKeeperClient _zk = null!;
    private ZooKeeperClient _other = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await EmbeddedServer.StartAsync(new() { UseSockets = false, Members = 2 }, Ct);
        _zk = await ConnectAsync(1, _tap.On);
        _other = await ConnectAsync(2, static stream => stream);
    }

    public async ValueTask DisposeAsync()
    {
        await _other.DisposeAsync();
        await _zk.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_server_without_persistent_watches_is_told()
    {
        using Fault old = _server.Faults.AnswerError(ErrorCode.Unimplemented, request => request.Type == OpCode.AddWatch);
        await Assert.ThrowsAsync<UnimplementedException>(() => _zk.OpenCacheAsync("/", cancellationToken: Ct));
        Assert.Equal(1, old.Strikes);
    }

    [Fact]
    public async Task An_event_makes_one_read_of_its_path_and_no_other()
    {
        await _other.CreateAsync("/top");
        for (int i = 0; i < 50; i++) await _other.CreateAsync($"/top/{i}");
        await using ZnodeCache cache = await _zk.OpenCacheAsync("/top", new() { Scope = CacheScope.Children }, Ct);
        await using Replay replay = await Replay.OpenAsync(cache);
        var reads = new ConcurrentBag<string>();
        using Fault counting = _server.Faults.AnswerError(ErrorCode.SystemError, request =>
        {
            if (request.SessionId == _zk.SessionId && request.Type is OpCode.GetData or OpCode.Exists or OpCode.GetChildren or OpCode.GetChildren2) reads.Add(request.Path!);
            return false;
        });
        using (_server.Members[0].Faults.Stall(FaultDirection.Requests))
        {
            // Nothing that the cache asks is heard before it has acted on the last event.
            int before = _tap.Requests;
            for (int i = 0; i < 100; i++) await _other.SetAsync("/top/7", new[] { (byte)i });
            await _other.SetAsync("/top/8", new byte[1]);
            await Waiting.UntilAsync(() => Task.FromResult(_tap.Requests == before + 2), "both znodes asked for");
        }

        await replay.UntilAsync(change => change.Path == "/top/8");
        await replay.UntilSameAsync(_other, "/top");
        Assert.InRange(reads.Count(path => path == "/top/7"), 1, 2); // and once more for what happened since it was asked for
        Assert.Equal(1, reads.Count(path => path == "/top/8"));
        Assert.DoesNotContain(reads, path => path is not ("/top/7" or "/top/8"));

        reads.Clear();
        Fault stall = _server.Members[0].Faults.Stall(FaultDirection.Replies);
        for (int i = 0; i < 50; i++) await _other.SetAsync($"/top/{i}", new byte[2]);
        stall.Dispose();
        await replay.UntilSameAsync(_other, "/top");
        Assert.Equal(50, reads.Distinct().Count());
    }

    [Fact]
    public async Task Reads_under_way_have_a_bound()
    {
        await _other.CreateAsync("/top");
        for (int i = 0; i < 50; i++) await _other.CreateAsync($"/top/{i}");
        int reads = 0;
        Fault? stall = null;
        using Fault counting = _server.Faults.AnswerError(ErrorCode.SystemError, request =>
        {
            // From the first child on the cache gets no answers.
            if (request.SessionId != _zk.SessionId || request.Path?.StartsWith("/top/", StringComparison.Ordinal) != true) return false;
            if (Interlocked.Increment(ref reads) == 1) stall = _server.Members[0].Faults.Stall(FaultDirection.Replies);
            return false;
        });
        Task<ZnodeCache> opening = _zk.OpenCacheAsync("/top", new() { MaxConcurrentReads = 7 }, Ct);
        await Waiting.UntilAsync(() => Task.FromResult(Volatile.Read(ref reads) >= 7), "as many reads as may be");
        for (int i = 0; i < 100; i++) await _other.GetAsync("/top", Ct); // time enough for more, if there were more
        Assert.Equal(7, Volatile.Read(ref reads));
        stall!.Dispose();
        await using ZnodeCache cache = await opening.Soon();
        Assert.Equal(51, cache.Count);
        Assert.Equal(50, Volatile.Read(ref reads));
    }

    [Fact]
    public async Task A_refusal_that_is_not_of_the_moment_fails_the_cache()
    {
        await _other.CreateAsync("/a");
        await using ZnodeCache cache = await _zk.OpenCacheAsync("/", cancellationToken: Ct);
        using Fault fault = _server.Faults.AnswerError(ErrorCode.SystemError, request => request.Path == "/a" && request.Type == OpCode.GetData);
        await _other.SetAsync("/a", new byte[1]);
        ZooKeeperException failure = await Assert.ThrowsAsync<ZooKeeperException>(() => cache.Completion.Soon());
        Assert.Equal(ErrorCode.SystemError, failure.Code);
        Assert.Throws<ZooKeeperException>(cache.Snapshot);
    }

    [Fact]
    public async Task A_read_whose_reply_is_lost_is_made_again()
    {
        await _other.CreateAsync("/a");
        await using ZnodeCache cache = await _zk.OpenCacheAsync("/", cancellationToken: Ct);
        await using Replay replay = await Replay.OpenAsync(cache);
        using Fault fault = _server.Faults.CutInsteadOfReply(request => request.Path == "/a" && request.Type == OpCode.GetData && request.SessionId == _zk.SessionId);
        await _other.SetAsync("/a", new byte[1]);
        await fault.Struck.Soon();
        await replay.UntilSameAsync(_other, "/");
    }

    private Task<ZooKeeperClient> ConnectAsync(int member, Func<Stream, Stream> tap) => ZooKeeperClient.ConnectAsync(
        new()
        {
            ConnectString = _server.Members[member - 1].ConnectionString,
            ConnectCallback = async (to, ct) => tap(await _server.ConnectAsync(to.Port, ct)),
        },
        Ct);
}
