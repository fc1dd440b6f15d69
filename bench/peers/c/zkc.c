// libzookeeper_mt driver (asynchronous API).   cc -O2 -DTHREADED zkc.c -lzookeeper_mt
//   zkc host:port OP W N [payload=128] [warmup]
// OP: get set create exists children mixed ping-latency | connect (N times) | watches (N watches, W in flight)
//     | reconnect (W watches, N cuts; CUT_UDP=port of cutproxy) | touch (set /b/w/0..N-1, W in flight) | prep (create them)
#include "bench.h"
#include <arpa/inet.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <zookeeper/zookeeper.h>
static zhandle_t *zh;
static sem_t connected, done_sem;
static const char *hostport;
static char node[64], cbase[64], *val;
static int payload;
static char op;
static long total, submitted, completed, errs;
static uint32_t *lat;
static uint64_t end_ns;
static _Atomic long events;
static _Atomic uint64_t first_ev, last_ev;
static long want_events;
static sem_t ev_sem;
static _Atomic uint64_t up_ns;
static int verbose_state;
static void session_watch(zhandle_t *z, int type, int state, const char *path, void *ctx) {
  (void)z;
  (void)path;
  (void)ctx;
  if (type == ZOO_SESSION_EVENT && state == ZOO_CONNECTED_STATE) {
    up_ns = now_ns();
    sem_post(&connected);
  }
  if (verbose_state && type == ZOO_SESSION_EVENT) fprintf(stderr, "state %d\n", state);
}
static void data_watch(zhandle_t *z, int type, int state, const char *path, void *ctx) {
  (void)z;
  (void)state;
  (void)path;
  (void)ctx;
  if (type == ZOO_SESSION_EVENT) return;
  uint64_t t = now_ns();
  long k = ++events;
  if (k == 1) first_ev = t;
  if (k == want_events) {
    last_ev = t;
    sem_post(&ev_sem);
  }
}
typedef struct {
  uint64_t t0;
} Slot;
static void submit(Slot *s, long i);
static void fin(int rc, const void *d) {
  Slot *s = (Slot *)d;
  uint64_t t = now_ns();
  if (rc) errs++;
  if (lat) lat[completed] = (uint32_t)(t - s->t0);
  if (++completed == total) {
    end_ns = t;
    sem_post(&done_sem);
    return;
  }
  if (submitted < total) submit(s, submitted++);
}
static void c_data(int rc, const char *v, int n, const struct Stat *st, const void *d) {
  (void)v;
  (void)n;
  (void)st;
  fin(rc, d);
}
static void c_stat(int rc, const struct Stat *st, const void *d) {
  (void)st;
  fin(rc, d);
}
static void c_str(int rc, const char *v, const void *d) {
  (void)v;
  fin(rc, d);
}
static void c_strs(int rc, const struct String_vector *v, const void *d) {
  (void)v;
  fin(rc, d);
}
static void c_ignore(int rc, const struct Stat *st, const void *d) {
  (void)rc;
  (void)st;
  (void)d;
}
static int run_no;
static void submit(Slot *s, long i) {
  s->t0 = now_ns();
  char p[96];
  switch (op) {
    case 'g': zoo_aget(zh, node, 0, c_data, s); break;
    case 's': zoo_aset(zh, node, val, payload, -1, c_stat, s); break;
    case 'e': zoo_aexists(zh, node, 0, c_stat, s); break;
    case 'h': zoo_aget_children(zh, "/b/c", 0, c_strs, s); break;
    case 'm':
      if (i % 5 == 4)
        zoo_aset(zh, node, val, payload, -1, c_stat, s);
      else
        zoo_aget(zh, node, 0, c_data, s);
      break;
    case 'c':
      snprintf(p, sizeof p, "%s%d-%ld", cbase, run_no, i);
      zoo_acreate(zh, p, val, payload, &ZOO_OPEN_ACL_UNSAFE, 0, c_str, s);
      break;
    case 'w':
      snprintf(p, sizeof p, "/b/w/%ld", i);
      zoo_awget(zh, p, data_watch, NULL, c_data, s);
      break;
    case 't':
      snprintf(p, sizeof p, "/b/w/%ld", i);
      zoo_aset(zh, p, val, payload, -1, c_stat, s);
      break;
    case 'p':
      snprintf(p, sizeof p, "/b/w/%ld", i);
      zoo_acreate(zh, p, val, payload, &ZOO_OPEN_ACL_UNSAFE, 0, c_str, s);
      break;
  }
}
static double run(long n, int w, uint32_t *l) {
  // libzookeeper calls back on one thread; the first burst is counted before it is sent, so only that thread counts afterwards.
  Slot *slots = calloc((size_t)w, sizeof *slots);
  long first = w < n ? w : n;
  total = n;
  completed = errs = 0;
  submitted = first;
  lat = l;
  run_no++;
  uint64_t t = now_ns();
  for (long i = 0; i < first; i++) submit(&slots[i], i);
  sem_wait(&done_sem);
  double s = (double)(end_ns - t) / 1e9;
  free(slots);
  return s;
}
// libzookeeper resolves its host list on every pass of its loop unless told not to; ZKC_TUNED=1 tells it.
static int tuned;
static const char *name = "c";
static void open_zk(void) {
  zh = zookeeper_init(hostport, session_watch, 60000, NULL, NULL, 0);
  if (!zh) {
    perror("zookeeper_init");
    exit(1);
  }
  if (tuned) zoo_set_servers_resolution_delay(zh, -1);
  sem_wait(&connected);
}
static int cmp_d(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}
int main(int argc, char **argv) {
  if (argc < 5) return 2;
  if (getenv("ZKC_TUNED")) {
    tuned = 1;
    name = "c-tuned";
  }
  hostport = argv[1];
  const char *o = argv[2];
  int w = atoi(argv[3]);
  long n = atol(argv[4]);
  payload = argc > 5 ? atoi(argv[5]) : 128;
  long warm = argc > 6 ? atol(argv[6]) : n / 4;
  zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
  sem_init(&connected, 0, 0);
  sem_init(&done_sem, 0, 0);
  sem_init(&ev_sem, 0, 0);
  val = malloc((size_t)payload + 1);
  memset(val, 'x', (size_t)payload);
  val[payload] = 0;
  if (!strcmp(o, "connect")) {
    double *ms = malloc((size_t)n * sizeof *ms);
    for (long i = 0; i < n; i++) {
      uint64_t t = now_ns();
      open_zk();
      zoo_exists(zh, "/", 0, NULL);
      ms[i] = (double)(now_ns() - t) / 1e6;
      zookeeper_close(zh);
    }
    double first = ms[0];
    qsort(ms, (size_t)n, sizeof *ms, cmp_d);
    printf("{\"client\":\"%s\",\"op\":\"connect\",\"n\":%ld,\"first_ms\":%.2f,\"p50_ms\":%.2f,\"p99_ms\":%.2f}\n", name,
           n, first, ms[n / 2], ms[(long)((double)n * 0.99)]);
    return 0;
  }
  open_zk();
  snprintf(node, sizeof node, "/b/n-%d", payload);
  zoo_create(zh, "/b", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0);
  zoo_create(zh, node, val, payload, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0);
  zoo_set(zh, node, val, payload, -1);
  zoo_create(zh, "/b/c", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0);
  zoo_create(zh, "/b/x", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0);
  for (int i = 0; i < 10; i++) {
    char k[32];
    snprintf(k, sizeof k, "/b/c/k%d", i);
    zoo_create(zh, k, "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0);
  }
  struct timespec ts;
  clock_gettime(CLOCK_REALTIME, &ts);
  snprintf(cbase, sizeof cbase, "/b/x/c%d-%ld-", getpid(), ts.tv_nsec);
  if (!strcmp(o, "prep") || !strcmp(o, "touch")) {
    op = o[0];
    if (op == 'p') zoo_create(zh, "/b/w", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0);
    double s = run(n, w, NULL);
    printf("{\"client\":\"%s\",\"op\":\"%s\",\"ops\":%ld,\"errs\":%ld,\"ops_per_s\":%.0f}\n", name, o, n, errs,
           (double)n / s);
    zookeeper_close(zh);
    return 0;
  }
  if (!strcmp(o, "watches") || !strcmp(o, "reconnect")) {
    long nw = o[0] == 'w' ? n : w;
    int win = o[0] == 'w' ? w : 256;
    op = 'g';
    run(20000, win, NULL);
    malloc_trim(0);
    double r0 = rss_mb();
    size_t h0 = mallinfo2().uordblks;
    Cpu a = cpu_now();
    op = 'w';
    double s = run(nw, win, NULL);
    Cpu b = cpu_now();
    usleep(200000);
    malloc_trim(0);
    size_t h1 = mallinfo2().uordblks;
    double r1 = rss_mb();
    printf(
        "{\"client\":\"%s\",\"op\":\"watch-add\",\"watches\":%ld,\"errs\":%ld,\"ops_per_s\":%.0f,\"cpu_us_per_watch\":%"
        ".2f,\"heap_bytes_per_watch\":%.1f,\"rss_delta_mb\":%.1f}\n",
        name, nw, errs, (double)nw / s, (b.user + b.sys - a.user - a.sys) / (double)nw * 1e6,
        ((double)h1 - (double)h0) / (double)nw, r1 - r0);
    fflush(stdout);
    if (o[0] == 'w') {
      want_events = nw;
      a = cpu_now();
      if (getenv("BLAST")) {
        char p[64];
        snprintf(p, sizeof p, "/b/blast-%ld", nw);
        zoo_aset(zh, p, "", 0, -1, c_ignore, NULL);
      } else {
        printf("READY\n");
        fflush(stdout);
      }
      struct timespec dl;
      clock_gettime(CLOCK_REALTIME, &dl);
      dl.tv_sec += 60;
      int to = sem_timedwait(&ev_sem, &dl);
      b = cpu_now();
      if (to) last_ev = now_ns();
      printf(
          "{\"client\":\"%s\",\"op\":\"watch-events\",\"events\":%ld,\"events_per_s\":%.0f,\"cpu_us_per_event\":%.2f,"
          "\"timeout\":%d,\"rss_mb\":%.1f}\n",
          name, (long)events, (double)events / ((double)(last_ev - first_ev) / 1e9),
          (b.user + b.sys - a.user - a.sys) / (double)events * 1e6, to != 0, maxrss_mb());
      return 0;
    }
    int us = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in ua = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(getenv("CUT_UDP")))};
    inet_pton(AF_INET, "127.0.0.1", &ua.sin_addr);
    double *cm = malloc((size_t)n * sizeof *cm), *rm = malloc((size_t)n * sizeof *rm);
    long retries = 0;
    a = cpu_now();
    for (long i = 0; i < n; i++) {
      usleep(300000);
      while (!sem_trywait(&connected)) {}
      uint64_t t = now_ns();
      sendto(us, "x", 1, 0, (void *)&ua, sizeof ua);
      sem_wait(&connected);
      cm[i] = (double)(up_ns - t) / 1e6;
      char buf[4096];
      int bl;
      for (;;) {
        bl = sizeof buf;
        int rc = zoo_get(zh, node, 0, buf, &bl, NULL);
        if (rc == ZOK) break;
        retries++;
      }
      rm[i] = (double)(now_ns() - t) / 1e6;
    }
    b = cpu_now();
    qsort(cm, (size_t)n, sizeof *cm, cmp_d);
    qsort(rm, (size_t)n, sizeof *rm, cmp_d);
    events = 0;
    want_events = 1000;
    for (int i = 0; i < 1000; i++) {
      char p[64];
      snprintf(p, sizeof p, "/b/w/%ld", (long)i * (nw / 1000));
      zoo_set(zh, p, val, payload, -1);
    }
    struct timespec dl;
    clock_gettime(CLOCK_REALTIME, &dl);
    dl.tv_sec += 5;
    sem_timedwait(&ev_sem, &dl);
    printf(
        "{\"client\":\"%s\",\"op\":\"reconnect\",\"watches\":%ld,\"cuts\":%ld,\"to_connected_ms_min\":%.1f,\"p50\":%."
        "1f,\"max\":%.1f,\"to_first_reply_ms_min\":%.1f,\"reply_p50\":%.1f,\"reply_max\":%.1f,\"cpu_ms_per_cut\":%.2f,"
        "\"retries\":%ld,\"watches_alive_of_1000\":%ld}\n",
        name, nw, n, cm[0], cm[n / 2], cm[n - 1], rm[0], rm[n / 2], rm[n - 1],
        (b.user + b.sys - a.user - a.sys) / (double)n * 1e3, retries, (long)events);
    return 0;
  }
  if (!strcmp(o, "ping-latency")) {
    uint32_t *l = malloc((size_t)n * 4);
    for (long i = 0; i < warm; i++) zoo_exists(zh, "/", 0, NULL);
    Cpu a = cpu_now();
    uint64_t t = now_ns();
    for (long i = 0; i < n; i++) {
      uint64_t s = now_ns();
      errs += zoo_exists(zh, "/", 0, NULL) != 0;
      l[i] = (uint32_t)(now_ns() - s);
    }
    uint64_t e = now_ns();
    Cpu b = cpu_now();
    print_result(name, o, 1, payload, l, n, (double)(e - t) / 1e9, a, b, errs);
    return 0;
  }
  op = !strcmp(o, "children") ? 'h' : o[0];
  uint32_t *l = malloc((size_t)n * 4);
  memset(l, 0, (size_t)n * 4);
  run(warm, w, NULL);
  Cpu a = cpu_now();
  double s = run(n, w, l);
  Cpu b = cpu_now();
  print_result(name, o, w, payload, l, n, s, a, b, errs);
  return 0;
}
