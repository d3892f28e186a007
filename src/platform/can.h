// can.h - a classic CAN bus: SocketCAN on Linux ("can0", "vcan0"), or a datagram stand-in where the
// kernel has none: "udp:ADDR:PORT" (IPv4), a multicast group whose members are the bus (of this
// machine alone), or one other node that listens there.
//
// The stand-in has one frame a datagram, laid out as SocketCAN's struct can_frame on a little
// endian machine. Its three spare bytes name who sent it (0: nobody in particular), so that a node
// of a group knows its own frames and leaves them out, as a bus would:
//
//   0       4     5           8
//   id u32  len   node, 3     data, 8      16 bytes, little endian
//
// All calls are the loop task's, and so are the callbacks, which may close the bus.

#ifndef NH_PLATFORM_CAN_H
#define NH_PLATFORM_CAN_H

#include "platform/platform.h"

#define NH_CAN_DATAGRAM_BYTES 16

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
    // A data frame with an 11 bit identifier; all others are counted and passed over.
    void (*input)(void *ctx, const struct nh_can_frame *f);
    void (*down)(void *ctx, int err); // the interface went away; the object stays to be closed
};
// NH_ERR_NOT_FOUND: no such interface. NH_ERR_UNSUPPORTED: the kernel has no CAN. NH_ERR_INVAL:
// no interface's name, no address. NH_ERR_DENIED, NH_ERR_NOMEM. `*out` is NULL then.
NH_MUST_USE int nh_can_open(const struct nh_can_config *cfg, nh_can_t **out);
// At once or not at all: NH_ERR_AGAIN (counted). NH_ERR_RANGE: the identifier or the length.
// NH_ERR_CLOSED: the interface is down.
NH_MUST_USE int nh_can_send(nh_can_t *c, const struct nh_can_frame *f);
struct nh_can_info {
    uint64_t sent_count, received_count;
    uint64_t refused_count; // frames that did not go out
    uint64_t error_count;   // what came in and is no frame for us, and errors of the interface
};
void nh_can_info(const nh_can_t *c, struct nh_can_info *out);
void nh_can_close(nh_can_t *c); // NULL: nothing
// Whether the text can name an interface: what nh_can_open() does not call NH_ERR_INVAL.
bool nh_can_is_interface(const char *text);

#endif
