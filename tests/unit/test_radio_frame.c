// Frames of the lamp's radio, bit for bit, both ends; counters against replay; the peers' document.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "components/lamp_radio/radio_frame.h"
#include "components/lamp_radio/radio_guard.h"
#include "components/lamp_radio/radio_peers.h"
#include "core/base/crc.h"
#include "support/rng.h"

static const uint8_t key[NH_RADIO_KEY_BYTES] = "a key of thirty-two bytes, right";

static const struct nh_radio_record visible[] = {
    {0xEA01, "SNOW FALL"},       {0xEA02, "CONFETTI"},      {0xEA03, "DIAG RAINBOW"},
    {0xEA04, "GLITTER RAINBOW"}, {0xEA05, "RADIAL RIPPLE"}, {0xEA06, "CUBES"},
    {0xEA07, "ORBIT DOTS"},      {0xCA01, "FIRE"},
};
static uint8_t list[8 * NH_RADIO_RECORD_BYTES];

static uint32_t make_list(void)
{
    for (size_t i = 0; i < 8; i++)
        nh_radio_record_encode(&visible[i], list + i * NH_RADIO_RECORD_BYTES);
    return nh_crc32(0, list, sizeof list);
}

// Decodes a copy of exact size, so that a byte too far is seen.
static int decode(const uint8_t *bytes, size_t len, const uint8_t *k, struct nh_radio_frame *out)
{
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, bytes, len);
    int err = nh_radio_frame_decode(copy, len, k, out);
    if (out->head.type == NH_RADIO_HELLO)
        out->u.hello.records = NULL; // it pointed into the copy
    free(copy);
    return err;
}

// Row 5 of the acceptance list: the vectors of the protocol, bit by bit.
static void test_row_5_vectors(void **state)
{
    static const uint8_t ctrl[] = {0x4E, 0x4A, 1, 1, 2,    0, 0xFF, 0xFF, 1, 0,
                                   0,    0,    4, 0, 0x66, 0, 0,    0,    0, 0};
    static const uint8_t ack[] = {0x4E, 0x4A, 1,    2,    0x6F, 0,    0, 0, 1, 0, 0,
                                  0,    1,    0xCA, 0x66, 0,    0x64, 0, 7, 0, 0, 0};
    static const uint8_t meta[] = {0x4E, 0x4A, 1, 3, 0x6F, 0, 0,    0,    2,    0,
                                   0,    0,    2, 0, 8,    0, 0xA3, 0xF0, 0xAF, 0xC0};
    uint8_t out[NH_RADIO_FRAME_MAX_BYTES];
    (void)state;
    uint32_t crc = make_list();
    assert_int_equal(nh_crc32(0, list, NH_RADIO_RECORD_BYTES), 0xC7E114D8);
    assert_int_equal(crc, 0xC0AFF0A3);
    struct nh_radio_frame f = {.head = {NH_RADIO_V1, NH_RADIO_CTRL, 2, NH_RADIO_NODE_ANY, 1},
                               .u.ctrl = {NH_RADIO_SET_BRIGHT, 102}};
    assert_int_equal(nh_radio_frame_encode(&f, NULL, out), sizeof ctrl);
    assert_memory_equal(out, ctrl, sizeof ctrl);
    f = (struct nh_radio_frame){
        .head = {NH_RADIO_V1, NH_RADIO_ACK, 111, 0, 1},
        .u.ack = {.effect_id = 0xCA01, .brightness = 102, .speed_pct = 100, .state_seq = 7}};
    assert_int_equal(nh_radio_frame_encode(&f, NULL, out), sizeof ack);
    assert_memory_equal(out, ack, sizeof ack);
    f = (struct nh_radio_frame){.head = {NH_RADIO_V1, NH_RADIO_HELLO, 111, 0, 2},
                                .u.hello = {.sub = NH_RADIO_META_RSP, .count = 8, .crc = crc}};
    assert_int_equal(nh_radio_frame_encode(&f, NULL, out), sizeof meta);
    assert_memory_equal(out, meta, sizeof meta);
    f.u.hello =
        (struct nh_radio_hello){.sub = NH_RADIO_CHUNK_RSP, .count = 8, .crc = crc, .records = list};
    assert_int_equal(nh_radio_frame_encode(&f, NULL, out), 164);
    assert_memory_equal(out + 20, list, sizeof list);
}

