// The tables of the lists that hub.yaml has and the configuration does not keep.

#include "hub/config_lists.h"

static const char *const acl_action_names[] = {"none", "publish", "subscribe", "both", NULL};

static const nh_json_field_t user_fields[] = {
    {.name = "name",
     .type = NH_JSON_T_STRING,
     .required = true,
     NH_JSON_AT(struct nh_hub_mqtt_user, name),
     .text = "Name of a user of the broker"},
    {.name = "password_hash",
     .type = NH_JSON_T_STRING,
     NH_JSON_AT(struct nh_hub_mqtt_user, password_hash),
     .is_secret = true,
     .text = "From nuthatch passwd or mosquitto_passwd; empty: by certificate only"},
    {.name = "client_id_prefix",
     .type = NH_JSON_T_STRING,
     NH_JSON_AT(struct nh_hub_mqtt_user, client_id_prefix),
     .text = "How its client ids begin; empty: any"},
    {.name = "conn_max_count",
     .type = NH_JSON_T_INT,
     NH_JSON_AT(struct nh_hub_mqtt_user, conn_max_count),
     .text = "Its connections at once; 0: no limit"},
    {.name = "subscription_max_count",
     .type = NH_JSON_T_INT,
     NH_JSON_AT(struct nh_hub_mqtt_user, subscription_max_count),
     .min = 0,
     .max = 10000,
     .text = "Instead of mqtt.subscription_max_count; 0: that"},
    {.name = "queue_max_bytes",
     .type = NH_JSON_T_INT,
     NH_JSON_AT(struct nh_hub_mqtt_user, queue_max_bytes),
     .min = 0,
     .max = 1073741824,
     .unit = "bytes",
     .text = "Instead of mqtt.queue_max_bytes; 0: that"},
    {.name = "queue_max_messages",
     .type = NH_JSON_T_INT,
     NH_JSON_AT(struct nh_hub_mqtt_user, queue_max_messages),
     .min = 0,
     .max = 1000000,
     .text = "Instead of mqtt.queue_max_messages; 0: that"},
    {.name = "publish_rate_max",
     .type = NH_JSON_T_INT,
     NH_JSON_AT(struct nh_hub_mqtt_user, publish_rate_max),
     .min = 0,
     .max = 1000000,
     .unit = "1/s",
     .text = "Messages a second of all its clients together; 0: no limit. More wait"},
    {0},
};

static const nh_json_field_t rule_fields[] = {
    {.name = "user",
     .type = NH_JSON_T_STRING,
     NH_JSON_AT(struct nh_hub_mqtt_rule, user),
     .text = "Whom the rule is for: a name; * (as without it): everybody; -: anonymous clients"},
    {.name = "allow",
     .type = NH_JSON_T_ENUM,
     .names = acl_action_names,
     NH_JSON_AT(struct nh_hub_mqtt_rule, allow),
     .text = "What it allows; either this or deny"},
    {.name = "deny",
     .type = NH_JSON_T_ENUM,
     .names = acl_action_names,
     NH_JSON_AT(struct nh_hub_mqtt_rule, deny),
     .text = "What it denies, whatever other rules allow"},
    {.name = "filter",
     .type = NH_JSON_T_STRING,
     .required = true,
     NH_JSON_AT(struct nh_hub_mqtt_rule, filter),
     .text = "Topics as in a subscription; a level may be %c (client id) or %u (user)"},
    {0},
};

const struct nh_hub_mqtt_rule nh_hub__rule_default = {.user = "*"};
const nh_json_field_t nh_hub__user_element = {
    .type = NH_JSON_T_OBJECT, .fields = user_fields, .size = sizeof(struct nh_hub_mqtt_user)};
const nh_json_field_t nh_hub__rule_element = {
    .type = NH_JSON_T_OBJECT, .fields = rule_fields, .size = sizeof(struct nh_hub_mqtt_rule)};
