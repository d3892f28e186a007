// Batches against a plain model of what a store makes of them; records whole, cut and spoiled.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/bytes.h"
#include "mqtt/batch.h"
#include "support/rng.h"

#define KEYS 24

static _Alignas(16) uint8_t internal[16 * 1024], psram[96 * 1024];
static nh_mem_system_t *sys;
static nh_mem_t *mem;

static int setup(void **state)
{
    (void)state;
    const struct nh_mem_system_config cfg = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    assert_int_equal(nh_mem_system_create(&cfg, &sys), NH_OK);
    return nh_mem_owner_add(sys, "mqtt", NULL, &mem);
}

static int teardown(void **state)
{
    (void)state;
    nh_mem_fault_set(sys, NULL);
    assert_int_equal(nh_mem_system_destroy(sys, NULL, NULL), 0);
    return 0;
}

static void reserve(struct nh_mqtt_batch *b, uint32_t ops)
{
    assert_int_equal(nh_mqtt__batch_reserve(b, mem, ops, ops * 64), NH_OK);
}

static struct nh_mqtt__key key_of(unsigned i)
{
    return nh_mqtt__key_u64(NH_MQTT__REC_MESSAGE, i);
}

// ---- the last word ------------------------------------------------------------------------------

static size_t op_count(const struct nh_mqtt_batch *b, struct nh_mqtt_op *last)
{
    size_t n = 0;
    for (size_t at = 0; nh_mqtt_batch_next(b, &at, last);)
        n++;
    return n;
}

static void test_the_last_word_counts(void **state)
{
    (void)state;
    struct nh_mqtt_batch b;
    struct nh_mqtt_op op;
    const nh_span_t one = {(const uint8_t *)"1", 1}, two = {(const uint8_t *)"22", 2}, none = {0};
    struct nh_mqtt__key k = key_of(7);
    nh_mqtt__batch_init(&b);
    reserve(&b, 20);
    nh_mqtt__batch_put(&b, mem, &k, one, none, NULL, true);
    nh_mqtt__batch_put(&b, mem, &k, two, one, NULL, false);
    assert_int_equal(op_count(&b, &op), 1);
    assert_int_equal(op.value[0].len, 3);
    assert_memory_equal(op.value[0].ptr, "221", 3);
    nh_mqtt__batch_delete(&b, mem, &k); // it was new: nothing is left to say
    assert_int_equal(op_count(&b, &op), 0);
    nh_mqtt__batch_put(&b, mem, &k, one, none, NULL, false);
    nh_mqtt__batch_delete(&b, mem, &k);
    assert_int_equal(op_count(&b, &op), 1);
    assert_int_equal(op.kind, NH_MQTT_OP_DELETE);
    // The store has one, which is to go: putting it anew does not make it unknown there.
    nh_mqtt__batch_put(&b, mem, &k, one, none, NULL, true);
    nh_mqtt__batch_delete(&b, mem, &k);
    assert_int_equal(op_count(&b, &op), 1);
    assert_int_equal(op.kind, NH_MQTT_OP_DELETE);
    k = key_of(8);
    nh_mqtt__batch_count(&b, mem, &k, 2);
    nh_mqtt__batch_count(&b, mem, &k, -3);
    assert_int_equal(op_count(&b, &op), 2);
    assert_int_equal(op.count, -1);
    nh_mqtt__batch_count(&b, mem, &k, 1);
    assert_int_equal(op_count(&b, &op), 1);
    k = key_of(9);
    nh_mqtt__batch_put(&b, mem, &k, one, none, NULL, true);
    nh_mqtt__batch_count(&b, mem, &k, 1);
    assert_int_equal(op_count(&b, &op), 2);
    assert_int_equal(op.count, 2);
    nh_mqtt__batch_count(&b, mem, &k, -2);
    assert_int_equal(op_count(&b, &op), 1);
    assert_true(nh_mqtt__batch_check(&b));
    nh_mqtt__batch_clear(&b, mem, 0);
}

// ---- a model ------------------------------------------------------------------------------------

// What a store holds: the last byte put under each key and its count; 0: nothing.
struct model {
    int32_t count[KEYS];
    uint8_t value[KEYS];
};

