// lamp_radio.h - a lamp on the air: the radio's engine with a radio, a store and the portal.
//
// All calls are the loop's task. docs/lamp-radio.md: frames, pairing, requests.

#ifndef NH_LAMP_RADIO_H
#define NH_LAMP_RADIO_H

#include "components/lamp/lamp.h"
#include "components/lamp_radio/radio_lamp.h"
#include "core/sched/sched.h"
#include "platform/radio.h"

typedef struct nh_lamp_radio nh_lamp_radio_t;

#define NH_LAMP_RADIO_PEER_MAX_COUNT 8 // what one message of the feed holds

struct nh_lamp_radio_config {
    nh_mem_t *mem;
    nh_loop_t *loop;
    nh_sched_t *sched;
    nh_store_t *store; // documents "lamp_radio" (who is paired), "lamp_radio_id", "lamp_volume"
    nh_lamp_t *lamp;   // borrowed; not used by destroy()
    // Of the radio: group, port, interface, misery. Its channel is the fallback; an address of
    // zeros is made once and kept. mem, loop and callbacks are filled in.
    struct nh_radio_config radio;
    uint16_t node;
    const char *name;        // for remotes; copied
    uint32_t peer_max_count; // 1 to NH_LAMP_RADIO_PEER_MAX_COUNT
    uint32_t pairing_s;      // of a request that names no time
    bool allow_v1;
    void *ctx;
    // The master volume of this house, 0 to 100; `set` NULL: only asks. NULL: a volume is kept
    // here.
    uint8_t (*volume)(void *ctx, const uint8_t *set);
    void (*ota)(void *ctx, struct nh_radio_ota *out);
    void (*changed)(void *ctx); // the part of the feed is another
};
// NH_ERR_NOMEM, NH_ERR_RANGE, and the errors of nh_radio_open(): nothing was made.
NH_MUST_USE int nh_lamp_radio_create(const struct nh_lamp_radio_config *cfg, nh_lamp_radio_t **out);
// The lamp must have answered what it was told, so destroy it first. NULL: nothing.
void nh_lamp_radio_destroy(nh_lamp_radio_t *r);
void nh_lamp_radio_state_changed(nh_lamp_radio_t *r); // of the lamp

struct nh_route_table nh_lamp_radio_routes(nh_lamp_radio_t *r);        // /api/lamp/radio
void nh_lamp_radio_feed_part(nh_lamp_radio_t *r, nh_feed_part_t *out); // "lamp_radio"

#endif
