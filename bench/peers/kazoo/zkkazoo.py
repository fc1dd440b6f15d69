#!/usr/bin/python3
"""kazoo driver (asynchronous API, threading handler). Usage: zkkazoo.py host:port OP W N [payload=128] [warmup]
OPs as in ../c/zkc.c. PYTHONPATH may name another kazoo than the system's."""
import gc, logging, os, resource, socket, sys, threading, time
from kazoo.client import KazooClient
from kazoo.exceptions import NodeExistsError, KazooException
from kazoo.protocol.states import KazooState
import kazoo

logging.disable(logging.CRITICAL)
NAME = os.environ.get("BENCH_NAME", "kazoo")
ns = time.perf_counter_ns


def cpu():
    r = resource.getrusage(resource.RUSAGE_SELF)
    return r.ru_utime, r.ru_stime


def cpud(a, b):
    return b[0] - a[0] + b[1] - a[1]


def status(key):
    for l in open("/proc/self/status"):
        if l.startswith(key + ":"):
            return int(l.split()[1]) / 1024
    return 0


class Bench:
    def __init__(self, zk, payload):
        self.zk, self.payload, self.val, self.node, self.run_no = zk, payload, b"x" * payload, "/b/n-%d" % payload, 0
        self.cbase = "/b/x/k%d-%d-" % (os.getpid(), ns())
        self.events = 0
        self.want = 1 << 60
        self.ev_done = threading.Event()
        self.first = self.last = 0

    def mk(self, p, d=b""):
        try:
            self.zk.create(p, d)
        except NodeExistsError:
            pass

    def setup(self):
        self.mk("/b")
        self.mk(self.node, self.val)
        self.zk.set(self.node, self.val)
        self.mk("/b/c")
        self.mk("/b/x")
        for i in range(10):
            self.mk("/b/c/k%d" % i)

    def on_event(self, e):
        if e.type == "NONE":
            return
        t = ns()
        self.events += 1
        if self.events == 1:
            self.first = t
        if self.events == self.want:
            self.last = t
            self.ev_done.set()

    def call(self, op, i):
        zk = self.zk
        if op == "get":
            return zk.get_async(self.node)
        if op == "set":
            return zk.set_async(self.node, self.val)
        if op == "exists":
            return zk.exists_async(self.node)
        if op == "children":
            return zk.get_children_async("/b/c")
        if op == "mixed":
            return zk.set_async(self.node, self.val) if i % 5 == 4 else zk.get_async(self.node)
        if op == "create":
            return zk.create_async("%s%d-%d" % (self.cbase, self.run_no, i), self.val)
        if op == "w":
            return zk.get_async("/b/w/%d" % i, watch=self.on_event)
        if op == "prep":
            return zk.create_async("/b/w/%d" % i, self.val)

    def run(self, op, n, w, lat):
        # completion callbacks run on kazoo's one callback thread, which submits the next call
        self.run_no += 1
        done = threading.Event()
        st = {"sub": min(w, n), "comp": 0}
        self.errs = 0
        end = [0]

        def submit(i):
            t0 = ns()

            def cb(r):
                t = ns()
                if r.exception is not None:
                    self.errs += 1
                c = st["comp"]
                st["comp"] = c + 1
                if lat is not None:
                    lat[c] = t - t0
                if c + 1 == n:
                    end[0] = t
                    done.set()
                    return
                s = st["sub"]
                if s < n:
                    st["sub"] = s + 1
                    submit(s)

            self.call(op, i).rawlink(cb)

        t = ns()
        first = st["sub"]
        for i in range(first):
            submit(i)
        done.wait()
        return (end[0] - t) / 1e9