static void model_apply(struct model *m, const struct nh_mqtt_batch *b)
{
    struct nh_mqtt_op op;
    for (size_t at = 0; nh_mqtt_batch_next(b, &at, &op);) {
        uint64_t i = nh_get_be64(op.key.ptr + 1);
        if (op.kind == NH_MQTT_OP_DELETE)
            m->count[i] = 0;
        else if (op.kind == NH_MQTT_OP_COUNT)
            m->count[i] += op.count;
        else
            m->count[i] = op.count;
        if (op.kind == NH_MQTT_OP_PUT)
            m->value[i] = op.value[0].ptr[0];
    }
}

static struct nh_mqtt__msg *message(void)
{
    const nh_span_t text = {(const uint8_t *)"text", 4};
    return nh_mqtt__msg_create(
        mem, &(struct nh_mqtt__content){.topic = text, .payload = text, .version = 4});
}

// The head of that message, with a byte that tells it apart.
static size_t message_head(uint8_t *out, uint8_t value)
{
    nh_mqtt__message_encode(out,
                            &(struct nh_mqtt__message_record){.payload_len = 4, .topic_len = 4});
    out[0] = value;
    return NH_MQTT__MESSAGE_HEAD_BYTES;
}

// One random change, made to the model and to the batch. Counts are used for even keys only.
static void change(struct rng *r, struct model *m, struct nh_mqtt_batch *b)
{
    unsigned i = rng_below(r, KEYS), what = rng_below(r, 4);
    uint8_t value[40] = {(uint8_t)rng_next(r)};
    nh_span_t head = {value, 1 + rng_below(r, 2) * rng_below(r, sizeof value)}, none = {0};
    struct nh_mqtt__key k = key_of(i);
    reserve(b, 1);
    if (m->count[i] == 0 || (i % 2 && what < 2)) {
        bool is_new = m->count[i] == 0;
        struct nh_mqtt__msg *msg = is_new && i % 3 == 0 ? message() : NULL;
        uint8_t p[NH_MQTT__MESSAGE_HEAD_BYTES + 20];
        if (msg) // a body stands behind such a head
            head = (nh_span_t){p, message_head(p, value[0])};
        nh_mqtt__batch_put(b, mem, &k, head, none, msg, is_new);
        nh_mqtt__msg_unref(mem, msg);
        m->count[i] = 1;
        m->value[i] = value[0];
    } else if (i % 2) {
        nh_mqtt__batch_delete(b, mem, &k);
        m->count[i] = 0;
    } else {
        int32_t n = what == 0 && m->count[i] < 5 ? 1 : -1;
        nh_mqtt__batch_count(b, mem, &k, n);
        m->count[i] += n;
    }
}

static void expect_same(const struct model *a, const struct model *b)
{
    for (unsigned i = 0; i < KEYS; i++) {
        assert_int_equal(a->count[i], b->count[i]);
        if (a->count[i])
            assert_int_equal(a->value[i], b->value[i]);
    }
}

// Two batches, of which the first may fail and take back the second.
static void test_model(void **state)
{
    (void)state;
    struct rng r = {4711};
    struct model truth = {{0}, {0}}, disk = {{0}, {0}};
    struct nh_mqtt_batch first, second;
    nh_mqtt__batch_init(&first);
    nh_mqtt__batch_init(&second);
    for (unsigned round = 0; round < 3000; round++) {
        for (unsigned n = rng_below(&r, 30); n; n--)
            change(&r, &truth, &first);
        bool fails = rng_below(&r, 2);
        for (unsigned n = rng_below(&r, 30); n; n--)
            change(&r, &truth, &second);
        assert_true(nh_mqtt__batch_check(&first) && nh_mqtt__batch_check(&second));
        if (fails)
            assert_int_equal(nh_mqtt__batch_merge(&first, &second, mem), NH_OK);
        model_apply(&disk, &first);
        model_apply(&disk, &second);
        expect_same(&disk, &truth);
        nh_mqtt__batch_clear(&first, mem, rng_below(&r, 4) ? 1 << 20 : 0);
        nh_mqtt__batch_clear(&second, mem, 1 << 20);
    }
    nh_mqtt__batch_clear(&first, mem, 0);
    nh_mqtt__batch_clear(&second, mem, 0);
}

