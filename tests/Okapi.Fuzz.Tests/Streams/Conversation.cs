using System.Buffers.Binary;
using System.Text;
using Okapi.Server;

namespace Okapi.Fuzz.Tests.Streams;

/// <summary>What both sides of a real conversation said, frame by frame with lengths, and what brings a client to say it again.</summary>
/// <param name="Script">What the client did.</param>
/// <param name="ToServer">What it sent.</param>
/// <param name="ToClient">What it was sent.</param>
internal sealed record Conversation(Script Script, IReadOnlyList<byte[]> ToServer, IReadOnlyList<byte[]> ToClient)
{
    /// <summary>The session that the server opened or resumed.</summary>
    public long SessionId => BinaryPrimitives.ReadInt64BigEndian(ToClient[0].AsSpan(12));

    public static string Password => "secret";

    /// <summary>Records all scripts, each with an embedded server of its own.</summary>
    public static async Task<IReadOnlyList<Conversation>> RecordAllAsync(ServerVersion version)
    {
        var all = new List<Conversation>();
        foreach (Script script in Script.All) all.Add(await RecordAsync(script, version));
        return all;
    }

    public static EmbeddedServerOptions ServerOptions(ServerVersion version) => new() { UseSockets = false, Version = version, SuperPassword = Password, EnableReconfig = false };

    private static async Task<Conversation> RecordAsync(Script script, ServerVersion version)
    {
        await using EmbeddedServer server = await EmbeddedServer.StartAsync(ServerOptions(version));
        await using ZooKeeperClient other = await ZooKeeperClient.ConnectAsync(Options(server.ConnectionString, (to, ct) => server.ConnectAsync(to.Port, ct)));
        foreach (string path in Script.Prepared) await other.CreateAsync(path, Encoding.ASCII.GetBytes("data of " + path));

        RecordingStream? last = null;
        var again = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        ZooKeeperOptions options = Options(server.ConnectionString, async (to, ct) =>
        {
            if (last is not null) again.TrySetResult();
            return last = new RecordingStream(await server.ConnectAsync(to.Port, ct));
        });
        foreach (AuthInfo auth in script.Auth) options.Auth.Add(auth);
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(options);
        if (script.Before is { } before)
        {
            var done = new List<Task>();
            before(zk, done.Add);
            await Task.WhenAll(done);
            RecordingStream first = last!;
            first.Dispose();
            await again.Task;
            await zk.SyncAsync(); // not sent on the first connection, or it would have been sent twice
            if (last == first) throw new InvalidOperationException("There is no second connection.");
        }

        var calls = new List<Task>();
        script.Calls(zk, calls.Add);
        await Task.WhenAll(calls);
        await script.Others(other);
        await zk.SyncAsync();
        return new(script, Frames(last!.Sent), Frames(last.Received));
    }

    public static ZooKeeperOptions Options(string connectString, ConnectCallback connect) => new()
    {
        ConnectString = connectString,
        ConnectCallback = connect,
        SessionTimeout = TimeSpan.FromSeconds(10),
        BackoffMinimum = TimeSpan.FromMilliseconds(1),
        BackoffMaximum = TimeSpan.FromMilliseconds(1),
        MaxReplySize = MaxReply,
    };

    public const int MaxReply = 64 * 1024;

    /// <summary>The longest reply that a client takes now and then, so large that its buffer is another one before and after.</summary>
    public const int LargeMaxReply = 512 * 1024;

    public static List<byte[]> Frames(ReadOnlySpan<byte> bytes)
    {
        var frames = new List<byte[]>();
        while (bytes.Length >= 4 && BinaryPrimitives.ReadInt32BigEndian(bytes) is >= 0 and var length && length <= bytes.Length - 4)
        {
            frames.Add(bytes[..(4 + length)].ToArray());
            bytes = bytes[(4 + length)..];
        }

        return frames;
    }
}
