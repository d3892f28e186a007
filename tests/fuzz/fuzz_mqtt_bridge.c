// Bytes of a server into a bridge with a live broker behind it. Whatever the server says, what the
// bridge says is well formed, both its legs come back, the broker's structures hold, and nothing
// is left at the end.
//
// The input is a script. Its first byte: bit 0 3.1.1, bit 1 bridge bit, bit 2 no answer to CONNECT
// but the script's. Then operations: up to 0x9F that many bytes from the server, see run() for the
// rest.

#include "mqtt/bridge.h"
#include "mqtt/reader.h"
#include "support/mqtt_packet.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(cond)                                                                              \
    do {                                                                                           \
        if (!(cond))                                                                               \
            abort();                                                                               \
    } while (0)

static _Alignas(16) uint8_t internal[24 * 1024];
static _Alignas(16) uint8_t psram[512 * 1024];

static struct {
    nh_mem_t *mem;
    nh_mqtt_broker_t *broker;
    nh_mqtt_bridge_t *bridge;
    struct nh_mqtt__reader said; // by the bridge
    uint64_t now_ms;
    uint8_t version;
    bool is_open, wants_dial, wants_hang_up, is_mute;
} w;

static void on_dial(void *ctx)
{
    (void)ctx;
    w.wants_dial = true;
}

static void on_hang_up(void *ctx)
{
    (void)ctx;
    w.wants_hang_up = true;
}

static void on_dirty(void *ctx)
{
    (void)ctx;
}

static void on_pause(void *ctx, bool paused)
{
    (void)ctx;
    (void)paused;
}

static void on_local_dirty(void *ctx, nh_mqtt_conn_t *c, void *user)
{
    (void)ctx;
    (void)c;
    (void)user;
    nh_mqtt_bridge_local_dirty(w.bridge);
}

static void on_local_pause(void *ctx, nh_mqtt_conn_t *c, void *user, bool paused)
{
    (void)ctx;
    (void)c;
    (void)user;
    nh_mqtt_bridge_local_pause(w.bridge, paused);
}

static void turn_end(void)
{
    nh_mqtt_broker_turn_end(w.broker);
    nh_mqtt_bridge_turn_end(w.bridge);
    REQUIRE(nh_mqtt_broker_check(w.broker) == NH_OK);
}

// What the bridge says is sound, by the rules for a client.
static void hear(const uint8_t *bytes, size_t len)
{
    nh_span_t in = {bytes, len};
    struct nh_mqtt__packet p;
    int rc;
    while ((rc = nh_mqtt__reader_next(&w.said, &in, &p)) > 0) {
        struct any_packet any = {
            .version = w.version, .type = p.head.type, .from = NH_MQTT__FROM_CLIENT};
        if (p.head.type == NH_MQTT__CONNECT)
            continue; // the bridge bit is no standard's
        REQUIRE(any_decode_body(&any, p.head.flags, p.body) == NH_OK);
    }
    REQUIRE(rc == 0);
}

static void drain(size_t max)
{
    struct nh_mqtt_span spans[4];
    size_t count;
    while (max && (count = nh_mqtt_bridge_output(w.bridge, spans, 4, w.now_ms)) > 0) {
        size_t sent = 0;
        for (size_t i = 0; i < count; i++) {
            size_t n = spans[i].len < max - sent ? spans[i].len : max - sent;
            hear(spans[i].ptr, n);
            sent += n;
        }
        nh_mqtt_bridge_sent(w.bridge, sent, w.now_ms);
        max -= sent;
    }
    turn_end();
}

static void say(const uint8_t *bytes, size_t len)
{
    uint8_t *exact = malloc(len ? len : 1);
    memcpy(exact, bytes, len);
    nh_mqtt_bridge_input(w.bridge, exact, len, w.now_ms);
    free(exact);
    turn_end();
}

static void hang_up(void)
{
    nh_mqtt__reader_clear(&w.said);
    w.is_open = w.wants_hang_up = w.wants_dial = false;
    nh_mqtt_bridge_closed(w.bridge, "closed", w.now_ms);
    turn_end();
}

