// yaml.h - the promise of a YAML reader: events from text, no tree. The configuration's decoder
// takes them like those of JSON. libyaml keeps it on Linux.

#ifndef NH_YAML_H
#define NH_YAML_H

#include "core/base/base.h"

#define NH_YAML_MAX_BYTES NH_MIB(4) // as much as devices.document_max_bytes may be

enum nh_yaml_event_kind {
    NH_YAML_MAP_BEGIN,
    NH_YAML_MAP_END,
    NH_YAML_LIST_BEGIN,
    NH_YAML_LIST_END,
    NH_YAML_KEY,
    NH_YAML_SCALAR, // a value
};

struct nh_yaml_event {
    enum nh_yaml_event_kind kind;
    const char *text; // KEY, SCALAR: NUL-terminated, borrowed for the call
    size_t len;
    bool is_plain;         // SCALAR: not quoted, so `12` may be a number and `true` a bool
    uint32_t line, column; // from 1
};

struct nh_yaml_error {
    uint32_t line, column; // from 1
    char text[128];        // "found a tab character where a block entry is expected"
};

// Reads one document of `len` bytes (at most NH_YAML_MAX_BYTES) and calls `event` for each event in
// order. An empty document gives no event. Anchors, aliases, tags and complex keys are refused:
// they have no use in a configuration, and an alias can make a small file large. 0; NH_ERR_SYNTAX,
// NH_ERR_TOO_DEEP (over 32), NH_ERR_TOO_LONG, NH_ERR_NOMEM with `*error` filled; or the first value
// other than 0 that `event` returned.
NH_MUST_USE int nh_yaml_read(const char *text, size_t len,
                             int (*event)(void *ctx, const struct nh_yaml_event *e), void *ctx,
                             struct nh_yaml_error *error);

// The same from a file, piece by piece. Also NH_ERR_NOT_FOUND, NH_ERR_DENIED, NH_ERR_IO
// (`error->text` empty).
NH_MUST_USE int nh_yaml_read_file(const char *path,
                                  int (*event)(void *ctx, const struct nh_yaml_event *e), void *ctx,
                                  struct nh_yaml_error *error);

#endif
