#include "components/health/health_lines.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static size_t clamp_len(int n, size_t cap)
{
    if (n < 0)
        return 0;
    return (size_t)n < cap ? (size_t)n : cap - 1;
}

size_t nh_health__line_mem(char *out, size_t cap, const struct nh_mem_snapshot *s)
{
    const struct nh_mem_tier_info *i = &s->tier[NH_MEM_INTERNAL], *p = &s->tier[NH_MEM_PSRAM];
    // hf and hi are one figure here: both are the free bytes of the internal tier.
    return clamp_len(snprintf(out, cap,
                              "[Mem] %s hf=%zu hm=%zu hl=%zu hi=%zu hin=%zu frag=%" PRIu32
                              " pf=%zu pm=%zu pl=%zu (0ms)",
                              s->tag, i->free_bytes, i->min_free_bytes, i->largest_free_bytes,
                              i->free_bytes, i->min_free_bytes, i->frag_pct, p->free_bytes,
                              p->min_free_bytes, p->largest_free_bytes),
                     cap);
}

size_t nh_health__line_tripwire(char *out, size_t cap, const struct nh_mem_snapshot *s,
                                size_t threshold_bytes)
{
    const struct nh_mem_tier_info *i = &s->tier[NH_MEM_INTERNAL], *p = &s->tier[NH_MEM_PSRAM];
    return clamp_len(snprintf(out, cap,
                              "[Mem] TRIPWIRE fired tag=%s hin=%zuB < %zuB (hf=%zuB hl=%zuB "
                              "frag=%" PRIu32 "%% pf=%zuB pl=%zuB) (0ms)",
                              s->tag, i->min_free_bytes, threshold_bytes, i->free_bytes,
                              i->largest_free_bytes, i->frag_pct, p->free_bytes,
                              p->largest_free_bytes),
                     cap);
}

size_t nh_health__line_dump(char *out, size_t cap, size_t tasks, const char *tag)
{
    return clamp_len(snprintf(out, cap,
                              "[Mem] Task dump (%zu tasks, sorted by stack margin) tag=%s (0ms)",
                              tasks, tag),
                     cap);
}

size_t nh_health__line_task(char *out, size_t cap, const struct nh_mem_task_info *t)
{
    char name[NH_MEM_TAG_MAX_BYTES]; // one token, or a harness loses the line
    nh_health__tag(name, t->name);
    return clamp_len(snprintf(out, cap, "[Task] name=%s prio=%d core=%d stack_rem=%zuB (0ms)", name,
                              t->priority, t->core, t->stack_margin_bytes),
                     cap);
}

size_t nh_health__line_watermark(char *out, size_t cap, const struct nh_mem_task_info *t)
{
    char name[NH_MEM_TAG_MAX_BYTES];
    size_t size = t->stack_bytes ? t->stack_bytes : t->chip_stack_bytes;
    nh_health__tag(name, t->name);
    return clamp_len(
        snprintf(out, cap,
                 "[Portal] AsyncTCP stack watermark: task=%s rem=%zu units (%zu B), unit=1 B, "
                 "CONFIG_ASYNC_TCP_STACK_SIZE(raw)=%zu (0ms)",
                 name, t->stack_margin_bytes, t->stack_margin_bytes, size),
        cap);
}

size_t nh_health__line_heartbeat(char *out, size_t cap, uint64_t up_ms, size_t heap_bytes,
                                 const char *address, const char *hostname)
{
    if (!address)
        return clamp_len(snprintf(out, cap,
                                  "[Heartbeat] Up: %" PRIu64
                                  "s | Heap: %zu | WiFi: Disconnected (0ms)",
                                  up_ms / 1000, heap_bytes),
                         cap);
    return clamp_len(snprintf(out, cap,
                              "[Heartbeat] Up: %" PRIu64 "s | Heap: %zu | WiFi: %s (%s) (0ms)",
                              up_ms / 1000, heap_bytes, address, hostname),
                     cap);
}

// A harness reads the whole log for these, anywhere and in any case, and takes the device for
// crashed (or for moved to another address) when one stands in a healthy line.
static const char *const alarm_words[] = {
    "guru meditation", "panic'ed",  "stack canary", "backtrace:",  "abort()", "brownout",
    "got ip:",         "firmware:", "esp-rom:",     "system boot", "rst:",    "[mem]",
};

static void defuse(char *line)
{
    for (size_t w = 0; w < NH_ARRAY_LEN(alarm_words); w++) {
        size_t len = strlen(alarm_words[w]);
        for (char *p = line; *p; p++) {
            size_t i = 0;
            while (i < len && tolower((unsigned char)p[i]) == alarm_words[w][i])
                i++;
            if (i == len)
                p[len / 2] = '.';
        }
    }
}

size_t nh_health__line_log(char *out, size_t cap, enum nh_log_level level, const char *module,
                           const char *text)
{
    static const char *const mark[] = {"Error: ", "Warning: ", "", ""};
    int n = snprintf(out, cap, "[%c%s] %s%.*s (0ms)", toupper((unsigned char)module[0]), module + 1,
                     mark[level], NH_LOG_LINE_MAX_BYTES, text);
    for (char *p = out; *p; p++)
        if ((unsigned char)*p < 0x20)
            *p = ' ';
    defuse(out);
    return clamp_len(n, cap);
}

void nh_health__tag(char out[NH_MEM_TAG_MAX_BYTES], const char *tag)
{
    size_t n = 0;
    for (; tag[n] && n + 1 < NH_MEM_TAG_MAX_BYTES; n++)
        out[n] = (unsigned char)tag[n] <= ' ' || tag[n] == 0x7f ? '_' : tag[n];
    out[n] = 0;
    if (n == 0)
        memcpy(out, "untagged", 9);
}
