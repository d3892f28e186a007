// acl.h - who may publish and read what: rules of filters, asked about one user at a time.
//
// A rule allows or denies, for one user, for anonymous clients or for everybody, publishing or
// reading, what its filter takes. Their order does not matter:
//
//   1. A deny rule that takes the topic wins over every allow rule.
//   2. Else an allow rule that takes it allows it.
//   3. Else it is denied.
//
// A filter may be subscribed to when every topic that it takes may be read. That is decided
// exactly, over all rules together: "a" and "a/+/#" cover "a/#", "a/b" and "a/c" never cover "a/+".
//
// In a rule's filter a level that is %c stands for the client id, one that is %u for the user name.
// Such a level takes that one text and nothing else. What would give a client more than its name
// does not: a rule whose %c or %u is empty, has '/', '+' or '#', or begins a topic with '$', does
// not apply at all. Let nobody in whose name such a rule cannot stand for: a deny rule would not
// apply either. See nh_mqtt_acl_stands_for().

#ifndef NH_MQTT_ACL_H
#define NH_MQTT_ACL_H

#include "core/mem/mem.h"
#include "mqtt/broker.h"

enum nh_mqtt_acl_subject { NH_MQTT_ACL_USER, NH_MQTT_ACL_ANONYMOUS, NH_MQTT_ACL_EVERYBODY };
enum nh_mqtt_acl_actions {
    NH_MQTT_ACL_PUBLISH = 1,
    NH_MQTT_ACL_READ = 2, // receive, and subscribe to what is covered
    NH_MQTT_ACL_BOTH = 3,
};

struct nh_mqtt_acl_rule {
    nh_span_t user; // of NH_MQTT_ACL_USER
    nh_span_t filter;
    uint8_t subject, actions; // enum nh_mqtt_acl_subject, _actions
    bool is_deny;
    uint8_t source; // the caller's: which file
    uint32_t line;  // where it stands there
};

typedef struct nh_mqtt_acl nh_mqtt_acl_t;

// An empty list: nobody may do anything. `mem` is borrowed until nh_mqtt_acl_destroy(). `seed`:
// random bytes where strangers choose names. NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt_acl_create(nh_mem_t *mem, uint32_t seed, nh_mqtt_acl_t **out);
void nh_mqtt_acl_destroy(nh_mqtt_acl_t *a);

// Adds a rule, copied. NH_ERR_INVAL: its filter is no filter, or has %c or %u beside other text in
// a level. NH_ERR_TOO_DEEP, NH_ERR_TOO_LONG: over 128 levels, 65535 bytes. NH_ERR_NOMEM: not added.
NH_MUST_USE int nh_mqtt_acl_add(nh_mqtt_acl_t *a, const struct nh_mqtt_acl_rule *rule);
uint32_t nh_mqtt_acl_count(const nh_mqtt_acl_t *a);

// The rules of one user, to be asked with; NULL: there are none of that name alone. Valid until the
// list is destroyed.
typedef struct nh_mqtt_acl_own nh_mqtt_acl_own_t;
const nh_mqtt_acl_own_t *nh_mqtt_acl_own(const nh_mqtt_acl_t *a, nh_span_t user);
// False: a rule has %c or %u, and this client id or user name is no text that a level can have.
bool nh_mqtt_acl_stands_for(const nh_mqtt_acl_t *a, nh_span_t user, nh_span_t client_id);

struct nh_mqtt_acl_who {
    const nh_mqtt_acl_own_t *own; // NULL: no rules of its own
    nh_span_t user;               // empty: anonymous
    nh_span_t client_id;
};
// Why it is so, for people.
struct nh_mqtt_acl_reason {
    const struct nh_mqtt_acl_rule *rule; // that decides, valid as the list; NULL: several, or none
    uint32_t level_count; // no rule: topics of so many levels are not covered; 0: all are
};
bool nh_mqtt_acl_is_topic(nh_span_t topic);
bool nh_mqtt_acl_is_filter(nh_span_t filter);
// Whether the topic (well formed) may be published to or received, the filter (well formed) be
// subscribed to. `why` may be NULL.
bool nh_mqtt_acl_may(const nh_mqtt_acl_t *a, const struct nh_mqtt_acl_who *who,
                     enum nh_mqtt_action action, nh_span_t topic, struct nh_mqtt_acl_reason *why);

// ---- Mosquitto's acl_file -----------------------------------------------------------------------

// A file that is read line by line. Embedded by the caller; its fields are private.
//
//   topic [read|write|readwrite|deny] FILTER     of the user above; above all users: of anonymous
//   user NAME                                    clients
//   pattern [read|write|readwrite|deny] FILTER   of everybody, with %c and %u
//   # a comment
//
// A bare "topic FILTER" is readwrite.
#define NH_MQTT_ACL_NAME_MAX_BYTES 256
struct nh_mqtt_acl_reading {
    nh_mqtt_acl_t *acl;
    size_t user_len; // 0: no "user" line yet
    uint8_t source;
    char user[NH_MQTT_ACL_NAME_MAX_BYTES];
};

// `source` is put into each rule.
void nh_mqtt_acl_reading_init(struct nh_mqtt_acl_reading *r, nh_mqtt_acl_t *a, uint8_t source);
// Reads one line, without its end, and adds its rule. `fault`: NULL, or what is wrong with it
// (static); then nothing was added. NH_OK; NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt_acl_line(struct nh_mqtt_acl_reading *r, nh_span_t line, uint32_t number,
                                 const char **fault);

#endif
