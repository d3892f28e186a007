#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/bus/events.h"
#include "support/mem_fixture.h"
#include "support/rng.h"

enum { EVENTS = 40 };

// A subscriber of the tests: remembers what it got as a string of the data's first byte.
struct listener {
    nh_bus_sub_t *sub;
    char got[64];
    size_t got_count, wake_count, released_count;
    void (*on_event)(struct listener *l, const struct nh_event *e);
    bool drain_on_wake;
};

static struct {
    struct mem_fixture mem;
    nh_bus_t *bus;
    struct listener a, b, c;
    int lock_depth;
} t;

static void on_event(void *ctx, const struct nh_event *e)
{
    struct listener *l = ctx;
    assert_int_equal(t.lock_depth, 0);
    assert_true(l->got_count + 1 < sizeof l->got);
    l->got[l->got_count++] = e->data_len ? (char)e->data[0] : '-';
    if (l->on_event)
        l->on_event(l, e);
}

static void on_wake(void *ctx)
{
    struct listener *l = ctx;
    assert_int_equal(t.lock_depth, 0);
    l->wake_count++;
    if (l->drain_on_wake)
        nh_bus_drain(l->sub, 0);
}

static void on_released(void *ctx)
{
    struct listener *l = ctx;
    assert_int_equal(t.lock_depth, 0);
    l->released_count++;
}

static void lock_up(void *ctx)
{
    (void)ctx;
    assert_int_equal(t.lock_depth++, 0);
}

static void lock_down(void *ctx)
{
    (void)ctx;
    assert_int_equal(--t.lock_depth, 0);
}

static int setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    mem_fixture_init(&t.mem, NULL);
    struct nh_bus_config cfg = {
        .mem = t.mem.mem, .lock = {lock_up, lock_down, NULL}, .event_count = EVENTS};
    assert_int_equal(nh_bus_create(&cfg, &t.bus), NH_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_bus_destroy(t.bus);
    mem_fixture_deinit(&t.mem);
    return 0;
}

static struct nh_bus_sub_config config_of(struct listener *l, uint32_t queue_max)
{
    return (struct nh_bus_sub_config){.name = "test",
                                      .queue_max = queue_max,
                                      .handle = on_event,
                                      .wake = on_wake,
                                      .released = on_released,
                                      .ctx = l};
}

static void listen(struct listener *l, uint32_t queue_max, uint32_t reserve)
{
    struct nh_bus_sub_config cfg = config_of(l, queue_max);
    cfg.reserve = reserve;
    assert_int_equal(nh_bus_subscribe(t.bus, &cfg, &l->sub), NH_OK);
}

static int post(nh_event_id_t id, char letter, bool critical)
{
    struct nh_event e = {.id = id, .data_len = 1, .critical = critical};
    e.data[0] = (uint8_t)letter;
    return nh_bus_post(t.bus, &e);
}

static struct nh_bus_sub_info info_of(size_t index)
{
    struct nh_bus_sub_info info = {0};
    assert_int_equal(nh_bus_sub_info(t.bus, index, &info), NH_OK);
    return info;
}

// ---- who gets what -----------------------------------------------------------------------------

static void nobody_listens(void **state)
{
    (void)state;
    assert_int_equal(post(1, 'x', false), 0);
    struct nh_bus_event_info info;
    assert_int_equal(nh_bus_event_info(t.bus, 1, &info), NH_OK);
    assert_true(info.posted == 1 && info.delivered == 0 && info.dropped == 0);
    struct nh_bus_sub_info sub;
    assert_int_equal(nh_bus_sub_info(t.bus, 0, &sub), NH_ERR_NOT_FOUND);
}