static void tick(uint64_t ms)
{
    w.now_ms += ms;
    nh_mqtt_broker_tick(w.broker, w.now_ms);
    nh_mqtt_bridge_tick(w.bridge, w.now_ms);
    turn_end();
    if (!w.wants_dial)
        return;
    w.wants_dial = false;
    w.is_open = true;
    nh_mqtt_bridge_opened(w.bridge, w.now_ms);
    drain(SIZE_MAX);
    if (!w.is_mute)
        say((const uint8_t *)(w.version == 5 ? "\x20\3\1\0\0" : "\x20\2\1\0"),
            w.version == 5 ? 5 : 4);
    drain(SIZE_MAX);
}

static void publish(uint8_t op, uint8_t byte)
{
    static const char *const topics[] = {"o", "b", "b/c", "no"};
    const char *topic = topics[op >> 2 & 3];
    const struct nh_mqtt_message m = {.topic = {(const uint8_t *)topic, strlen(topic)},
                                      .payload = {&byte, 1},
                                      .qos = (op & 3) % 3,
                                      .retain = byte & 1};
    (void)!nh_mqtt_broker_publish(w.broker, &m, w.now_ms);
    turn_end();
}

static void run(const uint8_t *data, size_t size)
{
    while (size) {
        uint8_t op = *data++;
        size--;
        if (op < 0xA0) {
            size_t n = op < size ? op : size;
            if (w.is_open)
                say(data, n);
            data += n;
            size -= n;
        } else if (op < 0xB0) {
            drain(op & 15 ? op & 15 : SIZE_MAX);
        } else if (op < 0xC0) {
            publish(op, size ? *data : 0);
        } else if (op < 0xD0) {
            tick((uint64_t)1 << (op & 15));
        } else if (w.is_open) {
            hang_up();
        }
        if (w.wants_hang_up) {
            drain(SIZE_MAX);
            hang_up();
        }
    }
}

static void begin(uint8_t options)
{
    static const struct nh_mqtt_bridge_rule rules[] = {
        {"o", "", "x/", NH_MQTT_BRIDGE_OUT, 2},
        {"i", "", "x/", NH_MQTT_BRIDGE_IN, 2},
        {"b/#", "", "", NH_MQTT_BRIDGE_BOTH, 1},
    };
    const struct nh_mqtt_broker_config broker = {
        .mem = w.mem, .dirty = on_local_dirty, .pause = on_local_pause};
    w.version = options & 1 ? 4 : 5;
    w.is_mute = options & 4;
    REQUIRE(nh_mqtt_broker_create(&broker, &w.broker) == NH_OK);
    const struct nh_mqtt_bridge_config bridge = {.mem = w.mem,
                                                 .broker = w.broker,
                                                 .name = "up",
                                                 .version = w.version,
                                                 .bridge_bit = options & 2,
                                                 .packet_max_bytes = 20000,
                                                 .output_max_bytes = 500,
                                                 .inflight_max = 4,
                                                 .status_topic = "s",
                                                 .rules = rules,
                                                 .rule_count = NH_ARRAY_LEN(rules),
                                                 .dial = on_dial,
                                                 .hang_up = on_hang_up,
                                                 .dirty = on_dirty,
                                                 .pause = on_pause};
    REQUIRE(nh_mqtt_bridge_create(&bridge, w.now_ms, &w.bridge) == NH_OK);
    w.said = (struct nh_mqtt__reader){.mem = w.mem,
                                      .from = NH_MQTT__FROM_CLIENT,
                                      .version = w.version,
                                      .packet_max_bytes = 100000};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    nh_mem_system_t *sys;
    const struct nh_mem_system_config cfg = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    if (size == 0)
        return 0;
    memset(&w, 0, sizeof w);
    w.now_ms = 1;
    REQUIRE(nh_mem_system_create(&cfg, &sys) == NH_OK);
    REQUIRE(nh_mem_owner_add(sys, "mqtt", NULL, &w.mem) == NH_OK);
    begin(data[0]);
    tick(0);
    run(data + 1, size - 1);
    if (w.is_open)
        hang_up();
    nh_mqtt_bridge_destroy(w.bridge);
    nh_mqtt__reader_clear(&w.said);
    nh_mqtt_broker_destroy(w.broker);
    REQUIRE(nh_mem_system_destroy(sys, NULL, NULL) == 0);
    return 0;
}
