// internal.h - the broker's own structures, shared by the files of this folder only.

#ifndef NH_MQTT_INTERNAL_H
#define NH_MQTT_INTERNAL_H

#include "mqtt/broker.h"
#include "mqtt/flow.h"
#include "mqtt/index.h"
#include "mqtt/journal.h"
#include "mqtt/packet.h"
#include "mqtt/retain.h"
#include "mqtt/topic.h"
#include "mqtt/wheel.h"
#include "mqtt/wire.h"

#define NH_MQTT__CLIENT_ID_MAX 256 // bytes; a longer one gets CONNACK 2
#define NH_MQTT__SMALL_BYTES 128   // a payload up to this is copied behind its head at QoS 1 and 2
#define NH_MQTT__MATCH_SLOTS 256u  // topics whose subscribers are remembered
#define NH_MQTT__MATCH_BYTES_MAX NH_KIB(256)

enum nh_mqtt__session_flags {
    NH_MQTT__SESSION_CLEAN = 1,    // dies with its connection
    NH_MQTT__SESSION_LOCAL = 2,    // a nh_mqtt_local
    NH_MQTT__SESSION_DEAD = 4,     // unsubscribed while its messages are given out
    NH_MQTT__SESSION_FULL = 8,     // something was dropped since the queue was last empty
    NH_MQTT__SESSION_STALLED = 16, // holds nobody back any more until its queue is low
    NH_MQTT__SESSION_HIGH = 32,    // its queue holds publishers back
    NH_MQTT__SESSION_DENIED = 64,  // it was told that it tried what it may not
};

#define NH_MQTT__USER_MAX 256 // bytes of a user's name

// One for each name that has sessions.
struct nh_mqtt__user {
    struct nh_mqtt__user *hash_next; // by name
    struct nh_mqtt_grant grant;
    uint32_t refs; // sessions, and calls that hold it
    uint32_t conn_count;
    uint16_t name_len;
    bool is_gone, is_stale; // its connections are about to be closed
    char name[];            // name_len bytes and a NUL; "": anonymous
};

// A connection whose CONNECT was not answered yet.
struct nh_mqtt__auth {
    struct nh_mqtt__held *rest; // what came behind it; NULL: nothing
    uint32_t body_len;
    uint8_t round;
    bool is_waiting; // for the hub; else for the client's next packet
    uint8_t body[];  // of the CONNECT
};

// Bytes of the broker's own that came in: messages of this turn may still be sent from them.
struct nh_mqtt__held {
    struct nh_mqtt__held *next;
    uint32_t len, cap;
    uint8_t bytes[];
};

// What outlives a connection when the client asked for it. Also a local subscriber's front.
struct nh_mqtt__session {
    struct nh_mqtt__session *hash_next; // by client id
    struct nh_mqtt__sub *subs;
    struct nh_mqtt__flow *flow; // QoS 1 and 2 under way; NULL: none yet
    struct nh_mqtt__user *user; // whose it is; NULL: of the hub, or nobody asks
    union {
        nh_mqtt_conn_t *conn; // while is_online
        nh_list_t idle;       // in broker->idle while not, oldest first
    };
    uint32_t match_mark, match_at; // where this session stands in the match being made
    uint32_t dropped;
    uint16_t sub_count, id_len;
    uint8_t flags;
    bool is_online;
    char id[]; // id_len bytes and a NUL
};

enum nh_mqtt__conn_state {
    NH_MQTT__CONN_NEW,    // waits for CONNECT
    NH_MQTT__CONN_AUTH,   // its CONNECT waits for an answer
    NH_MQTT__CONN_ONLINE, // has a session
    NH_MQTT__CONN_ENDED,  // wants to be closed after its output
};

struct nh_mqtt_conn {
    void *user;
    struct nh_mqtt__session *session; // ONLINE only
    struct nh_mqtt__wire wire;
    struct nh_mqtt__msg *gather; // a packet cut by the end of the input; NULL: none
    nh_list_t link;              // in broker->wheel, ->untimed, ->paused, ->slowed or ->ended
    nh_mqtt_conn_t *turn_next;   // in broker->turn while in_turn
    uintptr_t will;              // struct nh_mqtt__msg with QoS and RETAIN in its low bits; 0: none
    uint64_t last_in_ms;         // of the last whole packet; of open() before
    union {
        uint64_t connected_ms;      // ONLINE
        struct nh_mqtt__auth *auth; // AUTH
    };
    uint64_t messages_in, messages_out;
    uint16_t keepalive_s;
    uint8_t state;
    bool in_turn, is_dirty, is_paused;
};