static void ids_choose_the_subscribers(void **state)
{
    (void)state;
    const nh_event_id_t ids[] = {0, 31, 32, EVENTS - 1};
    struct nh_bus_sub_config cfg = config_of(&t.a, 0);
    cfg.ids = ids;
    cfg.id_count = NH_ARRAY_LEN(ids);
    assert_int_equal(nh_bus_subscribe(t.bus, &cfg, &t.a.sub), NH_OK);
    cfg = config_of(&t.b, 0);
    cfg.ids = ids;
    assert_int_equal(nh_bus_subscribe(t.bus, &cfg, &t.b.sub), NH_OK); // no ids: nothing
    listen(&t.c, 0, 0);
    for (nh_event_id_t id = 0; id < EVENTS; id++) {
        bool wanted = id == 0 || id == 31 || id == 32 || id == EVENTS - 1;
        assert_int_equal(post(id, (char)('0' + id), false), 1 + wanted);
    }
    assert_string_equal(t.a.got, "0OPW");
    assert_string_equal(t.b.got, "");
    assert_int_equal(t.c.got_count, EVENTS);
}

static void wrong_events_are_refused(void **state)
{
    (void)state;
    listen(&t.a, 0, 0);
    struct nh_event e = {.id = EVENTS};
    assert_int_equal(nh_bus_post(t.bus, &e), NH_ERR_RANGE);
    e = (struct nh_event){.data_len = NH_EVENT_DATA_MAX_BYTES + 1};
    assert_int_equal(nh_bus_post(t.bus, &e), NH_ERR_RANGE);
    uint8_t data[NH_EVENT_DATA_MAX_BYTES + 1] = "m";
    assert_int_equal(nh_bus_post_data(t.bus, 1, 0, 0, data, sizeof data), NH_ERR_RANGE);
    assert_string_equal(t.a.got, "");
    assert_int_equal(nh_bus_post_data(t.bus, 1, 0, 0, data, sizeof data - 1), 1);
    assert_int_equal(nh_bus_post_data(t.bus, 1, 0, 0, NULL, 0), 1);
    assert_string_equal(t.a.got, "m-");
    struct nh_bus_event_info info;
    assert_int_equal(nh_bus_event_info(t.bus, EVENTS, &info), NH_ERR_RANGE);
}

static void wrong_subscribers_are_refused(void **state)
{
    (void)state;
    nh_bus_sub_t *sub;
    struct nh_bus_sub_config cfg = config_of(&t.a, 4);
    cfg.reserve = 5;
    assert_int_equal(nh_bus_subscribe(t.bus, &cfg, &sub), NH_ERR_RANGE);
    cfg = config_of(&t.a, NH_BUS_QUEUE_MAX_COUNT + 1);
    assert_int_equal(nh_bus_subscribe(t.bus, &cfg, &sub), NH_ERR_RANGE);
    cfg = config_of(&t.a, 0);
    cfg.ids = (const nh_event_id_t[]){1, EVENTS};
    cfg.id_count = 2;
    assert_int_equal(nh_bus_subscribe(t.bus, &cfg, &sub), NH_ERR_RANGE);
    cfg = config_of(&t.a, 0);
    cfg.handle = NULL;
    assert_int_equal(nh_bus_subscribe(t.bus, &cfg, &sub), NH_ERR_INVAL);
    cfg = config_of(&t.a, 0);
    cfg.name = NULL;
    assert_int_equal(nh_bus_subscribe(t.bus, &cfg, &sub), NH_ERR_INVAL);
    assert_null(sub);
    assert_int_equal(t.a.released_count, 0);
    nh_bus_t *bus;
    struct nh_bus_config bus_cfg = {.mem = t.mem.mem, .event_count = 65537};
    assert_int_equal(nh_bus_create(&bus_cfg, &bus), NH_ERR_RANGE);
    nh_bus_unsubscribe(t.bus, NULL);
    nh_bus_destroy(NULL);
}