// The longest of its kind, in either version.
static void test_lengths(void **state)
{
    static const struct {
        uint8_t sub;
        int bytes;
    } rows[] = {{NH_RADIO_META_REQ, 20},   {NH_RADIO_META_RSP, 20},    {NH_RADIO_CHUNK_REQ, 20},
                {NH_RADIO_OTA_INFO, 113},  {NH_RADIO_AUDIO_STATE, 20}, {NH_RADIO_PAIR_BEGIN, 64},
                {NH_RADIO_PAIR_OFFER, 80}, {NH_RADIO_PAIR_REVEAL, 64}, {NH_RADIO_PAIR_PROOF, 32},
                {NH_RADIO_PAIR_DONE, 20},  {NH_RADIO_PAIR_RESULT, 20}, {NH_RADIO_COUNTER, 24}};
    uint8_t records[NH_RADIO_CHUNK_MAX_COUNT * NH_RADIO_RECORD_BYTES] = {0};
    uint8_t out[NH_RADIO_FRAME_MAX_BYTES];
    struct nh_radio_frame f = {.head = {NH_RADIO_V1, NH_RADIO_HELLO, 1, 2, 3}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        f.head.version = NH_RADIO_V1;
        f.u.hello = (struct nh_radio_hello){.sub = rows[i].sub};
        assert_int_equal(nh_radio_frame_encode(&f, NULL, out), rows[i].bytes);
        f.head.version = NH_RADIO_V2;
        assert_int_equal(nh_radio_frame_encode(&f, key, out), rows[i].bytes + NH_RADIO_TAIL_BYTES);
    }
    f.u.hello = (struct nh_radio_hello){
        .sub = NH_RADIO_CHUNK_RSP, .count = NH_RADIO_CHUNK_MAX_COUNT, .records = records};
    assert_int_equal(nh_radio_frame_encode(&f, key, out), 224);
    f.u.hello.count++;
    assert_int_equal(nh_radio_frame_encode(&f, key, out), NH_ERR_INVAL);
    f.u.hello = (struct nh_radio_hello){.sub = 9};
    assert_int_equal(nh_radio_frame_encode(&f, key, out), NH_ERR_INVAL);
    f.u.hello.sub = NH_RADIO_META_REQ;
    assert_int_equal(nh_radio_frame_encode(&f, NULL, out), NH_ERR_INVAL);
    f.head.version = 3;
    assert_int_equal(nh_radio_frame_encode(&f, key, out), NH_ERR_INVAL);
    f.head.version = NH_RADIO_V1;
    f.head.type = 4;
    assert_int_equal(nh_radio_frame_encode(&f, NULL, out), NH_ERR_INVAL);
}

static void random_hello(struct rng *rng, struct nh_radio_hello *h)
{
    static const uint8_t subs[] = {1, 2, 3, 5, 6, 16, 17, 18, 19, 20, 21, 22};
    memset(h, 0, sizeof *h);
    h->sub = subs[rng_below(rng, sizeof subs)];
    bool is_meta = h->sub == NH_RADIO_META_RSP, is_ota = h->sub == NH_RADIO_OTA_INFO;
    bool is_pair = h->sub >= NH_RADIO_PAIR_BEGIN;
    bool is_named = h->sub == NH_RADIO_PAIR_BEGIN || h->sub == NH_RADIO_PAIR_OFFER;
    h->count = is_meta ? (uint16_t)rng_below(rng, 65536) : 0;
    h->crc = is_meta ? (uint32_t)rng_next(rng) : 0;
    h->start = h->sub == NH_RADIO_CHUNK_REQ ? (uint16_t)rng_below(rng, 65536) : 0;
    h->status = is_ota || is_pair ? (uint8_t)rng_below(rng, 256) : 0;
    h->ttl_s = is_ota || is_named ? (uint16_t)rng_below(rng, 65536) : 0;
    h->volume = h->sub == NH_RADIO_AUDIO_STATE ? (uint8_t)rng_below(rng, 101) : 0;
    h->audio_seq = h->sub == NH_RADIO_AUDIO_STATE ? (uint32_t)rng_next(rng) : 0;
    strcpy(h->name, is_named ? "Hall" : "");
    if (is_ota) {
        strcpy(h->ssid, "JINNY-OTA");
        strcpy(h->password, "not the same twice");
    }
    if (is_named || h->sub == NH_RADIO_PAIR_REVEAL)
        for (size_t i = 0; i < 32; i++)
            h->bytes32[i] = (uint8_t)rng_next(rng);
    if (h->sub >= NH_RADIO_PAIR_OFFER && h->sub <= NH_RADIO_PAIR_PROOF)
        for (size_t i = 0; i < 16; i++)
            h->bytes16[i] = (uint8_t)rng_next(rng);
    h->counter = h->sub == NH_RADIO_COUNTER ? rng_next(rng) : 0;
}

