// mdns_wire.c - names and records of DNS (RFC 1035) on the wire. What is written has no pointers;
// what is read may.

#include "core/mdns/mdns_private.h"

#include "core/base/bytes.h"

#include <string.h>

#define TTL_HOST_S 120u // of records that have a host in them; RFC 6762, 10
#define TTL_OTHER_S 4500u
#define LABEL_COUNT_MAX 128

// ---- names -------------------------------------------------------------------------------------

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static void add_label(struct nh_mdns__name *n, const char *text, size_t len)
{
    if (len == 0 || len > 63 || n->len + len + 2 > sizeof n->bytes)
        return;
    n->bytes[n->len++] = (uint8_t)len;
    for (size_t i = 0; i < len; i++)
        n->bytes[n->len++] = (uint8_t)text[i];
}

// "_http._tcp", label by label.
static void add_labels(struct nh_mdns__name *n, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, ".");
        add_label(n, text, len);
        text += len + (text[len] == '.');
    }
}

static void end_name(struct nh_mdns__name *n)
{
    add_label(n, "local", 5);
    n->bytes[n->len++] = 0;
}

static void host_name(const nh_mdns_t *m, struct nh_mdns__name *out)
{
    out->len = 0;
    add_label(out, m->host, strlen(m->host));
    end_name(out);
}

static void instance_name(const nh_mdns_t *m, size_t service, struct nh_mdns__name *out)
{
    out->len = 0;
    add_label(out, m->instance, strlen(m->instance));
    add_labels(out, m->cfg.services[service].type);
    end_name(out);
}

static void type_name(const char *type, struct nh_mdns__name *out)
{
    out->len = 0;
    add_labels(out, type);
    end_name(out);
}

static enum nh_mdns__kind kind_of(uint32_t r)
{
    return (enum nh_mdns__kind)((r - NH_MDNS__OF_SERVICE) % 4);
}

static size_t service_of(uint32_t r)
{
    return (r - NH_MDNS__OF_SERVICE) / 4;
}

void nh_mdns__name_of(const nh_mdns_t *m, uint32_t r, struct nh_mdns__name *out)
{
    if (r == NH_MDNS__HOST)
        host_name(m, out);
    else if (kind_of(r) == NH_MDNS__META_OF)
        type_name("_services._dns-sd._udp", out);
    else if (kind_of(r) == NH_MDNS__PTR_OF)
        type_name(m->cfg.services[service_of(r)].type, out);
    else
        instance_name(m, service_of(r), out);
}

void nh_mdns__target_of(const nh_mdns_t *m, uint32_t r, struct nh_mdns__name *out)
{
    if (kind_of(r) == NH_MDNS__META_OF)
        type_name(m->cfg.services[service_of(r)].type, out);
    else if (kind_of(r) == NH_MDNS__PTR_OF)
        instance_name(m, service_of(r), out);
    else
        host_name(m, out);
}

uint16_t nh_mdns__type_of(uint32_t r)
{
    static const uint16_t types[] = {NH_MDNS__PTR, NH_MDNS__SRV, NH_MDNS__TXT, NH_MDNS__PTR};
    return r == NH_MDNS__HOST ? NH_MDNS__A : types[kind_of(r)];
}

bool nh_mdns__is_unique(uint32_t r)
{
    return nh_mdns__type_of(r) != NH_MDNS__PTR;
}

// A pointer leads back, to before the piece that it stands in: so it ends [RFC 1035, 4.1.4].
bool nh_mdns__name_read(const uint8_t *packet, size_t len, size_t *at, struct nh_mdns__name *out)
{
    size_t pos = *at, limit = len, behind = 0;
    out->len = 0;
    for (int labels = 0; labels < LABEL_COUNT_MAX; labels++) {
        if (pos >= len)
            return false;
        uint8_t n = packet[pos];
        if (n >= 0xC0) {
            if (pos + 2 > len)
                return false;
            size_t target = (size_t)(n & 0x3F) << 8 | packet[pos + 1];
            behind = behind ? behind : pos + 2;
            if (target >= pos || target >= limit)
                return false;
            limit = pos = target;
            continue;
        }
        if (n > 63 || pos + 1 + n > len || out->len + n + 2 > sizeof out->bytes)
            return false;
        out->bytes[out->len++] = n;
        for (size_t i = 0; i < n; i++)
            out->bytes[out->len++] = lower(packet[pos + 1 + i]);
        pos += 1u + n;
        if (n == 0) {
            *at = behind ? behind : pos;
            return true;
        }
    }
    return false;
}

bool nh_mdns__name_equals(const struct nh_mdns__name *a, const struct nh_mdns__name *b)
{
    if (a->len != b->len)
        return false;
    for (size_t i = 0; i < a->len; i++)
        if (lower(a->bytes[i]) != lower(b->bytes[i]))
            return false;
    return true;
}

