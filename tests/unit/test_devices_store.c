// The owner of the device configuration over a card and a store that lose power.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "components/devices/devices.h"
#include "core/bus/events.h"
#include "support/fake_disk.h"

static _Alignas(16) uint8_t internal[64 * 1024], psram[512 * 1024];
static nh_mem_system_t *sys;
static nh_mem_t *mem;
static nh_bus_t *bus;
static nh_sched_t *sched;
static nh_store_t *store;
static nh_devices_t *devices;
static uint64_t now_ms;
static struct fake_disk card, flash; // the store is on the flash
static bool has_card;
static uint32_t changes, last_mask, cancels, in_force_count;
static nh_bus_sub_t *sub;

static uint64_t clock_ms(void)
{
    return now_ms;
}

static int64_t clock_unix_ms(void)
{
    return 0;
}

static int get_card(void *ctx, struct nh_fs *out)
{
    (void)ctx;
    *out = fake_disk_fs(&card);
    return has_card ? NH_OK : NH_ERR_NOT_FOUND;
}

// Who runs the sets: one that is called "big..." is too much for it.
static nh_device_set_t *ready; // not yet in force
static uint32_t prepared, dropped;

static int fits(void *ctx, const nh_device_set_t *set, nh_device_finding_fn finding,
                void *finding_ctx)
{
    const char *id = nh_rec_string(nh_device_set_device(set, 0), NH_FIELD_ID);
    struct nh_device_finding f = {.code = "over_limit", .pointer = "/devices/0"};
    (void)ctx;
    if (strncmp(id, "big", 3) != 0)
        return NH_OK;
    finding(finding_ctx, &f);
    return NH_ERR_FULL;
}

static int make_ready(void *ctx, nh_device_set_t *set, nh_device_finding_fn finding,
                      void *finding_ctx)
{
    int err = fits(ctx, set, finding, finding_ctx);
    assert_null(ready);
    ready = err == NH_OK ? set : NULL;
    prepared += err == NH_OK;
    return err;
}

static void drop(void *ctx)
{
    (void)ctx;
    assert_non_null(ready);
    ready = NULL;
    dropped++;
}

static void in_force(void *ctx, nh_device_set_t *set, bool cancel)
{
    (void)ctx;
    assert_ptr_equal(set, ready);
    ready = NULL;
    cancels += cancel;
    in_force_count++;
}

static void on_change(void *ctx, const struct nh_event *e)
{
    struct nh_event_devices_changed data;
    (void)ctx;
    memcpy(&data, e->data, sizeof data);
    last_mask = data.mask;
    changes++;
}

// ---- the hub's life -----------------------------------------------------------------------------

// NH_OK, or what create and start said.
static int hub_start(void)
{
    const struct nh_bus_config bus_cfg = {.mem = mem};
    const struct nh_sched_config sched_cfg = {.mem = mem, .timer_max_count = 8};
    const struct nh_store_config store_cfg = {
        .mem = mem, .fs = fake_disk_fs(&flash), .dir = "s", .keep_count = 1};
    static const nh_event_id_t id = NH_EVENT_DEVICES_CHANGED;
    const struct nh_bus_sub_config sub_cfg = {
        .name = "test", .ids = &id, .id_count = 1, .handle = on_change};
    int err = nh_bus_create(&bus_cfg, &bus);
    if (err == 0)
        err = nh_bus_subscribe(bus, &sub_cfg, &sub);
    if (err == 0)
        err = nh_sched_create(&sched_cfg, &sched);
    if (err == 0)
        err = nh_store_create(&store_cfg, &store);
    const struct nh_devices_config cfg = {.mem = mem,
                                          .bus = bus,
                                          .sched = sched,
                                          .store = store,
                                          .limits = nh_device_limits_standard,
                                          .backup_count = 2,
                                          .clock_ms = clock_ms,
                                          .clock_unix_ms = clock_unix_ms,
                                          .card = get_card,
                                          .fits = fits,
                                          .prepare = make_ready,
                                          .drop = drop,
                                          .in_force = in_force};
    if (err == 0)
        err = nh_devices_create(&cfg, &devices);
    return err == 0 ? nh_devices_start(devices) : err;
}

static void hub_stop(void)
{
    nh_devices_destroy(devices);
    nh_store_destroy(store);
    nh_sched_destroy(sched);
    nh_bus_destroy(bus);
    devices = NULL;
    store = NULL;
    sched = NULL;
    bus = NULL;
}

