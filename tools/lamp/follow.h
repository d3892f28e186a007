// follow.h - a hub's lamp as its feed tells it: the reply to a WebSocket request, then messages of
// the part `lamp_preview` (docs/lamp.md, the feed). Sans-IO: bytes in, frames out.

#ifndef NH_LAMP_TOOL_FOLLOW_H
#define NH_LAMP_TOOL_FOLLOW_H

#include "components/lamp/fx/fx.h"

#define NH_FOLLOW_MESSAGE_MAX_BYTES 4200 // what the hub's feed sends at most, and its head
#define NH_FOLLOW_HEAD_MAX_BYTES 4096

enum { // nh_follow.flags
    NH_FOLLOW_ON = 1,
    NH_FOLLOW_PAUSED = 2,
    NH_FOLLOW_LIVE = 4,
};

// The caller embeds it; what is not named here is private.
struct nh_follow {
    struct nh_fx_canvas canvas; // the newest whole frame, rows from the bottom; px NULL: none yet
    uint8_t flags, brightness;
    uint32_t frame_count; // whole frames so far
    char fault[160];      // for people, when input() gave an error
    enum { NH_FOLLOW_HEAD, NH_FOLLOW_FRAME, NH_FOLLOW_BODY } state;
    uint8_t buffer[NH_FOLLOW_MESSAGE_MAX_BYTES];
    size_t have, want;
    uint8_t opcode;
    uint32_t number; // of the frame that is being put together
    uint16_t next_row;
    nh_px_t shown[NH_FX_SIDE_MAX * NH_FX_SIDE_MAX], coming[NH_FX_SIDE_MAX * NH_FX_SIDE_MAX];
};
void nh_follow_init(struct nh_follow *f);
// What the peer has sent. NH_ERR_DENIED: the hub refuses (sign in first), NH_ERR_AGAIN: it is busy,
// with checking the password for one (docs/access.md): ask once more in a second, NH_ERR_NOT_FOUND:
// it has no lamp or no feed, NH_ERR_CLOSED: it ends the feed, NH_ERR_PROTO: this is no nuthatch.
// `fault` says more; give nothing more then.
NH_MUST_USE int nh_follow_input(struct nh_follow *f, const uint8_t *bytes, size_t len);

// The request and the subscription, which may be sent at once. `host` with its port; `basic`: NULL,
// or user:password in Base64. Returns the bytes; 0: `cap` is too small.
size_t nh_follow_request(char *out, size_t cap, const char *host, const char *basic);

#endif
