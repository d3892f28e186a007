#include "platform/linux/port.h"

#include <time.h>

// Set before main(), so that no call needs a lock or a check.
static uint64_t origin_us;

static uint64_t now_us(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

__attribute__((constructor)) static void clock_start(void)
{
    origin_us = now_us(CLOCK_MONOTONIC);
}

uint64_t nh_linux__clock_origin_us(void)
{
    return origin_us;
}

uint64_t nh_clock_us(void)
{
    return now_us(CLOCK_MONOTONIC) - origin_us;
}

uint64_t nh_clock_ms(void)
{
    return nh_clock_us() / 1000u;
}

int64_t nh_clock_unix_ms(void)
{
    return (int64_t)(now_us(CLOCK_REALTIME) / 1000u);
}