static void random_frame(struct rng *rng, struct nh_radio_frame *f)
{
    memset(f, 0, sizeof *f);
    f->head.version = (uint8_t)(1 + rng_below(rng, 2));
    f->head.type = (uint8_t)(1 + rng_below(rng, 3));
    f->head.src_node = (uint16_t)rng_next(rng);
    f->head.dst_node = (uint16_t)rng_next(rng);
    f->head.seq = (uint32_t)rng_next(rng);
    f->counter = f->head.version == NH_RADIO_V2 ? rng_next(rng) : 0;
    if (f->head.type == NH_RADIO_CTRL)
        f->u.ctrl = (struct nh_radio_ctrl){(uint8_t)rng_next(rng), (uint16_t)rng_next(rng)};
    else if (f->head.type == NH_RADIO_HELLO)
        random_hello(rng, &f->u.hello);
    else
        f->u.ack = (struct nh_radio_state){.effect_id = (uint16_t)rng_next(rng),
                                           .speed_pct = (uint16_t)rng_next(rng),
                                           .state_seq = (uint32_t)rng_next(rng),
                                           .brightness = (uint8_t)rng_next(rng),
                                           .is_paused = rng_below(rng, 2),
                                           .has_flags = true,
                                           .is_on = rng_below(rng, 2),
                                           .is_rejected = rng_below(rng, 2),
                                           .result = (uint8_t)rng_below(rng, 256),
                                           .has_more = true,
                                           .intensity = (uint8_t)rng_next(rng),
                                           .palette = (uint8_t)rng_next(rng),
                                           .overlay = rng_below(rng, 2),
                                           .overlay_mode = (uint8_t)rng_below(rng, 4),
                                           .overlay_blend = (uint8_t)rng_below(rng, 4)};
}

// What is encoded decodes to the same, and encoding that gives the same bytes.
static void test_round_trip(void **state)
{
    uint8_t out[NH_RADIO_FRAME_MAX_BYTES], again[NH_RADIO_FRAME_MAX_BYTES];
    struct nh_radio_frame f, back;
    struct rng rng = {1};
    (void)state;
    for (int i = 0; i < 20000; i++) {
        random_frame(&rng, &f);
        int len = nh_radio_frame_encode(&f, key, out);
        assert_in_range(len, 20, NH_RADIO_FRAME_MAX_BYTES);
        assert_int_equal(decode(out, (size_t)len, key, &back), 0);
        assert_int_equal(nh_radio_frame_encode(&back, key, again), len);
        assert_memory_equal(out, again, (size_t)len);
    }
}