struct nh_mqtt__target { // who gets a message
    struct nh_mqtt__session *session;
    uint8_t qos;
};

// Who takes a topic, kept until subscriptions change.
struct nh_mqtt__match {
    uint32_t hash, generation;
    uint32_t count, cap;
    uint32_t local_count;
    uint32_t bytes; // of this block
    // The last answer for a publisher of this topic; `asked` is compared, never followed.
    const struct nh_mqtt__session *asked;
    uint32_t asked_generation;
    bool may_publish;
    uint16_t topic_len;
    uint8_t *topic; // behind the targets
    struct nh_mqtt__target targets[];
};

// One message on its way to its subscribers.
struct nh_mqtt__publish {
    nh_span_t topic, payload;
    const uint8_t *packet;      // as it came, within the turn's bytes; NULL: nowhere
    uint32_t packet_len, id_at; // where its packet id is, at QoS 1 and 2
    struct nh_mqtt__msg *msg;   // a reference of its own, made when first needed
    nh_mqtt_conn_t *from;       // NULL: the hub itself, a will
    uint8_t qos;
    bool retain;
    bool is_recorded; // something of it goes to the store: its acknowledgement waits
};

struct nh_mqtt_local {
    struct nh_mqtt_local *next;
    void (*message)(void *ctx, const struct nh_mqtt_message *m);
    void *ctx;
    struct nh_mqtt__sub sub;
    struct nh_mqtt__session front; // last: ends in a flexible array
};

struct nh_mqtt__deferred { // published by a local subscriber while messages are given out
    struct nh_mqtt__deferred *next;
    struct nh_mqtt__msg *msg;
    uint8_t qos;
    bool retain;
};

struct nh_mqtt__replay {          // retained messages still to be sent for a new subscription
    struct nh_mqtt__replay *next; // of the same session
    struct nh_mqtt__msg *last;    // the last one looked at; NULL: from the start
    uint16_t filter_len, at_sys;
    uint8_t qos;
    char filter[];
};

struct nh_mqtt__rate { // a bucket of messages or CONNECTs
    uint64_t filled_ms;
    int64_t credit; // thousandths; below 0: a debt
};

struct nh_mqtt_broker {
    struct nh_mqtt_broker_config cfg;
    nh_mem_t *mem;
    struct nh_mqtt__topic_limits limits;
    struct nh_mqtt__index index;
    struct nh_mqtt__retain retain;
    struct nh_mqtt__blocks blocks;
    struct nh_mqtt__wheel wheel;
    struct nh_mqtt_info info; // counters; gauges are filled in by info.c
    uint64_t now_ms, started_ms;
    bool is_started;

    struct nh_mqtt__session **sessions; // hash table by client id
    uint32_t session_buckets, session_count, online_count, idle_count;
    nh_list_t idle;                           // sessions without a connection, oldest first
    nh_list_t untimed, paused, slowed, ended; // connections that the wheel does not hold
    uint32_t open_count, next_client;

    nh_mqtt_conn_t *turn; // connections with output that may lie in this turn's bytes
    bool is_turn;         // between input() and turn_end()

    struct nh_mqtt__held *held; // until turn_end()

    struct nh_mqtt__user **users; // hash table by name; NULL: none yet
    uint32_t user_buckets, user_count;
    uint32_t access_generation; // changes whenever an answer for a publisher may have changed
    uint32_t waiting_count;

    struct nh_mqtt__match *matches[NH_MQTT__MATCH_SLOTS];
    size_t match_bytes;
    uint32_t match_mark;
    struct { // QoS 0 packets in a row for the same subscribers, not given out yet
        struct nh_mqtt__match *match;
        const uint8_t *ptr;
        uint32_t len, count;
        uint64_t payload_bytes;
        nh_mqtt_conn_t *from;
    } run;

    nh_mqtt_local_t *locals;
    struct nh_mqtt__deferred *deferred, **deferred_end;
    unsigned giving_depth; // local subscribers are being called
    bool has_dead_locals;

