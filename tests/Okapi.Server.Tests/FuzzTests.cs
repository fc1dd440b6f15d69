using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Server.Tests;

/// <summary>
/// F3: whatever arrives, the server answers it or closes that connection, and nobody else notices. OKAPI_FUZZ_SEED repeats a run, OKAPI_FUZZ_COUNT sets how many connections are
/// spoiled.
/// </summary>
public class FuzzTests
{
    private static readonly OpCode[] Types = [.. Enum.GetValues<OpCode>(), (OpCode)10, (OpCode)23, (OpCode)108, (OpCode)(-12), (OpCode)int.MaxValue];

    [Theory]
    [InlineData(ServerVersion.V34)]
    [InlineData(ServerVersion.V38)]
    [InlineData(ServerVersion.V39)]
    public async Task Nonsense_harms_nobody_but_who_sends_it(ServerVersion version)
    {
        int seed = Setting("OKAPI_FUZZ_SEED") ?? new Random().Next();
        int count = Setting("OKAPI_FUZZ_COUNT") ?? 50_000;
        TestContext.Current.TestOutputHelper?.WriteLine($"OKAPI_FUZZ_SEED={seed}");
        var random = new Random(seed);
        var log = new LogRecorder();
        await using EmbeddedServer server = await InMemory.StartAsync(options =>
        {
            options.Version = version;
            options.LoggerFactory = log;
            options.SuperPassword = "secret";
            options.SaslUsers["ann"] = "of-ann";
            options.FourLetterWords.Add("*");
        });
        await using WireClient witness = await InMemory.OpenAsync(server, timeoutMs: 10_000);
        // What has a child cannot be deleted, and below a parent that nobody may change nothing can be.
        foreach (string path in (string[])["/guard", "/guard/mine", "/guard/mine/child"])
            Assert.Equal(ErrorCode.Ok, (await witness.CallAsync(OpCode.Create, (ref JuteWriter writer) => new CreateRequest(path, new byte[] { 1, 2, 3 }, Acl.Open, CreateMode.Persistent).Write(ref writer))).Error);
        foreach (string path in (string[])["/guard/mine/child", "/guard/mine", "/guard"])
            Assert.Equal(ErrorCode.Ok, (await witness.CallAsync(OpCode.SetAcl, (ref JuteWriter writer) => new SetAclRequest(path, Acl.ReadOnly, -1).Write(ref writer))).Error);
        Stat before = await StatAsync(witness);

        for (int i = 0; i < count; i++)
        {
            try
            {
                await SpoilAsync(server, random, version).InTime();
            }
            catch (IOException)
            {
                // It was cut off before it was through.
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"OKAPI_FUZZ_SEED={seed}, connection {i}: {error.Message}", error);
            }

            if (i % 100 == 0) Assert.Equal(ErrorCode.Ok, (await witness.CallAsync(OpCode.Ping, xid: Xids.Ping)).Error);
        }

