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
#define NH_MQTT__TEXT_MAX 256      // bytes of a text in the configuration
#define NH_MQTT__LABEL_MAX 5       // bytes of a subscription identifier as a property
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
    NH_MQTT__SESSION_SHARED = 64,  // the front of a shared subscription
    NH_MQTT__SESSION_WILL = 128,   // its will waits in broker->wills
    NH_MQTT__SESSION_DENIED = 256, // it was told that it tried what it may not
    NH_MQTT__SESSION_OWN = 512,    // of a part of the hub: see nh_mqtt_own
    NH_MQTT__SESSION_TOLD = 1024,  // that its queue is full, since it was last empty
};
#define NH_MQTT__NEVER_S UINT32_MAX
#define NH_MQTT__LEFT_UNKNOWN INT32_MIN

#define NH_MQTT__USER_MAX 256 // bytes of a user's name

struct nh_mqtt__rate { // a bucket of messages or CONNECTs
    uint64_t filled_ms;
    int64_t credit; // thousandths; below 0: a debt
};

// One for each name that has sessions.
struct nh_mqtt__user {
    struct nh_mqtt__user *hash_next; // by name
    struct nh_mqtt_grant grant;
    struct nh_mqtt__rate rate; // of grant.limits.publish_rate_max
    uint32_t refs;             // sessions, and calls that hold it
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

// What outlives a connection when the client asked for it. Also the front of a local subscriber and
// of a shared subscription: what stands for them in a match.
struct nh_mqtt__session {
    struct nh_mqtt__session *hash_next; // by client id
    struct nh_mqtt__sub *subs;
    struct nh_mqtt__flow *flow; // QoS 1 and 2 under way; NULL: none yet
    struct nh_mqtt__user *user; // whose it is; NULL: of the hub, or nobody asks
    union {
        nh_mqtt_conn_t *conn; // while is_online
        nh_list_t idle;       // in broker->idle while not, oldest first
    };
    uint32_t match_at; // where this session stands in the match being made, if it does
    uint32_t dropped;
    uint32_t
        expiry_s;   // how long it is kept; while away: when it ends, in s since broker->started_ms
    int32_t left_s; // while away: since when, in s since broker->started_ms; NH_MQTT__LEFT_UNKNOWN
    uint16_t sub_count, id_len;
    uint16_t flags : 15, is_online : 1;
    char id[]; // id_len bytes and a NUL
};

enum nh_mqtt__conn_state {
    NH_MQTT__CONN_NEW,    // waits for CONNECT
    NH_MQTT__CONN_AUTH,   // its CONNECT waits for an answer
    NH_MQTT__CONN_ONLINE, // has a session
    NH_MQTT__CONN_ENDED,  // wants to be closed after its output
};

enum nh_mqtt__form { // of the PUBLISH packets that a connection takes
    NH_MQTT__FORM_V4,
    NH_MQTT__FORM_V5,
    NH_MQTT__FORM_OWN, // 5.0 with aliases or a limit of its own: each packet is looked at
};

// A client's last words.
struct nh_mqtt__will {
    nh_list_t link; // in broker->wills while it waits
    struct nh_mqtt__session *session;
    struct nh_mqtt__msg *msg;
    uint64_t due_ms;
    uint32_t delay_s;
    uint32_t expiry_s; // from when it is published, if it expires
    uint32_t kept_no;  // of the session that has a record of it; 0: none
    uint8_t qos;
    bool retain, expires;
};

// Topic aliases of one direction: number i + 1 stands for names[i].
struct nh_mqtt__aliases {
    struct nh_mqtt__alias **names; // NULL: not in use
    uint16_t count, max;           // slots that there are, numbers that may be used
};

// The authentication method of a connection, and where it is in proving anew who it is.
struct nh_mqtt__method {
    uint16_t len;
    uint8_t round;
    bool is_open;    // an exchange is under way
    bool is_waiting; // the hub has the next word in it
    uint8_t name[];
};

// What few connections have: a will, or options of 5.0.
struct nh_mqtt__extra {
    struct nh_mqtt__will *will; // NULL: none, or taken back
    struct nh_mqtt__aliases in, out;
    uint32_t packet_max;            // the largest packet that the client takes; 0: any
    struct nh_mqtt__method *method; // of enhanced authentication; NULL: none
    uint16_t receive_max;           // 0: as many as the broker likes
    bool no_problem_info;           // wants no reason strings but in CONNACK and DISCONNECT
};

struct nh_mqtt_conn {
    void *user;
    struct nh_mqtt__session *session; // ONLINE only
    struct nh_mqtt__wire wire;
    struct nh_mqtt__msg *gather;  // a packet cut by the end of the input; NULL: none
    nh_list_t link;               // in broker->wheel, ->untimed, ->paused, ->slowed or ->ended
    nh_mqtt_conn_t *turn_next;    // in broker->turn while in_turn
    struct nh_mqtt__extra *extra; // NULL: none
    uint64_t last_in_ms;          // of the last whole packet; of open() before
    union {
        uint64_t connected_ms;      // ONLINE
        struct nh_mqtt__auth *auth; // AUTH
    };
    uint64_t messages_in, messages_out, bytes_in, bytes_out;
    uint16_t keepalive_s;
    uint8_t state;
    uint8_t version; // 4, 5; 0 before CONNECT
    uint8_t form;    // enum nh_mqtt__form
    bool in_turn, is_dirty, is_paused;
    bool is_own;     // of a part of the hub
    bool is_bridge;  // of another broker, 3.1.1: subscribes as one
    bool is_greeted; // ONLINE: no gate holds back its CONNACK any more
};

enum nh_mqtt__target_flags {
    NH_MQTT__TARGET_NO_LOCAL = 1,     // by one of its subscriptions at least
    NH_MQTT__TARGET_AS_PUBLISHED = 2, // likewise
    NH_MQTT__TARGET_FRONT = 4,        // of a local client or a shared subscription
    NH_MQTT__TARGET_LABELLED = 8,     // has subscription identifiers
};

struct nh_mqtt__target { // who gets a message
    struct nh_mqtt__session *session;
    uint8_t qos, flags;
    uint16_t id_count; // subscription identifiers
    uint32_t id;       // the one; of more: where they are in match->ids
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
    uint32_t *ids;  // of targets with more than one; NULL: none
    uint32_t id_count, id_cap;
    struct nh_mqtt__target targets[];
};

// How a subscriber takes a message.
struct nh_mqtt__how {
    uint8_t qos;
    bool retain;
    uint16_t id_count; // subscription identifiers, for 5.0
    uint16_t group;    // the shared subscription that it comes by; 0: none
    const uint32_t *ids;
};

// One message on its way to its subscribers.
struct nh_mqtt__publish {
    nh_span_t topic, payload, props; // of 5.0: what is passed on
    uint64_t expires_ms;             // 0: never
    const uint8_t *packet;           // as it came, within the turn's bytes; NULL: nowhere
    uint32_t packet_len, id_at;      // where its packet id is, at QoS 1 and 2
    uint8_t version;                 // of the packet, or what `msg` is to be made as
    uint8_t qos;
    bool retain, is_unheard;      // nobody subscribed
    bool is_recorded;             // something of it goes to the store: its answer waits
    uint8_t reason;               // why it is not passed on: enum nh_mqtt_reason; 0: it is
    nh_mqtt_conn_t *from;         // NULL: the hub itself, a will
    struct nh_mqtt__match *match; // who takes it, when that is known already; NULL
    // References of its own, made when first needed: as it came or was made, as a packet of the
    // other version, and with the labels (written as properties) of the last who wanted them.
    struct nh_mqtt__msg *msg, *other, *labelled;
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
    uint32_t label;               // subscription identifier; 0: none
    uint16_t filter_len, at_sys;
    uint8_t qos;
    char filter[];
};

// A shared subscription: its members are the subscriptions on the node "$share/NAME/FILTER", which
// no topic reaches; `sub` stands for all of them on the node of FILTER.
struct nh_mqtt__group {
    struct nh_mqtt__sub sub, anchor; // `anchor` hangs below the members' node: see share.c
    struct nh_mqtt__sub *next;       // whose turn it is; NULL: the first
    nh_list_t link;                  // in broker->groups
    uint16_t number;                 // 1 ..; marks the messages that came by it
    struct nh_mqtt__session front;   // last: ends in a flexible array
};

// Bytes made in this turn and sent from where they lie, as those of the input are.
struct nh_mqtt__scratch {
    struct nh_mqtt__page *used, *free;
    size_t used_bytes, free_bytes;
};

// QoS 0 packets in a row for the same subscribers, in one form.
struct nh_mqtt__run {
    const uint8_t *ptr; // NULL: not made
    uint32_t len;
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
    struct { // QoS 0 packets in a row for the same subscribers, not given out yet
        struct nh_mqtt__match *match;
        const uint8_t *ptr;
        uint32_t len, count;
        uint64_t payload_bytes;
        nh_mqtt_conn_t *from;
        uint8_t form;                 // in which they came: V4 or V5
        struct nh_mqtt__run other;    // the same of the other version
        struct nh_mqtt__run labelled; // with the subscription identifiers of who took it last
        const uint32_t *label_ids;
        size_t label_count;
    } run;
    struct nh_mqtt__scratch scratch;