    uint64_t replay_ms;   // when retained messages go on being sent; NH_NEVER
    uint32_t high_count;  // sessions that hold publishers back
    uint64_t pushback_ms; // when paused publishers go on at the latest; NH_NEVER
    uint64_t slowed_ms;   // when to look at those over their rate; NH_NEVER
    struct nh_mqtt__rate connect_rate;
    struct nh_mqtt__sys *sys;
    struct nh_mqtt__journal *journal; // NULL: no store
};

// ---- broker.c -----------------------------------------------------------------------------------

// Ends the connection: detaches its session, publishes its will unless it was taken back, and asks
// the listener to close it. `reason` is static text.
void nh_mqtt__conn_end(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const char *reason,
                       enum nh_mqtt_event_kind kind);
void nh_mqtt__conn_watch(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c); // puts it where its deadline is
// There is output: tells the listener, once until it asks.
void nh_mqtt__dirty_first(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c);
static inline void nh_mqtt__dirty(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c)
{
    if (!c->in_turn || !c->is_dirty)
        nh_mqtt__dirty_first(b, c);
}
void nh_mqtt__event(nh_mqtt_broker_t *b, enum nh_mqtt_event_kind kind,
                    const struct nh_mqtt__user *u, const char *client_id, const char *reason,
                    uint8_t code);
// Appends small bytes to the output. NH_ERR_NOMEM; NH_ERR_FULL: the client does not read.
NH_MUST_USE int nh_mqtt__send(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const void *bytes,
                              size_t len);
NH_MUST_USE int nh_mqtt__send_ack(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, enum nh_mqtt__type type,
                                  uint16_t id);
void nh_mqtt__clock(nh_mqtt_broker_t *b, uint64_t now_ms);

// ---- input.c, connect.c, auth.c, subscribe.c ----------------------------------------------------

// Takes `bytes` apart; they stay where they are until turn_end().
NH_MUST_USE int nh_mqtt__feed(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const uint8_t *bytes,
                              size_t len);
// What follows from the result of nh_mqtt__feed(): gives out what is left, ends the connection when
// it failed, and charges the messages that came since its messages_in was `from_messages_in`.
void nh_mqtt__fed(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, int rc, uint64_t from_messages_in);
NH_MUST_USE int nh_mqtt__on_connect(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t body);
// Lets a client in whose CONNECT was answered so.
NH_MUST_USE int nh_mqtt__admit(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c,
                               const struct nh_mqtt__connect *k,
                               const struct nh_mqtt_auth_answer *answer);
// Answers a CONNECT with a refusal. NH_ERR_DENIED, or what sending it failed with.
NH_MUST_USE int nh_mqtt__refuse(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t id,
                                enum nh_mqtt_reason reason, const char *text);
// Asks who it is, and goes on by the answer. `body` is that of `k`.
NH_MUST_USE int nh_mqtt__auth_start(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c,
                                    const struct nh_mqtt__connect *k, nh_span_t body);
static inline bool nh_mqtt__is_waiting(const nh_mqtt_conn_t *c)
{
    return c->state == NH_MQTT__CONN_AUTH && c->auth->is_waiting;
}
// Keeps what comes while the answer is waited for. NH_ERR_NOMEM, NH_ERR_FULL.
NH_MUST_USE int nh_mqtt__auth_keep(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const uint8_t *bytes,
                                   size_t len);
void nh_mqtt__auth_end(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c); // nobody waits any more
void nh_mqtt__held_free(nh_mqtt_broker_t *b);
NH_MUST_USE int nh_mqtt__on_subscribe(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t body);
NH_MUST_USE int nh_mqtt__on_unsubscribe(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t body);

// ---- user.c -------------------------------------------------------------------------------------

// The user of that name with a reference, made if it is not there. NULL: no memory.
NH_MUST_USE struct nh_mqtt__user *nh_mqtt__user_get(nh_mqtt_broker_t *b, nh_span_t name,
                                                    const struct nh_mqtt_grant *grant);
void nh_mqtt__user_unref(nh_mqtt_broker_t *b, struct nh_mqtt__user *u);
// Makes `u` (a reference is taken over; NULL: nobody) the owner of the session.
void nh_mqtt__session_owner_set(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                                struct nh_mqtt__user *u);
bool nh_mqtt__user_is_asked(const nh_mqtt_broker_t *b, const struct nh_mqtt__user *u);
bool nh_mqtt__user_may(nh_mqtt_broker_t *b, const struct nh_mqtt__user *u, nh_span_t client_id,
                       enum nh_mqtt_action action, nh_span_t topic);
