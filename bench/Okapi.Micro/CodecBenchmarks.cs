using BenchmarkDotNet.Attributes;
using Okapi.Protocol;

namespace Okapi.Micro;

/// <summary>Records to bytes and back. Each writing one makes a whole frame, as the outbox does.</summary>
public class CodecBenchmarks : IDisposable
{
    private readonly JuteBuffer _buffer = new(16 * 1024);
    private readonly byte[] _stat = Sample.Encode(Sample.Stat);
    private readonly byte[] _header = Sample.Encode(new ReplyHeader(7, 0x100000002, ErrorCode.Ok));
    private readonly byte[] _data = Sample.Encode(new DataReply(Sample.Data, Sample.Stat));
    private readonly byte[] _names = Sample.Encode(new ChildrenReply([.. Enumerable.Range(0, 10).Select(i => $"k{i}")], Sample.Stat));
    private readonly byte[] _notification = Sample.Encode(new WatcherEvent(WatchedEventType.NodeDataChanged, KeeperState.SyncConnected, Sample.Path));

    [Benchmark]
    public int WritePrimitives()
    {
        _buffer.Clear();
        var writer = new JuteWriter(_buffer);
        writer.WriteInt(1);
        writer.WriteLong(2);
        writer.WriteBoolean(true);
        writer.WriteString(Sample.Path);
        writer.WriteBuffer(Sample.Data);
        writer.Commit();
        return _buffer.Length;
    }

    [Benchmark]
    public int WriteExists() => WriteFrame(OpCode.Exists, new ReadRequest(Sample.Path, Watch: false));

    [Benchmark]
    public int WriteExistsBelowAChroot() => WriteFrame(OpCode.Exists, new ReadRequest(new WirePath("/app/orders", Sample.Path), Watch: false));

    [Benchmark]
    public int WriteSetData() => WriteFrame(OpCode.SetData, new SetDataRequest(Sample.Path, Sample.Data, -1));

    [Benchmark]
    public int WriteCreate()
    {
        _buffer.Clear();
        var writer = new JuteWriter(_buffer);
        int start = writer.BeginFrame();
        new RequestHeader(7, OpCode.Create).Write(ref writer);
        new CreateRequest(Sample.Path, Sample.Data, Acl.Open, CreateMode.Persistent).Write(ref writer);
        writer.EndFrame(start);
        writer.Commit();
        return _buffer.Length;
    }

    [Benchmark]
    public int WriteStat()
    {
        _buffer.Clear();
        var writer = new JuteWriter(_buffer);
        Sample.Stat.Write(ref writer);
        writer.Commit();
        return _buffer.Length;
    }

    [Benchmark]
    public int ReadReplyHeader() => Read<ReplyHeader>(_header).Xid;

    [Benchmark]
    public int ReadStat() => Read<Stat>(_stat).Version;

    /// <summary>The array of the data is the one allocation.</summary>
    [Benchmark]
    public int ReadGetDataReply() => Read<DataReply>(_data).Data!.Length;

    [Benchmark]
    public int ReadGetChildrenReplyOf10() => Read<ChildrenReply>(_names).Names.Length;

    [Benchmark]
    public int ReadNotification() => Read<WatcherEvent>(_notification).Path.Length;

    public void Dispose()
    {
        _buffer.Dispose();
        GC.SuppressFinalize(this);
    }

    private static T Read<T>(byte[] bytes)
        where T : IJuteRecord<T>
    {
        var reader = new JuteReader(bytes);
        return T.Read(ref reader);
    }

    private int WriteFrame<T>(OpCode opCode, in T body)
        where T : IJuteRecord<T>
    {
        _buffer.Clear();
        var writer = new JuteWriter(_buffer);
        int start = writer.BeginFrame();
        new RequestHeader(7, opCode).Write(ref writer);
        body.Write(ref writer);
        writer.EndFrame(start);
        writer.Commit();
        return _buffer.Length;
    }
}
