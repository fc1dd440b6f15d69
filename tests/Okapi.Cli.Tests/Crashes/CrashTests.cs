using System.Diagnostics;
using System.Globalization;
using System.Net;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Cli.Tests.Crashes;

/// <summary>
/// <c>okapi serve --data</c> is killed under load, again and again, on the same folder: what was acknowledged is there afterwards, what was not is there wholly or not at all, and
/// sessions go on. OKAPI_CRASH_ROUNDS says how often, OKAPI_CRASH_SEED repeats what was asked for (the moment of a kill is the machine's own).
/// </summary>
public sealed class CrashTests : IDisposable
{
    // A round waits for the disk and for a process to start far more than it computes, so there are several folders at a time.
    private const int Folders = 4, Writers = 4, ApacheEvery = 10;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_kill_loses_nothing_acknowledged_and_leaves_nothing_half_done()
    {
        int rounds = Setting("OKAPI_CRASH_ROUNDS", 200);
        int seed = Setting("OKAPI_CRASH_SEED", Environment.TickCount & 0xffffff);
        var clock = Stopwatch.StartNew();
        long[] acknowledged = await Task.WhenAll(Enumerable.Range(0, Folders).Select(number => CrashAsync(_folder.Below($"{number}"), (rounds + number) / Folders, seed + number)));
        TestContext.Current.TestOutputHelper?.WriteLine($"Seed {seed}: {rounds} rounds, {acknowledged.Sum()} writes acknowledged, {clock.Elapsed.TotalSeconds:0.0} s");
    }

    /// <returns>How many writes were acknowledged.</returns>
    private static async Task<long> CrashAsync(string folder, int rounds, int seed)
    {
        var random = new Random(seed);
        Writer[] writers = [.. Enumerable.Range(0, Writers).Select(number => new Writer($"/w{number}", new Random(random.Next())))];
        string data = Path.Combine(folder, "data");
        int round = 0;
        Task apache = Task.CompletedTask;
        OkapiProcess? server = null;
        try
        {
            server = await ServeAsync(data, random);
            await PrepareAsync(server.EndPoint, writers);
            for (round = 1; round <= rounds; round++)
            {
                await KillUnderLoadAsync(server, writers, random);
                await server.DisposeAsync();
                if (random.Next(10) == 0) await KillWhileItStartsAsync(data, random);
                string? copy = round % ApacheEvery == 0 && ApacheZooKeeper.IsAvailable ? Copy(data, Path.Combine(folder, $"copy-{round}")) : null;
                server = await ServeAsync(data, random);
                await CheckAsync(server.EndPoint, writers);
                await apache;
                if (copy is not null) apache = CheckOnApacheAsync(copy, [.. writers.Select(writer => writer.Model.Clone())]);
            }

            await apache;
            return writers.Sum(writer => writer.Acknowledged);
        }
        catch (Exception error)
        {
            if (server is not null) await server.DisposeAsync(); // it has the folder locked
            server = null;
            string kept = Copy(data, Directory.CreateTempSubdirectory("okapi-crash-").FullName);
            throw new InvalidOperationException($"Round {round} of seed {seed}: {error.Message} The folder is kept in {kept}", error);
        }
        finally
        {
            await Task.WhenAny(apache);
            if (server is not null) await server.DisposeAsync();
        }
    }

    private static int Setting(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;

    /// <summary>Snapshots are frequent and never in step with the kills.</summary>
    private static string[] Arguments(string data, Random random) => ["--data", data, "--snapshot-count", random.Next(50, 2000).ToString(CultureInfo.InvariantCulture), "--max-client-connections", "0"];

    private static Task<OkapiProcess> ServeAsync(string data, Random random) => OkapiProcess.ServeAsync(Arguments(data, random));

    private static async Task PrepareAsync(IPEndPoint server, Writer[] writers)
    {
        await using WireClient client = await WireClient.OpenAsync(server);
        foreach (Writer writer in writers)
            await client.CallAsync(OpCode.Create, (ref JuteWriter to) => new CreateRequest(writer.Root, Array.Empty<byte>(), Acl.Open, CreateMode.Persistent).Write(ref to));
    }

    private static async Task KillUnderLoadAsync(OkapiProcess server, Writer[] writers, Random random)
    {
        int left = random.Next(1, 400);
        var isTime = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task[] load = [.. writers.Select(writer => Task.Run(() => writer.WriteAsync(server.EndPoint, () =>
        {
            if (Interlocked.Decrement(ref left) == 0) isTime.TrySetResult();
        })))];
        Task allOver = Task.WhenAll(load);
        if (await Task.WhenAny(isTime.Task, allOver) == allOver) await allOver; // who has failed says why; who has closed the session has nothing more to write
        Thread.SpinWait(random.Next(100_000)); // not always just after a reply
        await server.KillAsync();
        await allOver;
    }

    /// <summary>Another crash while it reads, and perhaps repairs, what the last one has left.</summary>
    private static async Task KillWhileItStartsAsync(string data, Random random)
    {
        await using OkapiProcess starting = OkapiProcess.Launch(Arguments(data, random));
        using var moment = new PeriodicTimer(TimeSpan.FromMilliseconds(random.Next(20, 250)));
        await moment.WaitForNextTickAsync();
        await starting.KillAsync();
    }

    private static async Task CheckAsync(IPEndPoint server, Writer[] writers)
    {
        await using WireClient client = await WireClient.OpenAsync(server);
        foreach (Writer writer in writers) writer.Check(await Shown.ReadAsync(client, writer.Root));
        long zxid = (await client.CallAsync(OpCode.Ping, xid: Xids.Ping)).Zxid;
        Assert.All(writers, writer => Assert.True(writer.LastZxid < zxid, $"The server is at zxid 0x{zxid:x}, and has acknowledged 0x{writer.LastZxid:x}."));
        await client.CallAsync(OpCode.CloseSession);
    }

    /// <summary>Apache ZooKeeper, started on a copy of the folder, shows the same.</summary>
    private static async Task CheckOnApacheAsync(string copy, WriterModel[] models)
    {
        await using ApacheZooKeeper apache = await ApacheZooKeeper.StartAsync("--cfg", $"dataDir={copy}");
        await using WireClient client = await WireClient.OpenAsync(new IPEndPoint(IPAddress.Loopback, apache.Nodes[0].Port));
        foreach (WriterModel model in models)
        {
            if (model.FindDifference(await Shown.ReadAsync(client, model.Root)) is { } difference) throw new InvalidDataException($"On Apache ZooKeeper: {difference}.");
        }

        await client.CallAsync(OpCode.CloseSession);
        Directory.Delete(copy, recursive: true);
    }

    private static string Copy(string from, string to)
    {
        foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        return to;
    }
}
