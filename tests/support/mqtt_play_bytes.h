// mqtt_play_bytes.h - the packets of mqtt_play.c: writing those of a client, reading the broker's.
// A codec of its own, written from the standard, for both versions.

#ifndef NH_TEST_MQTT_PLAY_BYTES_H
#define NH_TEST_MQTT_PLAY_BYTES_H

#include "support/mqtt_model.h"

#define PLAY_BYTES_MAX 1024

enum {
    PLAY_CONNECT = 1,
    PLAY_CONNACK,
    PLAY_PUBLISH,
    PLAY_PUBACK,
    PLAY_PUBREC,
    PLAY_PUBREL,
    PLAY_PUBCOMP,
    PLAY_SUBSCRIBE,
    PLAY_SUBACK,
    PLAY_UNSUBSCRIBE,
    PLAY_UNSUBACK,
    PLAY_PINGREQ,
    PLAY_PINGRESP,
    PLAY_DISCONNECT,
};

struct play_bytes {
    uint8_t bytes[PLAY_BYTES_MAX];
    size_t len;
};

struct play_publish {
    const struct model_message *message;
    uint64_t now_ms;
    uint16_t packet_id;
    bool dup;
    uint16_t alias; // 0: none
    bool by_alias;  // without its topic
};

void play_put_connect(struct play_bytes *b, unsigned client, const struct model_connect *k);
void play_put_publish(struct play_bytes *b, bool is_v5, const struct play_publish *k);
void play_put_ack(struct play_bytes *b, unsigned type, uint16_t packet_id, unsigned reason);
void play_put_subscribe(struct play_bytes *b, bool is_v5, uint16_t packet_id,
                        const struct model_sub *sub, unsigned handling);
void play_put_unsubscribe(struct play_bytes *b, bool is_v5, uint16_t packet_id, unsigned filter,
                          unsigned share);
// `expiry_s`: NULL: none is said.
void play_put_disconnect(struct play_bytes *b, unsigned reason, const uint32_t *expiry_s);

struct play_packet {
    uint8_t type, code_count;
    uint8_t codes[3];         // CONNACK: session present; SUBACK, UNSUBACK
    struct model_heard heard; // PUBLISH; packet_id of all
    uint16_t alias;
    bool has_topic;
    bool is_foreign; // PUBLISH: a topic or payload that none of these clients sends
};
// Reads one packet: its length, 0: not whole yet, -1: malformed, or not what this client could get.
int play_decode(const uint8_t *bytes, size_t len, bool is_v5, struct play_packet *out);

#endif
