// The $SYS tree: the broker's figures as topics, under the names that Mosquitto made common.
//
// Nothing is stored: a new subscriber gets the values as they are, and while anybody subscribes to
// $SYS those that changed are published at each interval. Nobody subscribes: nothing is done.

#include "mqtt/internal.h"

#include <stdio.h>
#include <string.h>

enum kind { U32, U64, UPTIME, VERSION, IDLE, RATE, OWNER, TIER };

#define INFO(field) offsetof(struct nh_mqtt_info, field)
#define TIER_FIELD(field) offsetof(struct nh_mem_tier_info, field)
#define BROKER "$SYS/broker/"

static const struct entry {
    const char *topic;
    uint8_t kind, tier;
    uint16_t at; // where in struct nh_mqtt_info or nh_mem_tier_info
} entries[] = {
    {BROKER "version", VERSION, 0, 0},
    {BROKER "uptime", UPTIME, 0, 0},
    {BROKER "clients/connected", U32, 0, INFO(conn_count)},
    {BROKER "clients/disconnected", IDLE, 0, 0},
    {BROKER "clients/total", U32, 0, INFO(session_count)},
    {BROKER "clients/maximum", U32, 0, INFO(conn_max)},
    {BROKER "clients/expired", U64, 0, INFO(sessions_expired)},
    {BROKER "clients/evicted", U64, 0, INFO(sessions_evicted)},
    {BROKER "messages/received", U64, 0, INFO(messages_in)},
    {BROKER "messages/sent", U64, 0, INFO(messages_out)},
    {BROKER "messages/stored", U64, 0, INFO(queued_messages)},
    {BROKER "messages/inflight", U32, 0, INFO(inflight_count)},
    {BROKER "publish/messages/received", RATE, 0, INFO(messages_in_qos)},
    {BROKER "publish/messages/sent", RATE, 0, INFO(messages_out_qos)},
    {BROKER "publish/messages/dropped", U64, 0, INFO(dropped_queue_full)},
    {BROKER "publish/messages/refused", U64, 0, INFO(publish_refused)},
    {BROKER "publish/messages/denied", U64, 0, INFO(publish_denied)},
    {BROKER "publish/messages/expired", U64, 0, INFO(messages_expired)},
    {BROKER "publish/bytes/received", U64, 0, INFO(publish_bytes_in)},
    {BROKER "publish/bytes/sent", U64, 0, INFO(publish_bytes_out)},
    {BROKER "bytes/received", U64, 0, INFO(bytes_in)},
    {BROKER "bytes/sent", U64, 0, INFO(bytes_out)},
    {BROKER "store/messages/count", U64, 0, INFO(queued_messages)},
    {BROKER "store/messages/bytes", U64, 0, INFO(queued_bytes)},
    {BROKER "store/paged/count", U64, 0, INFO(paged_messages)},
    {BROKER "store/paged/bytes", U64, 0, INFO(paged_bytes)},
    {BROKER "store/commits", U64, 0, INFO(store_commits)},
    {BROKER "store/records", U64, 0, INFO(store_records)},
    {BROKER "store/bytes", U64, 0, INFO(store_bytes)},
    {BROKER "store/errors", U64, 0, INFO(store_errors)},
    {BROKER "store/damaged", U64, 0, INFO(store_damaged)},
    {BROKER "store/commit/max", U32, 0, INFO(store_commit_max_ms)},
    {BROKER "subscriptions/count", U32, 0, INFO(subscription_count)},
    {BROKER "retained messages/count", U32, 0, INFO(retained_count)},
    {BROKER "retained messages/bytes", U64, 0, INFO(retained_bytes)},
    {BROKER "retained messages/refused", U64, 0, INFO(retained_refused)},
    {BROKER "connections/total", U64, 0, INFO(connects_total)},
    {BROKER "connections/refused", U64, 0, INFO(refused_connects)},
    {BROKER "errors/protocol", U64, 0, INFO(protocol_errors)},
    {BROKER "errors/keepalive", U64, 0, INFO(keepalive_timeouts)},
    {BROKER "errors/memory", U64, 0, INFO(dropped_no_memory)},
    {BROKER "heap/current", OWNER, 0, 0},
    {BROKER "heap/maximum", OWNER, 0, 1},
    {BROKER "memory/internal/size", TIER, NH_MEM_INTERNAL, TIER_FIELD(size_bytes)},
    {BROKER "memory/internal/free", TIER, NH_MEM_INTERNAL, TIER_FIELD(free_bytes)},
    {BROKER "memory/internal/min", TIER, NH_MEM_INTERNAL, TIER_FIELD(min_free_bytes)},
    {BROKER "memory/internal/largest", TIER, NH_MEM_INTERNAL, TIER_FIELD(largest_free_bytes)},
    {BROKER "memory/psram/size", TIER, NH_MEM_PSRAM, TIER_FIELD(size_bytes)},
    {BROKER "memory/psram/free", TIER, NH_MEM_PSRAM, TIER_FIELD(free_bytes)},
    {BROKER "memory/psram/min", TIER, NH_MEM_PSRAM, TIER_FIELD(min_free_bytes)},
    {BROKER "memory/psram/largest", TIER, NH_MEM_PSRAM, TIER_FIELD(largest_free_bytes)},
};

#define ENTRY_COUNT NH_ARRAY_LEN(entries)

struct nh_mqtt__sys {
    uint64_t next_ms;
    uint64_t told[ENTRY_COUNT]; // as last published to all
    bool differs[ENTRY_COUNT];  // a new subscriber was told something else since
    bool was_told[ENTRY_COUNT];
    char text[32];
};

