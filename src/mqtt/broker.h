// broker.h - the MQTT broker engine. Bytes, time and memory in; bytes, events and deadlines out.
//
// One task owns a broker and makes every call below; others post to that task's queue.
// Clauses are cited as in the standard: [MQTT-3.1.2-24].

#ifndef NH_MQTT_BROKER_H
#define NH_MQTT_BROKER_H

#include "core/base/base.h"
#include "core/mem/mem.h"
#include "mqtt/persist.h"
#include "mqtt/reason.h"

typedef struct nh_mqtt_broker nh_mqtt_broker_t;
typedef struct nh_mqtt_conn nh_mqtt_conn_t;

// A piece of output. Same layout as the port's struct nh_iov.
struct nh_mqtt_span {
    const void *ptr;
    size_t len;
};

struct nh_mqtt_message {
    nh_span_t topic, payload; // borrowed for the call
    uint8_t qos;
    bool retain;
    nh_span_t props;     // of 5.0 that are passed on, as they are written there; empty: none
    uint64_t expires_ms; // on the broker's clock; 0: never
};

enum nh_mqtt_event_kind {
    NH_MQTT_CLIENT_CONNECTED,
    NH_MQTT_CLIENT_REFUSED,
    NH_MQTT_CLIENT_DISCONNECTED,
    NH_MQTT_CLIENT_TAKEN_OVER,
    NH_MQTT_MESSAGE_DROPPED,
    NH_MQTT_STORE_FAILED,  // no client: a commit failed; it is tried again until it succeeds
    NH_MQTT_STORE_FULL,    // no client: over its limit; who publishes to it is held back
    NH_MQTT_STORE_WORKS,   // no client: neither any more
    NH_MQTT_STORE_DAMAGED, // a record could not be read; what it held is lost
    NH_MQTT_ACTION_DENIED, // the first one of a connection; the counters tell the rest
    NH_MQTT_CLIENT_FAULT,  // it is cut off for what it sent, or did not send in time
    NH_MQTT_QUEUE_FULL, // a message at QoS 1 or 2 was dropped; told once until the queue is empty
};
struct nh_mqtt_event {
    enum nh_mqtt_event_kind kind;
    const char *client_id; // NUL-terminated, borrowed
    const char *user_name; // likewise; NULL: anonymous, or not known. Refused: as it says.
    const void *user;      // refused, fault: of open(); NULL: a part of the hub
    const char *reason;    // static text for people: "keep-alive ran out"
    uint8_t code;          // reason code when refused
    nh_span_t topic;       // of what was denied; borrowed
    uint32_t limit;        // of the full queue; `reason` names its setting
};

// ---- access: who may come in, and what they may do ----------------------------------------------
//
// The hub knows users and rules; the engine asks for each CONNECT, each topic that a connection
// publishes to, each filter, and each subscriber of a topic. It remembers the answers, so a message
// on a topic that was used before costs no question. Without these callbacks everybody may do all.

// What a user may have; 0: what the broker's configuration says.
struct nh_mqtt_user_limits {
    uint32_t
        conn_max_count; // connections at once; 0: no limit. One more is refused: 0x97, CONNACK 3
    uint32_t subscription_max_count, queue_max_bytes, queue_max_messages; // of each session
    uint32_t publish_rate_max; // messages a second of all its connections; 0: no limit
};

// What the hub gives a user. The engine keeps a copy for as long as the user has a session.
struct nh_mqtt_grant {
    const void *identity; // the hub's own; authorize() is asked with it until the next
                          // nh_mqtt_broker_access_changed()
    uint32_t stamp;       // of the secret it signed in with: connections end when it changes
    bool may_all;         // authorize() is not asked
    struct nh_mqtt_user_limits limits;
};

