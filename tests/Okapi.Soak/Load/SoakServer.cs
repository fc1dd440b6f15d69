using System.Globalization;
using System.Text;
using Okapi.Server;
using Okapi.TestSupport;

namespace Okapi.Soak.Load;

/// <summary>What a server says that it holds.</summary>
internal readonly record struct ServerCounts(long Watches, long Ephemerals, long Sessions, long Connections);

/// <summary>The server under the load: the embedded one, or Apache's.</summary>
internal abstract class SoakServer : IAsyncDisposable
{
    public abstract string Address { get; }

    public static async Task<SoakServer> StartAsync(bool isApache) =>
        isApache ? new OnApache(await ApacheZooKeeper.StartAsync()) : new OnEmbedded(await StartEmbeddedAsync());

    public static Task<EmbeddedServer> StartEmbeddedAsync()
    {
        var options = new EmbeddedServerOptions { MaxClientConnections = 0 };
        options.FourLetterWords.Add("*");
        return EmbeddedServer.StartAsync(options);
    }

    public static async Task<string> WordAsync(EmbeddedServer server, string word)
    {
        await using Stream stream = await server.ConnectAsync();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(word));
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync();
    }

    public static ServerCounts Parse(string mntr)
    {
        Dictionary<string, string> lines = mntr.Split('\n').Select(line => line.Split('\t')).Where(parts => parts.Length == 2).ToDictionary(parts => parts[0], parts => parts[1]);
        long Number(string name) => (long)double.Parse(lines[name], CultureInfo.InvariantCulture);
        return new(Number("zk_watch_count"), Number("zk_ephemerals_count"), Number("zk_global_sessions"), Number("zk_num_alive_connections"));
    }

    public async Task<ServerCounts> CountAsync() => Parse(await WordAsync("mntr"));

    public abstract ValueTask DisposeAsync();

    protected abstract Task<string> WordAsync(string word);

    private sealed class OnEmbedded(EmbeddedServer server) : SoakServer
    {
        public override string Address => server.ConnectionString;

        public override ValueTask DisposeAsync() => server.DisposeAsync();

        protected override Task<string> WordAsync(string word) => WordAsync(server, word);
    }

    private sealed class OnApache(ApacheZooKeeper server) : SoakServer
    {
        public override string Address => server.ConnectString;

        public override ValueTask DisposeAsync() => server.DisposeAsync();

        protected override Task<string> WordAsync(string word) => server.WordAsync(1, word);
    }
}
