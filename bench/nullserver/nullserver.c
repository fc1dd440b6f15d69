// Null ZooKeeper server: connect handshake, then one canned reply per request by opcode, echoing the xid.
// It holds no state, so the client under test is the bottleneck. Single thread, epoll, one write per read.
//   cc -O2 -o nullserver nullserver.c ;  ./nullserver PORT [payload=128] [children=10]      prints the port (0: a free one)
// Special paths (setData only): ".../blast-N" sends N data-changed events for /b/w/0../b/w/N-1 after the reply;
//   ".../cut" drops the connection without a reply. getData of ".../n-P" answers with P bytes.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
  int fd, hs;
  size_t in_len, in_cap, out_off, out_len, out_cap;
  uint8_t *in, *out;
} Conn;
static int g_payload = 128, g_children = 10;
static uint64_t g_zxid = 1, g_ops, g_next_session = 0x1000;
static uint8_t g_stat[68];
static int ep;

static inline uint8_t *p32(uint8_t *p, uint32_t v) {
  v = htonl(v);
  memcpy(p, &v, 4);
  return p + 4;
}
static inline uint8_t *p64(uint8_t *p, uint64_t v) {
  p = p32(p, (uint32_t)(v >> 32));
  return p32(p, (uint32_t)v);
}
static inline uint32_t g32(const uint8_t *p) {
  uint32_t v;
  memcpy(&v, p, 4);
  return ntohl(v);
}
static inline uint64_t g64(const uint8_t *p) { return ((uint64_t)g32(p) << 32) | g32(p + 4); }

static void need(Conn *c, size_t n) {
  if (c->out_len + n <= c->out_cap) return;
  while (c->out_cap < c->out_len + n) c->out_cap = c->out_cap ? c->out_cap * 2 : 1 << 18;
  c->out = realloc(c->out, c->out_cap);
}
// Reply header with a length placeholder; finish() fills the length in.
static uint8_t *begin(Conn *c, uint32_t xid, uint64_t zxid, uint32_t err, size_t room) {
  need(c, 20 + room);
  uint8_t *p = c->out + c->out_len + 4;
  p = p32(p, xid);
  p = p64(p, zxid);
  return p32(p, err);
}
static void finish(Conn *c, uint8_t *end) {
  uint8_t *s = c->out + c->out_len;
  p32(s, (uint32_t)(end - s - 4));
  c->out_len = (size_t)(end - c->out);
}
static uint8_t *put(uint8_t *p, const void *s, size_t n) {
  memcpy(p, s, n);
  return p + n;
}