static void hub_restart(void)
{
    hub_stop();
    assert_int_equal(hub_start(), NH_OK);
}

static int setup(void **state)
{
    const struct nh_mem_system_config cfg = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    (void)state;
    assert_int_equal(nh_mem_system_create(&cfg, &sys), NH_OK);
    assert_int_equal(nh_mem_owner_add(sys, "devices", NULL, &mem), NH_OK);
    fake_disk_init(&card);
    fake_disk_init(&flash);
    has_card = true;
    now_ms = 1000;
    changes = cancels = prepared = dropped = 0;
    ready = NULL;
    return 0;
}

static void leak(void *ctx, const char *owner, enum nh_mem_tier tier, size_t bytes, size_t blocks)
{
    (void)ctx;
    fail_msg("%s holds %zu bytes in %zu blocks of tier %d", owner, bytes, blocks, (int)tier);
}

static int teardown(void **state)
{
    (void)state;
    hub_stop();
    nh_mem_fault_set(sys, NULL);
    assert_int_equal(fake_disk_open_count(&card), 0);
    assert_int_equal(nh_mem_check(sys), NH_OK);
    assert_int_equal(nh_mem_system_destroy(sys, leak, NULL), 0);
    return 0;
}

// ---- configurations of one device, told apart by its id
// -------------------------------------------

static nh_device_set_t *set_of(const char *id)
{
    char text[256];
    nh_device_compiler_t *c;
    nh_device_set_t *s = NULL;
    const struct nh_device_compiler_config cfg = {.mem = mem, .limits = &nh_device_limits_standard};
    snprintf(text, sizeof text, "{\"schema\":2,\"devices\":[{\"id\":\"%s\",\"scenarios\":[]}]}",
             id);
    if (nh_device_compiler_create(&cfg, &c) < 0)
        return NULL;
    if (nh_device_compiler_json(c, text, strlen(text), true) == 0)
        NH_IGNORE(nh_device_compiler_end(c, &s));
    nh_device_compiler_destroy(c);
    return s;
}

static int apply_with(const char *id, const struct nh_devices_apply *how)
{
    nh_device_set_t *s = set_of(id);
    int err = s ? nh_devices_apply(devices, s, how) : NH_ERR_NOMEM;
    if (err < 0)
        nh_device_set_unref(s);
    return err;
}

static int apply(const char *id)
{
    return apply_with(id, &(struct nh_devices_apply){0});
}

// The id of the only device; "" without one.
static const char *device_in(const nh_device_set_t *s)
{
    return nh_rec_string(nh_device_set_device(s, 0), NH_FIELD_ID);
}

static const char *in_force_now(void)
{
    return device_in(nh_devices_set(devices));
}

static struct nh_devices_info info(void)
{
    struct nh_devices_info i;
    nh_devices_info(devices, &i);
    return i;
}

static bool card_has(const char *path, const char *word)
{
    const uint8_t *bytes;
    int len = fake_disk_file_get(&card, path, &bytes);
    return len >= 0 && memmem(bytes, (size_t)len, word, strlen(word));
}

static void card_put(const char *path, const char *text)
{
    fake_disk_file_put(&card, path, text, strlen(text));
}

static void pass(uint64_t ms)
{
    now_ms += ms;
    nh_sched_run(sched, now_ms);
}

// ---- the usual ----------------------------------------------------------------------------------

static void test_new_hub(void **state)
{
    (void)state;
    assert_int_equal(hub_start(), NH_OK);
    assert_string_equal(in_force_now(), "");
    assert_string_equal(info().profile, "default");
    assert_null(info().degraded);
    assert_true(info().is_saved);
    assert_true(card_has("default.json", "\"schema\": 2"));
    assert_int_equal(changes, 1);
}