enum nh_mqtt_verdict {
    NH_MQTT_AUTH_REFUSED,   // with `reason`
    NH_MQTT_AUTH_ACCEPTED,  // as `user`, with `grant`
    NH_MQTT_AUTH_CONTINUES, // 5.0: `data` goes to the client in an AUTH packet
    NH_MQTT_AUTH_LATER,     // by nh_mqtt_broker_auth_done(); nothing is read from it meanwhile
};

// All spans are borrowed for the call: who answers later copies what it needs.
struct nh_mqtt_auth_request {
    void *peer; // of open(): the port knows its address, its certificate and where it came in
    nh_span_t client_id, user, password;
    bool has_user, has_password;
    nh_span_t method, data; // 5.0 enhanced authentication; no method: none
    uint8_t round;          // 0: CONNECT; then one more for each AUTH packet of the client
    bool is_again;          // it is in already and proves anew who it is; from round 0 on
};
struct nh_mqtt_auth_answer { // zeroed: refused
    enum nh_mqtt_verdict verdict;
    enum nh_mqtt_reason reason; // SUCCESS: bad user name or password, or not authorized without one
    nh_span_t user;             // the name it is known by, at most 256 bytes; empty: anonymous.
                                // Refused: as something else than the CONNECT's user name says
    nh_span_t data;             // 5.0: for the AUTH or CONNACK packet
    const char *why;            // refused: for the log, static; NULL: no word on it
    struct nh_mqtt_grant grant;
};

enum nh_mqtt_action {
    NH_MQTT_MAY_PUBLISH,   // to a topic
    NH_MQTT_MAY_RECEIVE,   // a message on a topic
    NH_MQTT_MAY_SUBSCRIBE, // to a filter
};
struct nh_mqtt_who {
    const void *identity;
    nh_span_t user, client_id; // borrowed for the call
};

