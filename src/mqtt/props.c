#include "mqtt/props.h"

#include "core/base/bytes.h"
#include "core/base/utf8.h"
#include "mqtt/packet.h"
#include "mqtt/topic.h"
#include "mqtt/writer.h"

#include <string.h>

// ---- the table ----------------------------------------------------------------------------------

enum kind { NONE, BYTE, TWO, FOUR, VARINT, TEXT, BINARY, PAIR };
enum rule { ANY, BOOLEAN, NOT_ZERO, TOPIC, ALIAS }; // which values are allowed

#define C(type) (1u << NH_MQTT__WHERE(NH_MQTT__##type, NH_MQTT__FROM_CLIENT))
#define S(type) (1u << NH_MQTT__WHERE(NH_MQTT__##type, NH_MQTT__FROM_SERVER))
#define BOTH(type) (C(type) | S(type))
#define WILL (1u << NH_MQTT__WHERE_WILL)
#define ACKS (BOTH(PUBACK) | BOTH(PUBREC) | BOTH(PUBREL) | BOTH(PUBCOMP))
#define ANSWERS (S(CONNACK) | ACKS | S(SUBACK) | S(UNSUBACK) | BOTH(DISCONNECT) | BOTH(AUTH))
#define EVERYWHERE (ANSWERS | C(CONNECT) | WILL | BOTH(PUBLISH) | C(SUBSCRIBE) | C(UNSUBSCRIBE))

// Table 2-4 of the standard, with what the sections of the packets add to it.
static const struct row {
    uint8_t kind, rule;
    uint32_t where;   // bits NH_MQTT__WHERE()
    uint32_t repeats; // where it may stand more than once
} rows[NH_MQTT__PROP_ID_MAX + 1] = {
    [NH_MQTT__PAYLOAD_FORMAT_INDICATOR] = {BYTE, BOOLEAN, BOTH(PUBLISH) | WILL, 0},
    [NH_MQTT__MESSAGE_EXPIRY_INTERVAL] = {FOUR, ANY, BOTH(PUBLISH) | WILL, 0},
    [NH_MQTT__CONTENT_TYPE] = {TEXT, ANY, BOTH(PUBLISH) | WILL, 0},
    [NH_MQTT__RESPONSE_TOPIC] = {TEXT, TOPIC, BOTH(PUBLISH) | WILL, 0},
    [NH_MQTT__CORRELATION_DATA] = {BINARY, ANY, BOTH(PUBLISH) | WILL, 0},
    [NH_MQTT__SUBSCRIPTION_IDENTIFIER] = {VARINT, NOT_ZERO, S(PUBLISH) | C(SUBSCRIBE), S(PUBLISH)},
    [NH_MQTT__SESSION_EXPIRY_INTERVAL] = {FOUR, ANY, C(CONNECT) | S(CONNACK) | C(DISCONNECT), 0},
    [NH_MQTT__ASSIGNED_CLIENT_IDENTIFIER] = {TEXT, ANY, S(CONNACK), 0},
    [NH_MQTT__SERVER_KEEP_ALIVE] = {TWO, ANY, S(CONNACK), 0},
    [NH_MQTT__AUTHENTICATION_METHOD] = {TEXT, ANY, C(CONNECT) | S(CONNACK) | BOTH(AUTH), 0},
    [NH_MQTT__AUTHENTICATION_DATA] = {BINARY, ANY, C(CONNECT) | S(CONNACK) | BOTH(AUTH), 0},
    [NH_MQTT__REQUEST_PROBLEM_INFORMATION] = {BYTE, BOOLEAN, C(CONNECT), 0},
    [NH_MQTT__WILL_DELAY_INTERVAL] = {FOUR, ANY, WILL, 0},
    [NH_MQTT__REQUEST_RESPONSE_INFORMATION] = {BYTE, BOOLEAN, C(CONNECT), 0},
    [NH_MQTT__RESPONSE_INFORMATION] = {TEXT, ANY, S(CONNACK), 0},
    [NH_MQTT__SERVER_REFERENCE] = {TEXT, ANY, S(CONNACK) | S(DISCONNECT), 0},
    [NH_MQTT__REASON_STRING] = {TEXT, ANY, ANSWERS, 0},
    [NH_MQTT__RECEIVE_MAXIMUM] = {TWO, NOT_ZERO, C(CONNECT) | S(CONNACK), 0},
    [NH_MQTT__TOPIC_ALIAS_MAXIMUM] = {TWO, ANY, C(CONNECT) | S(CONNACK), 0},
    [NH_MQTT__TOPIC_ALIAS] = {TWO, ALIAS, BOTH(PUBLISH), 0},
    [NH_MQTT__MAXIMUM_QOS] = {BYTE, BOOLEAN, S(CONNACK), 0},
    [NH_MQTT__RETAIN_AVAILABLE] = {BYTE, BOOLEAN, S(CONNACK), 0},
    [NH_MQTT__USER_PROPERTY] = {PAIR, ANY, EVERYWHERE, EVERYWHERE},
    [NH_MQTT__MAXIMUM_PACKET_SIZE] = {FOUR, NOT_ZERO, C(CONNECT) | S(CONNACK), 0},
    [NH_MQTT__WILDCARD_SUBSCRIPTION_AVAILABLE] = {BYTE, BOOLEAN, S(CONNACK), 0},
    [NH_MQTT__SUBSCRIPTION_IDENTIFIER_AVAILABLE] = {BYTE, BOOLEAN, S(CONNACK), 0},
    [NH_MQTT__SHARED_SUBSCRIPTION_AVAILABLE] = {BYTE, BOOLEAN, S(CONNACK), 0},
};

