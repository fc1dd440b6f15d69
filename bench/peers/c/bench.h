// Shared by the C drivers: clock, percentiles, the one JSON line every driver prints.
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
static inline uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}
typedef struct {
  double user, sys;
} Cpu;
static inline Cpu cpu_now(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return (Cpu){(double)r.ru_utime.tv_sec + (double)r.ru_utime.tv_usec / 1e6,
               (double)r.ru_stime.tv_sec + (double)r.ru_stime.tv_usec / 1e6};
}
// VmHWM, not ru_maxrss: the latter keeps the parent's peak across exec.
static inline double maxrss_mb(void) {
  char l[256];
  double v = 0;
  FILE *f = fopen("/proc/self/status", "r");
  while (f && fgets(l, sizeof l, f))
    if (!strncmp(l, "VmHWM:", 6)) v = atof(l + 6) / 1024.0;
  if (f) fclose(f);
  return v;
}
static inline double rss_mb(void) {
  long a, b;
  FILE *f = fopen("/proc/self/statm", "r");
  if (!f || fscanf(f, "%ld %ld", &a, &b) != 2) b = 0;
  if (f) fclose(f);
  return (double)b * (double)sysconf(_SC_PAGESIZE) / 1048576.0;
}
static int cmp_u32(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}
// lat in ns; errs = replies that were not ZOK
static inline void print_result(const char *client, const char *op, int w, int payload, uint32_t *lat, long n,
                                double secs, Cpu a, Cpu b, long errs) {
  qsort(lat, (size_t)n, sizeof *lat, cmp_u32);
  printf(
      "{\"client\":\"%s\",\"op\":\"%s\",\"window\":%d,\"payload\":%d,\"ops\":%ld,\"errs\":%ld,\"ops_per_s\":%.0f,\"p50_"
      "us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f,"
      "\"cpu_s_per_mop\":%.3f,\"user_s_per_mop\":%.3f,\"sys_s_per_mop\":%.3f,\"rss_mb\":%.1f}\n",
      client, op, w, payload, n, errs, (double)n / secs, lat[n / 2] / 1e3, lat[(long)((double)n * 0.99)] / 1e3,
      lat[n - 1] / 1e3, (b.user + b.sys - a.user - a.sys) / (double)n * 1e6, (b.user - a.user) / (double)n * 1e6,
      (b.sys - a.sys) / (double)n * 1e6, maxrss_mb());
  fflush(stdout);
}