struct nh_mqtt_broker_config {
    nh_mem_t *mem;                   // borrowed; outlives the broker
    uint32_t packet_max_bytes;       // 0: 65536. A larger packet closes its connection.
    uint32_t conn_max_count;         // 0: 1000. One more is refused with CONNACK 3, 0x97.
    uint32_t session_max_count;      // 0: 1000. Kept sessions; one more evicts the oldest idle one.
    uint32_t subscription_max_count; // 0: 64 for each session; one more gets SUBACK 0x80, 0x97
    uint32_t topic_max_bytes;        // 0: 512
    uint32_t topic_level_max;        // 0: 32
    uint32_t queue_max_bytes; // 0: 256 KiB for each session: payload and head, waiting or in flight
    uint32_t queue_max_messages;   // 0: 1000 for each session
    uint32_t inflight_max;         // 0: 64 unacknowledged QoS 1 and 2 messages for each session
    uint32_t retained_max_bytes;   // 0: 1 MiB, of topics and payloads
    uint32_t retained_max_count;   // 0: 10000
    uint32_t connect_timeout_ms;   // 0: 10000, from open to CONNECT
    uint32_t keepalive_max_s;      // 0: no limit
    uint32_t sys_interval_ms;      // 0: 10000; $SYS is published only when something changed
    uint32_t qos2_max_count;       // 0: 1024 received QoS 2 packet ids not yet released, for each
                                   // session; one more closes the connection. The receive maximum.
    uint32_t pushback_max_ms;      // 0: 2000. The longest that a full queue holds publishers back.
    uint32_t connect_rate_max;     // 0: no limit. CONNECTs a second, up to 1,000,000; one more is
                                   // refused with CONNACK 3 before its password is looked at.
    uint32_t publish_rate_max;     // 0: no limit. Messages a second of one client, up to 1,000,000;
                                   // one over it is not read from for a while. Needs `pause`.
    bool pushback_qos0;            // hold publishers back at QoS 0 too, before messages are dropped
    uint32_t hash_seed;            // random bytes where strangers choose topics and client ids
    uint32_t session_expiry_max_s; // 0: no limit. The longest that a session is kept, in 3.1.1 too.
    uint32_t message_expiry_max_s; // 0: no limit. The longest that a message is kept that waits for
                                   // somebody or is retained.
    uint32_t topic_alias_max;      // 0: 16 for each connection and direction
    // What is not to be had. 5.0 clients are told so, 3.1.1 clients get an error or less.
    uint8_t qos_refused; // 0: none. 1 or 2: the lowest QoS that nobody may publish at.
    bool retain_refused, wildcard_refused, shared_refused, label_refused; // label: subscription id
    bool is_moved; // everybody is sent to `server_reference`: CONNACK 0x9D, 3
    // At most 256 bytes each; copied. NULL: none. The reference is also given (0x9C) to who is one
    // too many, and at shutdown.
    const char *server_reference, *response_information;
    // Where sessions, their messages and retained messages outlive the process. commit NULL: in
    // memory only. nh_mqtt_broker_load() is then the first call.
    struct nh_mqtt_persist persist;
    enum nh_mqtt_durability durability;
    uint32_t durability_interval_ms; // 0: 1000, between commits of NH_MQTT_INTERVAL
    uint32_t batch_max_bytes;        // 0: 1 MiB of changes not yet written; then publishers are
                                     // held back until the store has caught up
    uint32_t queue_memory_max_bytes; // 0: 64 KiB of a kept session's queue; the rest is read from
                                     // the store when its turn comes
    void *ctx;
    // All may be NULL. Called within input(), sent(), tick(), close(), turn_end() and publish();
    // they must not call the broker. `dirty` is called once, until output() is called for `c`; also
    // when `c` wants to be closed.
    void (*event)(void *ctx, const struct nh_mqtt_event *e);
    void (*dirty)(void *ctx, nh_mqtt_conn_t *c, void *user);
    // Who is it? `c` names the connection in nh_mqtt_broker_auth_done() and auth_cancel().
    void (*authenticate)(void *ctx, nh_mqtt_conn_t *c, const struct nh_mqtt_auth_request *r,
                         struct nh_mqtt_auth_answer *out);
    // The connection is gone, its answer (LATER or CONTINUES) is not waited for any more.
    void (*auth_cancel)(void *ctx, nh_mqtt_conn_t *c);
    // The grant of a user by name (empty: anonymous), when it is not asked for by a CONNECT: after
    // nh_mqtt_broker_access_changed(). False: there is no such user (any more). NULL: all stay.
    bool (*user_find)(void *ctx, nh_span_t user, struct nh_mqtt_grant *out);
    bool (*authorize)(void *ctx, const struct nh_mqtt_who *who, enum nh_mqtt_action action,
                      nh_span_t topic);
    // Stop (or resume) reading from `c`: its messages at QoS 1 and 2 meet a full queue, or it does
    // not read its own acknowledgements. NULL: what does not fit is dropped and counted instead.
    void (*pause)(void *ctx, nh_mqtt_conn_t *c, void *user, bool paused);
    // The state of a tier for $SYS; false: not known. NULL: only the owner's own use is shown.
    bool (*memory)(void *ctx, enum nh_mem_tier tier, struct nh_mem_tier_info *out);
    // The time of day, for what expires while the process is down. NULL: that begins anew then.
    int64_t (*unix_ms)(void *ctx);
};

// Creates a broker from a copy of `cfg`; zeroed fields take the default named there.
// Gives an owned broker in `*out`, to be freed by nh_mqtt_broker_destroy().
// NH_ERR_NOMEM, NH_ERR_RANGE: nothing was made and `*out` is NULL.
NH_MUST_USE int nh_mqtt_broker_create(const struct nh_mqtt_broker_config *cfg,
                                      nh_mqtt_broker_t **out);
void nh_mqtt_broker_destroy(nh_mqtt_broker_t *b);

// ---- the store ----------------------------------------------------------------------------------