static const struct row *row_of(unsigned id)
{
    const struct row *row = id <= NH_MQTT__PROP_ID_MAX ? &rows[id] : &rows[0];
    return row->kind == NONE ? NULL : row;
}

static uint32_t packet_mask(uint8_t where) // that packet from either side
{
    return where == NH_MQTT__WHERE_WILL ? 1u : 0x10001u << (where & 15);
}

static bool is_text(nh_span_t s) // [MQTT5-1.5.4-1], [MQTT5-1.5.4-2]
{
    return nh_utf8_is_valid(s.ptr, s.len, false);
}

static bool value_is_allowed(enum rule rule, const struct nh_mqtt__prop *p)
{
    if (rule == BOOLEAN)
        return p->number <= 1;
    if (rule == NOT_ZERO || rule == ALIAS)
        return p->number != 0;
    if (rule != TOPIC)
        return true;
    for (size_t i = 0; i < p->bytes.len; i++) // [MQTT5-3.3.2-14]
        if (p->bytes.ptr[i] == '+' || p->bytes.ptr[i] == '#')
            return false;
    return p->bytes.len > 0; // [MQTT5-4.7.3-1]
}

// What stands on its own of a property that could be read, and beside those before it.
static int judge(const struct nh_mqtt__prop *p, uint8_t where, uint64_t present)
{
    const struct row *row = row_of(p->id);
    uint32_t bit = (uint32_t)1 << where;
    if (!(row->where & packet_mask(where)))
        return NH_ERR_SYNTAX;
    if ((row->kind == TEXT || row->kind == PAIR) && (!is_text(p->bytes) || !is_text(p->name)))
        return NH_ERR_SYNTAX;
    if (!(row->where & bit)) // the other side's
        return NH_ERR_PROTO;
    if ((present & NH_MQTT__PROP_BIT(p->id)) && !(row->repeats & bit))
        return NH_ERR_PROTO;
    if (!value_is_allowed(row->rule, p))
        return row->rule == ALIAS ? NH_ERR_RANGE : NH_ERR_PROTO;
    return NH_OK;
}

// Data belongs to a method; AUTH is nothing without one.
static int judge_list(uint64_t present, uint8_t where)
{
    bool needs_method = (where & 15) == NH_MQTT__AUTH ||
                        (present & NH_MQTT__PROP_BIT(NH_MQTT__AUTHENTICATION_DATA));
    bool has_method = present & NH_MQTT__PROP_BIT(NH_MQTT__AUTHENTICATION_METHOD);
    return needs_method && !has_method ? NH_ERR_PROTO : NH_OK;
}

// ---- reading ------------------------------------------------------------------------------------