static void test_apply_and_backups(void **state)
{
    (void)state;
    assert_int_equal(hub_start(), NH_OK);
    assert_int_equal(apply("a"), 2);
    assert_int_equal(last_mask & NH_DEVICES_CHANGED_DEVICES, NH_DEVICES_CHANGED_DEVICES);
    assert_int_equal(apply("b"), 3);
    assert_int_equal(apply("c"), 4);
    assert_string_equal(in_force_now(), "c");
    assert_true(card_has("default.json", "\"c\""));
    assert_true(card_has("default.json", "\"generation\": 4"));
    struct nh_devices_backup b[8];
    assert_int_equal(nh_devices_backups(devices, b, 8), 2);
    assert_int_equal(b[0].generation, 3);
    assert_int_equal(b[1].generation, 2);
    assert_false(card_has("default.1.json", "schema")); // two are kept
    hub_restart();
    assert_string_equal(in_force_now(), "c");
    assert_int_equal(info().generation, 4);
    assert_int_equal(nh_devices_rollback(devices, 2, true), 5);
    assert_string_equal(in_force_now(), "a");
    assert_int_equal(cancels, 1);
    assert_int_equal(nh_devices_rollback(devices, 77, false), NH_ERR_NOT_FOUND);
    assert_string_equal(in_force_now(), "a");
    assert_int_equal(nh_devices_snapshot(devices), 6);
    assert_true(card_has("default.5.json", "\"a\""));
}

static void test_base_generation(void **state)
{
    (void)state;
    assert_int_equal(hub_start(), NH_OK);
    assert_int_equal(apply_with("a", &(struct nh_devices_apply){.base_generation = 1}), 2);
    assert_int_equal(apply_with("b", &(struct nh_devices_apply){.base_generation = 1}),
                     NH_ERR_CONFLICT);
    assert_string_equal(in_force_now(), "a");
    assert_int_equal(info().reject_count, 1);
}

static void count_finding(void *ctx, const struct nh_device_finding *f)
{
    assert_string_equal(f->code, "over_limit");
    (*(int *)ctx)++;
}

// What there is no room for is refused before anything is kept, on every way that it may come.
static void test_no_room_for_it(void **state)
{
    int told = 0;
    const char *what;
    const struct nh_devices_apply how = {.finding = count_finding, .finding_ctx = &told};
    const struct nh_devices_apply trial = {
        .confirm_s = 10, .finding = count_finding, .finding_ctx = &told};
    const struct nh_devices_apply kids = {
        .profile = "kids", .finding = count_finding, .finding_ctx = &told};
    (void)state;
    assert_int_equal(hub_start(), NH_OK);
    assert_int_equal(apply("a"), 2);
    assert_int_equal(nh_devices_profile_create(devices, "kids", "Kids", NULL), NH_OK);
    assert_int_equal(apply_with("big", &how), NH_ERR_FULL);
    assert_int_equal(apply_with("big", &trial), NH_ERR_FULL);
    assert_int_equal(apply_with("big", &kids), NH_ERR_FULL);
    assert_int_equal(told, 3);
    assert_string_equal(in_force_now(), "a");
    assert_int_equal(info().generation, 2);
    assert_int_equal(info().confirm_back, 0);
    assert_true(card_has("default.json", "\"a\""));
    assert_int_equal(dropped, 0);
    // From the card: as a conflict, a backup, another profile.
    card_put("default.2.json", "{\"schema\":2,\"devices\":[{\"id\":\"big\"}]}");
    assert_int_equal(nh_devices_rollback(devices, 2, false), NH_ERR_FULL);
    card_put("kids.json", "{\"schema\":2,\"devices\":[{\"id\":\"big2\"}]}");
    assert_int_equal(nh_devices_profile_activate(devices, "kids", false), NH_ERR_FULL);
    assert_string_equal(info().profile, "default");
    card_put("default.json", "{\"schema\":2,\"generation\":9,\"devices\":[{\"id\":\"big3\"}]}");
    assert_int_equal(nh_devices_sync(devices, NH_DEVICES_KEEP_CARD, &what), NH_ERR_FULL);
    assert_int_equal(info().generation, 2);
    assert_string_equal(in_force_now(), "a");
    // At a start there is nothing else: it is there to be edited, and does not run.
    uint32_t before = prepared;
    hub_restart();
    assert_string_equal(in_force_now(), "big3");
    assert_true(info().is_idle);
    assert_non_null(info().degraded);
    assert_int_equal(prepared, before);
    assert_int_equal(apply("small"), 10);
    assert_false(info().is_idle);
    assert_null(info().degraded);
}

// What is ready is dropped when it cannot be kept.
static void test_ready_and_not_kept(void **state)
{
    (void)state;
    assert_int_equal(hub_start(), NH_OK);
    assert_int_equal(apply("a"), 2);
    const struct fake_disk_fault fault = {FAKE_DISK_FAIL, 1, 0, NH_ERR_IO};
    fake_disk_fault_set(&card, &fault);
    assert_int_equal(apply("b"), NH_ERR_IO);
    assert_int_equal(dropped, 1);
    assert_string_equal(in_force_now(), "a");
    assert_int_equal(apply("b"), 3);
}

