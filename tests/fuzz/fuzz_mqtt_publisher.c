// Bytes of a broker into a publishing client, in pieces whose sizes the input tells. Whatever the
// broker says, what the client says is well formed, and nothing is left at the end.
//
// Each piece: a byte with its length, then its bytes; 0 publishes, 255 lets time go by.

#include "core/mem/mem.h"
#include "mqtt/publisher.h"
#include "mqtt/reader.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(cond)                                                                              \
    do {                                                                                           \
        if (!(cond))                                                                               \
            abort();                                                                               \
    } while (0)

static _Alignas(16) uint8_t internal[24 * 1024];
static _Alignas(16) uint8_t psram[64 * 1024];

static struct {
    nh_mqtt_publisher_t *client;
    struct nh_mqtt__reader said;
    uint64_t now_ms;
    bool wants_dial, wants_hang_up;
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

static void on_message(void *ctx, nh_span_t topic, nh_span_t payload, bool retain)
{
    (void)ctx;
    REQUIRE(topic.len + payload.len < 48);
    NH_IGNORE(nh_mqtt_publisher_publish(w.client, topic, payload, retain, w.now_ms));
}

static void on_confirmed(void *ctx, uint16_t packet_id)
{
    (void)ctx;
    REQUIRE(packet_id > 0);
    NH_IGNORE(nh_mqtt_publisher_publish_confirmed(w.client, (nh_span_t){(const uint8_t *)"c", 1},
                                                  (nh_span_t){(const uint8_t *)"next", 4}, false,
                                                  w.now_ms, &packet_id));
}

static void on_room(void *ctx)
{
    (void)ctx;
    if (w.now_ms % 3 == 0)
        NH_IGNORE(nh_mqtt_publisher_publish(w.client, (nh_span_t){(const uint8_t *)"room", 4},
                                            (nh_span_t){(const uint8_t *)"again", 5}, true,
                                            w.now_ms++));
}

static void listen(void)
{
    struct nh_mqtt__packet p;
    for (int i = 0; i < 8; i++) {
        nh_span_t out = nh_mqtt_publisher_output(w.client);
        if (!out.len)
            return;
        nh_span_t in = out;
        int rc;
        while ((rc = nh_mqtt__reader_next(&w.said, &in, &p)) > 0)
            ;
        REQUIRE(rc == 0);
        nh_mqtt_publisher_sent(w.client, out.len, w.now_ms);
    }
}

static void turn(void)
{
    nh_mqtt_publisher_tick(w.client, w.now_ms);
    if (w.wants_dial) {
        w.wants_dial = false;
        nh_mqtt__reader_clear(&w.said);
        nh_mqtt_publisher_opened(w.client, w.now_ms);
    }
    listen();
    if (w.wants_hang_up) {
        w.wants_hang_up = false;
        nh_mqtt_publisher_closed(w.client, "hung up", w.now_ms);
    }
}

static const char *const filters[] = {"a/+/set", "b", NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    const struct nh_mem_system_config memory = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    REQUIRE(nh_mem_system_create(&memory, &sys) == 0);
    REQUIRE(nh_mem_owner_add(sys, "fuzz", NULL, &mem) == 0);
    const struct nh_mqtt_publisher_config cfg = {.mem = mem,
                                                 .client_id = "fuzz",
                                                 .will_topic = "w",
                                                 .will_payload = "x",
                                                 .output_max_bytes = 64,
                                                 .filters = size % 2 ? filters : NULL,
                                                 .input_max_bytes = 48,
                                                 .message = on_message,
                                                 .dial = on_dial,
                                                 .hang_up = on_hang_up,
                                                 .dirty = on_dirty,
                                                 .room = on_room,
                                                 .confirmed = size % 3 ? on_confirmed : NULL};
    w.now_ms = 1;
    w.wants_dial = w.wants_hang_up = false;
    w.said = (struct nh_mqtt__reader){
        .mem = mem, .from = NH_MQTT__FROM_CLIENT, .packet_max_bytes = 1000, .version = 4};
    REQUIRE(nh_mqtt_publisher_create(&cfg, &w.client) == 0);
    turn();
    for (size_t at = 0; at < size;) {
        size_t len = data[at++];
        if (len == 0) {
            NH_IGNORE(nh_mqtt_publisher_publish(w.client, (nh_span_t){(const uint8_t *)"t", 1},
                                                (nh_span_t){data, at < 40 ? at : 40}, false,
                                                w.now_ms));
        } else if (len == 255) {
            w.now_ms += 7000;
        } else {
            len = len < size - at ? len : size - at;
            nh_mqtt_publisher_input(w.client, data + at, len, w.now_ms);
            at += len;
        }
        turn();
    }
    nh_mqtt_publisher_stop(w.client, w.now_ms);
    turn();
    REQUIRE(nh_mqtt_publisher_next_deadline(w.client) == NH_NEVER);
    nh_mqtt_publisher_destroy(w.client);
    nh_mqtt__reader_clear(&w.said);
    REQUIRE(nh_mem_system_destroy(sys, NULL, NULL) == 0);
    return 0;
}