    struct nh_mqtt_own *own; // parts of the hub that are clients
    nh_mqtt_local_t *locals;
    struct nh_mqtt__deferred *deferred, **deferred_end;
    unsigned giving_depth; // local subscribers are being called
    bool has_dead_locals;

    uint64_t replay_ms;   // when retained messages go on being sent; NH_NEVER
    uint32_t high_count;  // sessions that hold publishers back
    uint64_t pushback_ms; // when paused publishers go on at the latest; NH_NEVER
    uint64_t slowed_ms;   // when to look at those over their rate; NH_NEVER
    struct nh_mqtt__rate connect_rate;
    uint64_t session_ms;                // when the first session that is away may end; NH_NEVER
    uint64_t retain_ms, retain_next_ms; // when the first retained message may expire; NH_NEVER
    struct nh_mqtt__msg *retain_at;     // the last one that the sweep looked at; NULL: not begun
    nh_list_t wills;                    // that wait, the first one due first
    nh_list_t groups;                   // shared subscriptions
    uint32_t group_count;
    uint16_t group_number; // given last
    uint8_t reason;      // why the packet at hand is refused: enum nh_mqtt_reason; 0: by the error
    bool groups_wrapped; // numbers come round
    bool is_ending;      // nothing is passed on to others any more
    struct nh_mqtt__sys *sys;
    struct nh_mqtt__journal *journal; // NULL: no store
    char reference[NH_MQTT__TEXT_MAX + 1], response[NH_MQTT__TEXT_MAX + 1];
};

// ---- broker.c -----------------------------------------------------------------------------------

// Ends the connection: detaches its session, publishes its will unless it was taken back, and asks
// the listener to close it. `text` is static. A client of 5.0 is told `code` unless it is SUCCESS.
void nh_mqtt__conn_end(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const char *text,
                       enum nh_mqtt_event_kind kind, enum nh_mqtt_reason code);
// Names the reason for which the packet at hand is refused. Gives NH_ERR_PROTO, to be returned.
NH_MUST_USE int nh_mqtt__fault(nh_mqtt_broker_t *b, enum nh_mqtt_reason reason);
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
// The same with a reason that is none of success, to 5.0.
NH_MUST_USE int nh_mqtt__send_reason(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c,
                                     enum nh_mqtt__type type, uint16_t id,
                                     enum nh_mqtt_reason reason);
// With a reason, which 3.1.1 cannot say.
static inline int nh_mqtt__send_ack_reason(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c,
                                           enum nh_mqtt__type type, uint16_t id,
                                           enum nh_mqtt_reason reason)
{
    if (reason == NH_MQTT_REASON_SUCCESS || c->version != 5)
        return nh_mqtt__send_ack(b, c, type, id);
    return nh_mqtt__send_reason(b, c, type, id, reason);
}
void nh_mqtt__clock(nh_mqtt_broker_t *b, uint64_t now_ms);

// ---- input.c, connect.c, auth.c, subscribe.c ----------------------------------------------------

// Takes `bytes` apart; they stay where they are until turn_end().
NH_MUST_USE int nh_mqtt__feed(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const uint8_t *bytes,
                              size_t len);
// What follows from the result of nh_mqtt__feed(): gives out what is left, ends the connection when
// it failed, and charges the messages that came since its messages_in was `from_messages_in`.
void nh_mqtt__fed(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, int rc, uint64_t from_messages_in);
// `is_minimal`: its length was written in as few bytes as it needs.
NH_MUST_USE int nh_mqtt__on_connect(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t body,
                                    bool is_minimal);
// Lets a client in whose CONNECT was answered so.
NH_MUST_USE int nh_mqtt__admit(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c,
                               const struct nh_mqtt__connect *k,
                               const struct nh_mqtt_auth_answer *answer);
// Answers a CONNECT with a refusal. NH_ERR_DENIED, or what sending it failed with.
NH_MUST_USE int nh_mqtt__refuse(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t id,
                                enum nh_mqtt_reason reason, const char *text);
// The same, of somebody who says to be `user`.
NH_MUST_USE int nh_mqtt__refuse_user(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t id,
                                     nh_span_t user, enum nh_mqtt_reason reason, const char *text);
// Tells that `c` is about to be cut off for `text`.
void nh_mqtt__tell_fault(const nh_mqtt_broker_t *b, const nh_mqtt_conn_t *c, const char *text);
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
NH_MUST_USE int nh_mqtt__on_auth(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t body);
void nh_mqtt__auth_end(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c); // nobody waits any more
void nh_mqtt__held_free(nh_mqtt_broker_t *b);
NH_MUST_USE int nh_mqtt__on_subscribe(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t body);
NH_MUST_USE int nh_mqtt__on_unsubscribe(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t body);

// ---- reauth.c -----------------------------------------------------------------------------------

NH_MUST_USE int nh_mqtt__method_keep(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t method);
// An AUTH packet of a client that is in.
NH_MUST_USE int nh_mqtt__reauth(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c,
                                const struct nh_mqtt__end *auth);
NH_MUST_USE int nh_mqtt__reauth_answered(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c,
                                         const struct nh_mqtt_auth_answer *answer);
void nh_mqtt__reauth_end(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c); // the connection is gone

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
bool nh_mqtt__is_own_id(nh_span_t id);
uint32_t nh_mqtt__own_count(const nh_mqtt_broker_t *b); // parts of the hub that are clients
const struct nh_mqtt_user_limits *nh_mqtt__own_limits(const nh_mqtt_broker_t *b,
                                                      const struct nh_mqtt__session *s);
// What a session has of its own, by its user or as a part of the hub; zeroed: nothing.
static inline const struct nh_mqtt_user_limits *
nh_mqtt__session_limits(const nh_mqtt_broker_t *b, const struct nh_mqtt__session *s)
{
    static const struct nh_mqtt_user_limits none = {0};
    return s->user                           ? &s->user->grant.limits
           : s->flags & NH_MQTT__SESSION_OWN ? nh_mqtt__own_limits(b, s)
                                             : &none;
}
// The limits of a session (NULL: none): its own, else the broker's.
static inline uint32_t nh_mqtt__queue_max_bytes(const nh_mqtt_broker_t *b,
                                                const struct nh_mqtt__session *s)
{
    uint32_t own = s ? nh_mqtt__session_limits(b, s)->queue_max_bytes : 0;
    return own ? own : b->cfg.queue_max_bytes;
}
static inline uint32_t nh_mqtt__queue_max_messages(const nh_mqtt_broker_t *b,
                                                   const struct nh_mqtt__session *s)
{
    uint32_t own = s ? nh_mqtt__session_limits(b, s)->queue_max_messages : 0;
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
// Adds a subscription: 1; or replaces one: 0. `id`: subscription identifier. NH_ERR_FULL,
// NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt__session_subscribe(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                                           const struct nh_mqtt__subscription *k, uint32_t id);
// Whether there was one.
bool nh_mqtt__session_unsubscribe(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                                  nh_span_t filter);
// A subscription that the store has. NH_ERR_CORRUPT, NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt__session_restore_sub(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                                             const struct nh_mqtt__sub_record *rec, uint16_t no);
NH_MUST_USE struct nh_mqtt__flow *nh_mqtt__session_flow(nh_mqtt_broker_t *b,
                                                        struct nh_mqtt__session *s);

// ---- publish.c, match.c: to the subscribers -----------------------------------------------------

// Who takes `topic`; valid until the next call. NULL: no memory.
NH_MUST_USE struct nh_mqtt__match *nh_mqtt__match_get(nh_mqtt_broker_t *b, nh_span_t topic);
// The same if it is remembered, else NULL. Every topic that is was checked.
struct nh_mqtt__match *nh_mqtt__match_peek(const nh_mqtt_broker_t *b, nh_span_t topic);
void nh_mqtt__match_clear(nh_mqtt_broker_t *b);
// How `s` takes a message of its own of `topic`, with the subscriptions that do not say no-local
// alone: a match of one target or none, to be freed. NULL: no memory.
NH_MUST_USE struct nh_mqtt__match *nh_mqtt__match_own(nh_mqtt_broker_t *b, nh_span_t topic,
                                                      struct nh_mqtt__session *s);
void nh_mqtt__match_free(nh_mqtt_broker_t *b, struct nh_mqtt__match *m);
static inline const uint32_t *nh_mqtt__target_ids(const struct nh_mqtt__match *m,
                                                  const struct nh_mqtt__target *t)
{
    return t->id_count > 1 ? m->ids + t->id : &t->id;
}

// Gives `p` to everybody who takes it and stores it when retained. NH_ERR_NOMEM: a subscriber at
// QoS 1 did not get it.
NH_MUST_USE int nh_mqtt__route(nh_mqtt_broker_t *b, struct nh_mqtt__publish *p);
NH_MUST_USE int nh_mqtt__on_publish(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c,
                                    const struct nh_mqtt__head *head, const uint8_t *packet,
                                    struct nh_mqtt__msg *gathered);
void nh_mqtt__run_flush(nh_mqtt_broker_t *b);
// The message as a stored copy, made now if there is none. NULL: no memory.
struct nh_mqtt__msg *nh_mqtt__publish_msg(nh_mqtt_broker_t *b, struct nh_mqtt__publish *p);
// The same as a packet for `version`, with subscription identifiers. Borrowed.
struct nh_mqtt__msg *nh_mqtt__publish_form(nh_mqtt_broker_t *b, struct nh_mqtt__publish *p,
                                           uint8_t version, const struct nh_mqtt__how *how);
void nh_mqtt__publish_release(nh_mqtt_broker_t *b, struct nh_mqtt__publish *p);
// A stored message on its way again.
struct nh_mqtt__publish nh_mqtt__publish_of(struct nh_mqtt__msg *m);

// ---- deliver.c: to one subscriber ---------------------------------------------------------------

// NH_ERR_NOMEM, NH_ERR_FULL: dropped for this one and counted.
NH_MUST_USE int nh_mqtt__deliver(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                                 struct nh_mqtt__publish *p, const struct nh_mqtt__how *how);
// Sends `p` at QoS 0 with a topic alias. False: there is none to be had, and nothing was done.
bool nh_mqtt__put_aliased(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, struct nh_mqtt__publish *p);
// How many messages at QoS 1 and 2 may be in flight to the session, which is online.
uint32_t nh_mqtt__window(const nh_mqtt_broker_t *b, const struct nh_mqtt__session *s);
void nh_mqtt__pump(nh_mqtt_broker_t *b, struct nh_mqtt__session *s); // waiting -> in flight
// The client came back: sends what was not acknowledged, and what waited.
NH_MUST_USE int nh_mqtt__resume(nh_mqtt_broker_t *b, struct nh_mqtt__session *s);
NH_MUST_USE int nh_mqtt__resend(nh_mqtt_broker_t *b, struct nh_mqtt__session *s);
NH_MUST_USE int nh_mqtt__on_ack(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, enum nh_mqtt__type type,
                                nh_span_t body);
void nh_mqtt__drop(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, uint64_t *counter,
                   uint32_t count);
// Drops what is over the limits, oldest QoS 0 first.
void nh_mqtt__enforce(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c);
void nh_mqtt__count_out(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, uint8_t qos, uint32_t count,
                        uint64_t payload_bytes);
// The window moved on, or there is room again.
void nh_mqtt__on_window(nh_mqtt_broker_t *b, struct nh_mqtt__session *s);

// ---- run.c: QoS 0 packets in a row --------------------------------------------------------------

// Gives the run b->run to a subscriber.
void nh_mqtt__deliver_run(nh_mqtt_broker_t *b, const struct nh_mqtt__target *t);
// `len` bytes that stay until turn_end(). NULL: no memory.
NH_MUST_USE uint8_t *nh_mqtt__scratch_take(nh_mqtt_broker_t *b, size_t len);
// The last taken bytes shrink to end at `end`.
void nh_mqtt__scratch_trim(nh_mqtt_broker_t *b, const uint8_t *end);
void nh_mqtt__scratch_reset(nh_mqtt_broker_t *b);
void nh_mqtt__scratch_deinit(nh_mqtt_broker_t *b);

// Subscription identifiers written as properties: into `small`, or into the scratch when there are
// more. False: no memory.
NH_MUST_USE bool nh_mqtt__labels_write(nh_mqtt_broker_t *b, const uint32_t *ids, size_t count,
                                       uint8_t small[NH_MQTT__LABEL_MAX], nh_span_t *out);
// The most bytes that nh_mqtt__packet_write() writes.
size_t nh_mqtt__packet_max(const struct nh_mqtt__publish_head *k, nh_span_t labels);
// Writes a QoS 0 PUBLISH of `k` for `version`; `k->props` holds nothing but what is passed on.
// Returns the end.
uint8_t *nh_mqtt__packet_write(uint8_t *out, const struct nh_mqtt__publish_head *k, uint8_t version,
                               nh_span_t labels);

// ---- share.c: shared subscriptions --------------------------------------------------------------

// Makes `sub`, on its node already, a member of the group there. NH_ERR_NOMEM, NH_ERR_FULL.
NH_MUST_USE int nh_mqtt__share_join(nh_mqtt_broker_t *b, struct nh_mqtt__sub *sub, nh_span_t rest);
// Takes `sub` off its node; what waits for it goes to other members, and what was
// sent at QoS 1 too when the session `is_over` [MQTT5-4.8.2-5].
void nh_mqtt__share_leave(nh_mqtt_broker_t *b, struct nh_mqtt__sub *sub, bool is_over);
// Gives `p` to one member.
NH_MUST_USE int nh_mqtt__share_deliver(nh_mqtt_broker_t *b, struct nh_mqtt__session *front,
                                       struct nh_mqtt__publish *p);
// Who gets the next message of `topic` at `qos`; NULL: nobody.
struct nh_mqtt__sub *nh_mqtt__share_next(nh_mqtt_broker_t *b, struct nh_mqtt__session *front,
                                         nh_span_t topic, uint8_t qos);
uint32_t nh_mqtt__share_sub_count(const nh_mqtt_broker_t *b); // in the index, of no client
bool nh_mqtt__share_check(const nh_mqtt_broker_t *b);

// ---- v5.c, alias.c ------------------------------------------------------------------------------

// What a CONNECT says of its client. NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt__options_take5(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c,
                                       const struct nh_mqtt__connect *k);
NH_MUST_USE int nh_mqtt__connack_accept(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c,
                                        const struct nh_mqtt__connect *k, bool is_present,
                                        const struct nh_mqtt_auth_answer *answer);
NH_MUST_USE int nh_mqtt__connack_refuse(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c,
                                        enum nh_mqtt_reason reason);
// The text of a reason, and where to go instead.
void nh_mqtt__put_reason(const nh_mqtt_broker_t *b, struct nh_mqtt__props_out *out,
                         enum nh_mqtt_reason reason);
// NH_ERR_NOMEM, NH_ERR_TOO_LONG: more data than a property holds, or than the client takes.
NH_MUST_USE int nh_mqtt__send_auth(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c,
                                   enum nh_mqtt_reason reason, nh_span_t method, nh_span_t data);
// Tells a client of 5.0 why it is sent away.
void nh_mqtt__send_disconnect(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, enum nh_mqtt_reason reason);

// Completes `p` by the properties of `k`: its topic by alias, its expiry, what is passed on.
// `p->packet` is NULL when the packet cannot go on as it came. NH_ERR_PROTO, NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt__publish_take5(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c,
                                       const struct nh_mqtt__publish_head *k,
                                       struct nh_mqtt__publish *p);