static void test_edited_on_the_card(void **state)
{
    (void)state;
    assert_int_equal(hub_start(), NH_OK);
    assert_int_equal(apply("a"), 2);
    hub_stop();
    card_put("default.json", "{\"schema\":1,\"devices\":[{\"id\":\"mine\",\"name\":\"Mine\"}]}");
    assert_int_equal(hub_start(), NH_OK);
    assert_string_equal(in_force_now(), "mine");
    assert_int_equal(apply("b"), 2);
    assert_true(card_has("default.1.json", "mine"));
}

// ---- what cannot be read ------------------------------------------------------------------------

static void test_broken_file_is_kept(void **state)
{
    (void)state;
    assert_int_equal(hub_start(), NH_OK);
    assert_int_equal(apply("a"), 2);
    assert_int_equal(apply("b"), 3);
    hub_stop();
    card_put("default.json", "{\"schema\":2,\"devices\":[{\"id\":");
    assert_int_equal(hub_start(), NH_OK);
    // The copy of generation 3 is newer than the backup of 2.
    assert_string_equal(in_force_now(), "b");
    assert_int_equal(info().source, NH_DEVICES_FROM_COPY);
    assert_non_null(info().degraded);
    assert_true(card_has("default.json.bad", "{\"schema\":2,\"devices\":[{\"id\":"));
    assert_true(card_has("default.json", "\"b\"")); // and the next start is an ordinary one
    hub_restart();
    assert_null(info().degraded);
    assert_string_equal(in_force_now(), "b");
    // A second one does not replace the first.
    hub_stop();
    card_put("default.json", "nonsense");
    assert_int_equal(hub_start(), NH_OK);
    assert_true(card_has("default.json.bad", "schema"));
    assert_true(card_has("default.json.bad.1", "nonsense"));
}

static void test_backup_without_copy(void **state)
{
    (void)state;
    assert_int_equal(hub_start(), NH_OK);
    assert_int_equal(apply("a"), 2);
    assert_int_equal(apply("b"), 3);
    hub_stop();
    fake_disk_init(&flash); // a new chip, an old card
    card_put("default.json", "{}");
    assert_int_equal(hub_start(), NH_OK);
    assert_string_equal(in_force_now(), "a");
    assert_int_equal(info().source, NH_DEVICES_FROM_BACKUP);
    assert_true(card_has("default.json.bad", "{}"));
}

static void test_nothing_can_be_read(void **state)
{
    (void)state;
    card_put("default.json", "[");
    card_put("default.3.json", "[");
    assert_int_equal(hub_start(), NH_OK);
    assert_string_equal(in_force_now(), "");
    assert_int_equal(info().source, NH_DEVICES_EMPTY);
    assert_non_null(info().degraded);
    assert_true(card_has("default.json.bad", "["));
}

static void test_stop_between_the_renames(void **state)
{
    (void)state;
    assert_int_equal(hub_start(), NH_OK);
    assert_int_equal(apply("a"), 2);
    hub_stop();
    fake_disk_file_remove(&card, "default.json");
    card_put("default.2.json", "{\"schema\":2,\"generation\":2,\"devices\":[{\"id\":\"a\"}]}");
    card_put("default.tmp", "{\"schema\":2,\"generation\":3,\"devices\":[{\"id\":\"b\"}]}");
    assert_int_equal(hub_start(), NH_OK);
    assert_string_equal(in_force_now(), "b");
    assert_int_equal(info().source, NH_DEVICES_FROM_STAGED);
}

// ---- the card, gone and back
// ---------------------------------------------------------------------

static void test_without_card(void **state)
{
    (void)state;
    assert_int_equal(hub_start(), NH_OK);
    assert_int_equal(apply("a"), 2);
    has_card = false;
    hub_restart();
    assert_string_equal(in_force_now(), "a");
    assert_int_equal(info().source, NH_DEVICES_FROM_COPY);
    assert_non_null(info().degraded);
    assert_int_equal(apply("b"), 3); // editing goes on
    assert_false(info().is_saved);
    hub_restart();
    assert_string_equal(in_force_now(), "b");
    has_card = true;
    pass(5000);
    assert_true(info().is_saved);
    assert_null(info().degraded);
    assert_true(card_has("default.json", "\"b\""));
    assert_true(card_has("default.2.json", "\"a\""));
}

