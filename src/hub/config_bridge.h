// config_bridge.h - mqtt.bridges of hub.yaml. Read apart from everything else and only by who needs
// it: bridges have many texts, most hubs have no bridge, and the hub's configuration is kept
// several times over.

#ifndef NH_HUB_CONFIG_BRIDGE_H
#define NH_HUB_CONFIG_BRIDGE_H

#include "core/json/decode.h"
#include "mqtt/bridge_rules.h"
#include "platform/yaml.h"

#define NH_HUB_BRIDGE_MAX_COUNT 4
#define NH_HUB_BRIDGE_RULE_MAX_COUNT 24

struct nh_hub_bridge_rule {
    char filter[129];
    char local_prefix[65], remote_prefix[65];
    int direction; // 0: out, 1: in, 2: both
    uint32_t qos;
};

struct nh_hub_bridge {
    char name[33];
    char address[272]; // HOST:PORT, [IPV6]:PORT
    int version;       // 0: 5.0, 1: 3.1.1
    char client_id[129];
    char user[129], password[129];
    char password_file[256]; // its first line
    bool tls, tls_any_name;
    char tls_ca_file[256], tls_cert_file[256], tls_key_file[256];
    char status_topic[129];
    bool clean, bridge_bit, unmarked;
    uint32_t keepalive_s, inflight_max, packet_max_bytes, queue_max_bytes, queue_max_messages;
    uint32_t backoff_min_ms, backoff_max_ms;
    uint32_t rule_count;
    struct nh_hub_bridge_rule rules[NH_HUB_BRIDGE_RULE_MAX_COUNT];
};

struct nh_hub_bridges {
    uint32_t count;
    struct nh_hub_bridge bridge[NH_HUB_BRIDGE_MAX_COUNT];
};

// The table of every field, below "bridges"; ends with a zeroed row.
extern const nh_json_field_t nh_hub_bridge_fields[];

// Reads mqtt.bridges of a file, or of a text, and validates it; the rest of the file is only looked
// at for its form. Numbers that are not given stay 0: the bridge's own default. Calls `finding` for
// each fault, also of the fields beside a faulty one. NH_ERR_INVAL when there was at least one
// error; then `*out` is to be thrown away.
NH_MUST_USE int nh_hub_bridges_read_file(const char *path, struct nh_hub_bridges *out,
                                         nh_finding_fn finding, void *ctx);
NH_MUST_USE int nh_hub_bridges_read_yaml(const char *text, size_t len, struct nh_hub_bridges *out,
                                         nh_finding_fn finding, void *ctx);

// What the table cannot say; findings as above.
NH_MUST_USE int nh_hub_bridges_validate(const struct nh_hub_bridges *all, nh_finding_fn finding,
                                        void *ctx);

// Splits "HOST:PORT"; the host may be a name. NH_ERR_INVAL, NH_ERR_TOO_LONG.
NH_MUST_USE int nh_hub_bridge_address_split(const char *text, char *host, size_t cap,
                                            uint16_t *port);

// As the bridge has it: the texts are views into `r`; the version is 4 or 5.
struct nh_mqtt_bridge_rule nh_hub_bridge_rule_of(const struct nh_hub_bridge_rule *r);
uint8_t nh_hub_bridge_version(const struct nh_hub_bridge *b);

// A walk over the events of hub.yaml that tells which belong to mqtt.bridges. Zeroed at the start.
struct nh_hub_bridge_path {
    uint32_t depth;         // containers open
    uint32_t inner;         // of these, within mqtt.bridges
    bool is_mqtt, is_value; // the key at hand was mqtt; was bridges, and its value comes next
};
// Whether the event is the key mqtt.bridges or lies in its value.
bool nh_hub_bridge_path_takes(struct nh_hub_bridge_path *p, const struct nh_yaml_event *e);

#endif