static void subscribers_have_a_limit(void **state)
{
    (void)state;
    nh_bus_sub_t *sub;
    struct nh_bus_sub_config cfg = config_of(&t.a, 0);
    for (int i = 0; i < NH_BUS_SUB_MAX_COUNT; i++)
        assert_int_equal(nh_bus_subscribe(t.bus, &cfg, &sub), NH_OK);
    struct nh_bus_sub_config more = config_of(&t.b, 2);
    assert_int_equal(nh_bus_subscribe(t.bus, &more, &t.b.sub), NH_ERR_FULL);
    assert_null(t.b.sub);
    assert_int_equal(t.b.released_count, 0);
    assert_int_equal(post(1, 'x', false), NH_BUS_SUB_MAX_COUNT);
    nh_bus_unsubscribe(t.bus, sub);
    assert_int_equal(t.a.released_count, 1);
    assert_int_equal(nh_bus_subscribe(t.bus, &more, &t.b.sub), NH_OK);
}

// ---- queues ------------------------------------------------------------------------------------

static void a_queue_keeps_order_and_wakes_once(void **state)
{
    (void)state;
    listen(&t.a, 4, 0);
    for (char c = 'a'; c < 'd'; c++)
        assert_int_equal(post(1, c, false), 1);
    assert_int_equal(t.a.wake_count, 1);
    assert_string_equal(t.a.got, "");
    assert_int_equal(info_of(0).depth, 3);
    assert_int_equal(nh_bus_drain(t.a.sub, 0), 3);
    assert_string_equal(t.a.got, "abc");
    assert_int_equal(post(1, 'd', false), 1); // over the ring's end from here on
    assert_int_equal(post(1, 'e', false), 1);
    assert_int_equal(t.a.wake_count, 2);
    assert_int_equal(nh_bus_drain(t.a.sub, 0), 2);
    assert_int_equal(nh_bus_drain(t.a.sub, 0), 0);
    assert_string_equal(t.a.got, "abcde");
    assert_int_equal(t.a.wake_count, 2);
}

static void a_drain_that_leaves_events_wakes_again(void **state)
{
    (void)state;
    listen(&t.a, 4, 0);
    for (char c = 'a'; c < 'e'; c++)
        post(1, c, false);
    assert_int_equal(nh_bus_drain(t.a.sub, 3), 3);
    assert_int_equal(t.a.wake_count, 2);
    assert_int_equal(nh_bus_drain(t.a.sub, 3), 1);
    assert_int_equal(t.a.wake_count, 2);
    assert_string_equal(t.a.got, "abcd");
}

static void a_full_queue_drops_and_counts(void **state)
{
    (void)state;
    listen(&t.a, 3, 0);
    listen(&t.b, 8, 0);
    for (char c = 'a'; c < 'f'; c++)
        assert_int_equal(post(2, c, false), c < 'd' ? 2 : 1);
    struct nh_bus_sub_info a = info_of(0), b = info_of(1);
    assert_true(a.delivered == 3 && a.dropped == 2 && a.depth == 3 && a.depth_max == 3);
    assert_true(b.delivered == 5 && b.dropped == 0 && b.depth_max == 5);
    struct nh_bus_event_info info;
    assert_int_equal(nh_bus_event_info(t.bus, 2, &info), NH_OK);
    assert_true(info.posted == 5 && info.delivered == 8 && info.dropped == 2);
    nh_bus_drain(t.a.sub, 0);
    assert_string_equal(t.a.got, "abc"); // the newest were refused, the oldest are kept
    a = info_of(0);
    assert_true(a.depth == 0 && a.depth_max == 3);
}

static void critical_events_take_the_reserve(void **state)
{
    (void)state;
    listen(&t.a, 5, 2);
    for (char c = 'a'; c < 'f'; c++)
        assert_int_equal(post(1, c, false), c < 'd');
    assert_int_equal(post(1, 'X', true), 1);
    assert_int_equal(post(1, 'y', false), 0);
    assert_int_equal(post(1, 'Y', true), 1);
    assert_int_equal(post(1, 'Z', true), 0);
    struct nh_bus_sub_info a = info_of(0);
    assert_true(a.dropped == 4 && a.dropped_critical == 1 && a.depth_max == 5);
    assert_true(a.queue_max == 5 && a.reserve == 2);
    assert_string_equal(a.name, "test");
    nh_bus_drain(t.a.sub, 0);
    assert_string_equal(t.a.got, "abcXY");
}