static void both_changed(void)
{
    assert_int_equal(hub_start(), NH_OK);
    assert_int_equal(apply("a"), 2);
    has_card = false;
    pass(5000);
    assert_int_equal(apply("hub"), 3);
    card_put("default.json", "{\"schema\":2,\"generation\":3,\"devices\":[{\"id\":\"card\"}]}");
    has_card = true;
    pass(5000);
    assert_true(info().is_conflict);
    assert_true(card_has("default.json", "card")); // nobody wrote over it
    assert_string_equal(in_force_now(), "hub");
    assert_int_equal(apply("hub2"), 4); // still not
    assert_true(card_has("default.json", "card"));
}

static void test_both_changed_keep_hub(void **state)
{
    const char *what;
    (void)state;
    both_changed();
    assert_int_equal(nh_devices_sync(devices, NH_DEVICES_KEEP_HUB, &what), NH_OK);
    assert_false(info().is_conflict);
    assert_true(card_has("default.json", "hub2"));
    assert_true(card_has("default.3.json", "card")); // as a backup
}

static void test_both_changed_keep_card(void **state)
{
    const char *what;
    (void)state;
    both_changed();
    assert_int_equal(nh_devices_sync(devices, NH_DEVICES_KEEP_CARD, &what), NH_OK);
    assert_string_equal(in_force_now(), "card");
    assert_int_equal(info().generation, 6);
    assert_true(card_has("default.json", "card"));
    assert_true(card_has("default.5.json", "hub2")); // as a backup
}

// Somebody who looks at the backups sees the card first; what is on it counts all the same.
static void test_both_changed_seen_by_another(void **state)
{
    struct nh_devices_backup b[4];
    (void)state;
    assert_int_equal(hub_start(), NH_OK);
    assert_int_equal(apply("hub"), 2);
    has_card = false;
    pass(5000);
    card_put("default.json",
             "{\"schema\":2,\"generation\":9,\"devices\":[{\"id\":\"card\",\"scenarios\":[]}]}");
    has_card = true;
    assert_int_equal(nh_devices_backups(devices, b, 4), 1);
    pass(5000);
    assert_true(info().is_conflict);
    assert_string_equal(in_force_now(), "hub");
}

// ---- the confirm window
// --------------------------------------------------------------------------

static void test_confirm(void **state)
{
    (void)state;
    static const struct nh_devices_apply ten_s = {.confirm_s = 10};
    assert_int_equal(hub_start(), NH_OK);
    assert_int_equal(apply("a"), 2);
    assert_int_equal(nh_devices_confirm(devices), NH_ERR_NOT_FOUND);
    assert_int_equal(apply_with("b", &ten_s), 3);
    assert_int_equal(info().confirm_ms, 10000);
    assert_int_equal(info().confirm_back, 2);
    pass(9999);
    assert_string_equal(in_force_now(), "b");
    assert_int_equal(nh_devices_confirm(devices), NH_OK);
    pass(20000);
    assert_string_equal(in_force_now(), "b");
    // Not confirmed; a second apply within the window goes back to where the first one would.
    assert_int_equal(apply_with("c", &ten_s), 4);
    pass(5000);
    assert_int_equal(apply_with("d", &ten_s), 5);
    pass(10000);
    assert_string_equal(in_force_now(), "b");
    assert_int_equal(info().generation, 6);
    assert_int_equal(info().rollback_count, 1);
    assert_int_equal(info().confirm_ms, 0);
    assert_int_equal(info().confirm_back, 0);
}

static void test_who_changed_it(void **state)
{
    (void)state;
    static const struct nh_devices_apply ten_s = {.confirm_s = 10};
    assert_int_equal(hub_start(), NH_OK);
    assert_int_equal(apply_with("a", &ten_s), 2);
    nh_devices_changed_by(devices, "anna");
    assert_string_equal(info().changed_by, "anna");
    assert_int_equal(info().changed_unix_ms, clock_unix_ms());
    pass(10000); // the hub itself puts back what was there
    assert_int_equal(info().generation, 3);
    assert_string_equal(info().changed_by, "");
}

