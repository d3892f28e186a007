// set_private.h - how a set stands in memory. Shared in this folder only.

#ifndef NH_DEVICES_SET_PRIVATE_H
#define NH_DEVICES_SET_PRIVATE_H

#include "components/devices/set.h"

struct nh_device_set__device {
    uint32_t at; // of its record
    uint32_t scenario_first;
};

struct nh_device_set__scenario {
    uint32_t at;
    uint32_t device;
};

struct nh_device_set {
    nh_mem_t *mem;
    uint32_t ref_count;
    uint32_t device_count, scenario_count;
    uint32_t record_bytes, text_bytes, bytes;
    const struct nh_device_set__device
        *devices; // one more, for the end of the last one's scenarios
    const struct nh_device_set__scenario *scenarios;
    const uint8_t *records; // begins with a 0, so that no record stands at 0
    const uint8_t *texts;   // each: its length as a varint, its bytes, a NUL
};

#define NH_COUNT_BYTES 2 // of the elements of a list, the low byte first

// A number of at most 64 bits, seven bits a byte, the lowest first.
size_t nh_varint__put(uint8_t out[10], uint64_t v);
uint64_t nh_varint__get(const uint8_t **at);

// Passes over the value of a field.
const uint8_t *nh_rec__skip_value(const uint8_t *at, enum nh_field f);
// And over the fields of an object, to one past its end.
const uint8_t *nh_rec__skip(const uint8_t *at);

nh_span_t nh_device_set__text(const nh_device_set_t *s, uint32_t offset);

// What only the whole shows.
void nh_devices__check(const nh_device_set_t *s, const struct nh_device_limits *limits,
                       int (*lamp)(nh_span_t json, char *why, size_t cap),
                       nh_device_finding_fn finding, void *ctx);

#endif
