// macropad.h - the macro pad: 8 screens of 16 buttons that type, publish, switch screens, run
// scenarios and set the lamp. The document of its buttons is kept in the store.
//
// One task (the loop's) owns the pad and makes every call but those marked *any task*. README.md:
// what it does, its memory, its limits.

#ifndef NH_MACROPAD_H
#define NH_MACROPAD_H

#include "components/macropad/icon_cache.h"
#include "components/macropad/icon_store.h"
#include "components/macropad/macro_set.h"
#include "components/macropad/typist.h"
#include "core/http/http.h"
#include "core/store/store.h"

typedef struct nh_macropad nh_macropad_t;

#define NH_MACROPAD_DOCUMENT "macros" // in the store

// Where the pad's screens are shown. Each call returns at once; each may be NULL: there is none.
struct nh_macropad_screens {
    void *ctx;
    int (*show)(void *ctx, const char *id); // NH_ERR_NOT_FOUND: no such screen
    int (*back)(void *ctx);                 // to the screen before
    int (*error)(void *ctx, const char *title, const char *text);
    void (*changed)(void *ctx); // nh_macropad_revision() has moved
};

// What buttons do elsewhere. Each may be NULL: a button that wants it fails, and says so. < 0: it
// failed.
struct nh_macropad_out {
    void *ctx;
    int (*publish)(void *ctx, nh_span_t topic, nh_span_t payload); // QoS 0, not retained
    int (*run_scenario)(void *ctx, nh_span_t scenario);
    int (*lamp_effect)(void *ctx, nh_span_t effect);
    // One report of the keyboard; see hid_report.h. NULL: send_keys is left out.
    int (*report)(void *ctx, const uint8_t *report, size_t len);
    // A place in the way of a document was reached: a tag for a memory snapshot.
    void (*hotspot)(void *ctx, const char *tag);
    // A button that has an action was pressed, before it does anything.
    void (*pressed)(void *ctx, unsigned screen, unsigned slot, nh_span_t label);
    // Something was posted: call nh_macropad_drain() on the owner's task. Any task.
    void (*wake)(void *ctx);
    void (*feed_changed)(void *ctx); // the part "typed"
};

struct nh_macropad_config {
    nh_mem_t *mem;               // borrowed, owner `macropad`; outlives the pad
    nh_lock_t lock;              // guards what other tasks read and post
    nh_store_t *store;           // keeps the document; NULL: it is not kept
    uint32_t document_max_bytes; // 0: 512 KiB; as it is sent
    uint32_t upload_timeout_ms;  // 0: 10000; a document that is on its way and stands still so long
                                 // makes room for another one
    const char *keyboard;        // "uinput", "feed", "off": for people; static
    const char *layout;          // of the keyboard; NULL, "" or unknown: "us"
    enum nh_typist_unicode unicode;
    uint32_t key_ms, script_queue_max; // as in struct nh_typist_config
    struct nh_fs fs;                   // where icons are kept; ops NULL: none can be installed
    const char *icon_dir;              // folder in it; static, at most 31 bytes
    uint32_t icon_max_count;           // 0: 256; one more is refused
    uint64_t icon_max_bytes;           // 0: 8 MiB; of all their files
    size_t icon_cache_bytes;           // 0: 384 KiB; of pixels in memory
    uint64_t (*clock_ms)(void);
    struct nh_macropad_screens screens; // copied
    struct nh_macropad_out out;         // copied
};

// NH_ERR_NOMEM, NH_ERR_RANGE: nothing was made. The pad is empty until nh_macropad_start().
NH_MUST_USE int nh_macropad_create(const struct nh_macropad_config *cfg, nh_macropad_t **out);
void nh_macropad_destroy(nh_macropad_t *m); // NULL: nothing. Every key comes up.

// Reads the newest stored document that is whole; without one the pad is empty. What cannot be read
// stays in the store and is told in the log. NH_ERR_NOMEM: the pad is as before.
NH_MUST_USE int nh_macropad_start(nh_macropad_t *m);

// Stores a document and puts it in force: what `source` gives, piece by piece, until 0.
// NH_ERR_INVAL: it is none, told in the log. Others: of `source`, as nh_macropad_apply().
NH_MUST_USE int nh_macropad_begin_with(nh_macropad_t *m,
                                       int (*source)(void *ctx, void *out, size_t cap), void *ctx);

// Types what is due; and when to be called next, NH_NEVER: nothing waits.
void nh_macropad_tick(nh_macropad_t *m, uint64_t now_ms);
uint64_t nh_macropad_next_deadline(const nh_macropad_t *m);

