#include "core/base/hash.h"
#include "mqtt/bridge_parts.h"

#include <string.h>

// Two hashes of 32 bits: that another message has both is less likely than a fault of the memory.
static void hash_message(const struct nh_mqtt__mapped *topic, nh_span_t payload, uint32_t seed,
                         uint32_t out[2])
{
    for (uint32_t i = 0; i < 2; i++) {
        // The topic in two pieces or in one: the same hash.
        uint32_t h = seed ^ i * 0x9E3779B1u;
        for (size_t at = 0; at < topic->prefix.len; at++)
            h = nh_hash__mix(h, topic->prefix.ptr[at]);
        for (size_t at = 0; at < topic->rest.len; at++)
            h = nh_hash__mix(h, topic->rest.ptr[at]);
        out[i] = nh_hash32(payload.ptr, payload.len, h);
    }
}

void nh_mqtt__echo_add(struct nh_mqtt__echo *e, const struct nh_mqtt__mapped *topic,
                       nh_span_t payload, uint64_t now_ms, uint32_t seed)
{
    uint32_t at = e->next++ % NH_MQTT__ECHO_COUNT;
    hash_message(topic, payload, seed, e->sent[at].hash);
    e->sent[at].until_ms = nh_ms_after(now_ms, NH_MQTT__ECHO_MS);
    e->sent[at].is_back = false;
}

bool nh_mqtt__echo_take(struct nh_mqtt__echo *e, const struct nh_mqtt__publish_head *k,
                        uint64_t now_ms, uint32_t seed)
{
    uint32_t hash[2];
    hash_message(&(struct nh_mqtt__mapped){.rest = k->topic}, k->payload, seed, hash);
    // The oldest first: they come back in the order in which they went.
    for (uint32_t i = 0; i < NH_MQTT__ECHO_COUNT; i++) {
        uint32_t at = (e->next + i) % NH_MQTT__ECHO_COUNT;
        if (e->sent[at].until_ms <= now_ms || memcmp(e->sent[at].hash, hash, sizeof hash) != 0)
            continue;
        // Our acknowledgement was lost with a connection: the same one comes once more.
        bool is_again = k->is_dup && e->sent[at].packet_id == k->packet_id;
        if (e->sent[at].is_back && !is_again)
            continue;
        e->sent[at].is_back = true;
        e->sent[at].packet_id = k->packet_id;
        return true;
    }
    return false;
}
