// port.h - what the files of the Linux port share among themselves. Nobody else includes it.

#ifndef NH_LINUX_PORT_H
#define NH_LINUX_PORT_H

#include "platform/platform.h"

#include <pthread.h>
#include <time.h>

// The enum nh_err for an errno (also a negated one, as libuv gives them). NH_ERR_IO for what has
// no closer word.
int nh_linux__err(int errnum);

// Where nh_clock_us() is 0 on CLOCK_MONOTONIC: for times that the kernel stamps.
uint64_t nh_linux__clock_origin_us(void);

// CLOCK_MONOTONIC `timeout_ms` from now, for the timed waits of pthreads; far away for NH_NEVER.
struct timespec nh_linux__until(uint64_t timeout_ms);
void nh_linux__cond_init(pthread_cond_t *cond); // on that clock

// Parses a numeric IPv4 or IPv6 address. NH_ERR_INVAL.
struct sockaddr_storage;
NH_MUST_USE int nh_linux__address(const char *text, uint16_t port, struct sockaddr_storage *out,
                                  unsigned *len);
bool nh_linux__is_loopback(const struct sockaddr_storage *sa); // 127.0.0.0/8 or ::1
// "127.0.0.1:51234" or "[::1]:51234"; "?" for another family.
void nh_linux__address_text(const struct sockaddr_storage *sa, char *text, size_t cap);

// How busy the process was. A sample over a moment tells of that moment alone: the question itself,
// or the start.
#define NH_LINUX__CPU_SPAN_US 1000000u
struct nh_linux__cpu { // zeroed: not asked yet
    uint64_t wall_us, used_us;
    int pct;
    bool is_begun;
};
// Percent of the time since the last sample, or that of the last sample when it is not a second
// old. -1: not known yet, at the first question and for a second after it.
int nh_linux__cpu_pct(struct nh_linux__cpu *c, uint64_t wall_us, uint64_t used_us);

// For tests: as if the kernel had no openat2().
void nh_linux__openat2_forbid(bool forbidden);

#endif
