// Fields of multicast DNS.
#include "hub/config_fields.h"

static const char *const when_names[] = {"auto", "on", "off", NULL};

const nh_json_field_t nh_hub__mdns_fields[] = {
    {.name = "enabled",
     .type = NH_JSON_T_ENUM,
     AT(mdns.enabled),
     .names = when_names,
     .text = "Whether the network can find the portal and the lamp by name; auto: when the portal "
             "listens wider than this machine"},
    STRING("address", mdns.address,
           "IPv4 address of this machine that is told, on whose interface; empty: the portal's"),
    {0},
};
