// lines.h - what a device prints: bytes into lines, and a line into figures. Sans-IO.
//
// The lines are those of docs/harness-firmware.md: snapshots, tripwire, tasks, and the marks that a
// run waits for. Anything else is passed over: a log has other things in it.

#ifndef NH_HARNESS_LINES_H
#define NH_HARNESS_LINES_H

#include "core/base/base.h"

#define NH_HARNESS_LINE_MAX_BYTES 1024 // with the NUL; the rest of a longer line is left out
#define NH_HARNESS_TAG_MAX_BYTES 64    // with the NUL; a longer tag is cut
#define NH_HARNESS_NAME_MAX_BYTES 32   // of a task

// Bytes into lines. Zeroed: at the start of one.
struct nh_harness_split {
    char line[NH_HARNESS_LINE_MAX_BYTES];
    size_t len;
    uint64_t cut_count; // lines that were longer
    bool is_cut;
};
// Takes from *bytes, *len and moves them on. The next whole line, NUL-terminated and without its
// end (NULs in it become blanks), or NULL: more is needed. It stands until the next call.
const char *nh_harness_split_next(struct nh_harness_split *s, const uint8_t **bytes, size_t *len);

enum nh_harness_mark { // bits: what a run may wait for
    NH_MARK_REBOOT = 1,
    NH_MARK_BOOT = 2, // "System Boot"
    NH_MARK_ADDRESS = 4,
    NH_MARK_READY = 8,
    NH_MARK_HEARTBEAT = 16,
    NH_MARK_MQTT = 32,
};

enum nh_harness_what { NH_LINE_OTHER, NH_LINE_MEM, NH_LINE_TRIPWIRE, NH_LINE_TASK, NH_LINE_STACK };

struct nh_harness_mem { // bytes; frag in percent
    char tag[NH_HARNESS_TAG_MAX_BYTES];
    uint64_t hf, hm, hl, hi, hin, frag, pf, pm, pl;
};

struct nh_harness_tripwire {
    char tag[NH_HARNESS_TAG_MAX_BYTES];
    uint64_t hin, threshold;
};

struct nh_harness_task {
    char name[NH_HARNESS_NAME_MAX_BYTES];
    uint64_t prio, stack_rem;
    int64_t core;
};

struct nh_harness_stack { // of the network task
    char task[NH_HARNESS_NAME_MAX_BYTES];
    uint64_t rem_units, rem_bytes, unit_bytes, cfg_bytes;
};

struct nh_harness_line {
    enum nh_harness_what what;
    uint32_t marks; // enum nh_harness_mark
    union {
        struct nh_harness_mem mem;
        struct nh_harness_tripwire tripwire;
        struct nh_harness_task task;
        struct nh_harness_stack stack;
    };
    char address[16];  // of "Got IP:"; "": none
    char version[32];  // of "Firmware:"; "": none
    const char *panic; // "guru_meditation", "brownout", ...; NULL: none. Static
};

// Looks at one line, without its end.
void nh_harness_line_parse(const char *line, struct nh_harness_line *out);

#endif
