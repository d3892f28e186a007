// mqtt_play.h - random clients of a live broker, with the model of mqtt_model.h beside them.
//
// Each step one of four connections does something: connects (also in place of another),
// subscribes, publishes, acknowledges, stops reading, leaves or breaks; or time goes on. What they
// hear is held against the model to the last message and packet id. A source of numbers chooses: a
// seeded generator in a unit test, the input's bytes in a fuzz target.
//
// `is_rough`: limits are tight, allocations fail and the bytes of packets are spoiled now and then.
// Nothing is predicted then, but that packets are well formed, structures hold and nothing leaks.

#ifndef NH_TEST_MQTT_PLAY_H
#define NH_TEST_MQTT_PLAY_H

#include "mqtt/broker.h"
#include "support/mqtt_model.h"

#define PLAY_SLOTS 4
#define PLAY_RX_BYTES 16384
#define PLAY_OWED 64

struct play_answer { // that the broker owes a client
    uint8_t type, code_count;
    uint8_t codes[3]; // CONNACK: session present; SUBACK, UNSUBACK: one a filter
    uint16_t packet_id;
};

struct play_ack { // that a client owes the broker
    uint8_t type;
    uint16_t packet_id;
    bool is_refusal;
};

struct play_slot {
    struct play *play;
    nh_mqtt_conn_t *conn; // NULL: closed
    uint8_t client;
    bool is_v5, is_dirty, is_lazy, is_taken_over;
    bool is_stalled, was_stalled; // does not read; has not read all since
    uint8_t rx[PLAY_RX_BYTES];
    size_t rx_len;
    struct play_answer answers[PLAY_OWED];
    struct play_ack acks[PLAY_OWED];
    size_t answer_count, ack_count;
    uint8_t aliases_in[4], aliases_out[4]; // topic + 1; [1] to [3]
};

struct play_memory { // of a client as such, as long as its session
    uint16_t next_id;
    size_t unreleased_count;
    struct {
        struct model_message message;
        uint16_t packet_id;
    } unreleased[3]; // PUBLISH at QoS 2 that was sent, PUBREL not
};

struct play_config {
    void *region[2]; // internal and PSRAM
    size_t region_bytes[2];
    bool is_rough, has_v5;
    uint32_t (*choose)(void *ctx, uint32_t n); // 0 to n - 1; n <= 256
    void *ctx;
    void (*fail)(const char *what, const char *where); // does not return
    void (*trace)(const char *line);                   // may be NULL
};

struct play {
    struct play_config cfg;
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    nh_mqtt_broker_t *broker;
    struct model model;
    struct play_slot slots[PLAY_SLOTS];
    struct play_memory memory[MODEL_CLIENTS];
    uint32_t next_number;
    uint64_t now_ms;
    bool is_time_going; // the model is there already
    const char *doing;
};

void play_begin(struct play *p, const struct play_config *cfg);
void play_step(struct play *p);
// All that is due has come; the broker is destroyed and has left nothing behind.
void play_end(struct play *p);

#endif
