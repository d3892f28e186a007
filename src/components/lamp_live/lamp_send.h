// lamp_send.h - the lamp's frames as packets to other controllers: DDP, E1.31 and Art-Net.
//
// Frames come from the task `render` and go out from the loop's: the sockets are the loop's, and a
// send that takes its time must not hold up the lamp. Between the two are two buffers: render fills
// one and marks it, the loop takes the newest, so a slow loop skips frames and never tears one.
// Sans-IO: bytes go out by a callback. Nothing is allocated after create().

#ifndef NH_LAMP_SEND_H
#define NH_LAMP_SEND_H

#include "core/mem/mem.h"

#define NH_LAMP_SEND_TARGET_MAX_COUNT 8
#define NH_LAMP_SEND_OFF_MS 1000 // no frame for so long: the lamp is off, and so are controllers

enum nh_lamp_send_protocol { NH_LAMP_SEND_DDP, NH_LAMP_SEND_E131, NH_LAMP_SEND_ARTNET };
extern const char *const nh_lamp_send_protocol_names[]; // "ddp", "e131", "artnet"; NULL ends

struct nh_lamp_send_target {
    int protocol;      // enum nh_lamp_send_protocol
    char address[46];  // numeric; "" with E1.31: the multicast group of each universe
    uint32_t port;     // 0: the protocol's
    uint32_t start;    // its first pixel, of the lamp's chain
    uint32_t count;    // its pixels; 0: all from there on
    uint32_t universe; // the first one; E1.31: 0 is 1
    uint32_t fps_max;  // 0: each frame
    uint32_t priority; // of E1.31, 0 to 200
};

struct nh_lamp_sender_config {
    nh_mem_t *mem;
    nh_lock_t lock;                            // of its own: guards the two buffers
    const struct nh_lamp_send_target *targets; // copied
    uint32_t target_count;                     // 1 to NH_LAMP_SEND_TARGET_MAX_COUNT
    uint32_t pixel_count;
    const char *name; // of the source, for E1.31; copied
    uint8_t cid[16];  // who sends, for E1.31: random, and the same for the life of the hub
    void *ctx;
    // The loop's task. 0, or an error: the packet is lost, as the network might have lost it.
    int (*send)(void *ctx, const char *address, uint16_t port, const uint8_t *bytes, size_t len);
    void (*wake)(void *ctx); // any task: a frame waits, call pump() soon
};

typedef struct nh_lamp_sender nh_lamp_sender_t;
// NH_ERR_RANGE: a target that begins past the lamp, or whose universes go past the last one; it is
// `*bad` then. NH_ERR_NOMEM. Nothing was made.
NH_MUST_USE int nh_lamp_sender_create(const struct nh_lamp_sender_config *cfg, uint32_t *bad,
                                      nh_lamp_sender_t **out);
void nh_lamp_sender_destroy(nh_lamp_sender_t *s);

// The task `render`: a frame, R, G, B of each pixel of the chain; borrowed for the call. Shorter
// than the lamp: the rest is dark.
void nh_lamp_sender_frame(nh_lamp_sender_t *s, const uint8_t *rgb, uint32_t count);

// The loop's task: sends the newest frame, if there is one.
void nh_lamp_sender_pump(nh_lamp_sender_t *s, uint64_t now_us);
// When the lamp counts as off; then a black frame goes out once, and E1.31 says that it ends.
uint64_t nh_lamp_sender_next_deadline_us(const nh_lamp_sender_t *s);
void nh_lamp_sender_tick(nh_lamp_sender_t *s, uint64_t now_us);

struct nh_lamp_sender_info {
    uint64_t frame_count;   // that render gave
    uint64_t skipped_count; // of those, others came before the loop took them
};
struct nh_lamp_send_target_info {
    struct nh_lamp_send_target target; // with what was left out filled in
    uint32_t packets_each;             // of a frame
    uint64_t frame_count, packet_count, byte_count;
    uint64_t capped_count; // frames left out for fps_max
    uint64_t failed_count; // packets
    int error;             // of the last failed one; 0: none
    bool is_sending;
};
void nh_lamp_sender_info(nh_lamp_sender_t *s, struct nh_lamp_sender_info *out);
uint32_t nh_lamp_sender_target_count(const nh_lamp_sender_t *s);
void nh_lamp_sender_target(const nh_lamp_sender_t *s, uint32_t index,
                           struct nh_lamp_send_target_info *out);

#endif
