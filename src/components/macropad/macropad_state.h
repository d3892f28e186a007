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

struct nh_macropad {
    struct nh_macropad_config cfg;
    nh_macro_set_t *set;                // written by the owner under cfg.lock
    struct nh_macropad__upload *upload; // NULL: none
    struct nh_macropad_info info;
};

// ---- macros_api.c: /api/macros
int nh_macropad__get_macros(nh_request_t *req);
int nh_macropad__get_export(nh_request_t *req);
int nh_macropad__take_macros(nh_request_t *req, const uint8_t *bytes, size_t len);
int nh_macropad__post_macros(nh_request_t *req);

// {"success":false,"message":...} as clients of the firmware know it, and beside it the house's
// form of an error. Details: the
// writer stands in its open array; closed by nh_macropad__failed(). NULL: no memory.
NH_MUST_USE nh_json_writer_t *nh_macropad__fail(nh_request_t *req, int status, const char *code,
                                                const char *message);
int nh_macropad__failed(nh_request_t *req, nh_json_writer_t *w);
int nh_macropad__reply_failed(nh_request_t *req, int status, const char *code, const char *message);
int nh_macropad__reply_done(nh_request_t *req); // {"success":true}

#endif
