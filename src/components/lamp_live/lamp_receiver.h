// lamp_receiver.h - the receiver of live data: datagrams of light software in, whole frames for the
// lamp out. DDP, E1.31, Art-Net, WLED's real-time protocols, Hyperion's raw RGB, TPM2.NET.
//
// Sans-IO: datagrams and time go in; frames, answers and deadlines come out by the callbacks of the
// configuration. One task makes every call. What the packets are: lamp_ddp.h and its siblings;
// what makes a frame whole: lamp_live_range.h, lamp_live_set.h.
//
// One source at a time has the lamp: the first one that comes, until it pauses for its time-out,
// ends its stream or leaves. Others are refused and counted, but a sender of E1.31 of a higher
// priority takes over. A source is a protocol and an address; with E1.31 the sender's own id.
//
// In the steady state nothing is allocated: sources, buffers and figures have fixed sizes.

#ifndef NH_LAMP_RECEIVER_H
#define NH_LAMP_RECEIVER_H

#include "components/lamp/lamp.h"
#include "components/lamp_live/lamp_live_stats.h"
#include "components/lamp_live/lamp_wled_udp.h"
#include "core/json/json.h"
#include "core/mem/mem.h"

#define NH_LAMP_LIVE_SOURCE_MAX_COUNT 8 // one more is refused until one has been silent
#define NH_LAMP_LIVE_NODE_MAX_COUNT 16  // beacons of WLED devices; the oldest one makes room
#define NH_LAMP_LIVE_POLL_MAX_COUNT 8   // who looks for nodes, a second; one more gets no answer
#define NH_LAMP_LIVE_UNIVERSE_MAX_COUNT 128
#define NH_LAMP_LIVE_TIMEOUT_MS 2500
#define NH_LAMP_LIVE_FRAME_MS 40
#define NH_LAMP_LIVE_IDLE_MS 25

typedef struct nh_lamp_receiver nh_lamp_receiver_t;

enum nh_lamp_live_protocol {
    NH_LAMP_LIVE_DDP,
    NH_LAMP_LIVE_E131,
    NH_LAMP_LIVE_ARTNET,
    NH_LAMP_LIVE_WLED,
    NH_LAMP_LIVE_HYPERION,
    NH_LAMP_LIVE_TPM2,
    NH_LAMP_LIVE_PROTOCOL_COUNT,
};
extern const char *const nh_lamp_live_protocol_names[NH_LAMP_LIVE_PROTOCOL_COUNT]; // for people

enum nh_lamp_live_port { // where a datagram came in
    NH_LAMP_LIVE_PORT_DDP,
    NH_LAMP_LIVE_PORT_E131,
    NH_LAMP_LIVE_PORT_ARTNET,
    NH_LAMP_LIVE_PORT_WLED, // real time, TPM2.NET, sync
    NH_LAMP_LIVE_PORT_HYPERION,
    NH_LAMP_LIVE_PORT_NODES, // TPM2.NET, beacons
    NH_LAMP_LIVE_PORT_COUNT,
};
extern const uint16_t nh_lamp_live_port_numbers[NH_LAMP_LIVE_PORT_COUNT]; // as the world has them

// How the channels of universes are pixels.
enum nh_lamp_live_mode {
    NH_LAMP_LIVE_RGB,    // 170 a universe, the last two channels are not used
    NH_LAMP_LIVE_RGBW,   // 128 a universe; white is added to the three
    NH_LAMP_LIVE_PACKED, // 512 channels a universe: a pixel may lie in two of them
};

struct nh_lamp_receiver_config {
    nh_mem_t *mem;
    uint32_t pixel_count; // of the lamp
    uint32_t timeout_ms;  // 0: NH_LAMP_LIVE_TIMEOUT_MS
    uint32_t frame_ms;    // 0: NH_LAMP_LIVE_FRAME_MS; how long missing universes are waited for
    uint32_t idle_ms;     // 0: NH_LAMP_LIVE_IDLE_MS; the pause that ends a frame never pushed
    struct {
        uint16_t universe; // the first one; E1.31 counts from 1 (0: 1), Art-Net from 0
        int mode;          // enum nh_lamp_live_mode
    } e131, artnet;
    const char *name;   // of this hub, for controllers that look for it; borrowed
    uint8_t ip[4];      // of this hub, likewise; zeros: not known
    uint8_t version[2]; // of the program