        Stat after = await StatAsync(witness);
        Assert.Equal(before, after);
        Assert.DoesNotContain(log.Entries, entry => entry.Id is 106 or 109); // no request was too much for the server
        Assert.True((await server.GetSessionsAsync()).Count < count + 2);
    }

    private static async Task<Stat> StatAsync(WireClient zk) =>
        (await zk.CallAsync(OpCode.Exists, (ref JuteWriter writer) => new ReadRequest("/guard/mine", false).Write(ref writer))).Read(Stat.Read);

    /// <summary>Opens a connection, sends what is more or less requests, and reads until there is an answer to the last of them or the end.</summary>
    private static async Task SpoilAsync(EmbeddedServer server, Random random, ServerVersion version)
    {
        await using var zk = new WireClient(await server.ConnectAsync(cancellationToken: TestContext.Current.CancellationToken));
        if (random.Next(8) == 0)
        {
            await zk.SendBytesAsync(Mangle(Frame(new ConnectRequest(0, 0, 10_000, 0, new byte[16], false).Write), random));
            zk.Stream.Dispose(); // what is left of it may wait for more, as it should
            return;
        }

        await zk.HandshakeAsync(4_000);
        for (int i = random.Next(1, 6); i > 0; i--)
        {
            byte[] frame = Frame(Request(random, version));
            if (random.Next(3) > 0) frame = Mangle(frame, random, from: random.Next(6) == 0 ? 0 : 4);
            await zk.SendBytesAsync(frame);
        }

        await zk.SendFrameAsync(new RequestHeader(Xids.Ping, OpCode.Ping).Write);
        zk.Stream.Dispose();
    }

    private static BodyWriter Request(Random random, ServerVersion version)
    {
        OpCode type = Types[random.Next(Types.Length)];
        string path = random.Next(6) switch { 0 => "/", 1 => "/guard/mine", 2 => "/guard/mine/a", 3 => "", 4 => "/zookeeper/quota/x", _ => "/" + (char)random.Next(1, 0xffff) + new string('y', random.Next(300)) };
        byte[] data = new byte[random.Next(40)];
        random.NextBytes(data);
        return (ref JuteWriter writer) =>
        {
            new RequestHeader(random.Next(), type).Write(ref writer);
            switch (type)
            {
                case OpCode.Create or OpCode.Create2 or OpCode.CreateContainer or OpCode.CreateTtl:
                    new CreateRequest(path, data, Acl.Open, (CreateMode)random.Next(-1, 8), random.NextInt64(-2, 100)).Write(ref writer);
                    break;
                case OpCode.Multi or OpCode.MultiRead:
                    MultiOperation.WriteAll([new(OpCode.Check, path), new(OpCode.SetData, path, data), new(OpCode.Create, path, data), new(OpCode.Delete, path), new(OpCode.GetData, path)], ref writer);
                    break;
                case OpCode.SetWatches or OpCode.SetWatches2:
                    new SetWatchesRequest(random.NextInt64(-1, 10), [path], [path, path], [path], type == OpCode.SetWatches2 ? [path] : [], type == OpCode.SetWatches2 ? [path] : []).Write(ref writer);
                    break;
                case OpCode.SetData:
                    new SetDataRequest(path, data, random.Next(-2, 2)).Write(ref writer);
                    break;
                case OpCode.SetAcl:
                    new SetAclRequest(path, random.Next(2) == 0 ? Acl.Open : [new Acl((Permissions)random.Next(-1, 40), "digest", "a:b:c")], random.Next(-2, 2)).Write(ref writer);
                    break;
                case OpCode.Auth:
                    new AuthRequest(random.Next(2) == 0 ? "digest" : "sasl", data).Write(ref writer);
                    break;
                case OpCode.Sasl:
                    new SaslToken(random.Next(2) == 0 ? [] : data).Write(ref writer);
                    break;
                default:
                    writer.WriteString(path);
                    writer.WriteInt(random.Next(-2, 9));
                    break;
            }
        };
    }

    private static byte[] Frame(BodyWriter body)
    {
        using var buffer = new JuteBuffer();
        var writer = new JuteWriter(buffer);
        int start = writer.BeginFrame();
        body(ref writer);
        writer.EndFrame(start);
        writer.Commit();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Changes bits, numbers and lengths, cuts off or adds; past the length of the frame unless that is to be spoiled too.</summary>
    private static byte[] Mangle(byte[] frame, Random random, int from = 0)
    {
        var bytes = new List<byte>(frame);
        for (int times = random.Next(1, 4); times > 0 && bytes.Count > from; times--)
        {
            int at = random.Next(from, bytes.Count);
            switch (random.Next(5))
            {
                case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: bytes[at] = (byte)random.Next(256); break;
                case 2: for (int i = at; i < Math.Min(at + 4, bytes.Count); i++) bytes[i] = (byte)(random.Next(2) == 0 ? 0xff : 0x7f); break;
                case 3: bytes.RemoveRange(at, Math.Min(random.Next(1, 5), bytes.Count - at)); break;
                default: bytes.InsertRange(at, new byte[random.Next(1, 9)]); break;
            }
        }

        if (from >= 4 && bytes.Count >= 4) System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(bytes), bytes.Count - 4);
        return [.. bytes];
    }

    private static int? Setting(string name) => int.TryParse(Environment.GetEnvironmentVariable(name), out int value) ? value : null;
}
