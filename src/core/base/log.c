#include "core/base/log.h"

#include "core/base/atomic.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct {
    nh_log_sink_t sink;
    void *ctx;
    uint32_t max_level; // atomic: an enum nh_log_level
} log_state;

void nh_log_set(nh_log_sink_t sink, void *ctx, enum nh_log_level max_level)
{
    log_state.sink = sink;
    log_state.ctx = ctx;
    nh_log_level_set(max_level);
}

void nh_log_level_set(enum nh_log_level max_level)
{
    nh_atomic_store_u32(&log_state.max_level, (uint32_t)max_level);
}

// Names that strangers choose must not begin a line of their own, nor steer a terminal.
static void take_out_controls(char *line)
{
    for (unsigned char *p = (unsigned char *)line; *p; p++) {
        bool is_c1 = p[0] == 0xC2 && p[1] >= 0x80 && p[1] < 0xA0; // U+0080 to U+009F in UTF-8
        if (*p < 0x20 || *p == 0x7F || is_c1)
            *p = '?';
        if (is_c1)
            p[1] = '?';
    }
}

void nh_log_write(enum nh_log_level level, const char *module, const char *fmt, ...)
{
    if (!log_state.sink || (uint32_t)level > nh_atomic_load_u32(&log_state.max_level))
        return;
    char line[NH_LOG_LINE_MAX_BYTES];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (n >= (int)sizeof line)
        memcpy(line + sizeof line - 4, "...", 4);
    if (n >= 0)
        take_out_controls(line);
    log_state.sink(log_state.ctx, level, module, n < 0 ? fmt : line);
}