static void test_confirm_over_a_restart(void **state)
{
    (void)state;
    assert_int_equal(hub_start(), NH_OK);
    assert_int_equal(apply("a"), 2);
    assert_int_equal(apply_with("bad", &(struct nh_devices_apply){.confirm_s = 3600}), 3);
    in_force_count = 0;
    hub_restart(); // as when the change made the hub crash
    assert_string_equal(in_force_now(), "a");
    assert_int_equal(info().generation, 4);
    assert_int_equal(info().rollback_count, 1);
    assert_int_equal(in_force_count, 1); // "bad" did not have another moment
    hub_restart();
    assert_string_equal(in_force_now(), "a");
    assert_int_equal(in_force_count, 2);
}

// The backup is on the card: while that is out the change stays on trial, and nobody has to be
// there when it comes back. Also over a restart in between.
static void test_confirm_while_the_card_is_out(void **state)
{
    static const struct nh_devices_apply ten_s = {.confirm_s = 10};
    (void)state;
    for (int is_restarted = 0; is_restarted < 2; is_restarted++) {
        if (is_restarted) {
            hub_stop();
            fake_disk_init(&card);
            fake_disk_init(&flash);
        }
        assert_int_equal(hub_start(), NH_OK);
        assert_int_equal(apply("a"), 2);
        assert_int_equal(apply_with("b", &ten_s), 3);
        has_card = false;
        if (is_restarted)
            hub_restart();
        pass(10000);
        assert_string_equal(in_force_now(), "b");
        assert_int_equal(info().confirm_back, 2);
        assert_true(info().confirm_ms > 0);
        pass(60000);
        has_card = true;
        pass(10000);
        assert_string_equal(in_force_now(), "a");
        assert_int_equal(info().rollback_count, 1);
        assert_int_equal(info().confirm_back, 0);
        hub_restart();
        assert_string_equal(in_force_now(), "a");
    }
}

// A backup that cannot be read never comes back: that is told once, and not tried at each start.
static void test_confirm_without_a_backup(void **state)
{
    (void)state;
    assert_int_equal(hub_start(), NH_OK);
    assert_int_equal(apply("a"), 2);
    assert_int_equal(apply_with("b", &(struct nh_devices_apply){.confirm_s = 10}), 3);
    card_put("default.2.json", "{");
    pass(10000);
    assert_string_equal(in_force_now(), "b");
    assert_int_equal(info().confirm_back, 0);
    card_put("default.2.json", "{\"schema\":2,\"devices\":[{\"id\":\"a\",\"scenarios\":[]}]}");
    hub_restart();
    assert_string_equal(in_force_now(), "b");
}

// ---- profiles -----------------------------------------------------------------------------------

static void test_profiles(void **state)
{
    struct nh_devices_profile p[4];
    nh_device_set_t *s;
    (void)state;
    assert_int_equal(hub_start(), NH_OK);
    assert_int_equal(apply("a"), 2);
    assert_int_equal(nh_devices_profile_create(devices, "x y", "X", NULL), NH_ERR_INVAL);
    assert_int_equal(nh_devices_profile_create(devices, "default", "X", NULL), NH_ERR_EXISTS);
    assert_int_equal(nh_devices_profile_create(devices, "kids", "For \"kids\"", "default"), NH_OK);
    assert_int_equal(nh_devices_profile_create(devices, "kids", "X", NULL), NH_ERR_EXISTS);
    assert_int_equal(nh_devices_profile_create(devices, "empty", "Empty", NULL), NH_OK);
    assert_int_equal(nh_devices_profiles(devices, p, 4), 3);
    assert_true(p[0].is_active);
    assert_string_equal(p[0].id, "default");
    int kids = strcmp(p[1].id, "kids") == 0 ? 1 : 2;
    assert_string_equal(p[kids].name, "For \"kids\"");
    assert_int_equal(p[kids].device_count, 1);
    assert_int_equal(apply_with("k", &(struct nh_devices_apply){.profile = "kids"}), 2);
    assert_string_equal(in_force_now(), "a"); // not the one in force
    assert_int_equal(apply_with("x", &(struct nh_devices_apply){.profile = "kids.1"}),
                     NH_ERR_NOT_FOUND); // a backup's file is no profile
    assert_int_equal(nh_devices_profile_load(devices, "kids", &s), NH_OK);
    assert_string_equal(device_in(s), "k");
    nh_device_set_unref(s);
    assert_int_equal(nh_devices_profile_activate(devices, "nobody", false), NH_ERR_NOT_FOUND);
    assert_int_equal(nh_devices_profile_activate(devices, "kids", false), NH_OK);
    assert_string_equal(in_force_now(), "k");
    assert_true(last_mask & NH_DEVICES_CHANGED_PROFILE);
    hub_restart();
    assert_string_equal(in_force_now(), "k");
    assert_string_equal(info().profile, "kids");
    assert_int_equal(nh_devices_profile_rename(devices, "kids", "Children"), NH_OK);
    assert_int_equal(nh_devices_profiles(devices, p, 4), 3);
    assert_string_equal(p[0].name, "Children");
    assert_int_equal(nh_devices_profile_delete(devices, "kids"), NH_ERR_BUSY);
    assert_int_equal(nh_devices_profile_delete(devices, "default"), NH_OK);
    assert_int_equal(nh_devices_profile_delete(devices, "default"), NH_ERR_NOT_FOUND);
    assert_int_equal(nh_devices_profiles(devices, p, 4), 2);
}