NH_MUST_USE struct nh_mqtt__extra *nh_mqtt__extra(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c);
void nh_mqtt__extra_free(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c);

// The topic that `number` stands for, after it was set to `topic` when that is not empty.
NH_MUST_USE int nh_mqtt__alias_in(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, uint32_t number,
                                  nh_span_t *topic);
// The number for `topic` to this client; 0: none. `*is_new`: it is to be told with the topic, and
// nh_mqtt__alias_forget() if that fails.
uint16_t nh_mqtt__alias_out(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t topic, bool *is_new);
void nh_mqtt__alias_forget(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, uint16_t number);
void nh_mqtt__aliases_deinit(nh_mqtt_broker_t *b, struct nh_mqtt__aliases *a);

// ---- will.c, expire.c ---------------------------------------------------------------------------

// Makes the will of a CONNECT. NH_ERR_PROTO with a reason, NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt__will_create(nh_mqtt_broker_t *b, const struct nh_mqtt__connect *k,
                                     struct nh_mqtt__will **out);
void nh_mqtt__will_free(nh_mqtt_broker_t *b, struct nh_mqtt__will *w);
// Publishes it and frees it.
void nh_mqtt__will_publish(nh_mqtt_broker_t *b, struct nh_mqtt__will *w);
// Publishes it when its delay is over; it is the session's from here on.
void nh_mqtt__will_wait(nh_mqtt_broker_t *b, struct nh_mqtt__will *w, struct nh_mqtt__session *s);
// The same, due at `due_ms`.
void nh_mqtt__will_wait_until(nh_mqtt_broker_t *b, struct nh_mqtt__will *w,
                              struct nh_mqtt__session *s, uint64_t due_ms);
