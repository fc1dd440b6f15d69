// Go driver (the client has only blocking calls: W goroutines on one connection). Usage: zkgo host:port OP W N [payload=128] [warmup]
// OPs as in ../c/zkc.c. The client is the one that Debian packages, built in GOPATH mode.
package main

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/samuel/go-zookeeper/zk"
)

type nolog struct{}

func (nolog) Printf(string, ...interface{}) {}

var name = "go"

func cpu() (float64, float64) {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return float64(r.Utime.Sec) + float64(r.Utime.Usec)/1e6, float64(r.Stime.Sec) + float64(r.Stime.Usec)/1e6
}
func cpuSum() float64 { a, b := cpu(); return a + b }
func status(key string) float64 {
	b, _ := os.ReadFile("/proc/self/status")
	for _, l := range strings.Split(string(b), "\n") {
		if strings.HasPrefix(l, key+":") {
			v, _ := strconv.ParseFloat(strings.Fields(l)[1], 64)
			return v / 1024
		}
	}
	return 0
}
func mem() runtime.MemStats { var m runtime.MemStats; runtime.ReadMemStats(&m); return m }

var (
	c                       *zk.Conn
	connected               = make(chan int64, 64)
	events, firstEv, lastEv int64
	want                    int64 = 1 << 60
	evDone                        = make(chan struct{}, 1)
	acl                           = zk.WorldACL(zk.PermAll)
	node, cbase             string
	val                     []byte
	runNo                   int
	errs                    int64
	start                   = time.Now()
)

