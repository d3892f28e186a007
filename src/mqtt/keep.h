// keep.h - what goes to the store and comes back from it, behind the calls that change state.
//
// Calls that can fail come before the change of state; those that record it cannot fail then. For
// a session that is not kept in a store (clean, local, or no store at all) each does nothing.

#ifndef NH_MQTT_KEEP_H
#define NH_MQTT_KEEP_H

#include "mqtt/internal.h"

// ---- keep.c: changes of state become records ----------------------------------------------------

static inline struct nh_mqtt__kept *nh_mqtt__kept(const struct nh_mqtt__session *s)
{
    return s->flow ? s->flow->kept : NULL;
}
// The session is kept from now on for `expiry_s` after its connection ends; 0: not, unless it is
// kept already. NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt__keep_session(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                                      uint32_t expiry_s, uint8_t version);
void nh_mqtt__keep_away(nh_mqtt_broker_t *b, struct nh_mqtt__session *s); // its connection ends
// It was connected when the process ended, by `version`: it is away from now on.
void nh_mqtt__keep_left(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, uint8_t version);
// Makes room to record the end of the session. NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt__keep_end_reserve(nh_mqtt_broker_t *b, const struct nh_mqtt__session *s);
void nh_mqtt__keep_end_subs(nh_mqtt_broker_t *b, struct nh_mqtt__session *s); // first
void nh_mqtt__keep_end(nh_mqtt_broker_t *b, struct nh_mqtt__session *s);
// A session read from the store has a newer one of the same client behind it: its records go.
NH_MUST_USE int nh_mqtt__keep_superseded(nh_mqtt_broker_t *b, struct nh_mqtt__session *s);
// What is sent to the session's client from now on waits for all of its records. NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt__keep_gate(nh_mqtt_broker_t *b, const struct nh_mqtt__session *s);

NH_MUST_USE int nh_mqtt__keep_sub_reserve(nh_mqtt_broker_t *b, const struct nh_mqtt__session *s,
                                          size_t filter_len);
void nh_mqtt__keep_sub(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, struct nh_mqtt__sub *sub,
                       nh_span_t filter);
void nh_mqtt__keep_unsub(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                         const struct nh_mqtt__sub *sub);

// Room for one message in one queue.
NH_MUST_USE int nh_mqtt__keep_message_reserve(nh_mqtt_broker_t *b,
                                              const struct nh_mqtt__session *s);
// `w` takes the next place in the session's queue, in memory (sent or waiting) or on disk only.
void nh_mqtt__keep_message(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                           const struct nh_mqtt__waiting *w, bool in_memory);
// `w` is taken out of the queue. False: no memory, it has to stay.
NH_MUST_USE bool nh_mqtt__keep_dropped(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                                       const struct nh_mqtt__waiting *w);
// Room for what any acknowledgement or a received packet id records.
NH_MUST_USE int nh_mqtt__keep_ack_reserve(nh_mqtt_broker_t *b, const struct nh_mqtt__session *s);
void nh_mqtt__keep_released(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                            const struct nh_mqtt__sent *sent); // PUBREC came
void nh_mqtt__keep_done(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                        const struct nh_mqtt__sent *sent);
void nh_mqtt__keep_id(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, uint16_t id, bool is_there);

// The retained message of a topic; `old` is the one before. NULL: none.
NH_MUST_USE int nh_mqtt__keep_retained_reserve(nh_mqtt_broker_t *b);
void nh_mqtt__keep_retained(nh_mqtt_broker_t *b, struct nh_mqtt__msg *m, uint64_t old_no);
// The client's will: it has one, it waits for its time, it is published or taken back.
NH_MUST_USE int nh_mqtt__keep_will_reserve(nh_mqtt_broker_t *b, const struct nh_mqtt__session *s);
void nh_mqtt__keep_will(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, struct nh_mqtt__will *w);
void nh_mqtt__keep_will_due(nh_mqtt_broker_t *b, const struct nh_mqtt__will *w);
void nh_mqtt__keep_will_gone(nh_mqtt_broker_t *b, struct nh_mqtt__will *w);

// A time of the broker's clock as a time of day, and back; 0 is 0, and all are when the time of day
// is not known.
int64_t nh_mqtt__to_unix(const nh_mqtt_broker_t *b, uint64_t ms);
uint64_t nh_mqtt__from_unix(const nh_mqtt_broker_t *b, int64_t unix_ms);

// ---- page.c: queues that are longer than what is held in memory ---------------------------------

// Whether the session's next message, of `len` bytes, is to be left on disk only.
bool nh_mqtt__page_is_full(const nh_mqtt_broker_t *b, const struct nh_mqtt__session *s,
                           uint32_t len);
// Reads the next messages of the queue. Whether there were any; all may have been damaged.
bool nh_mqtt__page_in(nh_mqtt_broker_t *b, struct nh_mqtt__session *s);
void nh_mqtt__page_tick(nh_mqtt_broker_t *b); // a commit ended: what was waited for may be there
void nh_mqtt__purge(nh_mqtt_broker_t *b);     // goes on removing the queues of sessions gone
// A stored message by its number; one reference. NULL: not there, damaged, or no memory (`*rc`).
struct nh_mqtt__msg *nh_mqtt__page_message(nh_mqtt_broker_t *b, uint64_t no, int *rc);
void nh_mqtt__damaged(nh_mqtt_broker_t *b, const char *what);

// ---- pushback.c ---------------------------------------------------------------------------------

// Too much is not yet written: holds `from` (may be NULL) back until the store has caught up.
void nh_mqtt__hold(nh_mqtt_broker_t *b, nh_mqtt_conn_t *from);
void nh_mqtt__hold_end(nh_mqtt_broker_t *b);

#endif
