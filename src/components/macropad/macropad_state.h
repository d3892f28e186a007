// macropad_state.h - the pad's state, shared by the files of this folder.

#ifndef NH_MACROPAD_STATE_H
#define NH_MACROPAD_STATE_H

#include "components/macropad/macro_codec.h"
#include "components/macropad/macropad.h"

// A document on its way in; in its request's arena.
struct nh_macropad__upload {
    nh_macropad_t *pad;
    nh_macro_decoder_t decoder;
    uint64_t last_ms; // when a piece came
    bool is_lost;     // another upload took its place
};

// Presses from other tasks, a ring under cfg.lock.
#define NH_MACROPAD__POST_MAX_COUNT 16u

// An icon on its way in; in its request's arena.
struct nh_macropad__install {
    nh_macropad_t *pad;
    struct nh_icon_reading reading;
    struct nh_icon_write write;
    bool is_writing;
    bool is_lost; // another one took its place
    uint64_t last_ms;
};

// Icons that are to be read, a list without an order, under cfg.lock.
#define NH_MACROPAD__WANTED_MAX_COUNT 16u

// What was typed last, a ring. An entry's number is that of its place, modulo the count.
#define NH_MACROPAD__TYPED_COUNT 16u
struct nh_macropad__typed {
    uint64_t ms;
    uint32_t origin;
    bool is_chord;
    uint8_t len;
    char text[NH_KEY_LINE_MAX_BYTES];
};

struct nh_macropad {
    struct nh_macropad_config cfg;
    nh_macro_set_t *set;                // written by the owner under cfg.lock
    struct nh_macropad__upload *upload; // NULL: none
    nh_typist_t *typist;
    struct nh_macropad_info info;
    struct {
        uint8_t first, count;
        uint8_t buttons[NH_MACROPAD__POST_MAX_COUNT]; // screen and slot
    } posted;
    uint32_t revision; // atomic
    struct nh_icon_store icon_store;
    struct nh_macropad__install *install; // NULL: none
    struct nh_icon_cache icon_cache;      // under cfg.lock
    struct {
        uint32_t count;
        char ids[NH_MACROPAD__WANTED_MAX_COUNT][NH_MACROPAD_ICON_ID_MAX_BYTES];
    } wanted;
    uint64_t typed_count; // ever
    struct nh_macropad__typed typed[NH_MACROPAD__TYPED_COUNT];
};

// Who had a script typed: a button's number, or this.
#define NH_MACROPAD__BY_REQUEST 0xFFFFFFFFu
#define NH_MACROPAD__BUTTON(screen, slot) ((screen)*NH_MACROPAD_SLOT_COUNT + (slot))

// ---- macropad_keys.c: the typist, and what it typed
NH_MUST_USE int nh_macropad__create_typist(nh_macropad_t *m);
int nh_macropad__type(nh_macropad_t *m, nh_span_t script, uint32_t origin);
// "macro1 slot 3", "a request"
const char *nh_macropad__origin_text(uint32_t origin, char out[24]);

// ---- macropad.c: nh_macropad_revision() moves, and whoever shows the screens is told
void nh_macropad__changed(nh_macropad_t *m);

// ---- macropad_icons.c
void nh_macropad__start_icons(nh_macropad_t *m);
void nh_macropad__read_wanted(nh_macropad_t *m);
// An icon was installed or removed; NULL: some were.
void nh_macropad__icon_changed(nh_macropad_t *m, const char *id);

// ---- icons_api.c: /api/icons
int nh_macropad__get_icons(nh_request_t *req);
int nh_macropad__get_installed(nh_request_t *req);
int nh_macropad__get_icon_data(nh_request_t *req);
int nh_macropad__take_icon(nh_request_t *req, const uint8_t *bytes, size_t len);
int nh_macropad__post_icon(nh_request_t *req);
int nh_macropad__post_sweep(nh_request_t *req);
int nh_macropad__delete_icon(nh_request_t *req);

// ---- macros_api.c: /api/macros
int nh_macropad__get_macros(nh_request_t *req);
int nh_macropad__get_export(nh_request_t *req);
int nh_macropad__take_macros(nh_request_t *req, const uint8_t *bytes, size_t len);
int nh_macropad__post_macros(nh_request_t *req);

// {"success":false,"message":...} as clients of the firmware know it, and beside it the house's
// form of an error. Details: the writer stands in its open array; closed by nh_macropad__failed().
// NULL: no memory.
NH_MUST_USE nh_json_writer_t *nh_macropad__fail(nh_request_t *req, int status, const char *code,
                                                const char *message);
int nh_macropad__failed(nh_request_t *req, nh_json_writer_t *w);
int nh_macropad__reply_failed(nh_request_t *req, int status, const char *code, const char *message);
int nh_macropad__reply_done(nh_request_t *req); // {"success":true}

#endif
