#include "core/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct {
    nh_log_sink_t sink;
    void *ctx;
    enum nh_log_level max_level;
} log_state;

void nh_log_set(nh_log_sink_t sink, void *ctx, enum nh_log_level max_level)
{
    log_state.sink = sink;
    log_state.ctx = ctx;
    log_state.max_level = max_level;
}

void nh_log_write(enum nh_log_level level, const char *module, const char *fmt, ...)
{
    if (!log_state.sink || level > log_state.max_level)
        return;
    char line[NH_LOG_LINE_MAX_BYTES];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (n >= (int)sizeof line)
        memcpy(line + sizeof line - 4, "...", 4);
    log_state.sink(log_state.ctx, level, module, n < 0 ? fmt : line);
}