static void a_queue_all_in_reserve_takes_critical_only(void **state)
{
    (void)state;
    listen(&t.a, 1, 1);
    assert_int_equal(post(1, 'a', false), 0);
    assert_int_equal(post(1, 'A', true), 1);
    assert_int_equal(t.a.wake_count, 1);
}

static void check_whole(struct listener *l, const struct nh_event *e)
{
    (void)l;
    struct nh_event_mem_snapshot p;
    assert_int_equal(e->data_len, sizeof p);
    memcpy(&p, e->data, sizeof p);
    assert_string_equal(p.tag, "http_root");
    assert_int_equal(p.failed_count, 5);
    assert_int_equal(e->id, NH_EVENT_MEM_SNAPSHOT);
    assert_int_equal(e->origin, NH_ORIGIN_SCHED);
    assert_true(e->time_ms == UINT64_MAX - 1);
    assert_true(e->critical);
}

static void the_largest_payload_arrives_whole(void **state)
{
    (void)state;
    struct nh_event_mem_snapshot p = {.tag = "http_root", .failed_count = 5};
    struct nh_event e = {.id = NH_EVENT_MEM_SNAPSHOT,
                         .origin = NH_ORIGIN_SCHED,
                         .data_len = sizeof p,
                         .critical = true,
                         .time_ms = UINT64_MAX - 1};
    memcpy(e.data, &p, sizeof p);
    assert_int_equal(sizeof p, NH_EVENT_DATA_MAX_BYTES);
    t.a.on_event = check_whole;
    t.b.on_event = check_whole;
    listen(&t.a, 0, 0);
    listen(&t.b, 1, 0);
    assert_int_equal(nh_bus_post(t.bus, &e), 2);
    memset(&e, 0, sizeof e);
    nh_bus_drain(t.b.sub, 0);
    assert_int_equal(t.a.got_count, 1);
    assert_int_equal(t.b.got_count, 1);
}

// ---- blobs -------------------------------------------------------------------------------------

static void read_blob(struct listener *l, const struct nh_event *e)
{
    l->got[l->got_count++] = (char)nh_blob_bytes(e->blob)[0];
}

static nh_blob_t *post_blob(char c, int want)
{
    nh_blob_t *blob;
    assert_int_equal(nh_blob_create(t.mem.mem, NH_MEM_BULK, 100, &blob), NH_OK);
    nh_blob_bytes(blob)[0] = (uint8_t)c;
    struct nh_event e = {.id = 1, .blob = blob};
    assert_int_equal(nh_bus_post(t.bus, &e), want);
    return blob;
}

// Each way that an event can end must give the blob back: the teardown finds any that is held.
static void blobs_live_as_long_as_their_events(void **state)
{
    (void)state;
    t.a.on_event = t.b.on_event = t.c.on_event = read_blob;
    listen(&t.a, 2, 0);
    listen(&t.b, 1, 0);
    listen(&t.c, 0, 0);
    nh_blob_unref(post_blob('x', 3));
    nh_blob_unref(post_blob('y', 2)); // dropped by b
    nh_blob_unref(post_blob('z', 1)); // dropped by a and b
    assert_string_equal(t.c.got, "-x-y-z");
    nh_bus_drain(t.b.sub, 0);
    assert_string_equal(t.b.got, "-x");
    nh_bus_drain(t.a.sub, 1);
    nh_bus_unsubscribe(t.bus, t.a.sub); // with y queued
    assert_string_equal(t.a.got, "-x");
    assert_int_equal(t.a.released_count, 1);
    nh_blob_unref(post_blob('w', 2)); // left in b's queue for destroy
}

// ---- changes from within handlers --------------------------------------------------------------

static void drop_b(struct listener *l, const struct nh_event *e)
{
    (void)l, (void)e;
    nh_bus_unsubscribe(t.bus, t.b.sub);
    t.b.sub = NULL;
}