// Everything else waits while a room is compiled, so a list reads only what has changed.
static void test_list_of_profiles_reads_what_changed(void **state)
{
    struct nh_devices_profile p[4];
    (void)state;
    assert_int_equal(hub_start(), NH_OK);
    assert_int_equal(nh_devices_profile_create(devices, "kids", "Kids", NULL), NH_OK);
    card_put("broken.json", "{");
    assert_int_equal(nh_devices_profiles(devices, p, 4), 3);
    fake_disk_fault_set(&card, NULL); // counts anew
    assert_int_equal(nh_devices_profiles(devices, p, 4), 3);
    for (uint32_t i = 0; i < card.call_count; i++)
        assert_int_not_equal(card.calls[i].op, FAKE_DISK_OPEN);
    int kids = strcmp(p[1].id, "kids") == 0 ? 1 : 2;
    assert_string_equal(p[kids].name, "Kids");
    assert_string_equal(p[3 - kids].name, "broken");
    assert_int_equal(apply_with("k", &(struct nh_devices_apply){.profile = "kids"}), 2);
    card_put("broken.json", "{\"schema\":2,\"name\":\"Mended\",\"devices\":[]}");
    assert_int_equal(nh_devices_profiles(devices, p, 4), 3);
    assert_int_equal(p[kids].device_count, 1);
    assert_string_equal(p[3 - kids].name, "Mended");
}

// ---- power and full disks
// ------------------------------------------------------------------------

// Card and flash after "a" was applied as generation 2.
static struct fake_disk card_before, flash_before;
static bool has_new_flash; // after the cut: the card alone has to do

static void prepare(void)
{
    assert_int_equal(hub_start(), NH_OK);
    assert_int_equal(apply("a"), 2);
    hub_stop();
    fake_disk_copy(&card_before, &card);
    fake_disk_copy(&flash_before, &flash);
}

// Whichever disk has the fault: when one dies the other has no power either.
static void check_after(bool was_acked, enum fake_disk_fate fate, uint32_t seed, uint32_t call)
{
    fake_disk_power_cycle(&card, fate, seed);
    fake_disk_power_cycle(&flash, fate, seed);
    if (has_new_flash)
        fake_disk_init(&flash);
    assert_int_equal(hub_start(), NH_OK);
    const char *id = in_force_now();
    bool is_new = strcmp(id, "b") == 0;
    if (!is_new && strcmp(id, "a") != 0)
        fail_msg("call %u, fate %d: \"%s\" is in force", (unsigned)call, (int)fate, id);
    if (was_acked && !is_new)
        fail_msg("call %u, fate %d: what was answered is gone", (unsigned)call, (int)fate);
    // And it works on.
    assert_true(apply("c") > 0);
    hub_restart();
    assert_string_equal(in_force_now(), "c");
    hub_stop();
}

static void cut_at_each_call(struct fake_disk *victim, struct fake_disk *other)
{
    for (uint32_t call = 1; call < 200; call++) {
        for (int kind = FAKE_DISK_CUT_BEFORE; kind <= FAKE_DISK_CUT_AFTER; kind++) {
            for (int fate = FAKE_DISK_LOSE; fate <= FAKE_DISK_RANDOM; fate++) {
                const struct fake_disk_fault fault = {
                    .kind = (enum fake_disk_fault_kind)kind, .call = call, .bytes = call * 7 % 100};
                fake_disk_copy(&card, &card_before);
                fake_disk_copy(&flash, &flash_before);
                assert_int_equal(hub_start(), NH_OK);
                fake_disk_fault_set(victim, &fault);
                bool was_acked = apply("b") > 0;
                bool is_struck = victim->is_struck;
                if (is_struck)
                    other->is_dead = true;
                hub_stop();
                fake_disk_fault_set(victim, NULL);
                check_after(was_acked && !is_struck, (enum fake_disk_fate)fate, call, call);
                if (!is_struck) {
                    print_message("cut at each of %u calls\n", (unsigned)call - 1);
                    return;
                }
            }
        }
    }
    fail_msg("an apply has more than 200 calls");
}

