// log.h - one line of log to the sink that the port set. Levels: E lost something, W refused or at
// a limit, I lifecycle, D trace. Arguments have no side effects. No secrets, no payloads.

#ifndef NH_LOG_H
#define NH_LOG_H

#include "core/base/base.h"

enum nh_log_level { NH_LOG_ERROR, NH_LOG_WARN, NH_LOG_INFO, NH_LOG_DEBUG };

#define NH_LOG_LINE_MAX_BYTES 256 // longer messages end in "..."; control characters become '?'

// Receives one formatted message without line end. May be called from any task; must not block
// and must not log. `module` is a static string.
typedef void (*nh_log_sink_t)(void *ctx, enum nh_log_level level, const char *module,
                              const char *message);

// Sets the sink and the least important level that reaches it. Call before other tasks run.
// NULL: log lines are dropped. Until the first call they are dropped too.
void nh_log_set(nh_log_sink_t sink, void *ctx, enum nh_log_level max_level);
// Sets the level alone. Any task, at any time.
void nh_log_level_set(enum nh_log_level max_level);

void nh_log_write(enum nh_log_level level, const char *module, const char *fmt, ...)
    NH_PRINTF(3, 4);

#define NH_LOG_E(module, ...) nh_log_write(NH_LOG_ERROR, module, __VA_ARGS__)
#define NH_LOG_W(module, ...) nh_log_write(NH_LOG_WARN, module, __VA_ARGS__)
#define NH_LOG_I(module, ...) nh_log_write(NH_LOG_INFO, module, __VA_ARGS__)
#define NH_LOG_D(module, ...) nh_log_write(NH_LOG_DEBUG, module, __VA_ARGS__)

#endif