static void unsubscribing_the_next_stops_it(void **state)
{
    (void)state;
    t.a.on_event = drop_b;
    listen(&t.a, 0, 0);
    listen(&t.b, 0, 0);
    listen(&t.c, 0, 0);
    post(1, 'x', false);
    assert_string_equal(t.a.got, "x");
    assert_string_equal(t.b.got, "");
    assert_string_equal(t.c.got, "x");
    assert_int_equal(t.b.released_count, 1);
}

static void drop_self(struct listener *l, const struct nh_event *e)
{
    (void)e;
    nh_bus_unsubscribe(t.bus, l->sub);
    assert_int_equal(l->released_count, 0); // not while its handler runs
    l->sub = NULL;
}

static void unsubscribing_itself_is_safe(void **state)
{
    (void)state;
    t.a.on_event = drop_self;
    t.b.on_event = drop_self;
    listen(&t.a, 0, 0);
    listen(&t.b, 4, 0);
    post(1, 'x', false);
    post(1, 'y', false);
    assert_string_equal(t.a.got, "x");
    assert_int_equal(t.a.released_count, 1);
    assert_int_equal(nh_bus_drain(t.b.sub, 0), 1); // y is dropped
    assert_string_equal(t.b.got, "x");
    assert_int_equal(t.b.released_count, 1);
    assert_int_equal(t.b.wake_count, 1);
}

static void add_c(struct listener *l, const struct nh_event *e)
{
    (void)e;
    l->on_event = NULL;
    listen(&t.c, 0, 0);
}

static void a_new_subscriber_gets_later_events_only(void **state)
{
    (void)state;
    t.a.on_event = add_c;
    listen(&t.a, 0, 0);
    assert_int_equal(post(1, 'x', false), 1);
    assert_string_equal(t.c.got, "");
    assert_int_equal(post(1, 'y', false), 2);
    assert_string_equal(t.c.got, "y");
}

static void answer(struct listener *l, const struct nh_event *e)
{
    (void)l;
    if (e->id == 1)
        assert_int_equal(post(2, (char)(e->data[0] + 1), false), 2);
}

static void posting_from_a_handler(void **state)
{
    (void)state;
    t.a.on_event = answer;
    listen(&t.a, 0, 0);
    listen(&t.b, 4, 0);
    post(1, 'a', false);
    nh_bus_drain(t.b.sub, 0);
    assert_string_equal(t.a.got, "ab");
    assert_string_equal(t.b.got, "ab");
}

static void echo(struct listener *l, const struct nh_event *e)
{
    (void)l;
    post(e->id, (char)(e->data[0] + 1), false);
}

static void a_loop_of_posts_ends(void **state)
{
    (void)state;
    t.a.on_event = echo;
    listen(&t.a, 0, 0);
    post(1, 'a', false);
    assert_string_equal(t.a.got, "abcd");
    assert_int_equal(info_of(0).dropped, 1);
    post(1, 'p', false); // and is as before after it
    assert_string_equal(t.a.got, "abcdpqrs");
}

static void an_echo_in_a_drain_waits_for_the_next(void **state)
{
    (void)state;
    t.a.on_event = echo;
    listen(&t.a, 2, 0);
    post(1, 'a', false);
    assert_int_equal(nh_bus_drain(t.a.sub, 0), 1);
    assert_string_equal(t.a.got, "a");
    assert_int_equal(info_of(0).depth, 1);
    assert_true(t.a.wake_count >= 2);
    assert_int_equal(nh_bus_drain(t.a.sub, 0), 1);
    assert_string_equal(t.a.got, "ab");
}

static void a_wake_may_drain_at_once(void **state)
{
    (void)state;
    t.a.drain_on_wake = true;
    listen(&t.a, 2, 0);
    post(1, 'a', false);
    post(1, 'b', false);
    assert_string_equal(t.a.got, "ab");
    assert_int_equal(t.a.wake_count, 2);
}

// ---- memory ------------------------------------------------------------------------------------

