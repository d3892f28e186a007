// can.h - a classic CAN bus: SocketCAN on Linux ("can0", "vcan0"), or a datagram stand-in
// ("udp:ADDR:PORT", multicast or unicast) where the kernel has none.
//
// All calls are the loop task's, and so are the callbacks.

#ifndef NH_PLATFORM_CAN_H
#define NH_PLATFORM_CAN_H

#include "platform/platform.h"

struct nh_can_frame {
    uint32_t id; // 11 bits
    uint8_t len; // 0 to 8
    uint8_t data[8];
};
typedef struct nh_can nh_can_t;
struct nh_can_config {
    nh_loop_t *loop;
    struct nh_mem *mem;
    const char *interface;
    void *ctx;
    void (*input)(void *ctx, const struct nh_can_frame *f);
    void (*down)(void *ctx, int err); // the interface went away; the object stays to be closed
};
// NH_ERR_NOT_FOUND: no such interface. NH_ERR_UNSUPPORTED: the kernel has no CAN. NH_ERR_INVAL.
NH_MUST_USE int nh_can_open(const struct nh_can_config *cfg, nh_can_t **out);
// At once or not at all: NH_ERR_AGAIN (counted).
NH_MUST_USE int nh_can_send(nh_can_t *c, const struct nh_can_frame *f);
struct nh_can_info {
    uint64_t sent_count, received_count, refused_count, error_count;
};
void nh_can_info(const nh_can_t *c, struct nh_can_info *out);
void nh_can_close(nh_can_t *c); // NULL: nothing

#endif
