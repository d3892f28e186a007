// health_lines.h - the console's telemetry lines. Pure: figures in, one line of text out.
//
// The formats are those that serial harnesses parse: exact keys, exact order, at column 0.

#ifndef NH_HEALTH_LINES_H
#define NH_HEALTH_LINES_H

#include "core/base/log.h"
#include "core/mem/mem.h"

// "[Mem] <tag> hf= hm= hl= hi= hin= frag= pf= pm= pl= (0ms)". Returns the length.
size_t nh_health__line_mem(char *out, size_t cap, const struct nh_mem_snapshot *s);
// "[Mem] TRIPWIRE fired tag=<tag> hin=<u>B < <threshold>B (hf=...)".
size_t nh_health__line_tripwire(char *out, size_t cap, const struct nh_mem_snapshot *s,
                                size_t threshold_bytes);
size_t nh_health__line_dump(char *out, size_t cap, size_t tasks, const char *tag);
// "[Task] name=<name> prio=<u> core=<i> stack_rem=<u>B (0ms)".
size_t nh_health__line_task(char *out, size_t cap, const struct nh_mem_task_info *t);
// "[Portal] AsyncTCP stack watermark: task=<name> rem=<u> units (<u> B), unit=1 B, ...": a unit is
// a byte, as on the chip; the raw size is the stack's here.
size_t nh_health__line_watermark(char *out, size_t cap, const struct nh_mem_task_info *t);
// "[Heartbeat] Up: <s>s | Heap: <bytes> | WiFi: <address> (<hostname>) (0ms)", or Disconnected
// when `address` is NULL.
size_t nh_health__line_heartbeat(char *out, size_t cap, uint64_t up_ms, size_t heap_bytes,
                                 const char *address, const char *hostname);
// "[Module] text (0ms)" with an upper-case first letter. A text that a harness would take for a
// crash or for an address is broken up with a middle dot (README.md, "Words").
size_t nh_health__line_log(char *out, size_t cap, enum nh_log_level level, const char *module,
                           const char *text);
// Copies `tag` as one token: blanks and control characters become '_'.
void nh_health__tag(char out[NH_MEM_TAG_MAX_BYTES], const char *tag);

#endif
