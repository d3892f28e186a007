// The store's proof. Each act (a put, a rollback, a removal) is cut at every call and at every byte
// of every write; then what was not durable meets each fate that the fake disk knows. After it the
// document must be exactly the old or exactly the new one, and the new one if the act had said so.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core/store/store.h"
#include "support/fake_disk.h"
#include "support/mem_fixture.h"
#include "support/rng.h"

// `base` is the disk before the act, `disk` the one it runs on, `wreck` what the cut left.
static struct fake_disk base, disk, wreck;
static struct mem_fixture mem;
static uint32_t runs, fates; // of all scenarios, for the report

static int setup(void **state)
{
    (void)state;
    mem_fixture_init(&mem, NULL);
    fake_disk_init(&base);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mem_fixture_deinit(&mem);
    return 0;
}

static int open_store(nh_store_t **out)
{
    struct nh_store_config cfg = {
        .mem = mem.mem, .fs = fake_disk_fs(&disk), .dir = "store", .keep_count = 2};
    return nh_store_create(&cfg, out);
}

// A document's content as a test sees it; len -1: there is none.
struct content {
    int len;
    const uint8_t *bytes;
};

static uint8_t small_old[9], small_new[21], big_old[530], big_new[700], next_put[5];
static uint8_t out_buffer[1200];

static const struct content absent = {-1, NULL};
static const struct content old_small = {sizeof small_old, small_old};
static const struct content new_small = {sizeof small_new, small_new};
static const struct content old_big = {sizeof big_old, big_old};
static const struct content new_big = {sizeof big_new, big_new};
static const struct content after_that = {sizeof next_put, next_put};

static void fill_contents(void)
{
    struct rng rng = {31};
    rng_bytes(&rng, small_old, sizeof small_old);
    rng_bytes(&rng, small_new, sizeof small_new);
    rng_bytes(&rng, big_old, sizeof big_old);
    rng_bytes(&rng, big_new, sizeof big_new);
    rng_bytes(&rng, next_put, sizeof next_put);
}

static bool holds(nh_store_t *s, const char *name, struct content want)
{
    int n = nh_store_read(s, name, 0, 0, out_buffer, sizeof out_buffer);
    if (want.len < 0)
        return n == NH_ERR_NOT_FOUND;
    return n == want.len && !memcmp(out_buffer, want.bytes, (size_t)want.len);
}

static int put(nh_store_t *s, const char *name, struct content c)
{
    return nh_store_put(s, name, c.bytes, (size_t)c.len);
}

// In three pieces, as a stream would.
static int put_in_pieces(nh_store_t *s, const char *name, struct content c)
{
    nh_store_write_t *w;
    size_t len = (size_t)c.len;
    int err = nh_store_write_begin(s, name, 0, &w);
    if (err)
        return err;
    for (size_t i = 0; i < 3; i++)
        (void)!nh_store_write(w, c.bytes + len * i / 3, len * (i + 1) / 3 - len * i / 3);
    return nh_store_write_commit(w);
}

// ---- scenarios ---------------------------------------------------------------------------------

static int act_put_small(nh_store_t *s)
{
    return put(s, "doc", new_small);
}

static int act_put_big(nh_store_t *s)
{
    return put_in_pieces(s, "doc", new_big);
}

static int act_rollback(nh_store_t *s)
{
    struct nh_store_doc_info info;
    int err = nh_store_stat(s, "doc", &info);
    return err ? err : nh_store_rollback(s, "doc", info.generation - 1);
}

static int act_remove(nh_store_t *s)
{
    return nh_store_remove(s, "doc");
}

static void no_files(nh_store_t *s)
{
    (void)s;
}

static void one_generation(nh_store_t *s)
{
    assert_true(put(s, "doc", old_small) > 0);
}

static void two_generations(nh_store_t *s)
{
    assert_true(put(s, "doc", new_small) > 0);
    assert_true(put(s, "doc", old_small) > 0);
}

static void two_big_generations(nh_store_t *s)
{
    assert_true(put(s, "doc", new_big) > 0);
    assert_true(put(s, "doc", old_big) > 0);
}

static void damaged_newest_and_leftovers(nh_store_t *s)
{
    two_generations(s);
    fake_disk_file_put(&disk, "store/doc.3", "NHDC rubbish", 12);
    fake_disk_file_put(&disk, "store/doc.tmp", "a write that was cut", 20);
}

