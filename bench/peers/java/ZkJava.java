// Apache ZooKeeper Java client driver (asynchronous API). Usage: ZkJava host:port OP W N [payload=128] [warmup]
// OPs as in ../c/zkc.c.
import java.io.*;
import java.lang.management.*;
import java.net.*;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import org.apache.zookeeper.*;
import org.apache.zookeeper.data.Stat;

public class ZkJava {
  static ZooKeeper zk;
  static String node;
  static byte[] val;
  static String hostPort;
  static int payload;
  static String cbase;
  static char op;
  static long total, errs;
  static final AtomicLong submitted = new AtomicLong(), completed = new AtomicLong();
  static long[] lat;
  static volatile long endNs;
  static volatile CountDownLatch done;
  static int runNo;
  static final Semaphore connected = new Semaphore(0);
  static volatile long upNs;
  static final AtomicLong events = new AtomicLong();
  static volatile long firstEv, lastEv, wantEvents = Long.MAX_VALUE;
  static CountDownLatch evDone = new CountDownLatch(1);
  static final com.sun.management.OperatingSystemMXBean OS =
      (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  static final com.sun.management.ThreadMXBean TH =
      (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();

  static final Watcher SESSION = e -> {
    if (e.getType() == Watcher.Event.EventType.None && e.getState() == Watcher.Event.KeeperState.SyncConnected) {
      upNs = System.nanoTime();
      connected.release();
    }
  };
  static final Watcher DATA = e -> {
    if (e.getType() == Watcher.Event.EventType.None) return;
    long t = System.nanoTime(), k = events.incrementAndGet();
    if (k == 1) firstEv = t;
    if (k == wantEvents) {
      lastEv = t;
      evDone.countDown();
    }
  };

  static final class Slot implements AsyncCallback.DataCallback, AsyncCallback.StatCallback,
                                     AsyncCallback.StringCallback, AsyncCallback.ChildrenCallback {
    long t0;
    void fin(int rc) {
      long t = System.nanoTime();
      if (rc != 0) errs++;
      long c = completed.getAndIncrement();
      if (lat != null) lat[(int) c] = t - t0;
      if (c + 1 == total) {
        endNs = t;
        done.countDown();
        return;
      }
      long s = submitted.get();
      if (s < total) {
        submitted.set(s + 1);
        submit(this, s);
      } // one callback thread
    }
    public void processResult(int rc, String p, Object c, byte[] d, Stat s) { fin(rc); }
    public void processResult(int rc, String p, Object c, Stat s) { fin(rc); }
    public void processResult(int rc, String p, Object c, String n) { fin(rc); }
    public void processResult(int rc, String p, Object c, List<String> l) { fin(rc); }
  }
  static void submit(Slot s, long i) {
    s.t0 = System.nanoTime();
    switch (op) {
      case 'g': zk.getData(node, false, s, null); break;
      case 's': zk.setData(node, val, -1, s, null); break;
      case 'e': zk.exists(node, false, s, null); break;
      case 'h': zk.getChildren("/b/c", false, (AsyncCallback.ChildrenCallback) s, null); break;
      case 'm':
        if (i % 5 == 4)
          zk.setData(node, val, -1, s, null);
        else
          zk.getData(node, false, s, null);
        break;
      case 'c':
        zk.create(cbase + runNo + "-" + i, val, ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT,
            (AsyncCallback.StringCallback) s, null);
        break;
      case 'w': zk.getData("/b/w/" + i, DATA, s, null); break;
    }
  }
  static double run(long n, int w, long[] l) throws Exception {
    long first = Math.min(w, n);
    total = n;
    completed.set(0);
    errs = 0;
    submitted.set(first);
    lat = l;
    done = new CountDownLatch(1);
    runNo++;
    long t = System.nanoTime();
    for (long i = 0; i < first; i++) submit(new Slot(), i);
    done.await();
    return (endNs - t) / 1e9;
  }
  static double cpu() { return OS.getProcessCpuTime() / 1e9; }
  static double[] userSys() throws IOException {
    String s = Files.readString(Path.of("/proc/self/stat"));
    String[] f = s.substring(s.lastIndexOf(')') + 2).split(" ");
    return new double[] {Long.parseLong(f[11]) / 100.0, Long.parseLong(f[12]) / 100.0};
  }
  static long alloc() {
    long s = 0;
    for (long v : TH.getThreadAllocatedBytes(TH.getAllThreadIds()))
      if (v > 0) s += v;
    return s;
  }
  static double status(String key) throws IOException {
    for (String l : Files.readAllLines(Path.of("/proc/self/status")))
      if (l.startsWith(key + ":")) return Long.parseLong(l.replaceAll("[^0-9]", "")) / 1024.0;
    return 0;
  }
  static long heap() throws Exception {
    for (int i = 0; i < 3; i++) {
      System.gc();
      Thread.sleep(50);
    }
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }
  static void open() throws Exception {
    zk = new ZooKeeper(hostPort, 60000, SESSION);
    connected.acquire();
  }
  static void mk(String p, byte[] d) throws Exception {
    try {
      zk.create(p, d, ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
    } catch (KeeperException.NodeExistsException e) {}
  }
  static void print(String opn, int w, long n, double secs, double cpu, double[] u0, double[] u1, long alloc)
      throws Exception {
    Arrays.sort(lat);
    double tot = Math.max(1e-9, u1[0] + u1[1] - u0[0] - u0[1]), us = (u1[0] - u0[0]) / tot * cpu, sy = cpu - us;
    System.out.printf(Locale.ROOT,
        "{\"client\":\"java\",\"op\":\"%s\",\"window\":%d,\"payload\":%d,\"ops\":%d,\"errs\":%d,\"ops_per_s\":%.0f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f,\"cpu_s_per_mop\":%.3f,\"user_s_per_mop\":%.3f,\"sys_s_per_mop\":%.3f,\"rss_mb\":%.1f,\"alloc_b_per_op\":%.0f}%n",
        opn, w, payload, n, errs, n / secs, lat[(int) (n / 2)] / 1e3, lat[(int) (n * 0.99)] / 1e3,
        lat[(int) n - 1] / 1e3, cpu / n * 1e6, us / n * 1e6, sy / n * 1e6, status("VmHWM"), (double) alloc / n);
  }
  public static void main(String[] a) throws Exception {
    hostPort = a[0];
    String o = a[1];
    int w = Integer.parseInt(a[2]);
    long n = Long.parseLong(a[3]);
    payload = a.length > 4 ? Integer.parseInt(a[4]) : 128;
    long warm = a.length > 5 ? Long.parseLong(a[5]) : n / 4;
    val = new byte[payload];
    Arrays.fill(val, (byte) 'x');
    if (o.equals("connect")) {
      double[] ms = new double[(int) n];
      for (int i = 0; i < n; i++) {
        long t = System.nanoTime();
        open();
        zk.exists("/", false);
        ms[i] = (System.nanoTime() - t) / 1e6;
        zk.close();
      }
      double first = ms[0];
      Arrays.sort(ms);
      System.out.printf(Locale.ROOT,
          "{\"client\":\"java\",\"op\":\"connect\",\"n\":%d,\"first_ms\":%.2f,\"p50_ms\":%.2f,\"p99_ms\":%.2f}%n", n,
          first, ms[(int) (n / 2)], ms[(int) (n * 0.99)]);
      System.exit(0);
    }
    open();
    node = "/b/n-" + payload;
    mk("/b", new byte[0]);
    mk(node, val);
    zk.setData(node, val, -1);
    mk("/b/c", new byte[0]);
    mk("/b/x", new byte[0]);
    for (int i = 0; i < 10; i++) mk("/b/c/k" + i, new byte[0]);
    cbase = "/b/x/j" + ProcessHandle.current().pid() + "-" + System.nanoTime() + "-";
    if (o.equals("watches") || o.equals("reconnect")) {
      long nw = o.equals("watches") ? n : w;
      int win = o.equals("watches") ? w : 256;
      op = 'g';
      run(20000, win, null);
      long h0 = heap();
      double r0 = status("VmRSS"), c0 = cpu();
      op = 'w';
      double s = run(nw, win, null);
      double c1 = cpu();
      long h1 = heap();
      double r1 = status("VmRSS");
      System.out.printf(Locale.ROOT,
          "{\"client\":\"java\",\"op\":\"watch-add\",\"watches\":%d,\"errs\":%d,\"ops_per_s\":%.0f,\"cpu_us_per_watch\":%.2f,\"heap_bytes_per_watch\":%.1f,\"rss_delta_mb\":%.1f}%n",
          nw, errs, nw / s, (c1 - c0) / nw * 1e6, (double) (h1 - h0) / nw, r1 - r0);
      if (o.equals("watches")) {
        wantEvents = nw;
        c0 = cpu();
        if (System.getenv("BLAST") != null)
          zk.setData("/b/blast-" + nw, new byte[0], -1, (rc, p, c, st) -> {}, null);
        else
          System.out.println("READY");
        boolean ok = evDone.await(60, TimeUnit.SECONDS);
        c1 = cpu();
        if (!ok) lastEv = System.nanoTime();
        System.out.printf(Locale.ROOT,
            "{\"client\":\"java\",\"op\":\"watch-events\",\"events\":%d,\"events_per_s\":%.0f,\"cpu_us_per_event\":%.2f,\"timeout\":%d,\"rss_mb\":%.1f}%n",
            events.get(), events.get() / ((lastEv - firstEv) / 1e9), (c1 - c0) / events.get() * 1e6, ok ? 0 : 1,
            status("VmHWM"));
        Runtime.getRuntime().halt(0);
      }
      DatagramSocket us = new DatagramSocket();
      DatagramPacket pk = new DatagramPacket(
          new byte[] {1}, 1, InetAddress.getByName("127.0.0.1"), Integer.parseInt(System.getenv("CUT_UDP")));
      double[] cm = new double[(int) n], rm = new double[(int) n];
      long retries = 0;
      c0 = cpu();
      for (int i = 0; i < n; i++) {
        Thread.sleep(300);
        connected.drainPermits();
        long t = System.nanoTime();
        us.send(pk);
        connected.acquire();
        cm[i] = (upNs - t) / 1e6;
        for (;;) try {
            zk.getData(node, false, null);
            break;
          } catch (KeeperException e) {
            retries++;
          }
        rm[i] = (System.nanoTime() - t) / 1e6;
      }
      c1 = cpu();
      Arrays.sort(cm);
      Arrays.sort(rm);
      events.set(0);
      wantEvents = 1000;
      for (long i = 0; i < 1000; i++) zk.setData("/b/w/" + i * (nw / 1000), val, -1);
      evDone.await(5, TimeUnit.SECONDS);
      int h = (int) n / 2, m = (int) n - 1;
      System.out.printf(Locale.ROOT,
          "{\"client\":\"java\",\"op\":\"reconnect\",\"watches\":%d,\"cuts\":%d,\"to_connected_ms_min\":%.1f,\"p50\":%.1f,\"max\":%.1f,\"to_first_reply_ms_min\":%.1f,\"reply_p50\":%.1f,\"reply_max\":%.1f,\"cpu_ms_per_cut\":%.2f,\"retries\":%d,\"watches_alive_of_1000\":%d}%n",
          nw, n, cm[0], cm[h], cm[m], rm[0], rm[h], rm[m], (c1 - c0) / n * 1e3, retries, events.get());
      Runtime.getRuntime().halt(0);
    }
    long[] l = new long[(int) n];
    if (o.equals("ping-latency")) {
      for (long i = 0; i < warm; i++) zk.exists("/", false);
      double[] u0 = userSys();
      double c0 = cpu();
      long a0 = alloc(), t = System.nanoTime();
      for (int i = 0; i < n; i++) {
        long s = System.nanoTime();
        zk.exists("/", false);
        l[i] = System.nanoTime() - s;
      }
      double secs = (System.nanoTime() - t) / 1e9;
      double c1 = cpu();
      double[] u1 = userSys();
      long a1 = alloc();
      lat = l;
      print(o, 1, n, secs, c1 - c0, u0, u1, a1 - a0);
      Runtime.getRuntime().halt(0);
    }
    op = o.equals("children") ? 'h' : o.charAt(0);
    run(warm, w, null);
    double[] u0 = userSys();
    double c0 = cpu();
    long a0 = alloc();
    double s = run(n, w, l);
    double c1 = cpu();
    double[] u1 = userSys();
    long a1 = alloc();
    print(o, w, n, s, c1 - c0, u0, u1, a1 - a0);
    Runtime.getRuntime().halt(0);
  }
}
