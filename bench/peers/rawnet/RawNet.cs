// What .NET sockets allow, before any client design. Usage: RawNet MODE host:port OP W N [payload=128] [warmup] ; OP: get set exists children mixed, with mux also create
//   sync       one thread, blocking Socket, pre-encoded requests, frames counted (the .NET twin of rawpipe.c)
//   async      the same loop on await ReceiveAsync/SendAsync
//   mux-inline W awaiting callers over one connection: requests are encoded into one shared buffer, replies complete pooled
//              value-task sources on the reader, which then sends everything the resumed callers queued with one send
//   mux-pool   the same, but callers resume on the thread pool and a flush work item sends what has gathered
//   mux-tcs    mux-pool with a TaskCompletionSource per call instead of a pooled source
//   mux-direct mux-pool, but the caller that finds nobody sending sends at once on its own thread
//   mux-thread        a dedicated thread blocks in Receive and resumes callers itself; it sends what they queued once per batch
//   mux-thread-pool   the same reader thread, callers resume on the thread pool and send for themselves as in mux-direct
// The mux modes decode the reply into a fresh byte[] for get (what an API returning byte[] must do) and count errors.
// bench/compare builds it: a console project with this one file, Release.
using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading.Tasks.Sources;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
string mode = args[0];
var hp = args[1].Split(':');
string op = args[2];
int w = int.Parse(args[3]);
int n = int.Parse(args[4]);
int payload = args.Length > 5 ? int.Parse(args[5]) : 128;
int warm = args.Length > 6 ? int.Parse(args[6]) : n / 4;
var sock = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
sock.Connect(IPAddress.Parse(hp[0]), int.Parse(hp[1]));
{
    var b = new byte[49];
    BinaryPrimitives.WriteInt32BigEndian(b, 45);
    BinaryPrimitives.WriteInt32BigEndian(b.AsSpan(16), 60000);
    BinaryPrimitives.WriteInt32BigEndian(b.AsSpan(28), 16);
    sock.Send(b);
    var r = new byte[64];
    int have = 0;
    while (have < 4 || have < 4 + BinaryPrimitives.ReadInt32BigEndian(r))
        have += sock.Receive(r, have, r.Length - have, SocketFlags.None);
}
string node = "/b/n-" + payload;
int xid = 1;
Rpc(Enc.Make(1, "/b", 0));
Rpc(Enc.Make(1, node, payload));
Rpc(Enc.Make(5, node, payload));
Rpc(Enc.Make(1, "/b/c", 0));
Rpc(Enc.Make(1, "/b/x", 0));
for (int i = 0; i < 10; i++) Rpc(Enc.Make(1, "/b/c/k" + i, 0));
void Rpc(byte[] f)
{
    Enc.Xid(f, xid++);
    sock.Send(f);
    var r = new byte[8192];
    int have = 0;
    while (have < 4 || have < 4 + BinaryPrimitives.ReadInt32BigEndian(r))
        have += sock.Receive(r, have, r.Length - have, SocketFlags.None);
}
byte[] reqA = op switch
{
    "set" => Enc.Make(5, node, payload),
    "exists" => Enc.Make(3, node, 0),
    "children" => Enc.Make(8, "/b/c", 0),
    "create" => Enc.Make(1, $"/b/x/m{Environment.ProcessId}-{Stopwatch.GetTimestamp()}-" + new string('0', Enc.Digits), payload),
    _ => Enc.Make(4, node, 0),
};
byte[] reqB = op == "mixed" ? Enc.Make(5, node, payload) : reqA;