static const struct scenario {
    const char *name;
    bool on_empty_disk; // not even the folder is there
    void (*prepare)(nh_store_t *s);
    int (*act)(nh_store_t *s);
    const struct content *old, *fresh;
} scenarios[] = {
    {"first start", true, no_files, act_put_small, &absent, &new_small},
    {"first put", false, no_files, act_put_small, &absent, &new_small},
    {"second put", false, one_generation, act_put_small, &old_small, &new_small},
    {"put that prunes", false, two_generations, act_put_small, &old_small, &new_small},
    {"put in pieces over sectors", false, two_big_generations, act_put_big, &old_big, &new_big},
    {"put over damage", false, damaged_newest_and_leftovers, act_put_small, &old_small, &new_small},
    {"rollback", false, two_generations, act_rollback, &old_small, &new_small},
    {"rollback over sectors", false, two_big_generations, act_rollback, &old_big, &new_big},
    {"remove", false, two_generations, act_remove, &old_small, &absent},
    {"remove over damage", false, damaged_newest_and_leftovers, act_remove, &old_small, &absent},
};

static void prepare(const struct scenario *sc)
{
    nh_store_t *s;
    fake_disk_init(&disk);
    if (!sc->on_empty_disk) {
        assert_int_equal(open_store(&s), NH_OK);
        assert_true(put(s, "other", old_small) > 0);
        sc->prepare(s);
        nh_store_destroy(s);
        fake_disk_power_cycle(&disk, FAKE_DISK_KEEP, 0);
    }
    fake_disk_copy(&base, &disk);
}

// Opens a store on a copy of the base disk and acts, with `fault` ahead. The store stays open in
// `*s` (NULL: it could not be opened).
static int run(const struct scenario *sc, const struct fake_disk_fault *fault, nh_store_t **s)
{
    fake_disk_copy(&disk, &base);
    fake_disk_fault_set(&disk, fault);
    int result = open_store(s);
    if (!result)
        result = sc->act(*s);
    runs++;
    if (fake_disk_open_count(&disk))
        fail_msg("%s: a file is left open", sc->name);
    return result;
}

// How many calls a whole run makes; the calls themselves go to `calls`.
static uint32_t trace(const struct scenario *sc, struct fake_disk_call calls[FAKE_DISK_CALLS])
{
    nh_store_t *s;
    int result = run(sc, NULL, &s);
    uint32_t count = disk.call_count;
    if (result < 0 || !holds(s, "doc", *sc->fresh) || count > FAKE_DISK_CALLS)
        fail_msg("%s: %d without a fault", sc->name, result);
    nh_store_destroy(s);
    memcpy(calls, disk.calls, count * sizeof calls[0]);
    return count;
}

static void fail_at(const struct scenario *sc, const struct fake_disk_fault *f, const char *what)
{
    fail_msg("%s, fault %d at call %u byte %u: %s", sc->name, (int)f->kind, (unsigned)f->call,
             (unsigned)f->bytes, what);
}

// ---- power cuts --------------------------------------------------------------------------------

// `disk` has been through a power cycle. `acked`: the act had said that it is done.
static void check_survivor(const struct scenario *sc, const struct fake_disk_fault *f, bool acked)
{
    nh_store_t *s;
    if (open_store(&s))
        fail_at(sc, f, "the store does not open");
    bool is_old = holds(s, "doc", *sc->old), is_new = holds(s, "doc", *sc->fresh);
    if (!is_old && !is_new)
        fail_at(sc, f, "neither the old nor the new");
    if (acked && !is_new)
        fail_at(sc, f, "acknowledged and lost");
    if (!sc->on_empty_disk && !holds(s, "other", old_small))
        fail_at(sc, f, "another document is harmed");
    if (put(s, "doc", after_that) <= 0 || !holds(s, "doc", after_that))
        fail_at(sc, f, "the next put fails");
    nh_store_destroy(s);
}

static void try_fate(const struct scenario *sc, const struct fake_disk_fault *f, bool acked,
                     enum fake_disk_fate fate, uint32_t number)
{
    fake_disk_copy(&disk, &wreck);
    fake_disk_power_cycle(&disk, fate, number);
    fates++;
    check_survivor(sc, f, acked);
}

// `unsynced`: bytes that were written since the last sync; each prefix of them is a fate.
static void cut(const struct scenario *sc, struct fake_disk_fault f, uint32_t unsynced)
{
    nh_store_t *s;
    bool acked = run(sc, &f, &s) >= 0;
    if (!disk.is_struck)
        fail_at(sc, &f, "did not come");
    nh_store_destroy(s);
    fake_disk_copy(&wreck, &disk);
    try_fate(sc, &f, acked, FAKE_DISK_LOSE, 0);
    try_fate(sc, &f, acked, FAKE_DISK_KEEP, 0);
    // Next to each other, cuts within one write differ little: fewer dice for each.
    for (uint32_t seed = 0; seed < (f.bytes ? 2u : 6u); seed++)
        try_fate(sc, &f, acked, FAKE_DISK_RANDOM, 64 * f.call + 8 * f.bytes + seed);
    for (uint32_t n = 0; n < unsynced; n++)
        try_fate(sc, &f, acked, FAKE_DISK_PREFIX, n);
}