static void each_allocation_may_fail(void **state)
{
    (void)state;
    int err = NH_ERR_NOMEM;
    for (uint64_t n = 1; err; n++) {
        nh_bus_t *bus;
        struct nh_bus_config cfg = {.mem = t.mem.mem};
        mem_fixture_fail_nth(&t.mem, n);
        err = nh_bus_create(&cfg, &bus);
        assert_true(n > 2 ? err == NH_OK : err == NH_ERR_NOMEM && !bus);
        nh_mem_fault_set(t.mem.sys, NULL);
        nh_bus_destroy(bus);
    }
    err = NH_ERR_NOMEM;
    for (uint64_t n = 1; err; n++) {
        struct nh_bus_sub_config cfg = config_of(&t.a, 8);
        cfg.ids = (const nh_event_id_t[]){1};
        cfg.id_count = 1;
        mem_fixture_fail_nth(&t.mem, n);
        err = nh_bus_subscribe(t.bus, &cfg, &t.a.sub);
        assert_true(n > 3 ? err == NH_OK : err == NH_ERR_NOMEM && !t.a.sub);
        assert_int_equal(t.a.released_count, 0);
    }
    assert_int_equal(post(1, 'x', false), 1);
}

static void posting_allocates_nothing(void **state)
{
    (void)state;
    listen(&t.a, 4, 0);
    listen(&t.b, 0, 0);
    nh_mem_fault_set(t.mem.sys, &(struct nh_mem_fault){.fail_per_million = 1000000, .seed = 1});
    for (int i = 0; i < 20; i++) {
        assert_int_equal(post(1, 'x', false), 2);
        assert_int_equal(nh_bus_drain(t.a.sub, 0), 1);
    }
    assert_true(nh_mem_fault_hits(t.mem.sys) == 0);
}

// ---- random posts and drains against a plain model ---------------------------------------------

static void same_as_a_plain_queue(void **state)
{
    (void)state;
    struct rng rng = {17};
    char want[16];
    size_t depth = 0;
    uint64_t dropped = 0;
    listen(&t.a, 7, 2);
    for (int n = 0; n < 3000; n++) {
        if (rng_below(&rng, 5) < 3) {
            bool critical = rng_below(&rng, 4) == 0, fits = depth < (critical ? 7u : 5u);
            char c = (char)('a' + n % 26);
            assert_int_equal(post(1, c, critical), fits);
            if (fits)
                want[depth++] = c;
            dropped += !fits;
        } else {
            size_t max = rng_below(&rng, 4), k = max && max < depth ? max : depth;
            assert_int_equal(nh_bus_drain(t.a.sub, max), k);
            assert_int_equal(t.a.got_count, k);
            assert_memory_equal(t.a.got, want, k);
            memmove(want, want + k, depth -= k);
            t.a.got_count = 0;
        }
        assert_int_equal(info_of(0).depth, depth);
        assert_true(info_of(0).dropped == dropped);
    }
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nobody_listens),
        TEST(ids_choose_the_subscribers),
        TEST(wrong_events_are_refused),
        TEST(wrong_subscribers_are_refused),
        TEST(subscribers_have_a_limit),
        TEST(a_queue_keeps_order_and_wakes_once),
        TEST(a_drain_that_leaves_events_wakes_again),
        TEST(a_full_queue_drops_and_counts),
        TEST(critical_events_take_the_reserve),
        TEST(a_queue_all_in_reserve_takes_critical_only),
        TEST(the_largest_payload_arrives_whole),
        TEST(blobs_live_as_long_as_their_events),
        TEST(unsubscribing_the_next_stops_it),
        TEST(unsubscribing_itself_is_safe),
        TEST(a_new_subscriber_gets_later_events_only),
        TEST(posting_from_a_handler),
        TEST(a_loop_of_posts_ends),
        TEST(an_echo_in_a_drain_waits_for_the_next),
        TEST(a_wake_may_drain_at_once),
        TEST(each_allocation_may_fail),
        TEST(posting_allocates_nothing),
        TEST(same_as_a_plain_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