// Each length under the least is refused; each flipped bit of version 2 as well.
static void test_cut_and_forged(void **state)
{
    uint8_t out[NH_RADIO_FRAME_MAX_BYTES];
    struct nh_radio_frame f, back;
    struct rng rng = {2};
    (void)state;
    for (int i = 0; i < 200; i++) {
        random_frame(&rng, &f);
        f.head.version = NH_RADIO_V2;
        int len = nh_radio_frame_encode(&f, key, out);
        for (int cut = 0; cut < len; cut++)
            assert_true(decode(out, (size_t)cut, key, &back) < 0);
        assert_int_equal(decode(out, (size_t)len, NULL, &back), NH_ERR_DENIED);
        uint32_t bit = rng_below(&rng, (uint32_t)len * 8);
        out[bit / 8] ^= (uint8_t)(1u << bit % 8);
        // A flip in the version may make it one of version 1 or none: never one with this key.
        int err = decode(out, (size_t)len, key, &back);
        assert_true(err < 0 || back.head.version == NH_RADIO_V1);
    }
    memset(out, 0, sizeof out);
    assert_int_equal(decode(out, 0, key, &back), NH_ERR_PROTO);
    assert_int_equal(decode(out, sizeof out, key, &back), NH_ERR_PROTO);
}

static void test_plain_least_lengths(void **state)
{
    static const struct {
        uint8_t bytes[14];
        size_t least;
    } rows[] = {
        {{0x4E, 0x4A, 1, 1}, 20},
        {{0x4E, 0x4A, 1, 2}, 22},
        {{0x4E, 0x4A, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, NH_RADIO_META_REQ}, 13},
        {{0x4E, 0x4A, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, NH_RADIO_META_RSP}, 20},
        {{0x4E, 0x4A, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, NH_RADIO_CHUNK_REQ}, 16},
        {{0x4E, 0x4A, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, NH_RADIO_CHUNK_RSP, 3}, 20 + 3 * 18},
        {{0x4E, 0x4A, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, NH_RADIO_OTA_INFO}, 113},
    };
    uint8_t bytes[NH_RADIO_FRAME_MAX_BYTES];
    struct nh_radio_frame f;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t len = 0; len <= sizeof bytes; len++) {
            memset(bytes, 0, sizeof bytes);
            memcpy(bytes, rows[i].bytes, sizeof rows[i].bytes);
            int err = decode(bytes, len, NULL, &f);
            if ((err == 0) != (len >= rows[i].least))
                fail_msg("row %zu, %zu bytes: %d", i, len, err);
        }
    // More than a chunk holds, in a frame that would have room for the count's low bits.
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, rows[5].bytes, 14);
    bytes[13] = 11;
    assert_int_equal(decode(bytes, sizeof bytes, NULL, &f), NH_ERR_PROTO);
    bytes[12] = 99;
    assert_int_equal(decode(bytes, sizeof bytes, NULL, &f), NH_ERR_UNSUPPORTED);
}

static void test_names(void **state)
{
    uint8_t bytes[NH_RADIO_RECORD_BYTES];
    struct nh_radio_record r;
    nh_radio_address_t a;
    char text[NH_RADIO_ADDRESS_TEXT_BYTES];
    (void)state;
    memset(bytes, 'x', sizeof bytes);
    bytes[3] = 0x07;
    nh_radio_record_decode(bytes, &r);
    assert_string_equal(r.name, "x?xxxxxxxxxxxxx");
    assert_true(nh_radio_address_parse("02:4e:48:0A:ff:01", &a));
    assert_string_equal(nh_radio_address_text(&a, text), "02:4e:48:0a:ff:01");
    assert_false(nh_radio_address_is_all(&a));
    static const char *const bad[] = {"",
                                      "02:4e:48:0a:ff:0",
                                      "02-4e-48-0a-ff-01",
                                      "02:4e:48:0a:ff:01:",
                                      "0g:4e:48:0a:ff:01",
                                      "024e480aff01     "};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(nh_radio_address_parse(bad[i], &a));
    assert_true(nh_radio_address_parse("ff:ff:ff:ff:ff:ff", &a));
    assert_true(nh_radio_address_is_all(&a));
}

// ---- counters ----------------------------------------------------------------------------------