static void cut_everywhere(const struct scenario *sc)
{
    static struct fake_disk_call calls[FAKE_DISK_CALLS];
    uint32_t unsynced = 0;
    prepare(sc);
    uint32_t count = trace(sc, calls);
    for (uint32_t i = 0; i < count; i++) {
        const struct fake_disk_call *c = &calls[i];
        struct fake_disk_fault f = {.kind = FAKE_DISK_CUT_BEFORE, .call = i + 1};
        bool is_sync = c->op == FAKE_DISK_SYNC;
        cut(sc, f, is_sync ? unsynced : 0);
        unsynced = is_sync ? 0 : unsynced + c->len;
        for (f.bytes = 1; f.bytes < c->len; f.bytes++)
            cut(sc, f, 0);
        cut(sc, (struct fake_disk_fault){.kind = FAKE_DISK_CUT_AFTER, .call = i + 1}, 0);
    }
}

static void a_cut_leaves_the_old_or_the_new(void **state)
{
    (void)state;
    runs = fates = 0;
    for (size_t i = 0; i < NH_ARRAY_LEN(scenarios); i++)
        cut_everywhere(&scenarios[i]);
    print_message("%u cuts, %u fates\n", (unsigned)runs, (unsigned)fates);
}

// ---- errors ------------------------------------------------------------------------------------

// The device refuses one call. In the running store and after a restart the document is the old one
// if the act gave an error, the new one if it did not, and the same act done again succeeds.
static void refuse(const struct scenario *sc, enum fake_disk_fault_kind kind, uint32_t call,
                   uint32_t bytes, int err)
{
    struct fake_disk_fault f = {.kind = kind, .call = call, .bytes = bytes, .err = err};
    nh_store_t *s;
    int result = run(sc, &f, &s);
    if (!disk.is_struck)
        fail_at(sc, &f, "did not come");
    if (result < 0 && result != err)
        fail_at(sc, &f, "another error than the device's");
    if (!s && open_store(&s))
        fail_at(sc, &f, "the store does not open");
    const struct content *want = result < 0 ? sc->old : sc->fresh;
    if (!holds(s, "doc", *want))
        fail_at(sc, &f, "wrong in the running store");
    nh_store_destroy(s);
    fake_disk_copy(&wreck, &disk);
    for (int fate = FAKE_DISK_LOSE; fate <= FAKE_DISK_KEEP; fate++) {
        fake_disk_copy(&disk, &wreck);
        fake_disk_power_cycle(&disk, (enum fake_disk_fate)fate, 0);
        if (open_store(&s) || !holds(s, "doc", *want))
            fail_at(sc, &f, "wrong after a restart");
        nh_store_destroy(s);
    }
    fake_disk_copy(&disk, &wreck);
    fake_disk_fault_set(&disk, NULL);
    if (open_store(&s) || (result < 0 && sc->act(s) < 0) || !holds(s, "doc", *sc->fresh))
        fail_at(sc, &f, "the next try fails");
    nh_store_destroy(s);
}

static void refuse_everywhere(const struct scenario *sc, int err)
{
    static struct fake_disk_call calls[FAKE_DISK_CALLS];
    prepare(sc);
    uint32_t count = trace(sc, calls);
    for (uint32_t i = 0; i < count; i++) {
        refuse(sc, FAKE_DISK_FAIL, i + 1, 0, err);
        if (calls[i].op == FAKE_DISK_WRITE)
            refuse(sc, FAKE_DISK_FAIL, i + 1, calls[i].len / 2, err);
        refuse(sc, FAKE_DISK_FAIL_AFTER, i + 1, 0, err);
    }
}

static void a_refused_call_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(scenarios); i++) {
        refuse_everywhere(&scenarios[i], NH_ERR_IO);
        refuse_everywhere(&scenarios[i], NH_ERR_NOSPC);
    }
}

