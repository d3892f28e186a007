// wled_private.h - what the parts of nh_wled_t share.

#ifndef NH_WLED_PRIVATE_H
#define NH_WLED_PRIVATE_H

#include "components/wled/wled.h"
#include "components/wled/wled_night.h"
#include "components/wled/wled_presets.h"
#include "components/wled/wled_request.h"
#include "components/wled/wled_write.h"

#define NH_WLED__LIVE_MAX_COUNT 1024 // pixels of the live view; a larger lamp is shown in part

// A request whose command waits for the lamp.
struct nh_wled__call {
    nh_wled_t *w; // NULL: free
    // Once, not within nh_wled__ask(); NULL: nobody waits (any more).
    void (*done)(void *ctx, int err);
    void *ctx;
    int32_t preset;             // that it applies; -1: none
    struct nh_wled_preset save; // id 0: nothing is saved
};

struct nh_wled__client {
    void *socket; // NULL: free
    void (*wake)(void *socket);
    bool wants_state, wants_pong, wants_success, wants_live;
    uint8_t error;         // to be told; 0: none
    uint32_t live_version; // of the view that it got last
};

// The canvas as the live view shows it: rows from the top, R, G, B.
struct nh_wled__view {
    uint64_t since;   // the preview's version that is in it
    uint32_t version; // rises with each other picture
    uint16_t width, height, step;
    uint8_t *rgb;   // NH_WLED__LIVE_MAX_COUNT * 3; NULL: there is no live view
    uint8_t *piece; // NH_FEED_BYTES_MIN
};

// GET /json/live before there is a picture: the lamp gives one when it is asked for.
struct nh_wled__wait {
    nh_request_t *req; // NULL: free
    uint32_t version;  // of the view that is older
    uint8_t turns;
};

struct nh_wled {
    struct nh_wled_config cfg;
    struct nh_wled_info info;
    uint32_t random;
    uint32_t transition_ds;
    uint8_t sx, lor; // sx: as written last
    nh_wled_night_t night;
    uint8_t night_told;  // the brightness that the night light set last
    bool night_restores; // once the lamp is dark, its brightness is night.before again
    nh_timer_t night_timer, live_timer;
    nh_wled_presets_t presets;
    int32_t preset; // that is shown; -1: none
    uint32_t preset_seq;
    struct nh_wled__call calls[NH_WLED_CALL_MAX_COUNT];
    uint32_t waiting_count;
    struct nh_lamp_state expected; // when all that waits is applied
    nh_px_t *px;                   // the clients' own pixels, as large as the canvas; NULL: none
    uint16_t px_width, px_height;
    struct nh_wled__client clients[NH_WLED_CLIENT_MAX_COUNT];
    struct nh_wled__view view;
    struct nh_wled__wait waits[NH_WLED_CLIENT_MAX_COUNT];
};

// wled.c: does what `r` asks for; `text` is what it was read from, for its pixels. 0: it is
// done. 1: `*call` waits, `done` will be called. NH_ERR_FULL, NH_ERR_BUSY: too much waits, or other
// live data has the canvas; NH_ERR_NOMEM; an error of the store. Nothing was changed then.
struct nh_wled__ask {
    const struct nh_wled_request *r;
    const char *text;
    size_t len;
    enum nh_origin origin;
    void (*done)(void *ctx, int err);
    void *ctx;
};
NH_MUST_USE int nh_wled__ask(nh_wled_t *w, const struct nh_wled__ask *ask,
                             struct nh_wled__call **call);
// What the documents tell now; the view's pointers are into the three others, and `w`.
struct nh_wled__now {
    struct nh_wled_view view;
    struct nh_lamp_snapshot snapshot;
    struct nh_lamp_info info;
    struct nh_wled_facts facts;
};
void nh_wled__now(nh_wled_t *w, struct nh_wled__now *now);

// wled_pixels.c
bool nh_wled__paints(const struct nh_wled_request *r);
// An effect, a preset, or a segment that moves again ends what was painted.
bool nh_wled__ends_pixels(const struct nh_wled_request *r);
bool nh_wled__has_canvas(const nh_wled_t *w); // the clients' picture is what is live
// Takes the canvas as any live source does, to be shown or given back; nothing is seen yet.
// NH_ERR_BUSY: somebody else has it. NH_ERR_NOMEM.
NH_MUST_USE int nh_wled__take_canvas(nh_wled_t *w, struct nh_fx_canvas *back);
// As it was before: whether it was taken then, and whether there were pixels.
void nh_wled__give_canvas_back(nh_wled_t *w, bool had_canvas, bool had_pixels);
void nh_wled__show_pixels(nh_wled_t *w, const struct nh_wled__ask *ask, struct nh_fx_canvas *back);
void nh_wled__end_pixels(nh_wled_t *w);

// wled_ws.c
void nh_wled__push(nh_wled_t *w); // the state is another: all clients get it
// Reads the preview, if there is a newer one.
void nh_wled__view_refresh(nh_wled_t *w);
int nh_wled__view_make(nh_wled_t *w); // 0, NH_ERR_NOMEM
// From now on the view is read; false: it cannot be.
bool nh_wled__view_watch(nh_wled_t *w);
// wled_api.c: the view was read. Whether a request still waits for a picture.
bool nh_wled__live_turn(nh_wled_t *w);

#endif