// The session goes on [MQTT5-3.1.3-9] or ends: the will that waits is dropped or published.
void nh_mqtt__will_cancel(nh_mqtt_broker_t *b, struct nh_mqtt__session *s);
void nh_mqtt__will_release(nh_mqtt_broker_t *b, struct nh_mqtt__session *s);
uint64_t nh_mqtt__will_deadline(const nh_mqtt_broker_t *b);
void nh_mqtt__will_tick(nh_mqtt_broker_t *b);

// When a message ends that may live for `interval_s` from now on.
uint64_t nh_mqtt__expires_ms(const nh_mqtt_broker_t *b, uint32_t interval_s);
// The session was left by its connection: notes when it ends.
void nh_mqtt__expire_session(nh_mqtt_broker_t *b, struct nh_mqtt__session *s);
// How many seconds a session that is away is kept yet.
uint32_t nh_mqtt__expire_left_s(const nh_mqtt_broker_t *b, const struct nh_mqtt__session *s);
void nh_mqtt__expire_retained(nh_mqtt_broker_t *b, const struct nh_mqtt__msg *m); // was stored
// Whether the time of `m`, which is in the store, is over; then it is taken out and counted.
bool nh_mqtt__retained_is_over(nh_mqtt_broker_t *b, struct nh_mqtt__msg *m);
void nh_mqtt__expire_tick(nh_mqtt_broker_t *b);
// Takes what is over out of the session's queue. Returns how many messages.
uint32_t nh_mqtt__expire_waiting(nh_mqtt_broker_t *b, struct nh_mqtt__session *s);

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
                         uint8_t qos, uint32_t label);