static inline bool nh_mqtt__may(nh_mqtt_broker_t *b, const struct nh_mqtt__session *s,
                                enum nh_mqtt_action action, nh_span_t topic)
{
    nh_span_t id = {(const uint8_t *)s->id, s->id_len};
    return !s->user || nh_mqtt__user_may(b, s->user, id, action, topic);
}
// The same for publishing, remembered with the topic.
bool nh_mqtt__may_publish(nh_mqtt_broker_t *b, const struct nh_mqtt__session *s, nh_span_t topic);
// The limits of a session (NULL: none): its user's, else the broker's.
static inline uint32_t nh_mqtt__queue_max_bytes(const nh_mqtt_broker_t *b,
                                                const struct nh_mqtt__session *s)
{
    uint32_t own = s && s->user ? s->user->grant.limits.queue_max_bytes : 0;
    return own ? own : b->cfg.queue_max_bytes;
}
static inline uint32_t nh_mqtt__queue_max_messages(const nh_mqtt_broker_t *b,
                                                   const struct nh_mqtt__session *s)
{
    uint32_t own = s && s->user ? s->user->grant.limits.queue_max_messages : 0;
    return own ? own : b->cfg.queue_max_messages;
}
// Counts what a client may not, and tells of the first.
void nh_mqtt__denied(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, uint64_t *counter,
                     nh_span_t topic, const char *reason);
static inline const char *nh_mqtt__user_name(const struct nh_mqtt__user *u)
{
    return u && u->name_len ? u->name : NULL;
}
void nh_mqtt__users_deinit(nh_mqtt_broker_t *b);

// ---- session.c ----------------------------------------------------------------------------------

struct nh_mqtt__session *nh_mqtt__session_find(const nh_mqtt_broker_t *b, nh_span_t id);
NH_MUST_USE struct nh_mqtt__session *nh_mqtt__session_create(nh_mqtt_broker_t *b, nh_span_t id);
void nh_mqtt__session_wipe(nh_mqtt_broker_t *b, struct nh_mqtt__session *s);
void nh_mqtt__session_destroy(nh_mqtt_broker_t *b, struct nh_mqtt__session *s);
// The connection is gone: keeps the session as idle, or destroys a clean one.
void nh_mqtt__session_detach(nh_mqtt_broker_t *b, struct nh_mqtt__session *s);
void nh_mqtt__session_attach(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, nh_mqtt_conn_t *c);
// Adds or replaces a subscription. NH_ERR_FULL, NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt__session_subscribe(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                                           nh_span_t filter, uint8_t qos);
// A subscription that the store has. NH_ERR_CORRUPT, NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt__session_restore_sub(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                                             const struct nh_mqtt__sub_record *rec, uint16_t no);
void nh_mqtt__session_unsubscribe(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                                  nh_span_t filter);
NH_MUST_USE struct nh_mqtt__flow *nh_mqtt__session_flow(nh_mqtt_broker_t *b,
                                                        struct nh_mqtt__session *s);

// ---- publish.c, match.c: to the subscribers -----------------------------------------------------

// Who takes `topic`; valid until the next call. NULL: no memory.
NH_MUST_USE struct nh_mqtt__match *nh_mqtt__match_get(nh_mqtt_broker_t *b, nh_span_t topic);
void nh_mqtt__match_clear(nh_mqtt_broker_t *b);

// Gives `p` to everybody who takes it and stores it when retained. NH_ERR_NOMEM: a subscriber at
// QoS 1 did not get it.
NH_MUST_USE int nh_mqtt__route(nh_mqtt_broker_t *b, struct nh_mqtt__publish *p);
NH_MUST_USE int nh_mqtt__on_publish(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c,
                                    const struct nh_mqtt__head *head, const uint8_t *packet,
                                    struct nh_mqtt__msg *gathered);
void nh_mqtt__run_flush(nh_mqtt_broker_t *b);
// The message as a stored copy, made now if there is none. NULL: no memory.
struct nh_mqtt__msg *nh_mqtt__publish_msg(nh_mqtt_broker_t *b, struct nh_mqtt__publish *p);
static inline struct nh_mqtt__msg *nh_mqtt__will_msg(uintptr_t will)
{
    return (struct nh_mqtt__msg *)(will & ~(uintptr_t)7);
}
// Publishes a will and lets go of it.
void nh_mqtt__publish_will(nh_mqtt_broker_t *b, uintptr_t will);

