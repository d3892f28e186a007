// reader.h - cutting a stream of bytes into packets, for one side of a connection. A packet that
// lies whole in the bytes at hand is given where it lies; one that was cut is gathered.

#ifndef NH_MQTT_READER_H
#define NH_MQTT_READER_H

#include "core/mem/mem.h"
#include "mqtt/packet.h"

struct nh_mqtt__reader { // zeroed, with the first four set
    nh_mem_t *mem;
    enum nh_mqtt__from from; // who sends
    uint8_t version;
    uint32_t packet_max_bytes;
    uint8_t *buf; // a packet whose rest is still to come, or the one just given
    uint32_t len, cap;
    bool is_given;
};

struct nh_mqtt__packet {
    struct nh_mqtt__head head;
    nh_span_t body;
};

// Takes the next packet from the front of `in` and gives it in `out`: a view that is valid until
// the next call and as long as the bytes of `in`. 1: there is one. 0: `in` is used up, more bytes
// are needed. NH_ERR_SYNTAX: malformed. NH_ERR_TOO_LONG: over `packet_max_bytes`, judged by the
// fixed header. NH_ERR_NOMEM. After an error the reader is of no use any more.
NH_MUST_USE int nh_mqtt__reader_next(struct nh_mqtt__reader *r, nh_span_t *in,
                                     struct nh_mqtt__packet *out);
// Forgets what was gathered and frees its memory.
void nh_mqtt__reader_clear(struct nh_mqtt__reader *r);

#endif
