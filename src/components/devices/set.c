#include "components/devices/set_private.h"
#include "components/devices/words.h"

#include <string.h>

const struct nh_device_limits nh_device_limits_standard = {
    .device_max_count = 64,
    .scenario_max_count = 64,
    .step_max_count = 128,
    .item_max_count = 64,
    .depth_max = NH_DEVICE_DEPTH_MAX,
    .id_max_bytes = 31,
    .name_max_bytes = 63,
    .topic_max_bytes = 255,
    .payload_max_bytes = 1023,
    .flag_max_bytes = 31,
    .track_max_bytes = 127,
    .expression_max_bytes = 255,
    .document_max_bytes = 1024 * 1024,
    .compiled_max_bytes = 512 * 1024,
};

// ---- numbers ------------------------------------------------------------------------------------

size_t nh_varint__put(uint8_t out[10], uint64_t v)
{
    size_t n = 0;
    for (; v >= 128; v >>= 7)
        out[n++] = (uint8_t)(v | 128);
    out[n++] = (uint8_t)v;
    return n;
}

uint64_t nh_varint__get(const uint8_t **at)
{
    uint64_t v = 0;
    unsigned shift = 0;
    for (; **at >= 128; (*at)++, shift += 7)
        v |= (uint64_t)(**at & 127) << shift;
    return v | (uint64_t) * (*at)++ << shift;
}

// Of a list's elements: two bytes, since it is written when the list has ended.
static uint32_t take_count(const uint8_t **at)
{
    uint32_t count = (uint32_t)((*at)[0] | (*at)[1] << 8);
    *at += NH_COUNT_BYTES;
    return count;
}

static int64_t number_of(uint64_t v) // the sign stands in the lowest bit
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

// ---- passing over -------------------------------------------------------------------------------

static const uint8_t *skip_list(const uint8_t *at)
{
    for (uint32_t count = take_count(&at); count > 0; count--)
        at = nh_rec__skip(at);
    return at;
}

const uint8_t *nh_rec__skip_value(const uint8_t *at, enum nh_field f)
{
    switch (nh_field_kind(f)) {
    case NH_KIND_BOOL:
    case NH_KIND_ENUM:
        return at + 1;
    case NH_KIND_INT:
    case NH_KIND_TEXT:
        nh_varint__get(&at);
        return at;
    case NH_KIND_SCALAR:
        if (*at++ >= NH_SCALAR_NUMBER)
            nh_varint__get(&at);
        return at;
    case NH_KIND_OBJECT:
        return nh_rec__skip(at);
    case NH_KIND_LIST:
        return skip_list(at);
    case NH_KIND_TEXTS:
        for (uint32_t count = take_count(&at); count > 0; count--)
            nh_varint__get(&at);
        return at;
    }
    return at;
}

const uint8_t *nh_rec__skip(const uint8_t *at)
{
    while (*at != NH_FIELD_NONE) {
        enum nh_field f = (enum nh_field) * at++;
        at = nh_rec__skip_value(at, f);
    }
    return at + 1;
}

// ---- sets ---------------------------------------------------------------------------------------

nh_device_set_t *nh_device_set_ref(nh_device_set_t *s)
{
    s->ref_count++;
    return s;
}

void nh_device_set_unref(nh_device_set_t *s)
{
    if (s && --s->ref_count == 0)
        nh_mem_free(s->mem, s);
}

void nh_device_set_info(const nh_device_set_t *s, struct nh_device_set_info *out)
{
    *out = (struct nh_device_set_info){.device_count = s->device_count,
                                       .scenario_count = s->scenario_count,
                                       .bytes = s->bytes,
                                       .record_bytes = s->record_bytes,
                                       .text_bytes = s->text_bytes};
}

nh_rec_t nh_rec_at(const nh_device_set_t *s, uint32_t place)
{
    return (nh_rec_t){s, place ? s->records + place : NULL};
}

uint32_t nh_rec_place(nh_rec_t r)
{
    return r.at ? (uint32_t)(r.at - r.set->records) : 0;
}

nh_rec_t nh_device_set_root(const nh_device_set_t *s)
{
    return nh_rec_at(s, 1);
}

nh_rec_t nh_device_set_device(const nh_device_set_t *s, uint32_t index)
{
    return nh_rec_at(s, index < s->device_count ? s->devices[index].at : 0);
}

nh_rec_t nh_device_set_scenario(const nh_device_set_t *s, uint32_t index)
{
    return nh_rec_at(s, index < s->scenario_count ? s->scenarios[index].at : 0);
}

uint32_t nh_device_set_scenario_device(const nh_device_set_t *s, uint32_t index)
{
    return s->scenarios[index].device;
}

uint32_t nh_device_set_scenarios_of(const nh_device_set_t *s, uint32_t device, uint32_t *count)
{
    *count = s->devices[device + 1].scenario_first - s->devices[device].scenario_first;
    return s->devices[device].scenario_first;
}

