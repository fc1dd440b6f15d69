using System.Globalization;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Scripts;

/// <summary>Makes the znodes below which scripts work, and removes them with all that was left in them.</summary>
public sealed class Janitor : IAsyncDisposable
{
    private static int s_roots;
    private readonly WireClient _connection;

    private Janitor(WireClient connection) => _connection = connection;

    public static async Task<Janitor> StartAsync(Target target)
    {
        WireClient connection = await target.OpenAsync(timeoutMs: 60_000);
        connection.Patience = TimeSpan.FromSeconds(60);
        WireReply allowed = await connection.CallAsync(OpCode.Auth, new AuthRequest("digest", System.Text.Encoding.UTF8.GetBytes("super:" + Target.SuperPassword)).Write, Xids.Auth);
        if (allowed.Error != ErrorCode.Ok) throw new InvalidOperationException($"The super user is refused: {allowed.Error}.");
        return new(connection);
    }

    /// <summary>Creates a root; its name has the same length for all scripts.</summary>
    public async Task<(string Root, long Zxid)> CreateAsync()
    {
        string root = string.Create(CultureInfo.InvariantCulture, $"/script-{Interlocked.Increment(ref s_roots):d8}");
        WireReply created = await _connection.CallAsync(OpCode.Create, new CreateRequest(root, null, Acl.Open, CreateMode.Persistent).Write);
        return created.Error == ErrorCode.Ok ? (root, created.Zxid) : throw new InvalidOperationException($"{root} is refused: {created.Error}.");
    }

    public async Task RemoveAsync(string root)
    {
        List<string> paths = [root];
        for (int listed = 0; listed < paths.Count;)
        {
            string[] level = [.. paths[listed..]];
            listed = paths.Count;
            foreach (string path in level) await _connection.SendAsync(OpCode.GetChildren, new ReadRequest(path, Watch: false).Write);
            foreach (string path in level)
            {
                WireReply reply = await _connection.ReadReplyAsync();
                if (reply.Error == ErrorCode.Ok) paths.AddRange(reply.Read(NamesReply.Read).Names.Select(name => $"{path}/{name}"));
            }
        }

        paths.Reverse();
        foreach (string path in paths) await _connection.SendAsync(OpCode.Delete, new VersionRequest(path, -1).Write);
        foreach (string _ in paths) await _connection.ReadReplyAsync();
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await _connection.CallAsync(OpCode.CloseSession);
        }
        catch (IOException)
        {
            // The server is gone, and whoever needed it has said so.
        }

        await _connection.DisposeAsync();
    }
}