void nh_mqtt__replay_run(nh_mqtt_broker_t *b, struct nh_mqtt__session *s);
// The subscription has other options: what is still to be sent for it goes by them.
void nh_mqtt__replay_change(struct nh_mqtt__session *s, nh_span_t filter, uint8_t qos,
                            uint32_t label);
// The subscription is gone: what was still to be sent for it is not [MQTT-3.10.4-2].
void nh_mqtt__replay_cancel(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, nh_span_t filter);
void nh_mqtt__replay_clear(nh_mqtt_broker_t *b, struct nh_mqtt__flow *f);
struct nh_mqtt_message nh_mqtt__message_of(const struct nh_mqtt__msg *m); // a retained one
// What is told of a session.
struct nh_mqtt_client_info nh_mqtt__client_info(const nh_mqtt_broker_t *b,
                                                const struct nh_mqtt__session *s);
void nh_mqtt__local_give(nh_mqtt_broker_t *b, const struct nh_mqtt__match *m,
                         const struct nh_mqtt_message *message);
void nh_mqtt__local_settle(nh_mqtt_broker_t *b); // what local subscribers published meanwhile
void nh_mqtt__local_destroy(nh_mqtt_broker_t *b);
bool nh_mqtt__local_is_pending(const nh_mqtt_broker_t *b);

NH_MUST_USE int nh_mqtt__sys_create(nh_mqtt_broker_t *b);
void nh_mqtt__sys_destroy(nh_mqtt_broker_t *b);
uint64_t nh_mqtt__sys_deadline(const nh_mqtt_broker_t *b);
void nh_mqtt__sys_tick(nh_mqtt_broker_t *b);
// The `at`-th $SYS topic and its value, as text. False: past the last.
bool nh_mqtt__sys_get(nh_mqtt_broker_t *b, size_t at, nh_span_t *topic, nh_span_t *value);
bool nh_mqtt__is_sys(nh_span_t topic);

#endif