    void *ctx;
    // A whole frame, in the order in which protocols number pixels: R, G, B of each. `rgb` is
    // borrowed for the call. NH_ERR_BUSY: somebody else has the lamp.
    int (*show)(void *ctx, const struct nh_lamp_live_source *s, const uint8_t *rgb, uint32_t count,
                uint64_t now_ms);
    void (*end)(void *ctx); // the effect may come back
    // A datagram to send from the port `from`: the answer to who looks for nodes.
    void (*send)(void *ctx, enum nh_lamp_live_port from, const char *address, uint16_t port,
                 const uint8_t *bytes, size_t len);
    // The state of another lamp, to be followed. May be NULL.
    void (*sync)(void *ctx, const struct nh_lamp_sync *s, const char *from);
};

// NH_ERR_RANGE: no pixels, more than 128 x 128, or universes past the last one that there is.
// NH_ERR_NOMEM. Nothing was made then.
NH_MUST_USE int nh_lamp_receiver_create(const struct nh_lamp_receiver_config *cfg,
                                        nh_lamp_receiver_t **out);
void nh_lamp_receiver_destroy(nh_lamp_receiver_t *r);

// A datagram came. `bytes` are borrowed for the call; `address` numeric.
void nh_lamp_receiver_input(nh_lamp_receiver_t *r, enum nh_lamp_live_port at, const uint8_t *bytes,
                            size_t len, const char *address, uint16_t port, uint64_t now_us);
// When to call tick() next, in us on the same clock; NH_NEVER when nothing waits.
uint64_t nh_lamp_receiver_next_deadline_us(const nh_lamp_receiver_t *r);
void nh_lamp_receiver_tick(nh_lamp_receiver_t *r, uint64_t now_us);

// Whether live data is taken at all; off ends what is live.
void nh_lamp_receiver_enable(nh_lamp_receiver_t *r, bool enabled, uint64_t now_us);
// Ends what is live. Its source is refused until it has paused for its time-out. False: nothing
// was.
bool nh_lamp_receiver_release(nh_lamp_receiver_t *r, uint64_t now_us);

// How many universes the lamp has in a mode: from the configured one on.
uint16_t nh_lamp_live_universe_count(uint32_t pixel_count, enum nh_lamp_live_mode mode);

struct nh_lamp_live_source_info {
    const char *protocol; // static
    char from[46];
    char name[64]; // of E1.31; "": none
    uint8_t priority;
    bool is_live;         // has the lamp
    bool is_refused;      // was told to leave, and goes on
    uint32_t idle_ms;     // since its last packet
    uint32_t interval_us; // between two frames; 0: not known
    uint32_t jitter_us, jitter_max_us, jitter_p99_us;
    uint64_t count[NH_LAMP_LIVE_COUNT_COUNT];
};
struct nh_lamp_live_node_info {
    char name[NH_LAMP_BEACON_NAME_BYTES];
    uint8_t ip[4];
    bool is_on;
    uint32_t idle_ms;
};
struct nh_lamp_receiver_info {
    bool is_enabled;
    int live; // index of the source that has the lamp; -1: the effect
    uint32_t source_count, node_count;
    uint64_t source_full_count;                       // packets of sources that had no place
    uint64_t lost_count, ended_count, takeover_count; // sources: silent, ended, of less priority
    uint64_t sync_count;                              // states of other lamps
};
void nh_lamp_receiver_info(const nh_lamp_receiver_t *r, struct nh_lamp_receiver_info *out);
// Index 0 to source_count - 1, node_count - 1.
void nh_lamp_receiver_source(const nh_lamp_receiver_t *r, uint32_t index, uint64_t now_us,
                             struct nh_lamp_live_source_info *out);
void nh_lamp_receiver_node(const nh_lamp_receiver_t *r, uint32_t index, uint64_t now_us,
                           struct nh_lamp_live_node_info *out);
const uint64_t *nh_lamp_receiver_counts(const nh_lamp_receiver_t *r,
                                        enum nh_lamp_live_protocol protocol);

#endif