static bool is_same(nh_span_t a, nh_span_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

int nh_device_set_find_device(const nh_device_set_t *s, nh_span_t id)
{
    for (uint32_t i = 0; i < s->device_count; i++)
        if (is_same(nh_rec_text(nh_device_set_device(s, i), NH_FIELD_ID), id))
            return (int)i;
    return NH_ERR_NOT_FOUND;
}

int nh_device_set_find_scenario(const nh_device_set_t *s, uint32_t device, nh_span_t id_or_name)
{
    uint32_t count;
    uint32_t first = nh_device_set_scenarios_of(s, device, &count);
    for (uint32_t i = first; i < first + count; i++)
        if (is_same(nh_rec_text(nh_device_set_scenario(s, i), NH_FIELD_ID), id_or_name))
            return (int)i;
    for (uint32_t i = first; i < first + count; i++) {
        nh_rec_t r = nh_device_set_scenario(s, i);
        if (nh_words__equal_word(nh_rec_text(r, NH_FIELD_ID), id_or_name) ||
            nh_words__equal_word(nh_rec_text(r, NH_FIELD_NAME), id_or_name))
            return (int)i;
    }
    return NH_ERR_NOT_FOUND;
}

// ---- records ------------------------------------------------------------------------------------

static const uint8_t *find(nh_rec_t r, enum nh_field f)
{
    const uint8_t *at = r.at;
    if (!at)
        return NULL;
    while (*at != NH_FIELD_NONE) {
        enum nh_field found = (enum nh_field) * at++;
        if (found == f)
            return at;
        at = nh_rec__skip_value(at, found);
    }
    return NULL;
}

bool nh_rec_has(nh_rec_t r, enum nh_field f)
{
    return find(r, f) != NULL;
}

bool nh_rec_bool(nh_rec_t r, enum nh_field f, bool standard)
{
    const uint8_t *at = find(r, f);
    return at ? *at != 0 : standard;
}

int nh_rec_enum(nh_rec_t r, enum nh_field f, int standard)
{
    const uint8_t *at = find(r, f);
    return at ? *at : standard;
}

int64_t nh_rec_int(nh_rec_t r, enum nh_field f, int64_t standard)
{
    const uint8_t *at = find(r, f);
    return at ? number_of(nh_varint__get(&at)) : standard;
}

nh_span_t nh_device_set__text(const nh_device_set_t *s, uint32_t offset)
{
    const uint8_t *at = s->texts + offset;
    size_t len = (size_t)nh_varint__get(&at);
    return (nh_span_t){at, len};
}

void nh_device_set_texts_each(const nh_device_set_t *s, void (*visit)(void *ctx, nh_span_t text),
                              void *ctx)
{
    const uint8_t *at = s->texts, *end = at + s->text_bytes;
    while (at < end) {
        nh_span_t text = nh_device_set__text(s, (uint32_t)(at - s->texts));
        visit(ctx, text);
        at = text.ptr + text.len + 1;
    }
}

static nh_span_t take_text(const nh_device_set_t *s, const uint8_t **at)
{
    return nh_device_set__text(s, (uint32_t)nh_varint__get(at));
}

nh_span_t nh_rec_text(nh_rec_t r, enum nh_field f)
{
    const uint8_t *at = find(r, f);
    return at ? take_text(r.set, &at) : (nh_span_t){(const uint8_t *)"", 0};
}

const char *nh_rec_string(nh_rec_t r, enum nh_field f)
{
    return (const char *)nh_rec_text(r, f).ptr;
}

nh_rec_t nh_rec_object(nh_rec_t r, enum nh_field f)
{
    return (nh_rec_t){r.set, find(r, f)};
}

struct nh_scalar nh_rec_scalar(nh_rec_t r, enum nh_field f)
{
    const uint8_t *at = find(r, f);
    struct nh_scalar v = {NH_SCALAR_NONE, {(const uint8_t *)"", 0}};
    if (!at)
        return v;
    v.kind = (enum nh_scalar_kind) * at++;
    if (v.kind >= NH_SCALAR_NUMBER)
        v.text = take_text(r.set, &at);
    return v;
}

uint32_t nh_rec_count(nh_rec_t r, enum nh_field f)
{
    const uint8_t *at = find(r, f);
    return at ? take_count(&at) : 0;
}

nh_rec_t nh_rec_element(nh_rec_t r, enum nh_field f, uint32_t index)
{
    const uint8_t *at = find(r, f);
    uint32_t count = at ? take_count(&at) : 0;
    if (index >= count)
        return (nh_rec_t){r.set, NULL};
    for (uint32_t i = 0; i < index; i++)
        at = nh_rec__skip(at);
    return (nh_rec_t){r.set, at};
}

nh_rec_t nh_rec_first(nh_rec_t r, enum nh_field f)
{
    return nh_rec_element(r, f, 0);
}

nh_rec_t nh_rec_next(nh_rec_t r)
{
    return (nh_rec_t){r.set, nh_rec__skip(r.at)};
}

nh_span_t nh_rec_text_element(nh_rec_t r, enum nh_field f, uint32_t index)
{
    const uint8_t *at = find(r, f);
    uint32_t count = at ? take_count(&at) : 0;
    if (index >= count)
        return (nh_span_t){(const uint8_t *)"", 0};
    for (uint32_t i = 0; i < index; i++)
        nh_varint__get(&at);
    return take_text(r.set, &at);
}

// ---- comparing ----------------------------------------------------------------------------------

static bool is_equal_list(const nh_device_set_t *sa, const uint8_t *a, const nh_device_set_t *sb,
                          const uint8_t *b)
{
    uint32_t count = take_count(&a);
    if (take_count(&b) != count)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!nh_rec_equal((nh_rec_t){sa, a}, (nh_rec_t){sb, b}))
            return false;
        a = nh_rec__skip(a);
        b = nh_rec__skip(b);
    }
    return true;
}

