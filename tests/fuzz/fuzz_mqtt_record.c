// A store with any records in it, taken up by a broker: it may refuse the store, and must never
// trust it. Afterwards a client of one of its sessions comes, hears and acknowledges.
//
// The input is records: length of the key, key, two bytes of length of the value, value. A first
// byte of 0 for the length ends them.

#include "mqtt/broker.h"
#include "mqtt/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS 64
#define ROUNDS 12

static struct record {
    uint8_t key[NH_MQTT_KEY_MAX_BYTES];
    size_t key_len, len;
    const uint8_t *value; // NULL: damaged
} records[RECORDS];
static size_t record_count;

static nh_mqtt_broker_t *broker;
static bool is_committing;
static _Alignas(16) uint8_t internal[24 * 1024];
static _Alignas(16) uint8_t psram[256 * 1024];

static int compare(const void *a, const void *b)
{
    const struct record *x = a, *y = b;
    size_t min = x->key_len < y->key_len ? x->key_len : y->key_len;
    int order = memcmp(x->key, y->key, min);
    return order ? order : (x->key_len > y->key_len) - (x->key_len < y->key_len);
}

static void parse(const uint8_t *data, size_t size)
{
    record_count = 0;
    while (size > 3 && data[0] && record_count < RECORDS) {
        struct record *r = &records[record_count];
        r->key_len = 1 + data[0] % NH_MQTT_KEY_MAX_BYTES;
        bool is_damaged = data[0] & 0x80;
        if (size < 3 + r->key_len)
            break;
        memset(r->key, 0, sizeof r->key);
        memcpy(r->key, data + 1, r->key_len);
        r->len = (size_t)(data[1 + r->key_len] << 8 | data[2 + r->key_len]);
        data += 3 + r->key_len;
        size -= 3 + r->key_len;
        r->len = r->len < size ? r->len : size;
        r->value = is_damaged ? NULL : data;
        data += r->len;
        size -= r->len;
        record_count++;
    }
    qsort(records, record_count, sizeof *records, compare);
    size_t kept = 0; // a key stands once
    for (size_t i = 0; i < record_count; i++)
        if (kept == 0 || compare(&records[kept - 1], &records[i]) != 0)
            records[kept++] = records[i];
    record_count = kept;
}

// ---- the store ----------------------------------------------------------------------------------

static void commit(void *ctx, const nh_mqtt_batch_t *batch)
{
    struct nh_mqtt_op op;
    (void)ctx;
    for (size_t at = 0; nh_mqtt_batch_next(batch, &at, &op);)
        if (op.key.len == 0 || op.key.len > NH_MQTT_KEY_MAX_BYTES)
            abort();
    is_committing = true;
}

static bool has_prefix(const struct record *r, nh_span_t prefix)
{
    return r->key_len >= prefix.len && (!prefix.len || !memcmp(r->key, prefix.ptr, prefix.len));
}

// From a block of the exact size, so that a byte too far is seen.
static bool visit_one(const struct record *r, nh_mqtt_record_fn visit, void *vctx)
{
    uint8_t *copy = r->value ? malloc(r->len + !r->len) : NULL;
    if (copy)
        memcpy(copy, r->value, r->len);
    bool more = visit(vctx, (nh_span_t){r->key, r->key_len}, (nh_span_t){copy, copy ? r->len : 0});
    free(copy);
    return more;
}

static int read_records(void *ctx, nh_span_t prefix, nh_span_t from, nh_mqtt_record_fn visit,
                        void *vctx)
{
    struct record first = {.key_len = from.len};
    (void)ctx;
    if (from.len)
        memcpy(first.key, from.ptr, from.len);
    for (size_t i = 0; i < record_count; i++)
        if (has_prefix(&records[i], prefix) && (!from.len || compare(&records[i], &first) >= 0) &&
            !visit_one(&records[i], visit, vctx))
            break;
    return NH_OK;
}