long[] lat = new long[n];
long errs = 0;
double secs;
CpuT c0, c1;
long a0, a1;
if (mode is "sync" or "async")
{
    await Go(warm, null);
    c0 = Cpu();
    a0 = GC.GetTotalAllocatedBytes(true);
    secs = await Go(n, lat);
    c1 = Cpu();
    a1 = GC.GetTotalAllocatedBytes(true);
}
else
{
    var mux = new Mux(sock, mode is "mux-inline" or "mux-thread", mode == "mux-tcs",
                      mode is not ("mux-pool" or "mux-tcs"), xid, w);
    if (mode.StartsWith("mux-thread"))
        new Thread(mux.ReadThread) { IsBackground = true }.Start();
    else
        _ = mux.ReadLoop();
    await RunMux(mux, warm, null);
    c0 = Cpu();
    a0 = GC.GetTotalAllocatedBytes(true);
    mux.Errs = 0;
    secs = await RunMux(mux, n, lat);
    errs = mux.Errs;
    c1 = Cpu();
    a1 = GC.GetTotalAllocatedBytes(true);
}
Array.Sort(lat);
var c = c1 - c0;
double f1 = 1e6 / Stopwatch.Frequency;
string rss = "";
foreach (var l in File.ReadLines("/proc/self/status"))
    if (l.StartsWith("VmHWM:")) rss = (long.Parse(l[6..].Trim().Split(' ')[0]) / 1024.0).ToString("F1");
Console.WriteLine(
    $"{{\"client\":\"net-{mode}\",\"op\":\"{op}\",\"window\":{w},\"payload\":{payload},\"ops\":{n},\"errs\":{errs},\"ops_per_s\":{n / secs:F0},\"p50_us\":{lat[n / 2] * f1:F1},\"p99_us\":{lat[(int)(n * 0.99)] * f1:F1},\"max_us\":{lat[^1] * f1:F1},\"cpu_s_per_mop\":{c.Sum / n * 1e6:F3},\"user_s_per_mop\":{c.User / n * 1e6:F3},\"sys_s_per_mop\":{c.Sys / n * 1e6:F3},\"rss_mb\":{rss},\"alloc_b_per_op\":{(double)(a1 - a0) / n:F0}}}");
Environment.Exit(0);
static CpuT Cpu()
{
    var u = Environment.CpuUsage;
    return new(u.UserTime.TotalSeconds, u.PrivilegedTime.TotalSeconds);
}

async Task<double> Go(int count, long[]? l)
{
    var t0 = new long[w];
    byte[] outb = new byte[w * Math.Max(reqA.Length, reqB.Length) + 64], inb = new byte[1 << 18];
    int outlen = 0, inlen = 0, sent = 0, done = 0;
    bool asy = mode == "async";
    void Add(long now)
    {
        var r = sent % 5 == 4 ? reqB : reqA;
        r.CopyTo(outb, outlen);
        BinaryPrimitives.WriteInt32BigEndian(outb.AsSpan(outlen + 4), xid++);
        outlen += r.Length;
        t0[sent % w] = now;
        sent++;
    }
    long start = Stopwatch.GetTimestamp();
    while (sent < w && sent < count) Add(start);
    while (done < count)
    {
        if (outlen > 0)
        {
            if (asy)
            {
                int o = 0;
                while (o < outlen)
                    o += await sock.SendAsync(outb.AsMemory(o, outlen - o), SocketFlags.None).ConfigureAwait(false);
            }
            else
                sock.Send(outb, 0, outlen, SocketFlags.None);
            outlen = 0;
        }
        inlen += asy ? await sock.ReceiveAsync(inb.AsMemory(inlen), SocketFlags.None).ConfigureAwait(false)
                     : sock.Receive(inb, inlen, inb.Length - inlen, SocketFlags.None);
        long now = Stopwatch.GetTimestamp();
        int off = 0;
        while (inlen - off >= 4)
        {
            int fl = BinaryPrimitives.ReadInt32BigEndian(inb.AsSpan(off));
            if (inlen - off - 4 < fl) break;
            if (BinaryPrimitives.ReadInt32BigEndian(inb.AsSpan(off + 4)) > 0)
            {
                if (BinaryPrimitives.ReadInt32BigEndian(inb.AsSpan(off + 16)) != 0) errs++;
                if (l != null) l[done] = now - t0[done % w];
                done++;
                if (sent < count) Add(now);
            }
            off += 4 + fl;
        }
        Buffer.BlockCopy(inb, off, inb, 0, inlen - off);
        inlen -= off;
    }
    return Stopwatch.GetElapsedTime(start).TotalSeconds;
}

