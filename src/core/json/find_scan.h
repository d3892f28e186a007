// find_scan.h - passes over elements of an array that do not match. Shared in this folder only.

#ifndef NH_JSON_FIND_SCAN_H
#define NH_JSON_FIND_SCAN_H

#include "core/json/find.h"

// A run over the elements that stand whole in the chunk. It ends before the first element that may
// match, is not whole, or is not understood: that one is for the strict reader.
struct nh__find_scan {
    const nh_json_find_t *find;
    const uint8_t *end;   // of the chunk
    const uint8_t *begin; // of the element at hand
    const uint8_t *done;  // one past the last element passed over
    uint32_t count;       // of those
    uint32_t depth;       // inside the element; 0: before it
    uint32_t depth_max;
    uint64_t object_bits;  // the lowest: the container at hand is an object
    bool has_escape;       // a backslash was seen in the element at hand, or in its first block
    bool block_has_escape; // and in the block at hand
};

// `begin` points to the '{' of an element; the scan's `count` and `done` tell how far it came.
void nh__find_scan_bytes(struct nh__find_scan *s); // portable
#ifdef __SSE2__
void nh__find_scan_sse2(struct nh__find_scan *s);
#define nh__find_scan_run nh__find_scan_sse2
#else
#define nh__find_scan_run nh__find_scan_bytes
#endif

// The lines that end in [p, end).
uint32_t nh__find_count_lines(const uint8_t *p, const uint8_t *end);

#endif