int nh_mqtt__sys_create(nh_mqtt_broker_t *b)
{
    b->sys = nh_mem_alloc_zero(b->mem, sizeof(*b->sys), NH_MEM_BULK);
    return b->sys ? NH_OK : NH_ERR_NOMEM;
}

void nh_mqtt__sys_destroy(nh_mqtt_broker_t *b)
{
    nh_mem_free(b->mem, b->sys);
}

// ---- values -------------------------------------------------------------------------------------

static uint64_t owner_bytes(const nh_mqtt_broker_t *b, bool peak)
{
    nh_mem_system_t *sys = nh_mem_system(b->mem);
    const char *name = nh_mem_owner_name(b->mem);
    struct nh_mem_owner_info info;
    for (size_t i = 0; i < nh_mem_owner_count(sys); i++) {
        if (nh_mem_owner_info(sys, i, &info) < 0 || strcmp(info.name, name) != 0)
            continue;
        uint64_t sum = 0;
        for (int t = 0; t < NH_MEM_TIER_COUNT; t++)
            sum += peak ? info.tier[t].peak_bytes : info.tier[t].current_bytes;
        return sum;
    }
    return 0;
}

static bool tier_value(const nh_mqtt_broker_t *b, const struct entry *e, uint64_t *out)
{
    struct nh_mem_tier_info info;
    if (!b->cfg.memory || !b->cfg.memory(b->cfg.ctx, (enum nh_mem_tier)e->tier, &info))
        return false;
    size_t value;
    memcpy(&value, (const char *)&info + e->at, sizeof value);
    *out = value;
    return true;
}

static uint64_t info_value(const struct nh_mqtt_info *info, const struct entry *e)
{
    const char *at = (const char *)info + e->at;
    uint32_t u32;
    uint64_t u64[3];
    if (e->kind == U32) {
        memcpy(&u32, at, sizeof u32);
        return u32;
    }
    memcpy(u64, at, e->kind == RATE ? sizeof u64 : sizeof u64[0]);
    return e->kind == RATE ? u64[0] + u64[1] + u64[2] : u64[0];
}

// False: there is no such value here.
static bool value_of(const nh_mqtt_broker_t *b, const struct nh_mqtt_info *info,
                     const struct entry *e, uint64_t *out)
{
    switch (e->kind) {
    case VERSION:
        *out = 0;
        return true;
    case UPTIME:
        *out = (b->now_ms - b->started_ms) / 1000;
        return true;
    case IDLE:
        *out = b->idle_count;
        return true;
    case OWNER:
        *out = owner_bytes(b, e->at);
        return true;
    case TIER:
        return tier_value(b, e, out);
    default:
        *out = info_value(info, e);
        return true;
    }
}

static nh_span_t text_of(nh_mqtt_broker_t *b, const struct entry *e, uint64_t value)
{
    char *text = b->sys->text;
    size_t cap = sizeof b->sys->text;
    if (e->kind == VERSION)
        snprintf(text, cap, "nuthatch %s", NH_VERSION);
    else if (e->kind == UPTIME)
        snprintf(text, cap, "%lu seconds", (unsigned long)value);
    else
        snprintf(text, cap, "%llu", (unsigned long long)value);
    return (nh_span_t){(const uint8_t *)text, strlen(text)};
}

static nh_span_t topic_of(const struct entry *e)
{
    return (nh_span_t){(const uint8_t *)e->topic, strlen(e->topic)};
}

bool nh_mqtt__sys_get(nh_mqtt_broker_t *b, size_t at, nh_span_t *topic, nh_span_t *value)
{
    if (at >= ENTRY_COUNT)
        return false;
    struct nh_mqtt_info info;
    uint64_t number = 0;
    nh_mqtt_broker_info(b, &info);
    *topic = topic_of(&entries[at]);
    if (!value_of(b, &info, &entries[at], &number)) {
        *topic = (nh_span_t){(const uint8_t *)"-", 1}; // matches no filter that begins with $SYS
        return true;
    }
    if (!b->sys->was_told[at] || b->sys->told[at] != number)
        b->sys->differs[at] = true;
    *value = text_of(b, &entries[at], number);
    return true;
}

// ---- publishing ---------------------------------------------------------------------------------

static bool somebody_subscribes(const nh_mqtt_broker_t *b)
{
    static const char name[] = "$SYS";
    return nh_mqtt__index_find(&b->index, (nh_span_t){(const uint8_t *)name, 4}) != NULL;
}

uint64_t nh_mqtt__sys_deadline(const nh_mqtt_broker_t *b)
{
    return somebody_subscribes(b) ? b->sys->next_ms : NH_NEVER;
}

void nh_mqtt__sys_tick(nh_mqtt_broker_t *b)
{
    struct nh_mqtt__sys *sys = b->sys;
    if (b->now_ms < sys->next_ms || !somebody_subscribes(b))
        return;
    sys->next_ms = nh_ms_after(b->now_ms, b->cfg.sys_interval_ms);
    struct nh_mqtt_info info;
    nh_mqtt_broker_info(b, &info);
    for (size_t i = 0; i < ENTRY_COUNT; i++) {
        uint64_t number = 0;
        if (!value_of(b, &info, &entries[i], &number))
            continue;
        if (sys->was_told[i] && sys->told[i] == number && !sys->differs[i])
            continue;
        sys->told[i] = number;
        sys->was_told[i] = true;
        sys->differs[i] = false;
        struct nh_mqtt__publish p = {.topic = topic_of(&entries[i]),
                                     .payload = text_of(b, &entries[i], number)};
        if (nh_mqtt__route(b, &p) < 0)
            b->info.dropped_no_memory++;
        nh_mqtt__publish_release(b, &p);
    }
}
