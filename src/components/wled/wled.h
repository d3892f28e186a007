// wled.h - the lamp as WLED's clients know one: their HTTP routes, their WebSocket, presets,
// night light, single pixels. It keeps what WLED has and the lamp has not; all else is the lamp's,
// by its queue.
//
// The loop's task makes every call. docs/lamp-wled.md is the reference for clients.

#ifndef NH_WLED_H
#define NH_WLED_H

#include "components/lamp/lamp.h"
#include "components/wled/wled_request.h" // how WLED counts speeds and palettes
#include "core/sched/sched.h"

typedef struct nh_wled nh_wled_t;

#define NH_WLED_CLIENT_MAX_COUNT 4 // WebSockets; a WLED device has as many
#define NH_WLED_CALL_MAX_COUNT 8   // requests that wait for the lamp; one more is refused
#define NH_WLED_BODY_MAX_BYTES 16384
#define NH_WLED_XML_MAX_BYTES 1024

struct nh_wled_facts {
    char ip[46]; // "": not known
    uint64_t free_bytes;
    uint32_t store_used_kb, store_total_kb;
    bool sync_send, sync_receive; // the lamp's state by UDP, to and from others
    uint8_t lor;                  // as override_set() wants it, where there is one
};

struct nh_wled_config {
    nh_mem_t *mem; // borrowed, like all pointers here
    nh_sched_t *sched;
    nh_lamp_t *lamp;
    nh_store_t *store;      // of the presets, document "lamp-presets"; NULL: they end with the hub
    nh_feed_part_t preview; // the lamp's, for the live view; write_bytes NULL: there is none
    const char *name, *version;
    const char *mac;           // 12 digits of lower-case hex
    uint32_t transition_ms;    // 0: 700, until a client sets another
    uint32_t preset_max_count; // 0: 32; at most 250
    bool is_open;              // its routes need no sign-in
    uint32_t seed;             // random
    void *ctx;
    uint64_t (*clock_ms)(void);
    int64_t (*clock_unix_ms)(void);
    void (*facts)(void *ctx, struct nh_wled_facts *out);
    // A client switches them; NULL: it cannot. `lor`: 0 live data is shown, 1 until it ends and
    // begins anew, 2 never.
    void (*sync_set)(void *ctx, bool send, bool receive);
    void (*override_set)(void *ctx, uint8_t lor);
};

// Reads the presets; damaged ones are told in the log and left out. NH_ERR_NOMEM, NH_ERR_RANGE:
// nothing was made.
NH_MUST_USE int nh_wled_create(const struct nh_wled_config *cfg, nh_wled_t **out);
// After the lamp: its answers have come. NULL: nothing.
void nh_wled_destroy(nh_wled_t *w);

// The lamp's snapshot is another: its nh_lamp_config.changed.
void nh_wled_lamp_changed(nh_wled_t *w);

// What somebody said by another way (MQTT): JSON, or the text of the older interface.
// NH_ERR_SYNTAX, NH_ERR_FULL, NH_ERR_BUSY: nothing was changed.
NH_MUST_USE int nh_wled_say(nh_wled_t *w, const char *text, size_t len, enum nh_origin origin);
// The reply of the older interface, into `out` of NH_WLED_XML_MAX_BYTES; its length.
size_t nh_wled_xml(nh_wled_t *w, char *out);

struct nh_route_table nh_wled_routes(nh_wled_t *w);
struct nh_ws_guest nh_wled_guest(nh_wled_t *w);

struct nh_wled_info {
    uint32_t client_count, preset_count;
    uint64_t requests, refused_requests; // refused: not understood, or too many waited
    uint64_t refused_clients, pushes, live_frames;
};
void nh_wled_info(const nh_wled_t *w, struct nh_wled_info *out);

#endif