func now() int64 { return int64(time.Since(start)) }
func onEvent(e zk.Event) {
	if e.Type == zk.EventSession {
		if e.State == zk.StateHasSession {
			select {
			case connected <- now():
			default:
			}
		}
		return
	}
	t := now()
	k := atomic.AddInt64(&events, 1)
	if k == 1 {
		firstEv = t
	}
	if k == atomic.LoadInt64(&want) {
		lastEv = t
		evDone <- struct{}{}
	}
}
func open(host string) {
	var ch <-chan zk.Event
	var err error
	c, ch, err = zk.Connect([]string{host}, 60*time.Second, zk.WithEventCallback(onEvent), zk.WithLogger(nolog{}), zk.WithLogInfo(false))
	if err != nil {
		panic(err)
	}
	go func() {
		for range ch {
		}
	}()
	<-connected
}
func mk(p string, d []byte) { c.Create(p, d, 0, acl) }
func call(op string, i int64) (err error) {
	switch op {
	case "get":
		_, _, err = c.Get(node)
	case "set":
		_, err = c.Set(node, val, -1)
	case "exists":
		_, _, err = c.Exists(node)
	case "ping-latency":
		_, _, err = c.Exists("/")
	case "children":
		_, _, err = c.Children("/b/c")
	case "mixed":
		if i%5 == 4 {
			_, err = c.Set(node, val, -1)
		} else {
			_, _, err = c.Get(node)
		}
	case "create":
		_, err = c.Create(fmt.Sprintf("%s%d-%d", cbase, runNo, i), val, 0, acl)
	case "w":
		_, _, _, err = c.GetW("/b/w/" + strconv.FormatInt(i, 10))
	}
	return
}
func run(op string, n int64, w int, lat []int64) float64 {
	runNo++
	errs = 0
	var next, slot int64
	var wg sync.WaitGroup
	t := now()
	for g := 0; g < w; g++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				i := atomic.AddInt64(&next, 1) - 1
				if i >= n {
					return
				}
				t0 := now()
				if call(op, i) != nil {
					atomic.AddInt64(&errs, 1)
				}
				if lat != nil {
					lat[atomic.AddInt64(&slot, 1)-1] = now() - t0
				}
			}
		}()
	}
	wg.Wait()
	return float64(now()-t) / 1e9
}
func main() {
	if s := os.Getenv("BENCH_NAME"); s != "" {
		name = s
	}
	a := os.Args
	host, op := a[1], a[2]
	w, _ := strconv.Atoi(a[3])
	n, _ := strconv.ParseInt(a[4], 10, 64)
	payload, warm := 128, n/4
	if len(a) > 5 {
		payload, _ = strconv.Atoi(a[5])
	}
	if len(a) > 6 {
		warm, _ = strconv.ParseInt(a[6], 10, 64)
	}
	val = []byte(strings.Repeat("x", payload))
	node = "/b/n-" + strconv.Itoa(payload)
	if op == "connect" {
		ms := make([]float64, n)
		for i := range ms {
			t := now()
			open(host)
			c.Exists("/")
			ms[i] = float64(now()-t) / 1e6
			c.Close()
		}
		first := ms[0]
		sort.Float64s(ms)
		fmt.Printf("{\"client\":\"%s\",\"op\":\"connect\",\"n\":%d,\"first_ms\":%.2f,\"p50_ms\":%.2f,\"p99_ms\":%.2f}\n", name, n, first, ms[n/2], ms[int(float64(n)*.99)])
		return
	}
	open(host)
	mk("/b", nil)
	mk(node, val)
	c.Set(node, val, -1)
	mk("/b/c", nil)
	mk("/b/x", nil)
	for i := 0; i < 10; i++ {
		mk("/b/c/k"+strconv.Itoa(i), nil)
	}
	cbase = fmt.Sprintf("/b/x/g%d-%d-", os.Getpid(), time.Now().UnixNano())
	if op == "watches" || op == "reconnect" {
		nw, win := n, w
		if op == "reconnect" {
			nw, win = int64(w), 256
		}
		run("get", 20000, win, nil)
		debug.FreeOSMemory()
		h0, r0, c0 := mem().HeapAlloc, status("VmRSS"), cpuSum()
		s := run("w", nw, win, nil)
		c1 := cpuSum()
		debug.FreeOSMemory()
		h1, r1 := mem().HeapAlloc, status("VmRSS")
		fmt.Printf("{\"client\":\"%s\",\"op\":\"watch-add\",\"watches\":%d,\"errs\":%d,\"ops_per_s\":%.0f,\"cpu_us_per_watch\":%.2f,\"heap_bytes_per_watch\":%.1f,\"rss_delta_mb\":%.1f}\n", name, nw, errs, float64(nw)/s, (c1-c0)/float64(nw)*1e6, float64(h1-h0)/float64(nw), r1-r0)
		if op == "watches" {
			atomic.StoreInt64(&want, nw)
			c0 = cpuSum()
			if os.Getenv("BLAST") != "" {
				go c.Set("/b/blast-"+strconv.FormatInt(nw, 10), nil, -1)
			} else {
				fmt.Println("READY")
			}
			to := 0
			select {
			case <-evDone:
			case <-time.After(60 * time.Second):
				to = 1
				lastEv = now()
			}
			c1 = cpuSum()
			e := atomic.LoadInt64(&events)
			fmt.Printf("{\"client\":\"%s\",\"op\":\"watch-events\",\"events\":%d,\"events_per_s\":%.0f,\"cpu_us_per_event\":%.2f,\"timeout\":%d,\"rss_mb\":%.1f}\n", name, e, float64(e)/(float64(lastEv-firstEv)/1e9), (c1-c0)/float64(e)*1e6, to, status("VmHWM"))
			return
		}
		us, _ := net.Dial("udp", "127.0.0.1:"+os.Getenv("CUT_UDP"))
		var cm, rm []float64
		retries := 0
		c0 = cpuSum()
		for i := int64(0); i < n; i++ {
			time.Sleep(300 * time.Millisecond)
			for len(connected) > 0 {
				<-connected
			}
			t := now()
			us.Write([]byte("x"))
			up := <-connected
			cm = append(cm, float64(up-t)/1e6)
			for {
				if _, _, err := c.Get(node); err == nil {
					break
				}
				retries++
			}
			rm = append(rm, float64(now()-t)/1e6)
		}
		c1 = cpuSum()
		sort.Float64s(cm)
		sort.Float64s(rm)
		atomic.StoreInt64(&events, 0)
		atomic.StoreInt64(&want, 1000)
		for i := int64(0); i < 1000; i++ {
			c.Set("/b/w/"+strconv.FormatInt(i*(nw/1000), 10), val, -1)
		}
		select {
		case <-evDone:
		case <-time.After(5 * time.Second):
		}
		fmt.Printf("{\"client\":\"%s\",\"op\":\"reconnect\",\"watches\":%d,\"cuts\":%d,\"to_connected_ms_min\":%.1f,\"p50\":%.1f,\"max\":%.1f,\"to_first_reply_ms_min\":%.1f,\"reply_p50\":%.1f,\"reply_max\":%.1f,\"cpu_ms_per_cut\":%.2f,\"retries\":%d,\"watches_alive_of_1000\":%d}\n",
			name, nw, n, cm[0], cm[n/2], cm[n-1], rm[0], rm[n/2], rm[n-1], (c1-c0)/float64(n)*1e3, retries, atomic.LoadInt64(&events))
		return
	}
	if op == "ping-latency" {
		w = 1
	}
	lat := make([]int64, n)
	run(op, warm, w, nil)
	u0, s0 := cpu()
	a0 := mem().TotalAlloc
	secs := run(op, n, w, lat)
	a1 := mem().TotalAlloc
	u1, s1 := cpu()
	sort.Slice(lat, func(i, j int) bool { return lat[i] < lat[j] })
	f := 1e6 / float64(n)
	fmt.Printf("{\"client\":\"%s\",\"op\":\"%s\",\"window\":%d,\"payload\":%d,\"ops\":%d,\"errs\":%d,\"ops_per_s\":%.0f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f,\"cpu_s_per_mop\":%.3f,\"user_s_per_mop\":%.3f,\"sys_s_per_mop\":%.3f,\"rss_mb\":%.1f,\"alloc_b_per_op\":%.0f}\n",
		name, op, w, payload, n, errs, float64(n)/secs, float64(lat[n/2])/1e3, float64(lat[int(float64(n)*.99)])/1e3, float64(lat[n-1])/1e3, (u1-u0+s1-s0)*f, (u1-u0)*f, (s1-s0)*f, status("VmHWM"), float64(a1-a0)/float64(n))
}
