// journal.h - the way of records to the disk: batches, one commit at a time, and what waits for it.
//
//   changes -> [batch being filled] -> [batch under way: the store writes it] -> on disk
//                    ^                        |
//                    '--- a commit failed ----'   and is tried again with what came meanwhile
//
// Nothing that promises durability leaves before its records are on disk: a gate in the output of a
// connection (wire.h) holds back what lies behind it until its batch was written. Why, and each
// window of a crash: docs/mqtt-durability.md. A broker without a store has no journal: b->journal
// is NULL and every call here that takes a broker does nothing.

#ifndef NH_MQTT_JOURNAL_H
#define NH_MQTT_JOURNAL_H

#include "mqtt/batch.h"
#include "mqtt/broker.h"

struct nh_mqtt__session;

struct nh_mqtt__journal {
    struct nh_mqtt_batch batch[2];
    uint8_t filling;    // which of them
    bool is_under_way;  // the other one is with the store
    bool is_failing;    // the last commit failed
    bool is_stuck;      // and there was no memory to put what came meanwhile to it
    bool is_full;       // the store is over its limit: it takes what makes it smaller
    bool is_holding;    // publishers are held back: too much waits to be written
    bool is_paging;     // a session waits to read what is being written
    uint32_t committed; // the newest batch on disk
    uint32_t
        purge_batch; // queues of sessions that are gone go on being removed when it is; 0: none
    uint32_t serial; // grows with each change: who wants to know whether there was one
    uint32_t next_session;
    uint64_t next_message;
    uint64_t started_ms; // of the commit under way
    uint64_t due_ms;     // not before: the interval, or the wait after a failure
    uint32_t backoff_ms;
};

NH_MUST_USE int nh_mqtt__journal_create(nh_mqtt_broker_t *b);
void nh_mqtt__journal_destroy(nh_mqtt_broker_t *b); // what was not written is forgotten

// Changes whenever something was recorded.
static inline uint32_t nh_mqtt__journal_serial_of(const struct nh_mqtt__journal *j)
{
    return j ? j->serial : 0;
}

// The number of the batch being filled.
uint32_t nh_mqtt__journal_no(const nh_mqtt_broker_t *b);
uint64_t nh_mqtt__journal_weight(const nh_mqtt_broker_t *b); // bytes in it
// Makes room for `ops` changes, keys and heads `bytes` together. NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt__journal_reserve(nh_mqtt_broker_t *b, uint32_t ops, uint32_t bytes);
// For each of these room was reserved; see batch.h.
void nh_mqtt__journal_put(nh_mqtt_broker_t *b, struct nh_mqtt__key key, const void *head,
                          size_t head_len, nh_span_t tail, struct nh_mqtt__msg *msg, bool is_new);
void nh_mqtt__journal_delete(nh_mqtt_broker_t *b, struct nh_mqtt__key key);
void nh_mqtt__journal_count(nh_mqtt_broker_t *b, uint64_t message, int32_t count);

// What is sent to `c` from now on waits for that batch. NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt__gate(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, uint32_t batch);
// Whether the last gate of `c` is closed.
bool nh_mqtt__is_gated(const nh_mqtt_broker_t *b, const nh_mqtt_conn_t *c);
// `c` ends: what still waits at a gate is not sent, so that a last word can be.
void nh_mqtt__gate_cut(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c);
void nh_mqtt__gate_forget(nh_mqtt_broker_t *b, const nh_mqtt_conn_t *c); // it is about to be freed

// Hands the batch over if it is time and none is under way.
void nh_mqtt__journal_run(nh_mqtt_broker_t *b);
uint64_t nh_mqtt__journal_deadline(const nh_mqtt_broker_t *b);
bool nh_mqtt__journal_check(const nh_mqtt_broker_t *b);

#endif