async Task<double> RunMux(Mux m, int count, long[]? l)
{
    int next = 0, slot = 0;
    long start = Stopwatch.GetTimestamp();
    var tasks = new Task[Math.Min(w, count)];
    async Task Loop()
    {
        for (;;)
        {
            int i = Interlocked.Increment(ref next) - 1;
            if (i >= count) return;
            long t = Stopwatch.GetTimestamp();
            await m.Call(i % 5 == 4 ? reqB : reqA).ConfigureAwait(false);
            if (l != null) l[Interlocked.Increment(ref slot) - 1] = Stopwatch.GetTimestamp() - t;
        }
    }
    for (int i = 0; i < tasks.Length; i++) tasks[i] = Loop();
    await Task.WhenAll(tasks);
    return Stopwatch.GetElapsedTime(start).TotalSeconds;
}

readonly record struct CpuT
(double User, double Sys)
{
    public double Sum => User + Sys;
    public static CpuT operator -(CpuT a, CpuT b) => new(a.User - b.User, a.Sys - b.Sys);
}

static class Enc
{
    public const int Digits =
        10; // at the end of the path of a create: the mux writes the xid there, so that every name is new
    public static void Number(Span<byte> f, int x)
    {
        int end = 16 + BinaryPrimitives.ReadInt32BigEndian(f[12..]);
        for (int i = 1; i <= Digits; i++, x /= 10) f[end - i] = (byte)('0' + x % 10);
    }
    public static void Xid(byte[] f, int x) => BinaryPrimitives.WriteInt32BigEndian(f.AsSpan(4), x);
    public static byte[] Make(int op, string path, int payload)
    {
        var m = new List<byte>();
        void I(int v)
        {
            Span<byte> s = stackalloc byte[4];
            BinaryPrimitives.WriteInt32BigEndian(s, v);
            m.AddRange(s);
        }
        void S(string v)
        {
            I(v.Length);
            m.AddRange(Encoding.UTF8.GetBytes(v));
        }
        I(0);
        I(0);
        I(op);
        S(path);
        if (op is 1 or 5)
        {
            I(payload);
            m.AddRange(new byte[payload]);
        }
        if (op == 1)
        {
            I(1);
            I(31);
            S("world");
            S("anyone");
            I(0);
        }
        else if (op == 5)
            I(-1);
        else
            m.Add(0);
        var a = m.ToArray();
        BinaryPrimitives.WriteInt32BigEndian(a, a.Length - 4);
        return a;
    }
}

sealed class Op : IValueTaskSource<byte[]?>
{
    ManualResetValueTaskSourceCore<byte[]?> _c;
    public Op? NextFree;
    public TaskCompletionSource<byte[]?>? Tcs;
    public int Type;
    readonly Mux _m;
    public Op(Mux m) { _m = m; }
    public void Init(bool inline)
    {
        _c.Reset();
        _c.RunContinuationsAsynchronously = !inline;
    }
    public ValueTask<byte[]?> Task => new(this, _c.Version);
    public void Set(byte[]? r) => _c.SetResult(r);
    public byte[]? GetResult(short t)
    {
        var r = _c.GetResult(t);
        _m.Free(this);
        return r;
    }
    public ValueTaskSourceStatus GetStatus(short t) => _c.GetStatus(t);
    public void OnCompleted(Action<object?> c, object? s, short t,
                            ValueTaskSourceOnCompletedFlags f) => _c.OnCompleted(c, s, t, f);
}

