// display_mirror.h - a copy of what the panel shows, in tiles that know when they changed last: for
// pictures, and for watchers who are each told what is new to them and nothing else.
//
// The task `ui` writes, the loop's reads; a lock is held for a copy alone.

#ifndef NH_DISPLAY_MIRROR_H
#define NH_DISPLAY_MIRROR_H

#include "core/base/rect.h"
#include "core/mem/mem.h"

typedef struct nh_display__mirror nh_display__mirror_t;

// A message holds at least one tile, however it is packed.
#define NH_DISPLAY__TILE_PX 32
#define NH_DISPLAY__MESSAGE_MIN_BYTES 2080

// NH_ERR_NOMEM. All of it is bulk memory.
NH_MUST_USE int nh_display__mirror_create(nh_mem_t *mem, uint16_t width, uint16_t height,
                                          nh_display__mirror_t **out);
void nh_display__mirror_destroy(nh_display__mirror_t *m); // NULL: nothing
size_t nh_display__mirror_bytes(const nh_display__mirror_t *m);

// Whether a tile has changed by these pixels.
bool nh_display__mirror_put(nh_display__mirror_t *m, struct nh_rect at, const uint16_t *pixels,
                            size_t stride);
void nh_display__mirror_copy(nh_display__mirror_t *m, uint16_t *out); // width * height
// Rises with each tile that changes; never 0.
uint64_t nh_display__mirror_version(nh_display__mirror_t *m);
// A message with tiles that changed after `since` (0: all), the oldest first, as many as fit into
// `cap`; `*version` is that of the last of them. Returns its bytes; 0: nothing is new.
size_t nh_display__mirror_write(nh_display__mirror_t *m, uint64_t since, uint8_t *out, size_t cap,
                                uint64_t *version);

#endif