static int num(const uint8_t *r, const uint8_t *end) {
  int v = 0;
  for (; r < end && *r >= '0' && *r <= '9'; r++) v = v * 10 + (*r - '0');
  return v;
}
static int handle(Conn *c, const uint8_t *f, uint32_t n) {  // returns -1 to close after flushing
  if (!c->hs) {
    c->hs = 1;
    uint64_t sid = n >= 24 ? g64(f + 16) : 0;
    if (!sid) sid = g_next_session++;
    uint32_t timeout = g32(f + 12);
    need(c, 64);
    uint8_t *s = c->out + c->out_len, *p = s + 4;
    p = p32(p, 0);
    p = p32(p, timeout);
    p = p64(p, sid);
    p = p32(p, 16);
    memset(p, 7, 16);
    p += 16;
    if (n > 44) *p++ = 0;
    finish(c, p);
    return 0;
  }
  uint32_t xid = g32(f);
  int32_t op = (int32_t)g32(f + 4);
  const uint8_t *path = n >= 12 ? f + 12 : f;
  uint32_t plen = n >= 12 ? g32(f + 8) : 0;
  if (plen > n) plen = 0;
  uint8_t *p;
  g_ops++;
  switch (op) {
    case 3:
      p = begin(c, xid, g_zxid, 0, 68);
      finish(c, put(p, g_stat, 68));
      return 0;  // exists
    case 4: {    // getData
      int sz = g_payload;
      const uint8_t *q = memmem(path, plen, "/n-", 3);
      if (q) sz = num(q + 3, path + plen);
      p = begin(c, xid, g_zxid, 0, 4 + (size_t)sz + 68);
      p = p32(p, (uint32_t)sz);
      memset(p, 'x', (size_t)sz);
      p += sz;
      finish(c, put(p, g_stat, 68));
      return 0;
    }
    case 5: {  // setData
      if (plen >= 4 && !memcmp(path + plen - 4, "/cut", 4)) return -1;
      p = begin(c, xid, ++g_zxid, 0, 68);
      finish(c, put(p, g_stat, 68));
      const uint8_t *q = memmem(path, plen, "/blast-", 7);
      if (q) {
        int k = num(q + 7, path + plen);
        for (int i = 0; i < k; i++) {
          char b[32];
          int bl = snprintf(b, sizeof b, "/b/w/%d", i);
          p = begin(c, (uint32_t)-1, (uint64_t)-1, 0, 64);
          p = p32(p, 3);
          p = p32(p, 3);
          p = p32(p, (uint32_t)bl);
          finish(c, put(p, b, (size_t)bl));
        }
      }
      return 0;
    }
    case 1:
    case 9:
      p = begin(c, xid, op == 1 ? ++g_zxid : g_zxid, 0, 4 + plen);
      p = p32(p, plen);
      finish(c, put(p, path, plen));
      return 0;
    case 15:
    case 19:
    case 21:
      p = begin(c, xid, ++g_zxid, 0, 72 + plen);
      p = p32(p, plen);
      p = put(p, path, plen);
      finish(c, put(p, g_stat, 68));
      return 0;
    case 8:
    case 12:  // getChildren, getChildren2
      p = begin(c, xid, g_zxid, 0, 80 + (size_t)g_children * 24);
      p = p32(p, (uint32_t)g_children);
      for (int i = 0; i < g_children; i++) {
        char b[24];
        int bl = snprintf(b, sizeof b, "k%d", i);
        p = p32(p, (uint32_t)bl);
        p = put(p, b, (size_t)bl);
      }
      if (op == 12) p = put(p, g_stat, 68);
      finish(c, p);
      return 0;
    case -11:
      p = begin(c, xid, g_zxid, 0, 0);
      finish(c, p);
      return -1;  // closeSession
    default:
      p = begin(c, xid, op == 2 ? ++g_zxid : g_zxid, 0, 0);
      finish(c, p);
      return 0;  // ping, auth, delete, setWatches, addWatch...
  }
}
static void drop(Conn *c) {
  close(c->fd);
  free(c->in);
  free(c->out);
  free(c);
}
static int flush(Conn *c) {
  while (c->out_off < c->out_len) {
    ssize_t w = send(c->fd, c->out + c->out_off, c->out_len - c->out_off, MSG_NOSIGNAL);
    if (w < 0) {
      if (errno == EAGAIN) {
        struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
        epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e);
        return 1;
      }
      return -1;
    }
    c->out_off += (size_t)w;
  }
  c->out_off = c->out_len = 0;
  return 0;
}
static void on_term(int s) {
  (void)s;
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  double u = (double)r.ru_utime.tv_sec + (double)r.ru_utime.tv_usec / 1e6,
         k = (double)r.ru_stime.tv_sec + (double)r.ru_stime.tv_usec / 1e6;
  fprintf(stderr, "{\"nullserver_ops\":%llu,\"user\":%.2f,\"sys\":%.2f}\n", (unsigned long long)g_ops, u, k);
  _exit(0);
}
int main(int argc, char **argv) {
  int port = argc > 1 ? atoi(argv[1]) : 0;
  if (argc > 2) g_payload = atoi(argv[2]);
  if (argc > 3) g_children = atoi(argv[3]);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGTERM, on_term);
  signal(SIGINT, on_term);
  {
    uint8_t *p = g_stat;
    p = p64(p, 1);
    p = p64(p, 1);
    p = p64(p, 1700000000000ULL);
    p = p64(p, 1700000000000ULL);
    p = p32(p, 1);
    p = p32(p, 0);
    p = p32(p, 0);
    p = p64(p, 0);
    p = p32(p, (uint32_t)g_payload);
    p = p32(p, 0);
    p64(p, 1);
  }
  int ls = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  setsockopt(ls, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in a = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(ls, (void *)&a, sizeof a) || listen(ls, 128)) {
    perror("nullserver: bind");
    return 1;
  }
  socklen_t al = sizeof a;
  getsockname(ls, (void *)&a, &al);
  printf("%d\n", ntohs(a.sin_port));
  fflush(stdout);
  ep = epoll_create1(0);
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(ep, EPOLL_CTL_ADD, ls, &e);
  struct epoll_event ev[64];
  for (;;) {
    int n = epoll_wait(ep, ev, 64, -1);
    for (int i = 0; i < n; i++) {
      Conn *c = ev[i].data.ptr;
      if (!c) {
        int fd = accept4(ls, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        c = calloc(1, sizeof *c);
        c->fd = fd;
        c->in_cap = 1 << 18;
        c->in = malloc(c->in_cap);
        struct epoll_event ne = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ne);
        continue;
      }
      if (ev[i].events & EPOLLOUT) {
        int r = flush(c);
        if (r < 0) {
          drop(c);
          continue;
        }
        if (r == 0) {
          struct epoll_event ne = {.events = EPOLLIN, .data.ptr = c};
          epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &ne);
        }
      }
      if (!(ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) continue;
      ssize_t r = read(c->fd, c->in + c->in_len, c->in_cap - c->in_len);
      if (r == 0 || (r < 0 && errno != EAGAIN)) {
        drop(c);
        continue;
      }
      if (r < 0) continue;
      c->in_len += (size_t)r;
      size_t off = 0;
      int closing = 0;
      while (!closing && c->in_len - off >= 4) {
        uint32_t fl = g32(c->in + off);
        if (c->in_len - off - 4 < fl) {
          if (fl + 4 > c->in_cap) {
            c->in_cap = fl + 4 + (1 << 16);
            c->in = realloc(c->in, c->in_cap);
          }
          break;
        }
        if (handle(c, c->in + off + 4, fl) < 0) closing = 1;
        off += 4 + fl;
      }
      memmove(c->in, c->in + off, c->in_len - off);
      c->in_len -= off;
      if (flush(c) < 0 || closing) drop(c);
    }
  }
}
