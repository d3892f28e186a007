// macropad.h - the macro pad: 8 screens of 16 buttons that type, publish, switch screens, run
// scenarios and set the lamp. The document of its buttons is kept in the store.
//
// One task (the loop's) owns the pad and makes every call but those marked *any task*. README.md:
// what it does, its memory, its limits.

#ifndef NH_MACROPAD_H
#define NH_MACROPAD_H

#include "components/macropad/macro_set.h"
#include "core/http/http.h"
#include "core/store/store.h"

typedef struct nh_macropad nh_macropad_t;

#define NH_MACROPAD_DOCUMENT "macros" // in the store

struct nh_macropad_config {
    nh_mem_t *mem;               // borrowed, owner `macropad`; outlives the pad
    nh_lock_t lock;              // guards what other tasks read
    nh_store_t *store;           // keeps the document; NULL: it is not kept
    uint32_t document_max_bytes; // 0: 512 KiB; as it is sent
    uint32_t upload_timeout_ms;  // 0: 10000; a document that is on its way and stands still so long
                                 // makes room for another one
    void *ctx;
    uint64_t (*clock_ms)(void);
    // A place in the way of a document was reached: a tag for a memory snapshot. May be NULL.
    void (*hotspot)(void *ctx, const char *tag);
    // Another document is in force: nh_macropad_set() gives it already. May be NULL.
    void (*changed)(void *ctx);
};

// NH_ERR_NOMEM: nothing was made. The pad is empty until nh_macropad_start().
NH_MUST_USE int nh_macropad_create(const struct nh_macropad_config *cfg, nh_macropad_t **out);
void nh_macropad_destroy(nh_macropad_t *m); // NULL: nothing

// Reads the newest stored document that is whole; without one the pad is empty. What cannot be read
// stays in the store and is told in the log. NH_ERR_NOMEM: the pad is as before.
NH_MUST_USE int nh_macropad_start(nh_macropad_t *m);

// The document in force, with a reference for the caller: nh_macro_set_unref(). Any task.
nh_macro_set_t *nh_macropad_set(nh_macropad_t *m);

// Stores `set`, then puts it in force; takes a reference of its own. `base_generation`: of the
// document that it was made from, 0: any. NH_ERR_CONFLICT: another one is in force by now.
// NH_ERR_NOSPC, NH_ERR_IO, NH_ERR_BUSY, NH_ERR_TOO_LONG: it could not be stored. After an error the
// old one is in force and stored.
NH_MUST_USE int nh_macropad_apply(nh_macropad_t *m, nh_macro_set_t *set, uint32_t base_generation);

struct nh_macropad_info {
    uint32_t generation; // of the document in force; 0: none was ever stored
    size_t set_bytes;    // of memory
    uint64_t uploads, uploads_refused, uploads_abandoned; // abandoned: their time was up
    uint64_t texts_cut;                                   // longer than their limit
    uint64_t saves_failed;
};
void nh_macropad_info(const nh_macropad_t *m, struct nh_macropad_info *out);

// ---- HTTP

struct nh_route_table nh_macropad_routes(nh_macropad_t *m);

#endif