// ---- the document

// That in force, with a reference for the caller: nh_macro_set_unref(). Any task.
nh_macro_set_t *nh_macropad_set(nh_macropad_t *m);

// Stores `set`, then puts it in force; takes a reference of its own. `base_generation`: of the
// document that it was made from, 0: any. NH_ERR_CONFLICT: another one is in force by now.
// NH_ERR_NOSPC, NH_ERR_IO, NH_ERR_BUSY, NH_ERR_TOO_LONG: it could not be stored. After an error the
// old one is in force and stored.
NH_MUST_USE int nh_macropad_apply(nh_macropad_t *m, nh_macro_set_t *set, uint32_t base_generation);

// Changes whenever nh_macropad_set() or nh_macropad_icon() would give something else. Any task.
uint32_t nh_macropad_revision(const nh_macropad_t *m);

// ---- icons

struct nh_macropad_icon {
    uint16_t width, height;
    bool is_mask;          // a byte a pixel, how much is covered; else RGB565 low byte first, alpha
    const uint8_t *pixels; // until nh_macropad_icon_release()
    struct nh_icon_cache_entry *handle;
};
// The pixels of an icon by its id, as nh_icon_id_normalize() writes it: a built-in one, else one
// that was installed. Any task; never waits for a file: of one that is not in memory yet the first
// answer is false, and nh_macropad_revision() moves when it is there. False also: no such icon, or
// no room.
bool nh_macropad_icon(nh_macropad_t *m, const char *id, struct nh_macropad_icon *out);
void nh_macropad_icon_release(nh_macropad_t *m, const struct nh_macropad_icon *icon); // any task

// ---- commands

// Does what the button of `slot` (0 to 15) on `screen` (0 to 7) is for. A failure is told in the
// log and on the error screen as well. NH_ERR_RANGE: no such button. NH_ERR_NOT_FOUND: it has no
// action, or what it names is not there. NH_ERR_UNSUPPORTED: this hub has nothing to do it with.
// NH_ERR_FULL: as many scripts wait as may. Others: of whoever was to do it.
int nh_macropad_press(nh_macropad_t *m, unsigned screen, unsigned slot);

// The same from any task, later: false, and counted, when too many wait.
bool nh_macropad_post_press(nh_macropad_t *m, unsigned screen, unsigned slot);
// Does what other tasks posted: presses, and icons to be read.
void nh_macropad_drain(nh_macropad_t *m);

// Types a script on the pad's layout. NH_ERR_UNSUPPORTED: no keyboard. NH_ERR_FULL: too many wait.
NH_MUST_USE int nh_macropad_type(nh_macropad_t *m, nh_span_t script);
// Breaks off what is typed and forgets what waits; every key comes up. Returns how many scripts.
uint32_t nh_macropad_stop_typing(nh_macropad_t *m);

struct nh_macropad_info {
    uint32_t generation; // of the document in force; 0: none was ever stored
    size_t set_bytes;    // of memory
    uint64_t uploads, uploads_refused, uploads_abandoned; // abandoned: their time was up
    uint64_t icons_busy, icons_abandoned; // busy: refused while another one was on its way
    uint64_t texts_cut;                   // longer than their limit
    uint64_t saves_failed;
    uint64_t presses, presses_failed, presses_dropped; // dropped: too many waited
    uint64_t script_faults;
    struct nh_icon_cache_info icons; // in memory
    struct nh_icon_store_info icon_files;
};
void nh_macropad_info(nh_macropad_t *m, struct nh_macropad_info *out);

// Tells everything that is wrong with a document, without a pad: of its form the first fault, then
// each of its key scripts on `layout` and each built-in icon that there is not. `source` as in
// nh_macropad_begin_with(). 0: good, or warnings alone. NH_ERR_INVAL: faults. NH_ERR_NOT_FOUND: no
// such layout. Others: of `source`, or NH_ERR_NOMEM.
NH_MUST_USE int nh_macropad_check(nh_mem_t *mem, const char *layout,
                                  int (*source)(void *ctx, void *out, size_t cap), void *ctx,
                                  nh_finding_fn finding, void *finding_ctx);

// ---- HTTP

struct nh_route_table nh_macropad_routes(nh_macropad_t *m);
// "typed": what was typed last, for people; for admins, since it may be a password.
#define NH_MACROPAD_FEED_COUNT 1
void nh_macropad_feed_parts(nh_macropad_t *m, nh_feed_part_t out[NH_MACROPAD_FEED_COUNT]);

#endif