static int last_record(void *ctx, nh_span_t prefix, nh_mqtt_record_fn visit, void *vctx)
{
    (void)ctx;
    for (size_t i = record_count; i-- > 0;) {
        if (!has_prefix(&records[i], prefix))
            continue;
        visit_one(&records[i], visit, vctx);
        break;
    }
    return NH_OK;
}

// ---- a client -----------------------------------------------------------------------------------

static void check(void)
{
    if (nh_mqtt_broker_check(broker) != NH_OK)
        abort();
}

static void say(nh_mqtt_conn_t *c, const void *bytes, size_t len)
{
    if (!nh_mqtt_conn_wants_close(c))
        NH_IGNORE(nh_mqtt_broker_input(broker, c, bytes, len, 1000));
    nh_mqtt_broker_turn_end(broker);
}

// Hears what there is and acknowledges each packet id that could stand in it.
static void hear(nh_mqtt_conn_t *c)
{
    struct nh_mqtt_span spans[8];
    for (size_t n; (n = nh_mqtt_broker_output(broker, c, spans, 8)) > 0;) {
        size_t sent = 0;
        for (size_t i = 0; i < n; i++)
            sent += spans[i].len;
        nh_mqtt_broker_sent(broker, c, sent, 1000);
    }
}

static void finish_commits(void)
{
    for (int i = 0; i < 4 && is_committing; i++) {
        is_committing = false;
        nh_mqtt_broker_saved(broker, 0, 1000);
    }
}

static void converse(void)
{
    static const uint8_t connect[] = "\x10\x0d\0\4MQTT\4\0\0\0\0\1a";
    nh_mqtt_conn_t *c;
    if (nh_mqtt_broker_open(broker, NULL, 1000, &c) < 0)
        return;
    say(c, connect, sizeof connect - 1);
    for (unsigned i = 1; i <= ROUNDS; i++) {
        finish_commits();
        hear(c);
        for (unsigned first = 0x40; first <= 0x70; first += 0x10) {
            const uint8_t ack[] = {(uint8_t)(first == 0x60 ? 0x62 : first), 2, 0, (uint8_t)i};
            say(c, ack, sizeof ack);
        }
        check();
    }
    nh_mqtt_broker_close(broker, c, 1000);
    nh_mqtt_broker_turn_end(broker);
}

static void decode_all(const uint8_t *data, size_t size)
{
    struct nh_mqtt__meta_record meta;
    struct nh_mqtt__session_record session;
    struct nh_mqtt__sub_record sub;
    struct nh_mqtt__queue_record queue;
    struct nh_mqtt__will_record will;
    struct nh_mqtt__message_record message;
    struct nh_mqtt__replay_record replay;
    nh_span_t value = {data, size};
    NH_IGNORE(nh_mqtt__meta_decode(value, &meta));
    NH_IGNORE(nh_mqtt__session_decode(value, &session));
    NH_IGNORE(nh_mqtt__sub_decode(value, &sub));
    NH_IGNORE(nh_mqtt__queue_decode(value, &queue));
    NH_IGNORE(nh_mqtt__will_decode(value, &will));
    NH_IGNORE(nh_mqtt__message_decode(value, &message));
    NH_IGNORE(nh_mqtt__replay_decode(value, &replay));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct nh_mem_system_config mem = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    nh_mem_system_t *sys;
    struct nh_mqtt_broker_config cfg = {.persist = {NULL, commit, read_records, last_record},
                                        .inflight_max = 3};
    if (size)
        decode_all(data, size);
    parse(data, size);
    if (nh_mem_system_create(&mem, &sys) < 0 || nh_mem_owner_add(sys, "mqtt", NULL, &cfg.mem) < 0 ||
        nh_mqtt_broker_create(&cfg, &broker) < 0)
        abort();
    is_committing = false;
    if (nh_mqtt_broker_load(broker, 1000) == NH_OK) {
        check();
        converse();
        check();
    }
    nh_mqtt_broker_destroy(broker);
    if (nh_mem_system_destroy(sys, NULL, NULL) != 0)
        abort();
    return 0;
}
