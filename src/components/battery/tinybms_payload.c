// What is in the answers of the Tiny BMS: words, pairs, events, versions, and their names.

#include "components/battery/tinybms.h"
#include "core/base/bytes.h"

#include <string.h>

#define EVENT_TIME_MASK 0xFFFFFFu // the board keeps 24 bits of its clock with an event
#define EVENT_AHEAD_MAX_S 60u

static bool has_words(uint8_t command)
{
    switch (command) {
    case NH_TINYBMS_READ_MODBUS:
    case NH_TINYBMS_WRITE_MODBUS:
    case NH_TINYBMS_READ_BLOCK:
    case NH_TINYBMS_SETTINGS:
    case NH_TINYBMS_DISTANCE:
        return true;
    default:
        return command >= NH_TINYBMS_PACK_VOLTAGE && command <= NH_TINYBMS_CELLS;
    }
}

int nh_tinybms_decode_words(const struct nh_tinybms_frame *f, uint16_t *out, size_t cap)
{
    if (f->answer != NH_TINYBMS_DATA || !has_words(f->command))
        return NH_ERR_UNSUPPORTED;
    size_t count = f->payload.len / 2;
    if (count > cap)
        return NH_ERR_TOO_LONG;
    bool is_big = f->command == NH_TINYBMS_READ_MODBUS || f->command == NH_TINYBMS_WRITE_MODBUS;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *at = f->payload.ptr + 2 * i;
        out[i] = is_big ? nh_get_be16(at) : nh_get_le16(at);
    }
    return (int)count;
}

int nh_tinybms_decode_list(const struct nh_tinybms_frame *f, uint16_t *addresses, uint16_t *values,
                           size_t cap)
{
    if (f->answer != NH_TINYBMS_DATA || f->command != NH_TINYBMS_READ_LIST)
        return NH_ERR_UNSUPPORTED;
    size_t count = f->payload.len / 4;
    if (count > cap)
        return NH_ERR_TOO_LONG;
    for (size_t i = 0; i < count; i++) {
        addresses[i] = nh_get_le16(f->payload.ptr + 4 * i);
        values[i] = nh_get_le16(f->payload.ptr + 4 * i + 2);
    }
    return (int)count;
}

// ---- events

static struct nh_tinybms_event event_at(uint32_t stamp_and_id, uint32_t clock_s)
{
    uint32_t time_s = stamp_and_id & EVENT_TIME_MASK;
    return (struct nh_tinybms_event){.id = (uint8_t)(stamp_and_id >> 24),
                                     .age_s = (clock_s - time_s) & EVENT_TIME_MASK,
                                     .time_s = time_s};
}

int nh_tinybms_decode_events(const struct nh_tinybms_frame *f, uint32_t *clock_s,
                             struct nh_tinybms_event *out, size_t cap)
{
    bool is_log = f->command == NH_TINYBMS_EVENTS_NEWEST || f->command == NH_TINYBMS_EVENTS_ALL;
    if (f->answer != NH_TINYBMS_DATA || !is_log)
        return NH_ERR_UNSUPPORTED;
    size_t count = f->payload.len / 4 - 1;
    if (count > cap)
        return NH_ERR_TOO_LONG;
    *clock_s = nh_get_le32(f->payload.ptr);
    for (size_t i = 0; i < count; i++)
        out[i] = event_at(nh_get_le32(f->payload.ptr + 4 + 4 * i), *clock_s);
    return (int)count;
}

// What was logged while the clock was read before it is ahead of it, not 194 days old.
static uint32_t age_of(const struct nh_tinybms_event *e)
{
    return e->age_s > EVENT_TIME_MASK - EVENT_AHEAD_MAX_S ? 0 : e->age_s;
}

// The place of the oldest event: the ring begins anywhere, where the next one is older than the one
// before it.
static size_t ring_begin(const uint16_t *words, size_t place_count, uint32_t clock_s)
{
    uint32_t age_s = EVENT_TIME_MASK;
    for (size_t i = 0; i < place_count; i++) {
        struct nh_tinybms_event e =
            event_at((uint32_t)words[2 * i + 1] << 16 | words[2 * i], clock_s);
        if (!e.id)
            continue;
        if (age_of(&e) > age_s)
            return i;
        age_s = age_of(&e);
    }
    return 0;
}

