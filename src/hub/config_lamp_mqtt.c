// Fields of the lamp by MQTT.
#include "hub/config_fields.h"

const nh_json_field_t nh_hub__lamp_mqtt_fields[] = {
    BOOL("enabled", lamp_mqtt.enabled,
         "Whether the lamp, if there is one, has topics at the hub's broker"),
    {0},
};
