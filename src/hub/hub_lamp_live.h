// hub_lamp_live.h - live data for the lamp as a part of the hub, shared by the files of its name.

#ifndef NH_HUB_LAMP_LIVE_H
#define NH_HUB_LAMP_LIVE_H

#include "components/lamp_live/lamp_live.h"
#include "hub/hub_parts.h"

struct nh_hub_live_port {
    struct nh_hub_live *live;
    const char *name; // NULL: not wanted
    nh_datagram_t *socket;
    uint16_t wanted, port; // as configured; as it is
    int error;             // why there is no socket
};

struct nh_hub_live {
    struct nh_hub *hub;
    nh_mem_t *mem;
    nh_lamp_receiver_t *receiver;
    struct nh_hub_live_port port[NH_LAMP_LIVE_PORT_COUNT];
    struct nh_loop_deadline deadline;
    struct nh_lamp_live_source shown; // of the last frame
    uint32_t group_count;             // multicast groups that were joined
    uint32_t group_wanted;            // and how many there are
    uint64_t send_failures;           // answers, sync, beacons
    // hub_lamp_sync.c
    nh_bus_sub_t *sub;
    nh_timer_t beacon;
    struct nh_lamp_sync told; // last
    bool has_told;
    uint64_t sync_sent, sync_taken, sync_passed; // passed: for other groups, or not to be taken
    uint8_t sync_send, sync_receive;             // groups, as they are now
    // Live data is left out: 1 until it ends and begins anew, 2 for good. When it was seen last.
    uint8_t over;
    uint64_t over_ms;
};

// Frames out.
struct nh_hub_send {
    struct nh_hub *hub;
    nh_mem_t *mem;
    nh_lamp_sender_t *sender;
    nh_lock_t lock;
    nh_loop_post_t post;
    nh_datagram_t *socket[2]; // IPv4, IPv6; NULL: no target needs it
    struct nh_loop_deadline deadline;
};

// hub_lamp_sync.c
NH_MUST_USE int nh_hub__start_lamp_sync(struct nh_hub_live *live);
void nh_hub__stop_lamp_sync(struct nh_hub_live *live);
// Until the next start, as a client of WLED wishes: to and from the configured groups, else the
// first one.
void nh_hub__lamp_sync_set(struct nh_hub *hub, bool send, bool receive);
// hub_lamp_live.c: WLED's live override, 0 to 2.
void nh_hub__lamp_override_set(struct nh_hub *hub, uint8_t over);
// The state of another lamp came.
void nh_hub__lamp_synced(void *ctx, const struct nh_lamp_sync *s, const char *from);
// By the socket of a port. What cannot be sent is counted.
bool nh_hub__lamp_live_send(struct nh_hub_live *live, enum nh_lamp_live_port from,
                            const char *address, uint16_t port, const void *bytes, size_t len);

#endif