sealed class Mux : IThreadPoolWorkItem
{
    readonly Socket _s;
    readonly bool _inline, _tcs, _direct;
    readonly object _g = new();
    byte[] _out = new byte[1 << 18], _spare = new byte[1 << 18];
    public long Errs;
    int _outLen, _xid;
    bool _flushing, _inReader;
    readonly Op[] _ring;
    int _head, _tail;
    readonly int _mask;
    Op? _free;
    [ThreadStatic]
    static bool t_reader;
    public Mux(Socket s, bool inline, bool tcs, bool direct, int xid, int w)
    {
        _s = s;
        _inline = inline;
        _tcs = tcs;
        _direct = direct;
        _xid = xid;
        int c = 16;
        while (c < w + 1) c <<= 1;
        _ring = new Op[c];
        _mask = c - 1;
    }
    public void Free(Op o)
    {
        lock (_g)
        {
            o.NextFree = _free;
            _free = o;
        }
    }
    public ValueTask<byte[]?> Call(byte[] req)
    {
        bool kick;
        ValueTask<byte[]?> vt;
        lock (_g)
        {
            Op o = _free ?? new Op(this);
            _free = o.NextFree;
            o.Type = BinaryPrimitives.ReadInt32BigEndian(req.AsSpan(8));
            if (_tcs)
            {
                o.Tcs = new(TaskCreationOptions.RunContinuationsAsynchronously);
                vt = new(o.Tcs.Task);
            }
            else
            {
                o.Init(_inline);
                vt = o.Task;
            }
            if (_outLen + req.Length > _out.Length) Array.Resize(ref _out, _out.Length * 2);
            req.CopyTo(_out, _outLen);
            BinaryPrimitives.WriteInt32BigEndian(_out.AsSpan(_outLen + 4), _xid);
            if (o.Type == 1) Enc.Number(_out.AsSpan(_outLen), _xid);
            _xid++;
            _outLen += req.Length;
            _ring[_tail++ & _mask] = o;
            kick = !_flushing && !(_inReader && t_reader);
            if (kick) _flushing = true;
        }
        if (kick)
        {
            if (_direct)
                Execute();
            else
                ThreadPool.UnsafeQueueUserWorkItem(this, false);
        }
        return vt;
    }
    public void Execute()
    {
        for (;;)
        {
            byte[] b;
            int len;
            lock (_g)
            {
                if (_outLen == 0)
                {
                    _flushing = false;
                    return;
                }
                b = _out;
                len = _outLen;
                _out = _spare;
                _spare = b;
                _outLen = 0;
            }
            int o = 0;
            while (o < len) o += _s.Send(b, o, len - o, SocketFlags.None);
        }
    }
    public async Task ReadLoop()
    {
        byte[] b = new byte[1 << 18];
        int have = 0;
        for (;;)
        {
            int r = await _s.ReceiveAsync(b.AsMemory(have), SocketFlags.None).ConfigureAwait(false);
            if (r <= 0) return;
            have = Process(b, have + r);
        }
    }
    public void ReadThread()
    {
        byte[] b = new byte[1 << 18];
        int have = 0;
        for (;;)
        {
            int r = _s.Receive(b, have, b.Length - have, SocketFlags.None);
            if (r <= 0) return;
            have = Process(b, have + r);
        }
    }
    int Process(byte[] b, int have)
    {
        int off = 0;
        if (_inline)
        {
            _inReader = true;
            t_reader = true;
        }
        while (have - off >= 4)
        {
            int fl = BinaryPrimitives.ReadInt32BigEndian(b.AsSpan(off));
            if (have - off - 4 < fl) break;
            var f = b.AsSpan(off + 4, fl);
            off += 4 + fl;
            if (BinaryPrimitives.ReadInt32BigEndian(f) <= 0) continue;
            Op o;
            lock (_g)
            {
                o = _ring[_head & _mask];
                _ring[_head++ & _mask] = null!;
            }
            bool ok = BinaryPrimitives.ReadInt32BigEndian(f[12..]) == 0;
            if (!ok) Errs++;
            byte[]? d = ok && o.Type == 4 ? f.Slice(20, BinaryPrimitives.ReadInt32BigEndian(f[16..])).ToArray() : null;
            if (_tcs)
            {
                var t = o.Tcs!;
                Free(o);
                t.SetResult(d);
            }
            else
                o.Set(d);
        }
        if (_inline)
        {
            t_reader = false;
            bool kick;
            lock (_g)
            {
                _inReader = false;
                kick = _outLen > 0 && !_flushing;
                if (kick) _flushing = true;
            }
            if (kick) Execute();
        }
        Buffer.BlockCopy(b, off, b, 0, have - off);
        return have - off;
    }
}