// The same in a store that goes on running: the error, then the same act again.
static void a_running_store_recovers(void **state)
{
    (void)state;
    static struct fake_disk_call calls[FAKE_DISK_CALLS];
    for (size_t k = 1; k < NH_ARRAY_LEN(scenarios); k++) {
        const struct scenario *sc = &scenarios[k];
        prepare(sc);
        uint32_t count = trace(sc, calls);
        for (uint32_t i = 0; i < count; i++) {
            struct fake_disk_fault f = {FAKE_DISK_FAIL, i + 1, 0, NH_ERR_NOSPC};
            nh_store_t *s;
            int result = run(sc, &f, &s);
            if (s && result < 0 && (sc->act(s) < 0 || !holds(s, "doc", *sc->fresh)))
                fail_at(sc, &f, "the running store does not recover");
            nh_store_destroy(s);
        }
    }
}

// ---- random acts with random cuts, against a model ---------------------------------------------

enum { DOCS = 2, HISTORY = 2 };

static struct doc_model {
    char name[4];
    uint32_t seed;   // of the content; 0: absent
    uint32_t before; // of the generation below, 0: none
} docs[DOCS];

static struct content content_of(uint32_t seed, uint8_t *buffer)
{
    struct rng rng = {seed};
    uint32_t len = rng_below(&rng, 3) ? rng_below(&rng, 60) : rng_below(&rng, 1100);
    rng_bytes(&rng, buffer, len);
    return seed ? (struct content){(int)len, buffer} : absent;
}

static bool holds_seed(nh_store_t *s, const char *name, uint32_t seed)
{
    static uint8_t buffer[1100];
    return holds(s, name, content_of(seed, buffer));
}

// Does one random act; `*next` is what the document holds when it succeeds.
static int random_act(nh_store_t *s, struct rng *rng, struct doc_model *d, uint32_t *next)
{
    static uint8_t buffer[1100];
    struct nh_store_doc_info info;
    uint32_t what = rng_below(rng, 8);
    if (what == 0 && d->seed) {
        *next = 0;
        return nh_store_remove(s, d->name);
    }
    if (what == 1 && d->before && !nh_store_stat(s, d->name, &info)) {
        uint32_t list[HISTORY];
        *next = d->before;
        if (nh_store_generations(s, d->name, list, HISTORY) < HISTORY)
            return NH_ERR_NOT_FOUND;
        return nh_store_rollback(s, d->name, list[1]);
    }
    *next = 1 + rng_next(rng) / 2;
    return put(s, d->name, content_of(*next, buffer));
}

// After each act the disk may have lost power; then the model takes what it finds, which must be
// one of two. `before` is known only after an act that was seen to end.
static void random_life(uint64_t seed)
{
    struct rng rng = {seed};
    nh_store_t *s;
    fake_disk_init(&disk);
    docs[0] = (struct doc_model){.name = "a"};
    docs[1] = (struct doc_model){.name = "b"};
    assert_int_equal(open_store(&s), NH_OK);
    for (int n = 0; n < 60; n++) {
        struct doc_model *d = &docs[rng_below(&rng, DOCS)];
        struct fake_disk_fault f = {.kind = rng_below(&rng, 2) ? FAKE_DISK_CUT_BEFORE
                                                               : FAKE_DISK_CUT_AFTER,
                                    .call = 1 + rng_below(&rng, 60),
                                    .bytes = rng_below(&rng, 1100)};
        fake_disk_fault_set(&disk, rng_below(&rng, 2) ? &f : NULL);
        uint32_t next, was = d->seed;
        int result = random_act(s, &rng, d, &next);
        if (disk.is_dead) {
            nh_store_destroy(s);
            fake_disk_power_cycle(&disk, FAKE_DISK_RANDOM, rng_next(&rng));
            assert_int_equal(open_store(&s), NH_OK);
            bool is_next = holds_seed(s, d->name, next);
            if ((!is_next && result >= 0) || (!is_next && !holds_seed(s, d->name, was)))
                fail_msg("seed %u, act %d: neither old nor new", (unsigned)seed, n);
            d->before = 0;
            d->seed = is_next ? next : was;
        } else {
            fake_disk_fault_set(&disk, NULL); // it did not come
            if (result < 0)
                fail_msg("seed %u, act %d: %d", (unsigned)seed, n, result);
            d->before = next ? was : 0;
            d->seed = next;
        }
        for (size_t i = 0; i < DOCS; i++)
            if (!holds_seed(s, docs[i].name, docs[i].seed))
                fail_msg("seed %u, act %d: document %s", (unsigned)seed, n, docs[i].name);
    }
    nh_store_destroy(s);
}

static void random_lives(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++)
        random_life(seed);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_cut_leaves_the_old_or_the_new),
        TEST(a_refused_call_changes_nothing),
        TEST(a_running_store_recovers),
        TEST(random_lives),
    };
    fill_contents();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
