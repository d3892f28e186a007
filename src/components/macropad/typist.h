// typist.h - types key scripts: reports of a keyboard out, at their times. It never waits: a tick
// does what is due, and a DELAY is a deadline like any other. Sans-IO.
//
// Scripts wait in a queue and are typed one after the other. At the end of each, and when one is
// broken off, every key is up.

#ifndef NH_TYPIST_H
#define NH_TYPIST_H

#include "components/macropad/hid_report.h"
#include "components/macropad/key_script.h"
#include "core/mem/mem.h"

// How a character is typed that the layout has no key for.
enum nh_typist_unicode {
    NH_TYPIST_UNICODE_OFF,     // it is left out, and told
    NH_TYPIST_UNICODE_LINUX,   // Ctrl+Shift+U, its number, a blank (GTK, IBus)
    NH_TYPIST_UNICODE_WINDOWS, // Alt with pad plus and its number (EnableHexNumpad), to U+FFFF
    NH_TYPIST_UNICODE_MAC,     // Option with its number ("Unicode Hex Input")
    NH_TYPIST_UNICODE_COUNT,
};

struct nh_typist_config {
    nh_mem_t *mem; // borrowed
    const nh_key_layout_t *layout;
    enum nh_typist_unicode unicode;
    uint32_t key_ms;    // 0: 8; how long a key is down, and up before the next one
    uint32_t queue_max; // 0: 8 scripts that wait or are typed; at most 64
    void *ctx;
    // One report for the host, borrowed for the call. < 0: it did not take it, and the script is
    // broken off.
    int (*report)(void *ctx, const uint8_t *report, size_t len);
    // What a command typed, for people, before it does: a text, or a chord's name. May be NULL.
    void (*typed)(void *ctx, uint32_t origin, bool is_chord, nh_span_t text);
    // A fault of the script that is being typed; `line` from 1. May be NULL.
    void (*fault)(void *ctx, uint32_t origin, enum nh_key_fault f, uint32_t line, nh_span_t token);
};

struct nh_typist_info {
    uint32_t waiting; // scripts, the one that is typed included
    uint64_t scripts, broken_off, queue_full;
    uint64_t reports, characters_left_out;
};

typedef struct nh_typist nh_typist_t;

// NH_ERR_NOMEM, NH_ERR_RANGE: nothing was made. All memory is taken here.
NH_MUST_USE int nh_typist_create(const struct nh_typist_config *cfg, nh_typist_t **out);
void nh_typist_destroy(nh_typist_t *t); // NULL: nothing. Lets no key go: stop first.

// Copies a script to the end of the queue. `origin` comes back with what it types. NH_ERR_FULL:
// counted.
NH_MUST_USE int nh_typist_post(nh_typist_t *t, nh_span_t script, uint32_t origin, uint64_t now_ms);

// Breaks off what is typed, forgets what waits, lets every key go. Returns how many scripts.
uint32_t nh_typist_stop(nh_typist_t *t);

void nh_typist_tick(nh_typist_t *t, uint64_t now_ms);
uint64_t nh_typist_next_deadline(const nh_typist_t *t); // NH_NEVER: nothing to type
bool nh_typist_types_all(const nh_typist_t *t);         // no character is left out for its layout
const nh_key_layout_t *nh_typist_layout(const nh_typist_t *t);
void nh_typist_info(const nh_typist_t *t, struct nh_typist_info *out);

#endif