// Takes up what the store has: the first call after create, when there is a store. NH_ERR_CORRUPT,
// NH_ERR_UNSUPPORTED (a newer format): the store cannot be used; NH_ERR_NOMEM, NH_ERR_IO. After an
// error only nh_mqtt_broker_destroy() is allowed.
NH_MUST_USE int nh_mqtt_broker_load(nh_mqtt_broker_t *b, uint64_t now_ms);
// The outcome of persist.commit(): 0; 1: written, but the store is over its limit, and publishers
// are held back until a later commit says 0; or an error: the commit is asked for again later.
void nh_mqtt_broker_saved(nh_mqtt_broker_t *b, int rc, uint64_t now_ms);
// Whether there are changes that the store has not written. To end without losing any: stop the
// listeners, then flush(), which hands them over whatever the interval, until this says no.
bool nh_mqtt_broker_is_unsaved(const nh_mqtt_broker_t *b);
void nh_mqtt_broker_flush(nh_mqtt_broker_t *b, uint64_t now_ms);

// ---- connections --------------------------------------------------------------------------------

// A new connection; `user` is given back in `dirty`. NH_ERR_FULL, NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt_broker_open(nh_mqtt_broker_t *b, void *user, uint64_t now_ms,
                                    nh_mqtt_conn_t **out);
// Feeds all `len` bytes read from `c`; a packet cut by the end is kept by the broker until its rest
// comes. `bytes` is borrowed until nh_mqtt_broker_turn_end(): messages that pass through are sent
// from it without a copy. NH_ERR_PROTO, NH_ERR_DENIED, NH_ERR_TOO_LONG (over packet_max_bytes),
// NH_ERR_FULL (it does not read its acknowledgements): drain output(), then close. NH_ERR_NOMEM:
// the packet was refused as its QoS allows; the connection is to be closed. NH_ERR_CLOSED: it
// wanted to be closed before; nothing was done. After DISCONNECT the result is 0: see
// wants_close().
NH_MUST_USE int nh_mqtt_broker_input(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const uint8_t *bytes,
                                     size_t len, uint64_t now_ms);
// Up to `max` spans to write to `c` now; valid until sent() or turn_end(). 0: nothing.
size_t nh_mqtt_broker_output(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, struct nh_mqtt_span *spans,
                             size_t max);
void nh_mqtt_broker_sent(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, size_t bytes, uint64_t now_ms);
// All dirty connections were written once: what is still unsent from input() is copied, once, and
// what is over a queue's limits is dropped. Call it after each round of input(), tick() or close().
void nh_mqtt_broker_turn_end(nh_mqtt_broker_t *b);
// The connection is gone (for whatever reason): publishes its will when due, frees `c`.
void nh_mqtt_broker_close(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, uint64_t now_ms);
// The answer to authenticate() that came later; `answer` is borrowed for the call. What the client
// sent meanwhile is read now; then call turn_end(). Not when auth_cancel() was called for `c`.
void nh_mqtt_broker_auth_done(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c,
                              const struct nh_mqtt_auth_answer *answer, uint64_t now_ms);
// Users or rules are not what they were: every user is looked up anew and all that is remembered is
// forgotten. Connections whose user is gone or has another stamp are closed, sessions of users that
// are gone end; all others stay as they are. Then call turn_end().
void nh_mqtt_broker_access_changed(nh_mqtt_broker_t *b, uint64_t now_ms);
// The hub is about to stop: every client is told so (0x8B, or 0x9C with the reference) and wants to
// be closed; wills are published. Then call turn_end(), write what output() gives, and close().
void nh_mqtt_broker_shutdown(nh_mqtt_broker_t *b, uint64_t now_ms);
// True when the broker wants `c` closed after its output (after DISCONNECT, a takeover, ...).
bool nh_mqtt_conn_wants_close(const nh_mqtt_conn_t *c);

// When to call tick() next, in ms on the same clock; NH_NEVER when nothing waits.
uint64_t nh_mqtt_broker_next_deadline(const nh_mqtt_broker_t *b);
void nh_mqtt_broker_tick(nh_mqtt_broker_t *b, uint64_t now_ms);