size_t nh_tinybms_events_of_words(const uint16_t *words, size_t count, uint32_t clock_s,
                                  struct nh_tinybms_event *out, size_t cap)
{
    size_t n = 0, place_count = count / 2;
    size_t begin = ring_begin(words, place_count, clock_s);
    for (size_t i = 0; i < place_count && n < cap; i++) {
        const uint16_t *w = words + 2 * ((begin + i) % place_count);
        struct nh_tinybms_event e = event_at((uint32_t)w[1] << 16 | w[0], clock_s);
        if (!e.id)
            continue;
        e.age_s = age_of(&e);
        size_t at = n++;
        for (; at > 0 && out[at - 1].age_s >= e.age_s; at--)
            out[at] = out[at - 1];
        out[at] = e;
    }
    return n;
}

int nh_tinybms_decode_version(const struct nh_tinybms_frame *f, struct nh_tinybms_version *out)
{
    bool is_long = f->command == NH_TINYBMS_VERSION_LONG;
    if (f->answer != NH_TINYBMS_DATA || (!is_long && f->command != NH_TINYBMS_VERSION))
        return NH_ERR_UNSUPPORTED;
    const uint8_t *b = f->payload.ptr;
    *out = (struct nh_tinybms_version){.hardware = b[0],
                                       .hardware_changes = b[1],
                                       .firmware = b[2],
                                       .firmware_internal = nh_get_le16(b + 3)};
    if (is_long) {
        out->bootloader = b[5];
        out->register_map = b[6];
    }
    return NH_OK;
}

struct event_name {
    uint8_t id;
    const char *text;
};
static const struct event_name event_names[] = {
    {0x02, "under-voltage cutoff"},
    {0x03, "over-voltage cutoff"},
    {0x04, "over-temperature cutoff"},
    {0x05, "discharge over-current"},
    {0x06, "charge over-current"},
    {0x07, "regeneration over-current"},
    {0x0A, "low-temperature cutoff"},
    {0x0B, "charger switch error"},
    {0x0C, "load switch error"},
    {0x0D, "single port switch error"},
    {0x0E, "external current sensor gone, restart needed"},
    {0x0F, "external current sensor found, restart needed"},
    {0x31, "fully discharged"},
    {0x37, "charging stopped, too cold"},
    {0x38, "charging done, charger voltage too high"},
    {0x39, "charging done, charger voltage too low"},
    {0x61, "system started"},
    {0x62, "charging started"},
    {0x63, "charging done"},
    {0x64, "charger connected"},
    {0x65, "charger disconnected"},
    {0x66, "dual port mode on"},
    {0x67, "single port mode on"},
    {0x73, "recovered: over-temperature"},
    {0x74, "recovered: low-temperature warning"},
    {0x75, "recovered: low-temperature fault"},
    {0x76, "recovered: charge over-current"},
    {0x77, "recovered: discharge over-current"},
    {0x78, "recovered: regeneration over-current"},
    {0x79, "recovered: over-voltage"},
    {0x7A, "recovered: fully discharged"},
    {0x7B, "recovered: under-voltage"},
    {0x7C, "external current sensor connected"},
    {0x7D, "external current sensor disconnected"},
};

const char *nh_tinybms_event_text(uint8_t id)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(event_names); i++)
        if (event_names[i].id == id)
            return event_names[i].text;
    return NULL;
}

enum nh_tinybms_event_kind nh_tinybms_event_kind(uint8_t id)
{
    if (id >= 0x01 && id <= 0x30)
        return NH_TINYBMS_FAULT;
    if (id >= 0x31 && id <= 0x60)
        return NH_TINYBMS_WARNING;
    return id >= 0x61 && id <= 0x90 ? NH_TINYBMS_INFORMATION : NH_TINYBMS_NO_KIND;
}

const char *nh_tinybms_event_kind_text(enum nh_tinybms_event_kind kind)
{
    static const char *const texts[] = {"fault", "warning", "information", "unknown"};
    return texts[kind <= NH_TINYBMS_NO_KIND ? kind : NH_TINYBMS_NO_KIND];
}

const char *nh_tinybms_status_text(uint16_t status)
{
    switch (status) {
    case NH_TINYBMS_CHARGING:
        return "charging";
    case NH_TINYBMS_FULL:
        return "fully charged";
    case NH_TINYBMS_DISCHARGING:
        return "discharging";
    case NH_TINYBMS_REGENERATION:
        return "regeneration";
    case NH_TINYBMS_IDLE:
        return "idle";
    case NH_TINYBMS_IN_FAULT:
        return "fault";
    default:
        return NULL;
    }
}

float nh_tinybms_float(uint16_t low, uint16_t high)
{
    uint32_t bits = (uint32_t)high << 16 | low;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
