// bridges.h - the hub's bridges: their configuration, their connections, their deadlines. All on
// the loop's task, in the broker's set of connections.

#ifndef NH_HUB_BRIDGES_H
#define NH_HUB_BRIDGES_H

#include "hub/config_bridge.h"
#include "mqtt/bridge.h"
#include "platform/platform.h"

typedef struct nh_bridges nh_bridges_t;

struct nh_bridges_config {
    nh_mem_t *mem;
    nh_mqtt_broker_t *broker;
    nh_stream_set_t *set; // whose handler calls the functions below for outgoing connections
    nh_loop_t *loop;
    const struct nh_hub_bridges *bridges; // borrowed for the call
};

// Makes the bridges; they dial in the loop's next turn. On an error `why` (`cap` bytes) says which
// and what is wrong, for people: a file that cannot be read, memory.
NH_MUST_USE int nh_bridges_start(const struct nh_bridges_config *cfg, char *why, size_t cap,
                                 nh_bridges_t **out);
// Says good-bye to the other brokers. Their connections end by themselves, or with the set.
void nh_bridges_stop(nh_bridges_t *b);
// After the set, before the broker.
void nh_bridges_destroy(nh_bridges_t *b);

// The set's handler, for connections without a listener.
void nh_bridges_opened(nh_stream_t *s);
void nh_bridges_input(nh_stream_t *s, const uint8_t *bytes, size_t len);
size_t nh_bridges_output(nh_stream_t *s, struct nh_iov *iov, size_t max);
void nh_bridges_sent(nh_stream_t *s, size_t bytes);
void nh_bridges_closed(nh_stream_t *s);
void nh_bridges_turn_end(nh_bridges_t *b); // behind the broker's; NULL: nothing

// The broker's dirty() and pause() for a connection of a bridge.
void nh_bridges_local_dirty(void *user);
void nh_bridges_local_pause(void *user, bool paused);

size_t nh_bridges_count(const nh_bridges_t *b); // NULL: 0
// True: it waits for its next attempt.
bool nh_bridges_info(const nh_bridges_t *b, size_t at, struct nh_mqtt_bridge_info *out);
const char *nh_bridges_address(const nh_bridges_t *b, size_t at); // "HOST:PORT"

#endif
