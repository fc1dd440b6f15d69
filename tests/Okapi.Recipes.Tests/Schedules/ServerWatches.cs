using System.Globalization;
using Okapi.Server;

namespace Okapi.Recipes.Tests.Schedules;

internal static class ServerWatches
{
    /// <summary>How many watches of data and of children the clients have left on the server, whatever they believe themselves.</summary>
    public static async Task<int> CountWatchesAsync(this EmbeddedServer server)
    {
        int count = 0;
        foreach (ServerMember member in server.Members)
        {
            await using Stream stream = await server.ConnectAsync(member.Number);
            await stream.WriteAsync("mntr"u8.ToArray());
            using var reader = new StreamReader(stream);
            const string Figure = "zk_watch_count\t";
            string line = (await reader.ReadToEndAsync()).Split('\n').Single(static line => line.StartsWith(Figure, StringComparison.Ordinal));
            count += int.Parse(line.AsSpan(Figure.Length), CultureInfo.InvariantCulture);
        }

        return count;
    }
}