def main():
    host, op, w, n = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    payload = int(sys.argv[5]) if len(sys.argv) > 5 else 128
    warm = int(sys.argv[6]) if len(sys.argv) > 6 else n // 4
    if op == "connect":
        ms = []
        for _ in range(n):
            t = ns()
            zk = KazooClient(hosts=host, timeout=60)
            zk.start()
            zk.exists("/")
            ms.append((ns() - t) / 1e6)
            zk.stop()
            zk.close()
        first = ms[0]
        ms.sort()
        print(
            '{"client":"%s","op":"connect","n":%d,"first_ms":%.2f,"p50_ms":%.2f,"p99_ms":%.2f}'
            % (NAME, n, first, ms[n // 2], ms[int(n * 0.99)]),
            flush=True,
        )
        os._exit(0)
    zk = KazooClient(hosts=host, timeout=60)
    zk.start()
    b = Bench(zk, payload)
    b.setup()
    if op in ("watches", "reconnect"):
        nw, win = (n, w) if op == "watches" else (w, 256)
        b.run("get", 5000, win, None)
        gc.collect()
        r0 = status("VmRSS")
        c0 = cpu()
        s = b.run("w", nw, win, None)
        c1 = cpu()
        gc.collect()
        r1 = status("VmRSS")
        print(
            '{"client":"%s","op":"watch-add","watches":%d,"errs":%d,"ops_per_s":%.0f,"cpu_us_per_watch":%.2f,"rss_delta_mb":%.1f}'
            % (NAME, nw, b.errs, nw / s, cpud(c0, c1) / nw * 1e6, r1 - r0),
            flush=True,
        )
        if op == "watches":
            b.want = nw
            c0 = cpu()
            if os.environ.get("BLAST"):
                zk.set_async("/b/blast-%d" % nw, b"")
            else:
                print("READY", flush=True)
            ok = b.ev_done.wait(60)
            c1 = cpu()
            if not ok:
                b.last = ns()
            print(
                '{"client":"%s","op":"watch-events","events":%d,"events_per_s":%.0f,"cpu_us_per_event":%.2f,"timeout":%d,"rss_mb":%.1f}'
                % (
                    NAME,
                    b.events,
                    b.events / ((b.last - b.first) / 1e9),
                    cpud(c0, c1) / max(1, b.events) * 1e6,
                    0 if ok else 1,
                    status("VmHWM"),
                ),
                flush=True,
            )
            os._exit(0)
        us = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        cut = ("127.0.0.1", int(os.environ["CUT_UDP"]))
        up = threading.Event()
        at = [0]

        def lst(s):
            if s == KazooState.CONNECTED:
                at[0] = ns()
                up.set()

        zk.add_listener(lst)
        cm, rm, retries = [], [], 0
        c0 = cpu()
        for _ in range(n):
            time.sleep(0.3)
            up.clear()
            t = ns()
            us.sendto(b"x", cut)
            up.wait()
            cm.append((at[0] - t) / 1e6)
            while True:
                try:
                    zk.get(b.node)
                    break
                except KazooException:
                    retries += 1
            rm.append((ns() - t) / 1e6)
        c1 = cpu()
        cm.sort()
        rm.sort()
        b.events = 0
        b.want = 1000
        for i in range(1000):
            zk.set("/b/w/%d" % (i * (nw // 1000)), b.val)
        b.ev_done.wait(5)
        print(
            '{"client":"%s","op":"reconnect","watches":%d,"cuts":%d,"to_connected_ms_min":%.1f,"p50":%.1f,"max":%.1f,"to_first_reply_ms_min":%.1f,"reply_p50":%.1f,"reply_max":%.1f,"cpu_ms_per_cut":%.2f,"retries":%d,"watches_alive_of_1000":%d}'
            % (
                NAME,
                nw,
                n,
                cm[0],
                cm[n // 2],
                cm[-1],
                rm[0],
                rm[n // 2],
                rm[-1],
                cpud(c0, c1) / n * 1e3,
                retries,
                b.events,
            ),
            flush=True,
        )
        os._exit(0)
    lat = [0] * n
    if op == "ping-latency":
        w = 1
        for _ in range(warm):
            zk.exists("/")
        c0 = cpu()
        t = ns()
        for i in range(n):
            s = ns()
            zk.exists("/")
            lat[i] = ns() - s
        secs = (ns() - t) / 1e9
        c1 = cpu()
        b.errs = 0
    else:
        b.run(op, warm, w, None)
        c0 = cpu()
        secs = b.run(op, n, w, lat)
        c1 = cpu()
    lat.sort()
    u, k = (c1[0] - c0[0]) / n * 1e6, (c1[1] - c0[1]) / n * 1e6
    print(
        '{"client":"%s","op":"%s","window":%d,"payload":%d,"ops":%d,"errs":%d,"ops_per_s":%.0f,"p50_us":%.1f,"p99_us":%.1f,"max_us":%.1f,"cpu_s_per_mop":%.3f,"user_s_per_mop":%.3f,"sys_s_per_mop":%.3f,"rss_mb":%.1f}'
        % (
            NAME,
            op,
            w,
            payload,
            n,
            b.errs,
            n / secs,
            lat[n // 2] / 1e3,
            lat[int(n * 0.99)] / 1e3,
            lat[-1] / 1e3,
            u + k,
            u,
            k,
            status("VmHWM"),
        ),
        flush=True,
    )
    os._exit(0)


main()