// ---- clients that are parts of the hub
// -----------------------------------------------------------

// A part of the hub that is a client of its broker: it speaks MQTT without a socket. It needs no
// leave for anything, is kept out by no limit of clients or rates, and its session, which nobody
// else can take, is never evicted.
#define NH_MQTT_OWN_ID_PREFIX "$bridge/" // of its client id; others are refused under such ids
struct nh_mqtt_own {                     // embedded by the part
    struct nh_mqtt_own *next;            // private
    const char *client_id;               // NUL-terminated, borrowed until it is removed
    struct nh_mqtt_user_limits limits;   // of the session's queue; 0: the broker's
};
// From now on the client id is that part's. One of each client id.
void nh_mqtt_broker_own_add(nh_mqtt_broker_t *b, struct nh_mqtt_own *o);
void nh_mqtt_broker_own_remove(nh_mqtt_broker_t *b, struct nh_mqtt_own *o); // its session stays
// As nh_mqtt_broker_open(), for a CONNECT with the client id of such a part.
NH_MUST_USE int nh_mqtt_broker_own_open(nh_mqtt_broker_t *b, void *user, uint64_t now_ms,
                                        nh_mqtt_conn_t **out);
bool nh_mqtt_conn_is_own(const nh_mqtt_conn_t *c);
// Forgets the sessions of parts that are no more: who was not added has none.
void nh_mqtt_broker_own_sweep(nh_mqtt_broker_t *b);

// ---- local clients: parts of the hub, without a socket ------------------------------------------

typedef struct nh_mqtt_local nh_mqtt_local_t;
// Calls `message` for each message that matches `filter`, within the publisher's input().
// It may publish (delivered after it returned). Retained messages are given at once.
NH_MUST_USE int nh_mqtt_local_subscribe(nh_mqtt_broker_t *b, const char *filter,
                                        void (*message)(void *ctx, const struct nh_mqtt_message *m),
                                        void *ctx, nh_mqtt_local_t **out);
void nh_mqtt_local_unsubscribe(nh_mqtt_broker_t *b, nh_mqtt_local_t *l);
NH_MUST_USE int nh_mqtt_broker_publish(nh_mqtt_broker_t *b, const struct nh_mqtt_message *m,
                                       uint64_t now_ms);

struct nh_mqtt_property {
    nh_span_t name, value;
};
struct nh_mqtt_properties { // of 5.0 that a message has; empty: not there
    nh_span_t content_type, response_topic;
    const struct nh_mqtt_property *user; // in this order
    size_t user_count;
};
// Writes them for nh_mqtt_message.props. Returns how many bytes; NH_ERR_FULL: over `cap`;
// NH_ERR_INVAL: a text that MQTT does not allow, or a wildcard in the response topic.
NH_MUST_USE int nh_mqtt_properties_write(const struct nh_mqtt_properties *p, uint8_t *out,
                                         size_t cap);

// ---- figures ------------------------------------------------------------------------------------