// What comes and goes while nothing can be written does not make a batch grow for ever.
static void test_dead_entries_make_room(void **state)
{
    (void)state;
    struct nh_mqtt_batch b;
    nh_mqtt__batch_init(&b);
    const nh_span_t head = {(const uint8_t *)"12345678", 8}, none = {0};
    for (unsigned i = 0; i < 20000; i++) {
        struct nh_mqtt__key k = key_of(i);
        reserve(&b, 2);
        nh_mqtt__batch_put(&b, mem, &k, head, none, NULL, true);
        if (i >= 10) {
            k = key_of(i - 10);
            nh_mqtt__batch_delete(&b, mem, &k);
        }
    }
    assert_int_equal(b.live_count, 10);
    assert_true(b.cap <= 8192);
    assert_true(nh_mqtt__batch_check(&b));
    nh_mqtt__batch_clear(&b, mem, 0);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct nh_mqtt_batch b;
    nh_mqtt__batch_init(&b);
    for (uint32_t n = 1;; n++) {
        const struct nh_mem_fault fault = {.fail_nth = n};
        nh_mem_fault_set(sys, &fault);
        int rc = nh_mqtt__batch_reserve(&b, mem, 100, 1000);
        nh_mem_fault_set(sys, NULL);
        assert_true(nh_mqtt__batch_check(&b));
        if (rc == NH_OK)
            break;
        assert_int_equal(rc, NH_ERR_NOMEM);
    }
    nh_mqtt__batch_clear(&b, mem, 0);
}

// ---- records ------------------------------------------------------------------------------------

static nh_span_t span(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, strlen(text)};
}

static size_t join(uint8_t *out, size_t head_len, nh_span_t a, nh_span_t b, nh_span_t c)
{
    const nh_span_t parts[] = {a, b, c};
    for (size_t i = 0; i < NH_ARRAY_LEN(parts); i++) {
        if (parts[i].len)
            memcpy(out + head_len, parts[i].ptr, parts[i].len);
        head_len += parts[i].len;
    }
    return head_len;
}

typedef int (*decode_fn)(nh_span_t value);

#define DECODER(name)                                                                              \
    static int decode_##name(nh_span_t value)                                                      \
    {                                                                                              \
        struct nh_mqtt__##name##_record r;                                                         \
        return nh_mqtt__##name##_decode(value, &r);                                                \
    }
DECODER(meta)
DECODER(session)
DECODER(sub)
DECODER(queue)
DECODER(will)
DECODER(message)
DECODER(replay)

// Whole it is taken; one byte less or more is no such record, and another version is not known.
static void expect_exact(decode_fn decode, uint8_t *bytes, size_t len)
{
    assert_int_equal(decode((nh_span_t){bytes, len}), NH_OK);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(decode((nh_span_t){bytes, cut}), NH_ERR_CORRUPT);
    bytes[len] = 0;
    assert_int_equal(decode((nh_span_t){bytes, len + 1}), NH_ERR_CORRUPT);
    bytes[0] = 2;
    assert_int_equal(decode((nh_span_t){bytes, len}), NH_ERR_UNSUPPORTED);
}

