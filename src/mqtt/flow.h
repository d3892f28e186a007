// flow.h - a session's QoS 1 and 2 under way: what was sent and not yet acknowledged, what waits
// for its turn, and which QoS 2 messages came in and are not yet released.
//
// Packet ids go up by one from 1 to 65535 and round again, so the sent messages lie in a ring in
// order of their ids, and an acknowledgement finds its message without a search.

#ifndef NH_MQTT_FLOW_H
#define NH_MQTT_FLOW_H

#include "mqtt/msg.h"

enum nh_mqtt__sent_state {
    NH_MQTT__SENT_DONE,         // acknowledged; leaves the ring when all before it have
    NH_MQTT__SENT_WAIT_PUBACK,  // QoS 1
    NH_MQTT__SENT_WAIT_PUBREC,  // QoS 2
    NH_MQTT__SENT_WAIT_PUBCOMP, // QoS 2, received; the message itself is no longer needed
};

struct nh_mqtt__sent {
    struct nh_mqtt__msg *msg; // for a retry; NULL in a session that ends with its connection
    uint32_t len;             // counted in the queue's bytes
    uint32_t label;           // subscription identifier; 0: none
    uint16_t group;           // of the shared subscription that it came by; 0: none
    uint8_t state;
    bool retain;
};

enum nh_mqtt__waiting_flags {      // read from the store
    NH_MQTT__WAITING_DUP = 1,      // may have been sent before
    NH_MQTT__WAITING_RELEASED = 2, // received at QoS 2; `msg` is NULL, the id is to be released
};

struct nh_mqtt__waiting {
    struct nh_mqtt__msg *msg;
    uint32_t label;
    uint16_t group;
    uint8_t qos;
    bool retain;
    uint8_t flags;
    uint32_t seq; // kept in a store: the low half of its place in the queue; else: the batch that
                  // it waits for at QoS 2, 0: none
};

// What a session has whose queue is in the store as well. Places in the queue are counted up from
// 1 and never used again; a packet id follows from the place, so that sending writes no record.
//
//   head_seq ....... sent ....... | .... waiting .... | ...... on disk only ...... | next_seq
struct nh_mqtt__kept {
    uint64_t head_seq;  // of sent[0], or of the next to be sent when none is
    uint64_t page_seq;  // the first that is on disk only; next_seq: none is
    uint64_t next_seq;  // of the next message that comes
    uint64_t sum_bytes; // of all that came: the bytes between two places are a difference
    uint64_t page_bytes;
    uint32_t no;        // of its records
    uint32_t batch;     // the last batch with any of its records
    uint32_t put_batch; // the last batch with a message put in its queue
    uint32_t dup_count; // places from page_seq on that may have been sent before the restart
    uint32_t expiry_s;  // as recorded
    uint16_t last_sub;  // number of its newest subscription record
    bool is_away;       // as recorded
    bool wants_page;    // its next messages are still being written
};

struct nh_mqtt__replay;

struct nh_mqtt__flow {
    struct nh_mqtt__sent *sent;
    struct nh_mqtt__waiting *waiting;
    uint16_t *ids; // open addressing, 0 is free: packet ids of QoS 2 messages to be released
    struct nh_mqtt__replay *replays;
    struct nh_mqtt__kept *kept;                          // NULL: not in the store
    uint32_t sent_cap, sent_head, sent_span, sent_count; // span: head to newest; count: not DONE
    uint32_t unsent_count; // the newest of `sent`: not sent again since the client came back
    uint32_t waiting_cap, waiting_head, waiting_count;
    uint32_t ids_cap, ids_count;
    uint64_t expire_ms;       // when the queue may be looked through for what has expired
    uint32_t bytes, messages; // sent until acknowledged or received, and waiting
    uint16_t first_id;        // of sent[sent_head], or the next one when the ring is empty
};

void nh_mqtt__flow_init(struct nh_mqtt__flow *f);
void nh_mqtt__flow_deinit(struct nh_mqtt__flow *f, nh_mem_t *mem); // replays are gone by then

// Makes room for one more, so that the next push cannot fail. NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt__sent_reserve(struct nh_mqtt__flow *f, nh_mem_t *mem);
// Takes the next packet id for a message on its way; `sent.msg` is taken.
uint16_t nh_mqtt__sent_push(struct nh_mqtt__flow *f, struct nh_mqtt__sent sent);
// Leaves out `count` places (and packet ids) that nothing stands at any more. Room was reserved
// when others are in flight.
void nh_mqtt__sent_skip(struct nh_mqtt__flow *f, uint32_t count);
// The packet id that the next push will give.
uint16_t nh_mqtt__sent_next_id(const struct nh_mqtt__flow *f);
// The message of that packet id, not DONE; NULL: none.
struct nh_mqtt__sent *nh_mqtt__sent_find(struct nh_mqtt__flow *f, uint16_t id);
// The `at`-th in order of sending, 0 to sent_span - 1.
struct nh_mqtt__sent *nh_mqtt__sent_at(const struct nh_mqtt__flow *f, uint32_t at);
uint16_t nh_mqtt__sent_id_at(const struct nh_mqtt__flow *f, uint32_t at);
// The next packet id is that of the place `seq`; nothing is in flight.
void nh_mqtt__flow_id_set(struct nh_mqtt__flow *f, uint64_t seq);
uint64_t nh_mqtt__sent_seq(const struct nh_mqtt__flow *f, const struct nh_mqtt__sent *s); // kept
void nh_mqtt__sent_forget(struct nh_mqtt__flow *f, nh_mem_t *mem, struct nh_mqtt__sent *s);
void nh_mqtt__sent_done(struct nh_mqtt__flow *f, nh_mem_t *mem, struct nh_mqtt__sent *s);

// Takes a reference to `w.msg`. NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt__waiting_push(struct nh_mqtt__flow *f, nh_mem_t *mem,
                                      struct nh_mqtt__waiting w);
struct nh_mqtt__waiting *nh_mqtt__waiting_first(const struct nh_mqtt__flow *f);
// The `at`-th in order, 0 to waiting_count - 1.
struct nh_mqtt__waiting *nh_mqtt__waiting_at(const struct nh_mqtt__flow *f, uint32_t at);
// Takes those out for which `is_gone` says so. Returns how many.
uint32_t nh_mqtt__waiting_filter(struct nh_mqtt__flow *f, nh_mem_t *mem,
                                 bool (*is_gone)(void *ctx, const struct nh_mqtt__waiting *w),
                                 void *ctx);
void nh_mqtt__waiting_pop(struct nh_mqtt__flow *f, nh_mem_t *mem);

// 1: added; 0: it was there already; NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt__ids_add(struct nh_mqtt__flow *f, nh_mem_t *mem, uint16_t id);
bool nh_mqtt__ids_has(const struct nh_mqtt__flow *f, uint16_t id);
bool nh_mqtt__ids_remove(struct nh_mqtt__flow *f, uint16_t id); // whether it was there

bool nh_mqtt__flow_check(const struct nh_mqtt__flow *f);

#endif
