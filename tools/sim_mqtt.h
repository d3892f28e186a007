// sim_mqtt.h - what the simulators share: a small MQTT 3.1.1 client for each device. A peer of the
// broker, written apart from it, over a plain socket.

#ifndef NH_TOOLS_SIM_MQTT_H
#define NH_TOOLS_SIM_MQTT_H

#include "core/base/base.h"

#include <netinet/in.h>
#include <sys/types.h>

#define NH_SIM_PACKET_MAX_BYTES 2048 // either way; a longer one that comes in is passed over

// What the options of `nuthatch sim` say, and what is told of the broker: once for all devices.
struct nh_sim {
    struct sockaddr_in broker;
    char user[64], password[130]; // user "": none is sent; the password's last byte is NUL
    int64_t end_ms;
    pid_t parent; // 0: none to live with
    bool is_auto;
    int64_t waiting_ms; // since when no device reaches the broker; 0: one did, < 0: told
    bool is_told;       // that the devices are not connected
};

int64_t nh_sim_now_ms(void);
// False: a signal came, time is up, or the parent has ended.
bool nh_sim_goes_on(const struct nh_sim *sim);
void nh_sim_signals(void);

struct nh_sim_client {
    const char *id;
    const char *status_topic; // retained "online" there, and "offline" by its will; NULL: none
    const char *filters[2];   // what it hears, at QoS 1; NULL: nothing
    void (*message)(void *ctx, struct nh_sim_client *c, const char *topic, nh_span_t payload);
    void *ctx;
    // private
    int fd; // -1: not connected
    int64_t ping_ms;
    bool is_greeted; // it has the broker's answer
    uint8_t in[NH_SIM_PACKET_MAX_BYTES];
    size_t in_len, skip_len; // skip_len: of a packet that is too long
};

// Connects, says who it is, subscribes. False: not now; that the broker is away is told once.
bool nh_sim_come(struct nh_sim *sim, struct nh_sim_client *c);
// Says goodbye. With `cut`, says nothing, so that the broker publishes the will.
void nh_sim_leave(struct nh_sim_client *c, bool cut);
// At QoS 0. False: the connection is gone.
bool nh_sim_publish(struct nh_sim_client *c, const char *topic, nh_span_t payload, bool retain);
// Takes what the broker says, when there is something to read. False: the connection is gone.
bool nh_sim_listen(struct nh_sim *sim, struct nh_sim_client *c);
void nh_sim_keep_alive(struct nh_sim_client *c, int64_t now_ms);

// The simulators.
int nh_sim_home(struct nh_sim *sim);
int nh_sim_room_run(struct nh_sim *sim);

#endif
