// mqtt_rules.h - who may use the broker and for what, as hub.yaml and the files it names have it.
// Built whole, then only read: a reload builds another one and puts it in the place of this.

#ifndef NH_HUB_MQTT_RULES_H
#define NH_HUB_MQTT_RULES_H

#include "hub/config.h"
#include "hub/users.h"
#include "mqtt/acl.h"

enum nh_mqtt_rule_source { NH_RULE_OF_CONFIG, NH_RULE_OF_FILE };

typedef struct nh_mqtt_rules {
    nh_mem_t *mem;
    nh_users_t *users;
    nh_mqtt_acl_t *acl;
    bool has_acl;             // else who is let in may all
    bool trusts_certificates; // some listener takes a certificate's name for a user's
    bool subscribes_any;      // any filter is granted, and gives what may be read
    int anonymous;            // enum nh_hub_anonymous
} nh_mqtt_rules_t;

// A fault, with the file it stands in; `file` and `f` are borrowed for the call.
typedef void (*nh_rules_fault_fn)(void *ctx, const char *file, const struct nh_finding *f);

// Nobody is known and everybody who is let in may all. NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt_rules_create(nh_mem_t *mem, nh_mqtt_rules_t **out);
void nh_mqtt_rules_destroy(nh_mqtt_rules_t *r);

// Adds what the configuration says, `config_file` (NULL: none) being where it was read from, and
// the files that it names. All faults are told. NH_ERR_INVAL: there was one; NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt_rules_load(nh_mqtt_rules_t *r, const struct nh_hub_config *cfg,
                                   const char *config_file, nh_rules_fault_fn fault, void *ctx);
// Mosquitto's ACL file alone. Results as above.
NH_MUST_USE int nh_mqtt_rules_read_acl(nh_mqtt_rules_t *r, const char *path,
                                       nh_rules_fault_fn fault, void *ctx);

// What a user is granted; `name` empty: anonymous. False: it is not known.
bool nh_mqtt_rules_grant(const nh_mqtt_rules_t *r, nh_span_t name, struct nh_mqtt_grant *out);
// `why` may be NULL.
bool nh_mqtt_rules_may(const nh_mqtt_rules_t *r, const struct nh_mqtt_who *who,
                       enum nh_mqtt_action action, nh_span_t topic, struct nh_mqtt_acl_reason *why);
// Whether a client without a user is let in that comes from this machine, or from another one.
bool nh_mqtt_rules_lets_anonymous_in(const nh_mqtt_rules_t *r, bool is_loopback);

#endif