static bool is_equal_value(const nh_device_set_t *sa, const uint8_t *a, const nh_device_set_t *sb,
                           const uint8_t *b, enum nh_field f)
{
    uint32_t count;
    switch (nh_field_kind(f)) {
    case NH_KIND_BOOL:
    case NH_KIND_ENUM:
        return *a == *b;
    case NH_KIND_INT:
        return nh_varint__get(&a) == nh_varint__get(&b);
    case NH_KIND_TEXT:
        return is_same(take_text(sa, &a), take_text(sb, &b));
    case NH_KIND_SCALAR:
        if (*a != *b++)
            return false;
        return *a++ < NH_SCALAR_NUMBER || is_same(take_text(sa, &a), take_text(sb, &b));
    case NH_KIND_OBJECT:
        return nh_rec_equal((nh_rec_t){sa, a}, (nh_rec_t){sb, b});
    case NH_KIND_LIST:
        return is_equal_list(sa, a, sb, b);
    case NH_KIND_TEXTS:
        count = take_count(&a);
        if (take_count(&b) != count)
            return false;
        for (; count > 0; count--)
            if (!is_same(take_text(sa, &a), take_text(sb, &b)))
                return false;
        return true;
    }
    return false;
}

static uint32_t field_count(nh_rec_t r)
{
    uint32_t count = 0;
    const uint8_t *at = r.at;
    while (at && *at != NH_FIELD_NONE) {
        enum nh_field f = (enum nh_field) * at++;
        at = nh_rec__skip_value(at, f);
        count++;
    }
    return count;
}

bool nh_rec_equal(nh_rec_t a, nh_rec_t b)
{
    if (!a.at || !b.at)
        return a.at == b.at;
    if (field_count(a) != field_count(b))
        return false;
    for (const uint8_t *at = a.at; *at != NH_FIELD_NONE;) {
        enum nh_field f = (enum nh_field) * at++;
        const uint8_t *other = find(b, f);
        if (!other || !is_equal_value(a.set, at, b.set, other, f))
            return false;
        at = nh_rec__skip_value(at, f);
    }
    return true;
}

// ---- a digest -----------------------------------------------------------------------------------

#define DIGEST_BEGIN 0xCBF29CE484222325u

// Multiplying carries each bit upwards, the shift brings the upper half down for the next step.
static uint64_t digest_number(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9E3779B97F4A7C15u;
    return h ^ h >> 32;
}

// FNV-1a.
static uint64_t digest_text(uint64_t h, nh_span_t text)
{
    h = digest_number(h, text.len);
    for (size_t i = 0; i < text.len; i++)
        h = (h ^ text.ptr[i]) * 0x100000001B3u;
    return h;
}

static uint64_t digest_list(const nh_device_set_t *s, uint64_t h, const uint8_t *at)
{
    uint32_t count = take_count(&at);
    h = digest_number(h, count);
    for (; count > 0; count--, at = nh_rec__skip(at))
        h = digest_number(h, nh_rec_digest((nh_rec_t){s, at}));
    return h;
}

static uint64_t digest_value(const nh_device_set_t *s, uint64_t h, const uint8_t *at,
                             enum nh_field f)
{
    uint32_t count;
    switch (nh_field_kind(f)) {
    case NH_KIND_BOOL:
    case NH_KIND_ENUM:
        return digest_number(h, *at);
    case NH_KIND_INT:
        return digest_number(h, nh_varint__get(&at));
    case NH_KIND_TEXT:
        return digest_text(h, take_text(s, &at));
    case NH_KIND_SCALAR:
        h = digest_number(h, *at);
        return *at++ < NH_SCALAR_NUMBER ? h : digest_text(h, take_text(s, &at));
    case NH_KIND_OBJECT:
        return digest_number(h, nh_rec_digest((nh_rec_t){s, at}));
    case NH_KIND_LIST:
        return digest_list(s, h, at);
    case NH_KIND_TEXTS:
        count = take_count(&at);
        for (h = digest_number(h, count); count > 0; count--)
            h = digest_text(h, take_text(s, &at));
        return h;
    }
    return h;
}

// The fields may stand in any order: their digests are added.
uint64_t nh_rec_digest(nh_rec_t r)
{
    uint64_t sum = 0;
    for (const uint8_t *at = r.at; at && *at != NH_FIELD_NONE;) {
        enum nh_field f = (enum nh_field) * at++;
        sum += digest_value(r.set, digest_number(DIGEST_BEGIN, (uint64_t)f), at, f);
        at = nh_rec__skip_value(at, f);
    }
    return sum;
}