struct nh_mqtt_info {
    uint32_t conn_count, session_count, subscription_count, retained_count, inflight_count;
    uint64_t retained_changes; // messages stored, replaced and removed
    uint64_t retained_bytes, queued_bytes, queued_messages;
    // In: from clients, not what the hub publishes.
    uint64_t messages_in, messages_out, publish_bytes_in, publish_bytes_out, bytes_in, bytes_out;
    uint64_t messages_in_qos[3], messages_out_qos[3];
    uint64_t dropped_queue_full, dropped_no_memory, refused_connects, protocol_errors,
        keepalive_timeouts, takeovers, retained_refused, connects_total;
    uint64_t publish_refused; // over a topic limit or to $SYS: acknowledged, not passed on
    uint64_t publish_denied, subscribe_denied; // by authorize(): acknowledged, not passed on; 0x80
    uint32_t auth_waiting_count;               // connections that wait for their answer
    uint64_t pushbacks, sessions_evicted;
    uint64_t store_commits, store_records, store_bytes, store_errors; // errors: commits that failed
    uint64_t store_damaged; // records that could not be read, and what depended on them
    uint64_t store_holds;   // times that publishers were held back because much was not yet written
    uint64_t paged_bytes, paged_messages; // of queued_*: on disk only
    uint32_t store_commit_max_ms;
    int store_error;    // of the last commit: enum nh_err; 0: it went well, or there was none
    bool store_is_full; // over its limit: publishers are held back
    uint64_t sessions_expired, messages_expired; // their time was over; copies of messages
    uint64_t dropped_too_large;                  // over the client's own limit
    uint64_t shared_moved;                       // given to another member of a shared subscription
    uint64_t refused_connect_rate;               // of refused_connects
    uint64_t publish_slowed;                     // times that a client was held back to its rate
    uint32_t group_count, v5_count,
        will_count;                // shared subscriptions; 5.0 clients; wills that wait
    uint32_t conn_max, open_count; // most clients at once; connections, with or without CONNECT
};
void nh_mqtt_broker_info(const nh_mqtt_broker_t *b, struct nh_mqtt_info *out);

struct nh_mqtt_client_info {
    const char *client_id; // borrowed for the visit
    const char *user_name; // NULL: anonymous, or nobody asks
    bool is_connected, is_clean;
    bool is_own;     // of a part of the hub, such as a bridge
    uint8_t version; // 4: 3.1.1; 5: 5.0; 0: not connected
    uint16_t keepalive_s;
    uint32_t session_expiry_s; // from when it leaves, or from now on; UINT32_MAX: never
    uint32_t subscription_count, inflight_count, queued_messages;
    uint32_t away_s; // for how long it has been away; 0: connected; UINT32_MAX: not known
    uint64_t queued_bytes, messages_in, messages_out, dropped;
    uint64_t paged_messages;      // of queued_messages: on disk only
    uint64_t bytes_in, bytes_out; // of this connection
    uint64_t connected_ms;        // when, on the broker's clock; 0: not connected
    const void *user;             // of open(); NULL: not connected, or a part of the hub
};
// Visits clients from the `first`-th (0: all) until `visit` returns false. Returns how many.
size_t nh_mqtt_broker_clients(nh_mqtt_broker_t *b, size_t first,
                              bool (*visit)(void *ctx, const struct nh_mqtt_client_info *c),
                              void *ctx);

enum nh_mqtt_client_key { // what clients are ordered by
    NH_MQTT_BY_ID,
    NH_MQTT_BY_USER,
    NH_MQTT_BY_SINCE, // it is connected, or away
    NH_MQTT_BY_KEEPALIVE,
    NH_MQTT_BY_SUBSCRIPTIONS,
    NH_MQTT_BY_INFLIGHT,
    NH_MQTT_BY_QUEUED,
    NH_MQTT_BY_DROPPED,
    NH_MQTT_BY_MESSAGES_IN,
    NH_MQTT_BY_MESSAGES_OUT,
    NH_MQTT_BY_BYTES, // in and out
};
enum nh_mqtt_client_state { NH_MQTT_ANY, NH_MQTT_CONNECTED, NH_MQTT_AWAY };
#define NH_MQTT_CLIENT_TEXT_BYTES 257
struct nh_mqtt_client_place { // private
    const void *session;
    uint64_t number;
};
// A way through the clients in an order, some at a time. Zero it and set what is wanted.
struct nh_mqtt_client_walk {
    enum nh_mqtt_client_key key;
    bool is_down; // the greatest first; among equals the client id decides, upwards
    enum nh_mqtt_client_state state;
    nh_span_t text; // in the client id or the user, whatever the case of A to Z; empty: any
    bool is_whole;  // `text` is a whole client id
    size_t skip;    // so many of the first are not visited
    // Private: the last one visited, and the next ones.
    bool has_last;
    uint64_t last_number;
    char last_id[NH_MQTT_CLIENT_TEXT_BYTES], last_user[NH_MQTT_CLIENT_TEXT_BYTES];
    struct nh_mqtt_client_place next[64];
};
// Visits those behind the last one visited until `visit` returns false: the next call begins with
// that one. Each look over all sessions finds the next 64. What changes between two calls may be
// told twice or not at all.
void nh_mqtt_broker_clients_walk(nh_mqtt_broker_t *b, struct nh_mqtt_client_walk *w,
                                 bool (*visit)(void *ctx, const struct nh_mqtt_client_info *c),
                                 void *ctx);
