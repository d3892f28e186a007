#include "mqtt/reason.h"

#include "mqtt/packet.h"

#include <string.h>

static const struct row {
    uint8_t code;
    const char *packets, *text;
} rows[] = {
#define REASON_ROW(name, code, packets, text) {code, packets, text},
    NH_MQTT_REASON_LIST(REASON_ROW)
#undef REASON_ROW
};

static const struct row *find(unsigned code)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        if (rows[i].code == code)
            return &rows[i];
    return NULL;
}

const char *nh_mqtt_reason_text(unsigned code)
{
    const struct row *row = find(code);
    return row ? row->text : "unknown reason";
}

bool nh_mqtt__reason_is_allowed(uint8_t version, enum nh_mqtt__type type, unsigned code)
{
    static const char letters[] = "..C.ARLP.S.U..DH"; // by packet type
    if (version < 5 && type == NH_MQTT__CONNACK)
        return code <= NH_MQTT__NOT_AUTHORIZED;
    if (version < 5)
        return code == 0 || (type == NH_MQTT__SUBACK && (code <= 2 || code == 0x80));
    const struct row *row = find(code);
    return row && strchr(row->packets, letters[type & 15]);
}

enum nh_mqtt_reason nh_mqtt__reason_of(int err)
{
    switch (err) {
    case NH_ERR_SYNTAX:
        return NH_MQTT_REASON_MALFORMED_PACKET;
    case NH_ERR_PROTO:
        return NH_MQTT_REASON_PROTOCOL_ERROR;
    case NH_ERR_RANGE:
        return NH_MQTT_REASON_TOPIC_ALIAS_INVALID;
    case NH_ERR_TOO_LONG:
        return NH_MQTT_REASON_PACKET_TOO_LARGE;
    case NH_ERR_NOMEM:
    case NH_ERR_FULL:
        return NH_MQTT_REASON_QUOTA_EXCEEDED;
    case NH_ERR_DENIED:
        return NH_MQTT_REASON_NOT_AUTHORIZED;
    case NH_ERR_UNSUPPORTED:
        return NH_MQTT_REASON_UNSUPPORTED_PROTOCOL_VERSION;
    default:
        return err < 0 ? NH_MQTT_REASON_UNSPECIFIED_ERROR : NH_MQTT_REASON_SUCCESS;
    }
}
