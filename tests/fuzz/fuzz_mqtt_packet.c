// One packet: what can be decoded can be encoded, and decodes to the same again. The first byte
// picks the version and the side; the rest is the packet, in a block of its exact size.

#include "support/mqtt_packet.h"

#include <stdlib.h>

#define OUT_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(cond)                                                                              \
    do {                                                                                           \
        if (!(cond))                                                                               \
            abort();                                                                               \
    } while (0)

static void walk(const struct nh_mqtt__props *props)
{
    struct nh_mqtt__prop p;
    uint64_t present = 0;
    size_t bytes = 0;
    for (struct nh_mqtt__props rest = *props; nh_mqtt__props_next(&rest, &p);) {
        present |= NH_MQTT__PROP_BIT(p.id);
        bytes += p.raw.len;
        REQUIRE(p.raw.len >= 2 && p.bytes.len < p.raw.len && p.name.len < p.raw.len);
    }
    REQUIRE(present == props->present && bytes == props->bytes.len);
}

static const struct nh_mqtt__props *props_of(const struct any_packet *p)
{
    switch (p->type) {
    case NH_MQTT__CONNECT:
        return &p->connect.props;
    case NH_MQTT__CONNACK:
        return &p->connack.props;
    case NH_MQTT__PUBLISH:
        return &p->publish.props;
    case NH_MQTT__SUBSCRIBE:
    case NH_MQTT__UNSUBSCRIBE:
        return &p->subscribe.props;
    case NH_MQTT__SUBACK:
    case NH_MQTT__UNSUBACK:
        return &p->suback.props;
    case NH_MQTT__PUBACK:
    case NH_MQTT__PUBREC:
    case NH_MQTT__PUBREL:
    case NH_MQTT__PUBCOMP:
        return &p->ack.props;
    default:
        return &p->end.props;
    }
}

// Written property by property, the list is what was read.
static void rewrite(const struct any_packet *p)
{
    static uint8_t buf[OUT_MAX];
    const struct nh_mqtt__props *props = props_of(p);
    struct nh_mqtt__props_out out;
    struct nh_mqtt__props again;
    walk(props);
    if (p->version < 5 || p->type == NH_MQTT__PINGREQ || p->type == NH_MQTT__PINGRESP ||
        (p->type == NH_MQTT__AUTH && props->bytes.len == 0))
        return;
    nh_mqtt__props_begin(&out, NH_MQTT__WHERE(p->type, p->from), buf, sizeof buf);
    nh_mqtt__props_put_list(&out, props, UINT64_MAX);
    REQUIRE(nh_mqtt__props_end(&out, &again) == NH_OK);
    REQUIRE(any_props_equal(props, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[OUT_MAX];
    struct any_packet p, again;
    if (size < 1 || size > OUT_MAX / 2)
        return 0;
    uint8_t version = data[0] & 1 ? 5 : 4;
    enum nh_mqtt__from from = data[0] & 2 ? NH_MQTT__FROM_SERVER : NH_MQTT__FROM_CLIENT;
    uint8_t *block = malloc(size), *packet = block + 1; // ends where the packet ends
    memcpy(block, data, size);
    if (any_decode(version, from, packet, size - 1, &p) == NH_OK) {
        rewrite(&p);
        int len = any_encode(&p, out, sizeof out);
        REQUIRE(len > 0 && (size_t)len <= size - 1); // never longer than it came
        REQUIRE(any_decode(p.version, from, out, (size_t)len, &again) == NH_OK);
        REQUIRE(any_equal(&p, &again));
    }
    free(block);
    return 0;
}