// ---- deliver.c: to one subscriber ---------------------------------------------------------------

// NH_ERR_NOMEM, NH_ERR_FULL: dropped for this one and counted.
NH_MUST_USE int nh_mqtt__deliver(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                                 struct nh_mqtt__publish *p, uint8_t qos, bool retain);
// Gives the run b->run to a subscriber.
void nh_mqtt__deliver_run(nh_mqtt_broker_t *b, struct nh_mqtt__session *s);
void nh_mqtt__pump(nh_mqtt_broker_t *b, struct nh_mqtt__session *s); // waiting -> in flight
NH_MUST_USE int nh_mqtt__resume(nh_mqtt_broker_t *b, struct nh_mqtt__session *s);
NH_MUST_USE int nh_mqtt__on_ack(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, enum nh_mqtt__type type,
                                nh_span_t body);
void nh_mqtt__drop(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, uint64_t *counter,
                   uint32_t count);
// Drops what is over the limits, oldest QoS 0 first.
void nh_mqtt__enforce(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c);
// ---- pushback.c: a full queue holds publishers back ---------------------------------------------

bool nh_mqtt__can_push_back(const nh_mqtt_broker_t *b, const struct nh_mqtt__session *s,
                            const nh_mqtt_conn_t *from);
void nh_mqtt__push_back(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, nh_mqtt_conn_t *from);
void nh_mqtt__relieve(nh_mqtt_broker_t *b, struct nh_mqtt__session *s);     // the queue shrank
void nh_mqtt__relieve_end(nh_mqtt_broker_t *b, struct nh_mqtt__session *s); // or is gone
void nh_mqtt__pushback_tick(nh_mqtt_broker_t *b);
// Reads from a paused connection again, unless its rate holds it back.
void nh_mqtt__conn_resume(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c);
struct nh_mqtt__load {
    uint64_t bytes, messages;
};
struct nh_mqtt__load nh_mqtt__load_of(const struct nh_mqtt__session *s);

// ---- rate.c: CONNECTs and messages a second -----------------------------------------------------

bool nh_mqtt__rate_takes_connect(nh_mqtt_broker_t *b); // and counts it; false: one too many
size_t nh_mqtt__rate_bytes(const nh_mqtt_broker_t *b); // of memory behind each connection
void nh_mqtt__rate_open(const nh_mqtt_broker_t *b, nh_mqtt_conn_t *c);
// `c` published that many messages; pauses it when they are too many.
void nh_mqtt__rate_charge(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, uint64_t messages);
// Whether the paused `c` is in debt; then it is kept in b->slowed until that is paid.
bool nh_mqtt__rate_holds(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c);
void nh_mqtt__rate_tick(nh_mqtt_broker_t *b);

// ---- replay.c, local.c, sys.c -------------------------------------------------------------------

void nh_mqtt__replay_add(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, nh_span_t filter,
                         uint8_t qos);
void nh_mqtt__replay_run(nh_mqtt_broker_t *b, struct nh_mqtt__session *s);
void nh_mqtt__replay_clear(nh_mqtt_broker_t *b, struct nh_mqtt__flow *f);
void nh_mqtt__local_give(nh_mqtt_broker_t *b, const struct nh_mqtt__match *m,
                         const struct nh_mqtt_message *message);
void nh_mqtt__local_settle(nh_mqtt_broker_t *b); // what local subscribers published meanwhile
void nh_mqtt__local_destroy(nh_mqtt_broker_t *b);
bool nh_mqtt__local_is_pending(const nh_mqtt_broker_t *b);

NH_MUST_USE int nh_mqtt__sys_create(nh_mqtt_broker_t *b);
void nh_mqtt__sys_destroy(nh_mqtt_broker_t *b);
void nh_mqtt__sys_subscribed(nh_mqtt_broker_t *b, nh_span_t filter);
uint64_t nh_mqtt__sys_deadline(const nh_mqtt_broker_t *b);
void nh_mqtt__sys_tick(nh_mqtt_broker_t *b);
// The `at`-th $SYS topic and its value, as text. False: past the last.
bool nh_mqtt__sys_get(nh_mqtt_broker_t *b, size_t at, nh_span_t *topic, nh_span_t *value);
bool nh_mqtt__is_sys(nh_span_t topic);

#endif