// Against a plain model: a set of what was taken, and the highest.
static void test_guard_model(void **state)
{
    enum { SPAN = 4000 };
    static bool taken[SPAN + 200];
    nh_radio_guard_t g;
    struct rng rng = {3};
    uint64_t high = 0;
    (void)state;
    memset(taken, 0, sizeof taken);
    nh_radio_guard_init(&g, 0, 0);
    for (int i = 0; i < 20000 && high < SPAN; i++) {
        uint64_t counter = 1 + high - (high < 90 ? high : 90) + rng_below(&rng, 95);
        bool is_fresh = counter + NH_RADIO_WINDOW > high && !taken[counter];
        enum nh_radio_guard_answer a = nh_radio_guard_check(&g, counter);
        if ((a == NH_RADIO_FRESH) != is_fresh)
            fail_msg("step %d: counter %u of %u", i, (unsigned)counter, (unsigned)high);
        if (!is_fresh)
            continue;
        nh_radio_guard_take(&g, counter);
        taken[counter] = true;
        high = counter > high ? counter : high;
    }
}

// A restart at any moment: no counter is sent twice, and none that was taken is taken again.
static void test_guard_restart(void **state)
{
    nh_radio_guard_t sender, receiver;
    uint64_t kept_sent = 0, kept_received = 0, sent_high = 0;
    struct rng rng = {4};
    (void)state;
    nh_radio_guard_init(&sender, 0, 0);
    nh_radio_guard_init(&receiver, 0, 0);
    for (int i = 0; i < 30000; i++) {
        if (rng_below(&rng, 500) == 0)
            nh_radio_guard_init(&sender, kept_sent, 0);
        if (rng_below(&rng, 700) == 0) {
            nh_radio_guard_init(&receiver, 0, kept_received);
            assert_int_not_equal(nh_radio_guard_check(&receiver, sent_high), NH_RADIO_FRESH);
        }
        if (nh_radio_guard_reserve_send(&sender))
            kept_sent = sender.kept_sent;
        uint64_t counter = nh_radio_guard_send(&sender);
        assert_true(counter > sent_high);
        sent_high = counter;
        if (nh_radio_guard_check(&receiver, counter) != NH_RADIO_FRESH) {
            nh_radio_guard_skip(&sender, receiver.high); // as NH_RADIO_COUNTER tells it
            continue;
        }
        if (nh_radio_guard_reserve_receive(&receiver, counter))
            kept_received = receiver.kept_received;
        nh_radio_guard_take(&receiver, counter);
        assert_int_not_equal(nh_radio_guard_check(&receiver, counter), NH_RADIO_FRESH);
    }
}

// ---- the peers' document -----------------------------------------------------------------------

static void test_peers(void **state)
{
    struct nh_radio_peer_record peers[3] = {
        {.node = 2, .kind = NH_RADIO_PEER_KEYED, .channel = 6, .name = "Sofa", .kept_sent = 4097},
        {.node = 3, .kind = NH_RADIO_PEER_PLAIN, .name = "Old one", .kept_received = 1ull << 40},
        {.node = 4, .kind = NH_RADIO_PEER_KEYED}};
    struct nh_radio_peer_record back[3];
    uint8_t bytes[NH_RADIO_PEERS_BYTES(3)];
    (void)state;
    memcpy(peers[0].key, key, sizeof key);
    memset(peers[1].address.mac, 7, 6);
    for (size_t count = 0; count <= 3; count++) {
        size_t len = nh_radio_peers_encode(peers, count, bytes);
        assert_int_equal(len, NH_RADIO_PEERS_BYTES(count));
        assert_int_equal(nh_radio_peers_decode(bytes, len, back, 3), count);
        for (size_t i = 0; i < count; i++)
            assert_memory_equal(back[i].key, peers[i].key, sizeof key);
        for (size_t bit = 0; bit < len * 8; bit++) { // whatever is damaged is found
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(nh_radio_peers_decode(bytes, len, back, 3), NH_ERR_CORRUPT);
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t cut = 0; cut < len; cut++)
            assert_int_equal(nh_radio_peers_decode(bytes, cut, back, 3), NH_ERR_CORRUPT);
    }
    assert_int_equal(nh_radio_peers_decode(bytes, sizeof bytes, back, 1), 3);
    assert_int_equal(back[0].node, 2);
    assert_string_equal(back[0].name, "Sofa");
    assert_int_equal(back[0].kept_sent, 4097);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_row_5_vectors),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_cut_and_forged),
        cmocka_unit_test(test_plain_least_lengths),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_guard_model),
        cmocka_unit_test(test_guard_restart),
        cmocka_unit_test(test_peers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
