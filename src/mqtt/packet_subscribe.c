// SUBSCRIBE, UNSUBSCRIBE and their acknowledgements.

#include "mqtt/writer.h"

#include <string.h>

enum { // the options behind a filter
    OPTIONS_QOS = 0x03,
    OPTIONS_NO_LOCAL = 0x04,
    OPTIONS_AS_PUBLISHED = 0x08,
    OPTIONS_RETAIN_HANDLING = 0x30,
    OPTIONS_RESERVED = 0xC0,
};

static bool is_shared(nh_span_t filter)
{
    return filter.len >= 7 && memcmp(filter.ptr, "$share/", 7) == 0;
}

// ---- SUBSCRIBE, UNSUBSCRIBE ---------------------------------------------------------------------

static uint8_t take_filter(struct nh_mqtt__subscribe *k, struct nh_mqtt__subscription *out)
{
    *out = (struct nh_mqtt__subscription){.filter = nh_mqtt__take_bytes(&k->filters)};
    uint8_t options = k->type == NH_MQTT__SUBSCRIBE ? nh_mqtt__take_u8(&k->filters) : 0;
    out->qos = options & OPTIONS_QOS;
    out->no_local = options & OPTIONS_NO_LOCAL;
    out->retain_as_published = options & OPTIONS_AS_PUBLISHED;
    out->retain_handling = (options & OPTIONS_RETAIN_HANDLING) >> 4;
    return options;
}

static int check_options(uint8_t version, uint8_t options, const struct nh_mqtt__subscription *s)
{
    if (version < 5) // [MQTT-3.8.3-4]
        return options > 2 ? NH_ERR_SYNTAX : NH_OK;
    if (options & OPTIONS_RESERVED) // [MQTT5-3.8.3-5]
        return NH_ERR_SYNTAX;
    if (s->qos > 2 || s->retain_handling > NH_MQTT__RETAIN_SEND_NONE)
        return NH_ERR_PROTO;
    return s->no_local && is_shared(s->filter) ? NH_ERR_PROTO : NH_OK; // [MQTT5-3.8.3-4]
}

// `k` is a copy: the walk is for checking alone.
static int check_filters(struct nh_mqtt__subscribe k, uint32_t *count)
{
    for (*count = 0; k.filters.ptr < k.filters.end; ++*count) {
        struct nh_mqtt__subscription s;
        uint8_t options = take_filter(&k, &s);
        if (k.filters.overran)
            return NH_ERR_SYNTAX;
        int rc = check_options(k.version, options, &s);
        if (rc < 0)
            return rc;
    }
    // [MQTT-3.8.3-3], [MQTT-3.10.3-2], [MQTT5-3.8.3-2], [MQTT5-3.10.3-2]
    return *count ? NH_OK : NH_ERR_PROTO;
}

int nh_mqtt__subscribe_decode(uint8_t version, enum nh_mqtt__type type, nh_span_t body,
                              struct nh_mqtt__subscribe *out)
{
    struct nh_mqtt__cursor c = nh_mqtt__cursor(body);
    *out = (struct nh_mqtt__subscribe){
        .packet_id = nh_mqtt__take_u16(&c), .version = version, .type = (uint8_t)type};
    if (out->packet_id == 0) // [MQTT-2.3.1-1], [MQTT5-2.2.1-3]; or cut off
        return NH_ERR_SYNTAX;
    if (version >= 5) {
        uint8_t where = NH_MQTT__WHERE(type, NH_MQTT__FROM_CLIENT);
        int rc = nh_mqtt__props_decode(&c, where, &out->props);
        if (rc < 0)
            return rc;
    }
    out->filters = c;
    return check_filters(*out, &out->count);
}

bool nh_mqtt__subscribe_next(struct nh_mqtt__subscribe *k, struct nh_mqtt__subscription *out)
{
    if (k->filters.ptr == k->filters.end)
        return false;
    (void)take_filter(k, out);
    return true;
}

struct subscribe {
    const struct nh_mqtt__subscribe *k;
    const struct nh_mqtt__subscription *subs;
    size_t count;
};

static void put_subscribe(struct nh_mqtt__writer *w, void *packet)
{
    const struct subscribe *p = packet;
    nh_mqtt__put_u16(w, p->k->packet_id);
    nh_mqtt__put_props(w, p->k->version, &p->k->props);
    for (size_t i = 0; i < p->count; i++) {
        const struct nh_mqtt__subscription *s = &p->subs[i];
        nh_mqtt__put_bytes(w, s->filter);
        if (p->k->type != NH_MQTT__SUBSCRIBE)
            continue;
        unsigned options = s->qos;
        if (p->k->version >= 5)
            options |= (s->no_local ? OPTIONS_NO_LOCAL : 0u) |
                       (s->retain_as_published ? OPTIONS_AS_PUBLISHED : 0u) |
                       (unsigned)s->retain_handling << 4;
        nh_mqtt__put_u8(w, (uint8_t)options);
    }
}

int nh_mqtt__subscribe_encode(const struct nh_mqtt__subscribe *k,
                              const struct nh_mqtt__subscription *subs, size_t count, uint8_t *out,
                              size_t cap)
{
    struct subscribe packet = {k, subs, count};
    uint8_t first = (uint8_t)(k->type << 4 | 2); // [MQTT-3.8.1-1], [MQTT-3.10.1-1]
    return nh_mqtt__encode(first, put_subscribe, &packet, 0, out, cap);
}

// ---- SUBACK, UNSUBACK ---------------------------------------------------------------------------

int nh_mqtt__suback_decode(uint8_t version, enum nh_mqtt__type type, nh_span_t body,
                           struct nh_mqtt__suback *out)
{
    struct nh_mqtt__cursor c = nh_mqtt__cursor(body);
    *out = (struct nh_mqtt__suback){.packet_id = nh_mqtt__take_u16(&c)};
    if (out->packet_id == 0)
        return NH_ERR_SYNTAX;
    if (version >= 5) {
        uint8_t where = NH_MQTT__WHERE(type, NH_MQTT__FROM_SERVER);
        int rc = nh_mqtt__props_decode(&c, where, &out->props);
        if (rc < 0)
            return rc;
    }
    out->codes = (nh_span_t){c.ptr, (size_t)(c.end - c.ptr)};
    bool has_codes = version >= 5 || type == NH_MQTT__SUBACK;
    if (has_codes != (out->codes.len > 0))
        return NH_ERR_SYNTAX;
    for (size_t i = 0; i < out->codes.len; i++)
        if (!nh_mqtt__reason_is_allowed(version, type, out->codes.ptr[i])) // [MQTT-3.9.3-2]
            return NH_ERR_PROTO;
    return NH_OK;
}

struct suback {
    const struct nh_mqtt__suback *k;
    uint8_t version;
};

static void put_suback(struct nh_mqtt__writer *w, void *packet)
{
    const struct suback *p = packet;
    nh_mqtt__put_u16(w, p->k->packet_id);
    nh_mqtt__put_props(w, p->version, &p->k->props);
}

int nh_mqtt__suback_encode(uint8_t version, enum nh_mqtt__type type,
                           const struct nh_mqtt__suback *k, size_t code_count, uint8_t *out,
                           size_t cap)
{
    struct suback packet = {k, version};
    size_t tail = version < 5 && type == NH_MQTT__UNSUBACK ? 0 : code_count;
    return nh_mqtt__encode((uint8_t)(type << 4), put_suback, &packet, tail, out, cap);
}
