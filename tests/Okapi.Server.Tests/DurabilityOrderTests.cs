using Microsoft.Extensions.Logging.Abstractions;
using Okapi.Protocol;
using Okapi.Server.Storage;
using Okapi.Server.Transactions;
using Okapi.Server.Trees;
using Okapi.TestSupport;
using LoggedTransaction = Okapi.Server.Transactions.Transaction;

namespace Okapi.Server.Tests;

/// <summary>Nothing is acknowledged before it is durable, and nothing at all once that has failed.</summary>
public class DurabilityOrderTests
{
    private static readonly BodyWriter Create = (ref JuteWriter writer) => new CreateRequest("/a", null, Acl.Open, CreateMode.Persistent).Write(ref writer);
    private static readonly BodyWriter Exists = (ref JuteWriter writer) => new ReadRequest("/a", false).Write(ref writer);

    [Fact]
    public async Task A_write_is_acknowledged_and_seen_when_it_is_durable_and_not_before()
    {
        using var journal = new HeldJournal();
        Incarnation server = Start(journal);
        await using WireClient zk = await OpenAsync(server), other = await OpenAsync(server);
        journal.Hold();
        await zk.SendAsync(OpCode.Create, Create);
        await journal.Committing.InTime();
        await other.SendAsync(OpCode.Exists, Exists);
        Task<WireReply> acknowledged = zk.ReadReplyAsync(), seen = other.ReadReplyAsync();
        Assert.Same(journal.Held, await Task.WhenAny(acknowledged, seen, journal.Held)); // which ends when the disk has had its time
        journal.Release();
        Assert.Equal(ErrorCode.Ok, (await acknowledged.InTime()).Error);
        Assert.Equal(ErrorCode.Ok, (await seen.InTime()).Error);
        await server.StopAsync();
    }

    [Fact]
    public async Task When_the_disk_fails_nobody_is_answered_any_more_and_the_server_says_so()
    {
        using var journal = new HeldJournal();
        Incarnation server = Start(journal);
        await using WireClient zk = await OpenAsync(server);
        journal.Fail();
        await zk.SendAsync(OpCode.Create, Create);
        await zk.ExpectCloseAsync();
        await Assert.ThrowsAsync<IOException>(() => server.Failure.InTime());
        Assert.Throws<IOException>(() => server.Connect(server.Leader.Members[0]));
        await server.StopAsync();
    }

    private static Incarnation Start(IJournal journal) =>
        new(new EmbeddedServerOptions { UseSockets = false }.CloneValidated(), new FaultBook(), [], Memory.Empty(), journal, NullLogger.Instance);

    private static async Task<WireClient> OpenAsync(Incarnation server)
    {
        var client = new WireClient(server.Connect(server.Leader.Members[0]));
        await client.HandshakeAsync();
        return client;
    }

    /// <summary>A disk that takes its time, or fails.</summary>
    private sealed class HeldJournal : IJournal
    {
        private readonly ManualResetEventSlim _open = new(initialState: true);
        private readonly TaskCompletionSource _committing = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _held = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private volatile bool _fails;

        public Task Committing => _committing.Task;

        /// <summary>Ends some time after a commit began that is held back: long enough for a reply that does not wait for it.</summary>
        public Task Held => _held.Task;

        public void Hold() => _open.Reset();

        public void Release() => _open.Set();

        public void Fail() => _fails = true;

        public void Append(in TransactionHeader header, LoggedTransaction transaction)
        {
        }

        public void Commit()
        {
            if (_fails) throw new IOException("The disk is full.");
            if (_open.IsSet) return;
            _committing.TrySetResult();
            if (!_open.Wait(TimeSpan.FromMilliseconds(200))) _held.TrySetResult();
            Assert.True(_open.Wait(TimeSpan.FromSeconds(20)));
        }

        public void OfferSnapshot(Tree tree, Func<IReadOnlyDictionary<long, int>> getSessionTimeouts)
        {
        }

        public void Dispose() => _open.Dispose();
    }
}
