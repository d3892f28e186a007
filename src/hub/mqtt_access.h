// mqtt_access.h - answers the broker's questions: who is it, and what may it do. The rules say so;
// this knows who has signed in before, has the other passwords checked beside the loop, and slows
// down who guesses.
//
//   CONNECT -- no user -------------------------> anonymous, if the rules let it in
//         '-- known by this password before ----> accepted at once
//         '-- too many wrong ones from there ---> refused: busy
//         '-- else -----> queue -- login task --> accepted or refused
//   CONNECT, AUTH -- SCRAM-SHA-256 -------------> accepted or refused: a proof is quick to check
//
// The loop's task makes every call.

#ifndef NH_HUB_MQTT_ACCESS_H
#define NH_HUB_MQTT_ACCESS_H

#include "hub/mqtt_rules.h"

#define NH_MQTT_ACCESS_WRONG_MAX 5   // wrong passwords at once from one address,
#define NH_MQTT_ACCESS_WRONG_MS 1000 // then one more each second
#define NH_MQTT_ACCESS_ADDRESSES 64  // of which that is remembered; the one longest ago makes room

struct nh_mqtt_access_config {
    nh_mem_t *mem;
    struct nh_login_task *login; // borrowed; destroyed before this is
    uint32_t login_queue_max;    // clients that wait at once; one more is refused: busy
    void *ctx;
    uint64_t (*clock_ms)(void);
    // Where a client of the broker comes from: "127.0.0.1:51234".
    void (*address)(void *ctx, const void *peer, char *text, size_t cap);
    // The same of the proxy that says so; false: nobody speaks for the client. May be NULL.
    bool (*proxy)(void *ctx, const void *peer, char *text, size_t cap);
    // Whether a client is on this machine for sure; spares asking for its address. May be NULL.
    bool (*is_local)(void *ctx, const void *peer);
    // Whose name a client may bear without a password, since its certificate vouches for it. The
    // length; NH_ERR_NOT_FOUND: nobody's, others: a name that is none, refused. May be NULL.
    int (*identity)(void *ctx, const void *peer, char *text, size_t cap);
    // The answer that nh_mqtt_access_authenticate() put off, for the broker's auth_done().
    void (*answer)(void *ctx, nh_mqtt_conn_t *c, const struct nh_mqtt_auth_answer *a);
};

typedef struct nh_mqtt_access nh_mqtt_access_t;
// `rules` is taken, on success. Without a user no task is started. NH_ERR_NOMEM, NH_ERR_FULL.
NH_MUST_USE int nh_mqtt_access_create(const struct nh_mqtt_access_config *cfg,
                                      nh_mqtt_rules_t *rules, nh_mqtt_access_t **out);
// After the broker, which tells of each client that it no longer waits for.
void nh_mqtt_access_destroy(nh_mqtt_access_t *a);
// Puts other rules in force, taken on success; then call nh_mqtt_broker_access_changed(), and not
// before it nh_mqtt_rules_destroy() on `*old`, which is the caller's now. NH_ERR_NOMEM, _FULL.
NH_MUST_USE int nh_mqtt_access_rules_set(nh_mqtt_access_t *a, nh_mqtt_rules_t *rules,
                                         nh_mqtt_rules_t **old);

// The four callbacks of struct nh_mqtt_broker_config.
void nh_mqtt_access_authenticate(nh_mqtt_access_t *a, nh_mqtt_conn_t *c,
                                 const struct nh_mqtt_auth_request *r,
                                 struct nh_mqtt_auth_answer *out);
void nh_mqtt_access_cancel(nh_mqtt_access_t *a, nh_mqtt_conn_t *c);
bool nh_mqtt_access_find(nh_mqtt_access_t *a, nh_span_t user, struct nh_mqtt_grant *out);
bool nh_mqtt_access_may(nh_mqtt_access_t *a, const struct nh_mqtt_who *who,
                        enum nh_mqtt_action action, nh_span_t topic);

struct nh_mqtt_access_info {
    uint32_t user_count, rule_count, waiting_count, waiting_max;
    uint64_t remembered, checked; // signed in from memory; passwords and proofs that were checked
    uint64_t denied;              // wrong passwords, unknown users, names that do not fit
    uint64_t slowed, queue_full;  // refused unchecked: too many wrong ones, too many waiting
};
void nh_mqtt_access_info(const nh_mqtt_access_t *a, struct nh_mqtt_access_info *out);

#endif