static void test_records(void **state)
{
    (void)state;
    uint8_t bytes[256];
    const nh_span_t none = {0};
    nh_mqtt__meta_encode(bytes, &(struct nh_mqtt__meta_record){-5});
    expect_exact(decode_meta, bytes, NH_MQTT__META_BYTES);

    struct nh_mqtt__session_record s = {
        5, 3600, 1234567890123, true, span("client"), span("user"), span("props")};
    nh_mqtt__session_encode(bytes, &s);
    size_t len = join(bytes, NH_MQTT__SESSION_HEAD_BYTES, s.id, s.user, s.props);
    struct nh_mqtt__session_record s2;
    assert_int_equal(nh_mqtt__session_decode((nh_span_t){bytes, len}, &s2), NH_OK);
    assert_int_equal(s2.expiry_s, 3600);
    assert_true(s2.away_unix_ms == 1234567890123);
    assert_memory_equal(s2.id.ptr, "client", 6);
    assert_true(s2.has_user && s2.user.len == 4);
    assert_memory_equal(s2.props.ptr, "props", 5);
    expect_exact(decode_session, bytes, len);

    struct nh_mqtt__sub_record u = {2 | 4, 77, span("a/+")}, u2;
    nh_mqtt__sub_encode(bytes, &u);
    len = join(bytes, NH_MQTT__SUB_HEAD_BYTES, u.filter, none, none);
    assert_int_equal(nh_mqtt__sub_decode((nh_span_t){bytes, len}, &u2), NH_OK);
    assert_int_equal(u2.options, 6);
    assert_int_equal(u2.id, 77);
    assert_int_equal(u2.filter.len, 3);
    expect_exact(decode_sub, bytes, len);

    struct nh_mqtt__queue_record q = {
        .qos = 2, .retain = true, .len = 9, .message = 1ull << 40, .sum_bytes = 1ull << 41};
    struct nh_mqtt__queue_record q2;
    q.ids = span("12345678");
    nh_mqtt__queue_encode(bytes, &q);
    len = join(bytes, NH_MQTT__QUEUE_HEAD_BYTES, q.ids, none, none);
    assert_int_equal(nh_mqtt__queue_decode((nh_span_t){bytes, len}, &q2), NH_OK);
    assert_true(q2.qos == 2 && q2.retain && !q2.released && q2.len == 9);
    assert_true(q2.message == q.message && q2.sum_bytes == q.sum_bytes && q2.ids.len == 8);
    expect_exact(decode_queue, bytes, len);

    struct nh_mqtt__will_record w = {1, true, true, 30, 60, 99, 5}, w2;
    nh_mqtt__will_encode(bytes, &w);
    assert_int_equal(nh_mqtt__will_decode((nh_span_t){bytes, NH_MQTT__WILL_BYTES}, &w2), NH_OK);
    assert_true(w2.qos == 1 && w2.retain && w2.delay_s == 30 && w2.due_unix_ms == 99);
    assert_true(w2.message == 5 && w2.expires && w2.expiry_s == 60);
    expect_exact(decode_will, bytes, NH_MQTT__WILL_BYTES);

    struct nh_mqtt__message_record m = {.qos = 1,
                                        .is_v5 = true,
                                        .expiry_unix_ms = 42,
                                        .payload_len = 3,
                                        .props_len = 2,
                                        .topic_len = 1},
                                   m2;
    nh_mqtt__message_encode(bytes, &m);
    len = join(bytes, NH_MQTT__MESSAGE_HEAD_BYTES, span("t"), span("pp"), span("abc"));
    assert_int_equal(nh_mqtt__message_decode((nh_span_t){bytes, len}, &m2), NH_OK);
    assert_true(m2.expiry_unix_ms == 42 && m2.qos == 1 && m2.is_v5);
    assert_memory_equal(m2.payload.ptr, "abc", 3);
    assert_memory_equal(m2.props.ptr, "pp", 2);
    expect_exact(decode_message, bytes, len);

    nh_mqtt__replay_encode(bytes, &(struct nh_mqtt__replay_record){span("a/b")});
    len = join(bytes, NH_MQTT__REPLAY_HEAD_BYTES, span("a/b"), none, none);
    expect_exact(decode_replay, bytes, len);
    bytes[0] = NH_MQTT__RECORD_VERSION;
    expect_exact(nh_mqtt__bare_decode, bytes, NH_MQTT__BARE_BYTES);
}

static void test_keys(void **state)
{
    (void)state;
    uint32_t a;
    uint64_t b;
    const struct nh_mqtt__key keys[] = {
        nh_mqtt__key_type(NH_MQTT__REC_META),
        nh_mqtt__key_u32(NH_MQTT__REC_SESSION, 5),
        nh_mqtt__key_u32_u16(NH_MQTT__REC_SUB, 5, 6),
        nh_mqtt__key_u32_u64(NH_MQTT__REC_QUEUE, 5, 1ull << 33),
        nh_mqtt__key_u64(NH_MQTT__REC_MESSAGE, 1ull << 33),
    };
    for (size_t i = 1; i < NH_ARRAY_LEN(keys); i++) {
        enum nh_mqtt__record_type type = (enum nh_mqtt__record_type)keys[i].bytes[0];
        assert_int_equal(nh_mqtt__key_decode(nh_mqtt__key_span(&keys[i]), type, &a, &b), NH_OK);
        if (i < 4)
            assert_int_equal(a, 5);
        for (size_t len = 0; len <= NH_MQTT_KEY_MAX_BYTES; len++) {
            nh_span_t key = {keys[i].bytes, len};
            int rc = nh_mqtt__key_decode(key, type, &a, &b);
            assert_int_equal(rc, len == keys[i].len ? NH_OK : NH_ERR_CORRUPT);
        }
    }
    // The order of keys is that of numbers.
    struct nh_mqtt__key low = nh_mqtt__key_u32_u64(NH_MQTT__REC_QUEUE, 1, 255),
                        high = nh_mqtt__key_u32_u64(NH_MQTT__REC_QUEUE, 1, 256);
    assert_true(memcmp(low.bytes, high.bytes, low.len) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_last_word_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_model, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dead_entries_make_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