// ---- writing -----------------------------------------------------------------------------------

static uint8_t *room(struct nh_mdns__out *o, size_t len)
{
    if (o->is_full || len > NH_MDNS_PACKET_MAX_BYTES - o->len) {
        o->is_full = true;
        return NULL;
    }
    o->len += len;
    return o->bytes + o->len - len;
}

static void put_u16(struct nh_mdns__out *o, uint16_t v)
{
    uint8_t *p = room(o, 2);
    if (p)
        nh_put_be16(p, v);
}

static void put_name(struct nh_mdns__out *o, const struct nh_mdns__name *n)
{
    uint8_t *p = room(o, n->len);
    if (p)
        memcpy(p, n->bytes, n->len);
}

void nh_mdns__put_head(struct nh_mdns__out *o, uint16_t id, uint16_t flags)
{
    uint8_t *p = room(o, NH_MDNS__HEAD_BYTES);
    if (!p)
        return;
    memset(p, 0, NH_MDNS__HEAD_BYTES);
    nh_put_be16(p, id);
    nh_put_be16(p + 2, flags);
}

void nh_mdns__put_counts(struct nh_mdns__out *o, const uint16_t counts[4])
{
    for (size_t i = 0; i < 4; i++)
        nh_put_be16(o->bytes + 4 + 2 * i, counts[i]);
}

void nh_mdns__put_question(struct nh_mdns__out *o, const struct nh_mdns__name *name, uint16_t type,
                           uint16_t class_)
{
    put_name(o, name);
    put_u16(o, type);
    put_u16(o, class_);
}

static void put_text(struct nh_mdns__out *o, const char *text)
{
    size_t len = text ? strlen(text) : 0;
    len = len < 255 ? len : 255;
    put_u16(o, (uint16_t)(len + 1));
    uint8_t *p = room(o, len + 1);
    if (!p)
        return;
    p[0] = (uint8_t)len;
    if (len)
        memcpy(p + 1, text, len);
}

static void put_data(const nh_mdns_t *m, struct nh_mdns__out *o, uint32_t r)
{
    struct nh_mdns__name target;
    uint16_t type = nh_mdns__type_of(r);
    if (type == NH_MDNS__TXT) {
        put_text(o, m->cfg.services[service_of(r)].text);
        return;
    }
    if (type == NH_MDNS__A) {
        put_u16(o, 4);
        uint8_t *p = room(o, 4);
        if (p)
            memcpy(p, m->cfg.address, 4);
        return;
    }
    nh_mdns__target_of(m, r, &target);
    put_u16(o, (uint16_t)(target.len + (type == NH_MDNS__SRV ? 6 : 0)));
    if (type == NH_MDNS__SRV) {
        put_u16(o, 0); // priority, weight
        put_u16(o, 0);
        put_u16(o, m->cfg.services[service_of(r)].port);
    }
    put_name(o, &target);
}

uint32_t nh_mdns__ttl_s(uint32_t r)
{
    uint16_t type = nh_mdns__type_of(r);
    return type == NH_MDNS__A || type == NH_MDNS__SRV ? TTL_HOST_S : TTL_OTHER_S;
}

void nh_mdns__put_record(const nh_mdns_t *m, struct nh_mdns__out *o, uint32_t r, uint32_t ttl_s,
                         bool flushes)
{
    struct nh_mdns__name name;
    nh_mdns__name_of(m, r, &name);
    put_name(o, &name);
    put_u16(o, nh_mdns__type_of(r));
    put_u16(o, (uint16_t)(NH_MDNS__IN | (flushes && nh_mdns__is_unique(r) ? NH_MDNS__FLAG : 0)));
    put_u16(o, (uint16_t)(ttl_s >> 16));
    put_u16(o, (uint16_t)ttl_s);
    put_data(m, o, r);
}

// ---- reading -----------------------------------------------------------------------------------

bool nh_mdns__question_read(const uint8_t *packet, size_t len, size_t *at,
                            struct nh_mdns__item *out)
{
    if (!nh_mdns__name_read(packet, len, at, &out->name) || len - *at < 4)
        return false;
    out->type = nh_get_be16(packet + *at);
    out->class_ = nh_get_be16(packet + *at + 2);
    *at += 4;
    return true;
}

bool nh_mdns__record_read(const uint8_t *packet, size_t len, size_t *at, struct nh_mdns__item *out)
{
    if (!nh_mdns__question_read(packet, len, at, out) || len - *at < 6)
        return false;
    out->ttl_s = nh_get_be32(packet + *at);
    out->data_len = nh_get_be16(packet + *at + 4);
    out->data = *at + 6;
    if (out->data_len > len - out->data)
        return false;
    *at = out->data + out->data_len;
    return true;
}