// How many there are of that state and with that text.
size_t nh_mqtt_broker_clients_count(nh_mqtt_broker_t *b, const struct nh_mqtt_client_walk *w);

// Ends the connection of a client, which is told so when it speaks 5.0 (0x98). Its session stays if
// it is a kept one. NH_ERR_NOT_FOUND: nobody is connected under this id; NH_ERR_DENIED: it is a
// part of the hub. Then call turn_end().
NH_MUST_USE int nh_mqtt_broker_disconnect(nh_mqtt_broker_t *b, nh_span_t client_id,
                                          uint64_t now_ms);
// Ends the session too, with its subscriptions and all that waits for it; its will is published.
// NH_ERR_NOT_FOUND: there is no such session; NH_ERR_NOMEM: nothing was done; else as above.
NH_MUST_USE int nh_mqtt_broker_forget(nh_mqtt_broker_t *b, nh_span_t client_id, uint64_t now_ms);

// Visits retained messages whose topic is greater than `after` ("" or NULL: from the start), in
// byte order of topics.
size_t nh_mqtt_broker_retained(nh_mqtt_broker_t *b, const char *after,
                               bool (*visit)(void *ctx, const struct nh_mqtt_message *m),
                               void *ctx);

#define NH_MQTT_FILTER_TOLD_BYTES 256 // a longer filter is cut for the visit
struct nh_mqtt_subscription_info {
    nh_span_t filter;  // borrowed for the visit
    size_t filter_len; // its whole length
    uint8_t qos;
    bool no_local, retain_as_published;
    uint8_t retain_handling; // 0: retained messages are sent, 1: when it is new, 2: never
    uint32_t id;             // subscription identifier; 0: none
};
// Visits the subscriptions of a client, those of a kept session too, from the `first`-th (0: all)
// until `visit` returns false. NH_ERR_NOT_FOUND: no such session.
NH_MUST_USE int
nh_mqtt_broker_subscriptions(nh_mqtt_broker_t *b, nh_span_t client_id, size_t first,
                             bool (*visit)(void *ctx, const struct nh_mqtt_subscription_info *s),
                             void *ctx);

struct nh_mqtt_topic_info {
    nh_span_t level, path; // "kitchen" of "home/kitchen"; borrowed for the visit
    bool has_children;     // there are retained topics below it
    bool has_message;
    struct nh_mqtt_message message; // if it has one
};
struct nh_mqtt_topic_walk {
    nh_span_t parent; // "home"; borrowed
    bool has_parent;  // false: from the first levels of all topics
    uint8_t *key;     // memory of the caller: where to go on. key_len 0: from the start.
    size_t key_cap;   // at least topic_max_bytes + 2
    size_t key_len;
};
// Visits the levels right below the parent that retained topics have, in the order of their bytes,
// each once, until `visit` returns false: the next call with `w` begins with that level. The cost
// goes with the levels told, not with the topics below them. NH_ERR_RANGE: `key` is too small.
NH_MUST_USE int nh_mqtt_broker_topics(nh_mqtt_broker_t *b, struct nh_mqtt_topic_walk *w,
                                      bool (*visit)(void *ctx, const struct nh_mqtt_topic_info *t),
                                      void *ctx);
// All structures hold together (tests).
NH_MUST_USE int nh_mqtt_broker_check(const nh_mqtt_broker_t *b);

#endif