static void take_value(struct nh_mqtt__cursor *c, enum kind kind, struct nh_mqtt__prop *p)
{
    switch (kind) {
    case BYTE:
        p->number = nh_mqtt__take_u8(c);
        break;
    case TWO:
        p->number = nh_mqtt__take_u16(c);
        break;
    case FOUR:
        p->number = nh_mqtt__take_u32(c);
        break;
    case VARINT:
        p->number = nh_mqtt__take_varint(c);
        break;
    case PAIR:
        p->name = nh_mqtt__take_bytes(c);
        p->bytes = nh_mqtt__take_bytes(c);
        break;
    default:
        p->bytes = nh_mqtt__take_bytes(c);
    }
}

// Reads one property without judging its value. False: malformed.
static bool take_prop(struct nh_mqtt__cursor *c, struct nh_mqtt__prop *p)
{
    *p = (struct nh_mqtt__prop){.raw = {c->ptr, 0}};
    uint32_t id = nh_mqtt__take_varint(c);
    const struct row *row = row_of(id);
    if (c->overran || !row)
        return false;
    p->id = (uint8_t)id;
    take_value(c, row->kind, p);
    p->raw.len = (size_t)(c->ptr - p->raw.ptr);
    return !c->overran;
}

int nh_mqtt__props_check(nh_span_t bytes, uint8_t where, struct nh_mqtt__props *out)
{
    struct nh_mqtt__cursor c = nh_mqtt__cursor(bytes);
    uint64_t present = 0;
    *out = (struct nh_mqtt__props){0};
    while (c.ptr < c.end) {
        struct nh_mqtt__prop p;
        if (!take_prop(&c, &p))
            return NH_ERR_SYNTAX;
        int rc = judge(&p, where, present);
        if (rc < 0)
            return rc;
        present |= NH_MQTT__PROP_BIT(p.id);
    }
    *out = (struct nh_mqtt__props){bytes, present};
    return judge_list(present, where);
}

int nh_mqtt__props_decode(struct nh_mqtt__cursor *c, uint8_t where, struct nh_mqtt__props *out)
{
    *out = (struct nh_mqtt__props){0};
    size_t len = nh_mqtt__take_varint(c);
    if (c->overran || (size_t)(c->end - c->ptr) < len)
        return NH_ERR_SYNTAX;
    nh_span_t bytes = {c->ptr, len};
    c->ptr += len;
    return nh_mqtt__props_check(bytes, where, out);
}

bool nh_mqtt__props_next(struct nh_mqtt__props *rest, struct nh_mqtt__prop *out)
{
    if (rest->bytes.len == 0)
        return false;
    struct nh_mqtt__cursor c = nh_mqtt__cursor(rest->bytes);
    bool is_sound = take_prop(&c, out);
    NH_ASSERT(is_sound); // it was checked
    rest->bytes = (nh_span_t){c.ptr, (size_t)(c.end - c.ptr)};
    return true;
}

bool nh_mqtt__props_next_of(struct nh_mqtt__props *rest, enum nh_mqtt__prop_id id,
                            struct nh_mqtt__prop *out)
{
    if (!nh_mqtt__props_has(rest, id))
        return false;
    while (nh_mqtt__props_next(rest, out))
        if (out->id == id)
            return true;
    return false;
}

uint32_t nh_mqtt__props_number(const struct nh_mqtt__props *p, enum nh_mqtt__prop_id id,
                               uint32_t otherwise)
{
    struct nh_mqtt__props rest = *p;
    struct nh_mqtt__prop prop;
    return nh_mqtt__props_next_of(&rest, id, &prop) ? prop.number : otherwise;
}

nh_span_t nh_mqtt__props_bytes(const struct nh_mqtt__props *p, enum nh_mqtt__prop_id id)
{
    struct nh_mqtt__props rest = *p;
    struct nh_mqtt__prop prop;
    return nh_mqtt__props_next_of(&rest, id, &prop) ? prop.bytes : (nh_span_t){0};
}

static void put_kept(struct nh_mqtt__writer *w, struct nh_mqtt__props rest, uint64_t keep)
{
    struct nh_mqtt__prop p;
    while (nh_mqtt__props_next(&rest, &p))
        if (keep & NH_MQTT__PROP_BIT(p.id))
            nh_mqtt__put_raw(w, p.raw);
}

size_t nh_mqtt__props_copy(const struct nh_mqtt__props *p, uint64_t keep, uint8_t *out, size_t cap)
{
    struct nh_mqtt__writer w = {0};
    put_kept(&w, *p, keep);
    if (w.len == 0 || w.len > cap)
        return w.len;
    w = (struct nh_mqtt__writer){.out = out};
    put_kept(&w, *p, keep);
    return w.len;
}

