// host.c - what the machine says of this process, and what we tell its service manager.

#include "core/base/log.h"
#include "platform/linux/port.h"
#include "platform/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <limits.h>
#include <malloc.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static struct {
    struct nh_linux__cpu cpu;
    const char *reset_reason;
} last = {.reset_reason = "Power On"};

// The start of a small file of the kernel, NUL-terminated. Its length, or -1.
static ssize_t slurp(const char *path, char *out, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, out, cap - 1);
    close(fd);
    out[n > 0 ? n : 0] = 0;
    return n;
}

static long number_in(const char *path)
{
    char text[32];
    if (slurp(path, text, sizeof text) <= 0)
        return -1;
    return strtol(text, NULL, 10);
}

// "Private_Dirty:     12 kB" summed over the lines whose name begins with `prefix`; -1: none.
static int64_t sum_kib(const char *text, const char *prefix)
{
    int64_t kib = -1;
    for (const char *p = text; (p = strstr(p, prefix)); p++) {
        const char *colon = strchr(p, ':');
        if (colon)
            kib = (kib < 0 ? 0 : kib) + strtol(colon + 1, NULL, 10);
    }
    return kib;
}

static void memory_get(struct nh_host_info *out)
{
    char text[2048];
    long pages = -1;
    if (slurp("/proc/self/smaps_rollup", text, sizeof text) > 0) {
        int64_t rss = sum_kib(text, "Rss");
        int64_t own = sum_kib(text, "Private_");
        out->rss_bytes = rss < 0 ? -1 : rss * 1024;
        out->private_bytes = own < 0 ? -1 : own * 1024;
    } else if (slurp("/proc/self/statm", text, sizeof text) > 0 &&
               sscanf(text, "%*s %ld", &pages) == 1) {
        out->rss_bytes = (int64_t)pages * sysconf(_SC_PAGESIZE);
    }
#ifdef __GLIBC__
    const struct mallinfo2 m = mallinfo2();
    out->host_libc_bytes = (int64_t)(m.uordblks + m.hblkhd);
#endif
}

static uint64_t cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

int nh_linux__cpu_pct(struct nh_linux__cpu *c, uint64_t wall_us, uint64_t used_us)
{
    uint64_t span_us = wall_us - c->wall_us;
    if (c->is_begun && span_us < NH_LINUX__CPU_SPAN_US)
        return c->pct;
    c->pct = c->is_begun ? (int)((used_us - c->used_us) * 100 / span_us) : -1;
    c->is_begun = true;
    c->wall_us = wall_us;
    c->used_us = used_us;
    return c->pct;
}

static void cpu_get(struct nh_host_info *out)
{
    pthread_mutex_lock(&guard);
    out->cpu_usage_pct = nh_linux__cpu_pct(&last.cpu, nh_clock_us(), cpu_us());
    out->reset_reason = last.reset_reason;
    pthread_mutex_unlock(&guard);
    long milli = number_in("/sys/class/thermal/thermal_zone0/temp");
    long khz = number_in("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq");
    out->cpu_temperature_c = milli < 0 ? -1 : (int)(milli / 1000);
    out->cpu_freq_mhz = khz < 0 ? -1 : (int)(khz / 1000);
}

void nh_host_info_get(struct nh_host_info *out)
{
    struct stat st;
    *out = (struct nh_host_info){
        .rss_bytes = -1,
        .private_bytes = -1,
        .host_libc_bytes = -1,
        .host_tls_bytes = nh_tls_memory_bytes(),
        .cpu_usage_pct = -1,
        .program_bytes = -1,
        .program_unix_s = -1,
        .cpu_count = (int)sysconf(_SC_NPROCESSORS_ONLN),
    };
    if (stat("/proc/self/exe", &st) == 0) {
        out->program_bytes = (int64_t)st.st_size;
        out->program_unix_s = (int64_t)st.st_mtime;
    }
    memory_get(out);
    cpu_get(out);
    if (gethostname(out->hostname, sizeof out->hostname - 1) != 0)
        snprintf(out->hostname, sizeof out->hostname, "localhost");
}

static bool is_outward(const struct ifaddrs *i)
{
    return i->ifa_addr && (i->ifa_flags & IFF_UP) && !(i->ifa_flags & IFF_LOOPBACK);
}

static void read_mac(const struct ifaddrs *list, const char *name, char *out, size_t cap)
{
    for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
        if (!i->ifa_addr || i->ifa_addr->sa_family != AF_PACKET || strcmp(i->ifa_name, name) != 0)
            continue;
        struct sockaddr_ll hw;
        memcpy(&hw, i->ifa_addr, sizeof hw);
        if (hw.sll_halen == 6)
            snprintf(out, cap, "%02x:%02x:%02x:%02x:%02x:%02x", hw.sll_addr[0], hw.sll_addr[1],
                     hw.sll_addr[2], hw.sll_addr[3], hw.sll_addr[4], hw.sll_addr[5]);
    }
}

void nh_host_net_get(struct nh_host_net *out)
{
    struct ifaddrs *list;
    *out = (struct nh_host_net){.address = "127.0.0.1"};
    if (getifaddrs(&list) != 0)
        return;
    for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
        if (!is_outward(i) || i->ifa_addr->sa_family != AF_INET)
            continue;
        struct sockaddr_in in;
        memcpy(&in, i->ifa_addr, sizeof in);
        if (!inet_ntop(AF_INET, &in.sin_addr, out->address, sizeof out->address))
            continue;
        read_mac(list, i->ifa_name, out->mac, sizeof out->mac);
        break;
    }
    freeifaddrs(list);
}

uint32_t nh_host_connections_allow(uint32_t want)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    if (limit.rlim_cur < want) {
        // Not simply all: libraries size their tables by the limit in force.
        limit.rlim_cur = want < limit.rlim_max ? want : limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur < UINT32_MAX ? (uint32_t)limit.rlim_cur : UINT32_MAX;
}

void nh_host_reset_reason_set(const char *reason)
{
    pthread_mutex_lock(&guard);
    last.reset_reason = reason;
    pthread_mutex_unlock(&guard);
}

void nh_host_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    char text[128];
    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof sa.sun_path)
        return;
    memcpy(sa.sun_path, path, strlen(path));
    if (path[0] == '@') // an abstract name starts with NUL
        sa.sun_path[0] = 0;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    // The manager wants to know from when on a reload counts.
    int len = strncmp(state, "RELOADING", 9) == 0
                  ? snprintf(text, sizeof text, "%s\nMONOTONIC_USEC=%lld", state,
                             (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000)
                  : snprintf(text, sizeof text, "%s", state);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t sa_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (sendto(fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&sa, sa_len) <
        0)
        NH_LOG_W("host", "service manager not told of %s: %s", state, strerror(errno));
    close(fd);
}
