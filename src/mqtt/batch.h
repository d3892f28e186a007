// batch.h - changes of records gathered for one commit: the last word on each key.
//
// What was put and removed again before it was written leaves no trace: a message that is delivered
// and acknowledged faster than the disk turns costs the disk nothing. Entries lie one behind
// another in a buffer that grows; an index finds them by key. A body (topic and payload) is not
// copied: the entry holds a reference to the message.

#ifndef NH_MQTT_BATCH_H
#define NH_MQTT_BATCH_H

#include "mqtt/msg.h"
#include "mqtt/record.h"

struct nh_mqtt_conn;

struct nh_mqtt_batch {
    uint8_t *bytes;
    uint32_t used, cap;
    uint32_t dead_bytes; // of entries that were taken back
    uint32_t *index;     // open addressing: 0 is free, else 1 + place of an entry, dead ones too
    uint32_t index_cap, entry_count, live_count;
    uint64_t weight; // bytes of live entries with their bodies
    uint32_t no;     // batches are numbered from 1 up
    // Connections with a gate that waits for this batch.
    struct nh_mqtt_conn **gated;
    uint32_t gated_count, gated_cap;
    bool gated_all; // there was no memory to remember one: look at all
};

void nh_mqtt__batch_init(struct nh_mqtt_batch *b);
// Forgets all entries. The buffers stay for the next ones unless they are larger than `keep_bytes`.
void nh_mqtt__batch_clear(struct nh_mqtt_batch *b, nh_mem_t *mem, uint32_t keep_bytes);

// Makes room for `ops` more operations whose keys and heads are `bytes` together: then they cannot
// fail. NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt__batch_reserve(struct nh_mqtt_batch *b, nh_mem_t *mem, uint32_t ops,
                                       uint32_t bytes);
// Room was reserved for each of these. `is_new`: the store cannot have a record of that key, nor
// does a batch before this one write it. `msg`: the body, a reference is taken; or NULL.
void nh_mqtt__batch_put(struct nh_mqtt_batch *b, nh_mem_t *mem, const struct nh_mqtt__key *key,
                        nh_span_t head, nh_span_t tail, struct nh_mqtt__msg *msg, bool is_new);
void nh_mqtt__batch_delete(struct nh_mqtt_batch *b, nh_mem_t *mem, const struct nh_mqtt__key *key);
void nh_mqtt__batch_count(struct nh_mqtt_batch *b, nh_mem_t *mem, const struct nh_mqtt__key *key,
                          int32_t n);
// Puts the changes of `from`, which were made after those of `to`, behind them; gates too. `from`
// is empty after it. NH_ERR_NOMEM: nothing changed.
NH_MUST_USE int nh_mqtt__batch_merge(struct nh_mqtt_batch *to, struct nh_mqtt_batch *from,
                                     nh_mem_t *mem);

bool nh_mqtt__batch_check(const struct nh_mqtt_batch *b);

#endif