static void test_power_cut_at_each_call_of_the_card(void **state)
{
    (void)state;
    prepare();
    cut_at_each_call(&card, &flash);
}

static void test_power_cut_of_the_card_alone(void **state)
{
    (void)state;
    prepare();
    has_new_flash = true;
    cut_at_each_call(&card, &flash);
    has_new_flash = false;
}

static void test_power_cut_at_each_call_of_the_flash(void **state)
{
    (void)state;
    prepare();
    cut_at_each_call(&flash, &card);
}

// An error of any call of the card: the answer is an error and all is as before, or it is good.
static void test_each_call_fails(void **state)
{
    static const int errors[] = {NH_ERR_NOSPC, NH_ERR_IO};
    bool is_struck = true;
    (void)state;
    prepare();
    for (uint32_t call = 1; is_struck; call++) {
        for (size_t e = 0; e < NH_ARRAY_LEN(errors); e++) {
            const struct fake_disk_fault fault = {
                .kind = FAKE_DISK_FAIL, .call = call, .err = errors[e], .bytes = 3};
            fake_disk_copy(&card, &card_before);
            fake_disk_copy(&flash, &flash_before);
            assert_int_equal(hub_start(), NH_OK);
            fake_disk_fault_set(&card, &fault);
            int err = apply("b");
            is_struck = card.is_struck;
            fake_disk_fault_set(&card, NULL);
            const char *want = err < 0 ? "a" : "b";
            assert_string_equal(in_force_now(), want);
            hub_restart();
            if (strcmp(in_force_now(), want) != 0)
                fail_msg("call %u: the answer was %d, but \"%s\" is in force", (unsigned)call, err,
                         in_force_now());
            hub_stop();
        }
    }
}

static void test_each_allocation_fails(void **state)
{
    int err = NH_ERR_NOMEM;
    (void)state;
    prepare();
    for (uint64_t n = 1; err < 0; n++) {
        assert_true(n < 300);
        fake_disk_copy(&card, &card_before);
        fake_disk_copy(&flash, &flash_before);
        nh_mem_fault_set(sys, &(struct nh_mem_fault){.fail_nth = n});
        err = hub_start();
        if (err == 0)
            err = apply("b");
        uint64_t hits = nh_mem_fault_hits(sys);
        nh_mem_fault_set(sys, NULL);
        if (err < 0)
            assert_int_equal(err, NH_ERR_NOMEM);
        hub_stop();
        if (err > 0 && hits >= 1)
            err = NH_ERR_NOMEM; // it got along without it
        assert_int_equal(hub_start(), NH_OK);
        assert_true(in_force_now()[0] == 'a' || in_force_now()[0] == 'b');
        hub_stop();
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_new_hub),
        TEST(test_apply_and_backups),
        TEST(test_base_generation),
        TEST(test_no_room_for_it),
        TEST(test_ready_and_not_kept),
        TEST(test_edited_on_the_card),
        TEST(test_broken_file_is_kept),
        TEST(test_backup_without_copy),
        TEST(test_nothing_can_be_read),
        TEST(test_stop_between_the_renames),
        TEST(test_without_card),
        TEST(test_both_changed_keep_hub),
        TEST(test_both_changed_keep_card),
        TEST(test_both_changed_seen_by_another),
        TEST(test_confirm),
        TEST(test_who_changed_it),
        TEST(test_confirm_over_a_restart),
        TEST(test_confirm_while_the_card_is_out),
        TEST(test_confirm_without_a_backup),
        TEST(test_profiles),
        TEST(test_list_of_profiles_reads_what_changed),
        TEST(test_power_cut_at_each_call_of_the_card),
        TEST(test_power_cut_of_the_card_alone),
        TEST(test_power_cut_at_each_call_of_the_flash),
        TEST(test_each_call_fails),
        TEST(test_each_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