// ---- writing ------------------------------------------------------------------------------------

void nh_mqtt__props_begin(struct nh_mqtt__props_out *out, uint8_t where, uint8_t *buf, size_t cap)
{
    *out = (struct nh_mqtt__props_out){.ptr = buf, .cap = cap, .where = where};
}

static void put_value(struct nh_mqtt__writer *w, enum kind kind, const struct nh_mqtt__prop *p)
{
    switch (kind) {
    case BYTE:
        nh_mqtt__put_u8(w, (uint8_t)p->number);
        break;
    case TWO:
        nh_mqtt__put_u16(w, (uint16_t)p->number);
        break;
    case FOUR:
        nh_mqtt__put_u32(w, p->number);
        break;
    case VARINT:
        nh_mqtt__put_varint(w, p->number);
        break;
    case PAIR:
        nh_mqtt__put_bytes(w, p->name);
        nh_mqtt__put_bytes(w, p->bytes);
        break;
    default:
        nh_mqtt__put_bytes(w, p->bytes);
    }
}

static void put_prop(struct nh_mqtt__writer *w, const struct nh_mqtt__prop *p)
{
    nh_mqtt__put_u8(w, p->id);
    put_value(w, row_of(p->id)->kind, p);
}

static bool number_fits(enum kind kind, uint32_t number)
{
    return kind == BYTE     ? number <= UINT8_MAX
           : kind == TWO    ? number <= UINT16_MAX
           : kind == VARINT ? number <= NH_MQTT__BODY_MAX
                            : kind == FOUR;
}

static void put(struct nh_mqtt__props_out *out, const struct nh_mqtt__prop *p, bool is_right_kind)
{
    if (out->rc < 0)
        return;
    struct nh_mqtt__writer w = {0};
    if (is_right_kind && judge(p, out->where, out->present) == NH_OK)
        put_prop(&w, p);
    if (w.len == 0 || w.is_bad) {
        out->rc = NH_ERR_INVAL;
        return;
    }
    if (w.len > out->cap - out->len) {
        out->rc = NH_ERR_FULL;
        return;
    }
    w = (struct nh_mqtt__writer){.out = out->ptr + out->len};
    put_prop(&w, p);
    out->len += w.len;
    out->present |= NH_MQTT__PROP_BIT(p->id);
}

void nh_mqtt__props_put_number(struct nh_mqtt__props_out *out, enum nh_mqtt__prop_id id,
                               uint32_t value)
{
    const struct row *row = row_of(id);
    struct nh_mqtt__prop p = {.id = (uint8_t)id, .number = value};
    put(out, &p, row && number_fits(row->kind, value));
}

void nh_mqtt__props_put_bytes(struct nh_mqtt__props_out *out, enum nh_mqtt__prop_id id,
                              nh_span_t value)
{
    const struct row *row = row_of(id);
    struct nh_mqtt__prop p = {.id = (uint8_t)id, .bytes = value};
    put(out, &p, row && (row->kind == TEXT || row->kind == BINARY));
}

void nh_mqtt__props_put_user(struct nh_mqtt__props_out *out, nh_span_t name, nh_span_t value)
{
    struct nh_mqtt__prop p = {.id = NH_MQTT__USER_PROPERTY, .name = name, .bytes = value};
    put(out, &p, true);
}

void nh_mqtt__props_put_list(struct nh_mqtt__props_out *out, const struct nh_mqtt__props *list,
                             uint64_t keep)
{
    struct nh_mqtt__props rest = *list;
    struct nh_mqtt__prop p;
    while (nh_mqtt__props_next(&rest, &p))
        if (keep & NH_MQTT__PROP_BIT(p.id))
            put(out, &p, true);
}

int nh_mqtt__props_end(const struct nh_mqtt__props_out *out, struct nh_mqtt__props *list)
{
    *list = (struct nh_mqtt__props){0};
    if (out->rc < 0)
        return out->rc;
    if (judge_list(out->present, out->where) < 0)
        return NH_ERR_INVAL;
    *list = (struct nh_mqtt__props){{out->ptr, out->len}, out->present};
    return NH_OK;
}
