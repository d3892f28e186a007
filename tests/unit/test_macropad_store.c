// The pad's document: kept over restarts and power cuts, and sent in and out by HTTP.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "components/macropad/macropad.h"
#include "support/fake_disk.h"
#include "support/macro_docs.h"
#include "support/route_play.h"

static struct macro_memory memory;
static struct fake_disk disk;
static struct macro_doc doc;
static nh_store_t *store;
static nh_macropad_t *pad;
static uint64_t now_ms;
static char tags[512];
static unsigned change_count;
static char reply[MACRO_DOC_MAX_BYTES];

static uint64_t clock_ms(void)
{
    return now_ms;
}

static void hotspot(void *ctx, const char *tag)
{
    (void)ctx;
    strcat(tags, tag);
    strcat(tags, " ");
}

static void changed(void *ctx)
{
    (void)ctx;
    change_count++;
}

static int open_store(void)
{
    const struct nh_store_config cfg = {.mem = memory.mem,
                                        .fs = fake_disk_fs(&disk),
                                        .dir = "store",
                                        .keep_count = 2,
                                        .doc_max_bytes = NH_MIB(1)};
    return nh_store_create(&cfg, &store);
}

static int open_pad(void)
{
    const struct nh_macropad_config cfg = {.mem = memory.mem,
                                           .store = store,
                                           .clock_ms = clock_ms,
                                           .out = {.hotspot = hotspot},
                                           .screens = {.changed = changed}};
    int err = nh_macropad_create(&cfg, &pad);
    return err < 0 ? err : nh_macropad_start(pad);
}

static void close_all(void)
{
    nh_macropad_destroy(pad);
    nh_store_destroy(store);
    pad = NULL;
    store = NULL;
}

static int setup(void **state)
{
    (void)state;
    macro_memory_init(&memory);
    fake_disk_init(&disk);
    now_ms = 1000;
    tags[0] = '\0';
    change_count = 0;
    assert_int_equal(open_store(), 0);
    assert_int_equal(open_pad(), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close_all();
    macro_memory_deinit(&memory);
    assert_int_equal(fake_disk_open_count(&disk), 0);
    return 0;
}

static nh_macro_set_t *set_of(const char *label)
{
    struct nh_macropad_button b;
    nh_macro_set_t *set;
    nh_macropad_button_clear(&b);
    b.action = NH_MACROPAD_GO_BACK;
    strcpy(b.label, label);
    assert_int_equal(nh_macro_set_create(memory.mem, &set), 0);
    assert_int_equal(nh_macro_set_put(set, 0, 0, &b), 0);
    return set;
}

static int apply(const char *label, uint32_t base)
{
    nh_macro_set_t *set = set_of(label);
    int err = nh_macropad_apply(pad, set, base);
    nh_macro_set_unref(set);
    return err;
}

static bool has_label(const char *label)
{
    struct nh_macropad_button_view b;
    nh_macro_set_t *set = nh_macropad_set(pad);
    nh_macro_set_button(set, 0, 0, &b);
    bool is = b.label.len == strlen(label) && memcmp(b.label.ptr, label, b.label.len) == 0;
    nh_macro_set_unref(set);
    return is;
}

static uint32_t generation(void)
{
    struct nh_macropad_info info;
    nh_macropad_info(pad, &info);
    return info.generation;
}

static int ask(const char *method, const char *path, const char *query, const char *body)
{
    struct nh_route_table t = nh_macropad_routes(pad);
    return route_ask(&t, memory.mem, method, path, query, body, reply, sizeof reply);
}

// ---- the store ---------------------------------------------------------------------------------

static void test_restart(void **state)
{
    (void)state;
    assert_int_equal(generation(), 0);
    assert_true(has_label(""));
    assert_int_equal(apply("one", 0), 0);
    assert_int_equal(change_count, 1);
    assert_true(has_label("one"));
    close_all();
    assert_int_equal(open_store(), 0);
    assert_int_equal(open_pad(), 0);
    assert_true(has_label("one"));
    assert_int_equal(generation(), 1);
}

static void test_conflict(void **state)
{
    (void)state;
    assert_int_equal(apply("one", 0), 0);
    assert_int_equal(apply("two", 1), 0);
    assert_int_equal(apply("three", 1), NH_ERR_CONFLICT);
    assert_true(has_label("two"));
}

// A document that is whole as a file and broken as a document: the one before is in force.
static void test_broken(void **state)
{
    (void)state;
    assert_int_equal(apply("one", 0), 0);
    assert_true(nh_store_put(store, NH_MACROPAD_DOCUMENT, "{\"screens\":", 11) > 0);
    close_all();
    assert_int_equal(open_store(), 0);
    assert_int_equal(open_pad(), 0);
    assert_true(has_label("one"));
    assert_int_equal(generation(), 1);
    assert_int_equal(apply("two", 2), NH_ERR_CONFLICT);
    assert_int_equal(apply("two", 1), 0);
    assert_int_equal(generation(), 3);
}

// The power goes at each call of the file system, whatever then becomes of what was not synced:
// after the restart the pad has the old document or the new one, and takes another.
static void cut_at(uint32_t call, enum fake_disk_fault_kind kind, enum fake_disk_fate fate)
{
    static struct fake_disk before;
    fake_disk_copy(&before, &disk);
    fake_disk_fault_set(&disk, &(struct fake_disk_fault){.kind = kind, .call = call});
    int err = apply("new", 0);
    assert_true(has_label(err == 0 ? "new" : "old"));
    close_all();
    fake_disk_power_cycle(&disk, fate, call);
    fake_disk_fault_set(&disk, NULL);
    assert_int_equal(open_store(), 0);
    assert_int_equal(open_pad(), 0);
    assert_true(has_label("new") || (err < 0 && has_label("old")));
    assert_int_equal(apply("next", 0), 0);
    close_all();
    fake_disk_copy(&disk, &before);
    assert_int_equal(open_store(), 0);
    assert_int_equal(open_pad(), 0);
}

static void test_power_cut(void **state)
{
    static const enum fake_disk_fate fates[] = {FAKE_DISK_LOSE, FAKE_DISK_KEEP, FAKE_DISK_PREFIX,
                                                FAKE_DISK_RANDOM};
    (void)state;
    assert_int_equal(apply("old", 0), 0);
    fake_disk_fault_set(&disk, NULL);
    assert_int_equal(apply("old", 0), 0);
    uint32_t calls = disk.call_count;
    assert_true(calls > 8);
    for (uint32_t call = 1; call <= calls; call++)
        for (size_t fate = 0; fate < NH_ARRAY_LEN(fates); fate++) {
            cut_at(call, FAKE_DISK_CUT_BEFORE, fates[fate]);
            cut_at(call, FAKE_DISK_CUT_AFTER, fates[fate]);
        }
}

// A disk that refuses: the old document stays in force and on the disk.
static void test_disk_refuses(void **state)
{
    (void)state;
    assert_int_equal(apply("old", 0), 0);
    fake_disk_fault_set(&disk, NULL);
    assert_int_equal(apply("old", 0), 0);
    uint32_t calls = disk.call_count, refused = 0;
    for (uint32_t call = 1; call <= calls; call++) {
        const struct fake_disk_fault fault = {
            .kind = FAKE_DISK_FAIL, .call = call, .err = NH_ERR_NOSPC};
        fake_disk_fault_set(&disk, &fault);
        int err = apply("new", 0);
        fake_disk_fault_set(&disk, NULL);
        refused += err < 0;
        assert_true(has_label(err == 0 ? "new" : "old"));
        assert_int_equal(apply("old", 0), 0);
    }
    assert_true(refused > 2);
}

static void test_each_allocation_fails(void **state)
{
    (void)state;
    assert_int_equal(apply("old", 0), 0);
    for (uint64_t n = 1;; n++) {
        close_all();
        nh_mem_fault_set(memory.sys, &(struct nh_mem_fault){.fail_nth = n});
        int err = open_store();
        if (err == 0)
            err = open_pad();
        if (err == 0)
            err = ask("GET", "/api/macros", NULL, NULL) == 200 ? 0 : NH_ERR_NOMEM;
        nh_mem_fault_set(memory.sys, NULL);
        if (err == 0 && has_label("old") && n > 4)
            return;
        assert_true(err == 0 || err == NH_ERR_NOMEM);
        assert_true(n < 50);
    }
}

// ---- HTTP --------------------------------------------------------------------------------------

static void test_get_and_post(void **state)
{
    static char first[MACRO_DOC_MAX_BYTES];
    (void)state;
    assert_int_equal(ask("GET", "/api/macros", NULL, NULL), 200);
    strcpy(first, reply);
    assert_int_equal(ask("POST", "/api/macros", NULL, first), 200);
    assert_string_equal(reply, "{\"success\":true}\n");
    assert_string_equal(tags, "http_macros_post_begin http_macros_post_parsed "
                              "http_macros_post_saved http_macros_post_applied ");
    assert_int_equal(ask("GET", "/api/macros/export", NULL, NULL), 200);
    assert_string_equal(reply, first);
    assert_int_equal(generation(), 1);
}

static void assert_refused(int status, int want, const char *message)
{
    char text[160];
    snprintf(text, sizeof text, "{\"success\":false,\"message\":\"%s\",", message);
    if (status != want || strncmp(reply, text, strlen(text)) != 0)
        fail_msg("%d instead of %d: %s", status, want, reply);
}

static void test_refusals(void **state)
{
    (void)state;
    assert_refused(ask("POST", "/api/macros", NULL, NULL), 400, "Invalid upload");
    assert_refused(ask("POST", "/api/macros", NULL, "{\"a\":"), 400, "Invalid JSON");
    assert_refused(ask("POST", "/api/macros", NULL, "{}"), 400, "Missing screens[]");
    assert_string_equal(tags, "http_macros_post_begin http_macros_post_parse_fail "
                              "http_macros_post_begin http_macros_post_parsed ");
    macro_doc_of(&doc, "{\"action\":\"mqtt_send\"}");
    assert_refused(ask("POST", "/api/macros", NULL, doc.text), 400,
                   "mqtt_send requires mqtt_topic");
    assert_non_null(strstr(reply, "\"field\":\"/screens/0/buttons/0/mqtt_topic\",\"line\":1,"));
    assert_int_equal(generation(), 0);
    macro_doc_of(&doc, "{}");
    assert_refused(ask("POST", "/api/macros", "base_generation=x", doc.text), 400,
                   "base_generation is a number.");
    assert_refused(ask("POST", "/api/macros", "base_generation=7", doc.text), 409,
                   "The macros were changed in between. Nothing was saved.");
    fake_disk_fault_set(
        &disk, &(struct fake_disk_fault){.kind = FAKE_DISK_FAIL, .call = 3, .err = NH_ERR_NOSPC});
    tags[0] = '\0';
    assert_refused(ask("POST", "/api/macros", NULL, doc.text), 500, "Failed to save");
    assert_non_null(strstr(tags, "http_macros_post_save_fail"));
    assert_int_equal(ask("POST", "/api/macros", NULL, doc.text), 200);
}

static void test_too_large(void **state)
{
    struct route_play p;
    struct nh_route_table t = nh_macropad_routes(pad);
    static char blanks[4096];
    (void)state;
    memset(blanks, ' ', sizeof blanks);
    route_begin(&p, &t, memory.mem, "POST", "/api/macros", NULL);
    for (int i = 0; i < 129; i++)
        route_piece(&p, blanks, sizeof blanks);
    int status = route_finish(&p);
    route_read(&p, reply, sizeof reply, 600);
    route_end(&p);
    assert_refused(status, 413, "JSON body too large");
    assert_non_null(strstr(reply, "\"limit\":524288"));
}

// One document at a time; one whose client is gone, or silent, stands in nobody's way.
static void test_upload_lock(void **state)
{
    struct route_play slow, other;
    struct nh_route_table t = nh_macropad_routes(pad);
    struct nh_macropad_info info;
    (void)state;
    macro_doc_of(&doc, "{}");
    route_begin(&slow, &t, memory.mem, "POST", "/api/macros", NULL);
    route_piece(&slow, doc.text, 100);
    assert_refused(ask("POST", "/api/macros", NULL, doc.text), 409,
                   "Another macros update is in progress");
    // The refused one did not harm the first.
    now_ms += 9999;
    route_piece(&slow, doc.text + 100, doc.len - 100);
    assert_int_equal(route_finish(&slow), 200);
    route_end(&slow);

    // Gone in the middle.
    route_begin(&slow, &t, memory.mem, "POST", "/api/macros", NULL);
    route_piece(&slow, doc.text, 100);
    route_end(&slow);
    assert_int_equal(ask("POST", "/api/macros", NULL, doc.text), 200);

    // Silent for the whole time-out.
    route_begin(&slow, &t, memory.mem, "POST", "/api/macros", NULL);
    route_piece(&slow, doc.text, 100);
    now_ms += 9999;
    assert_int_equal(ask("POST", "/api/macros", NULL, doc.text), 409);
    now_ms += 1;
    route_begin(&other, &t, memory.mem, "POST", "/api/macros", NULL);
    route_piece(&other, doc.text, 50);
    route_piece(&slow, doc.text + 100, 100); // too late
    assert_int_equal(route_finish(&slow), 409);
    route_end(&slow);
    route_piece(&other, doc.text + 50, doc.len - 50);
    assert_int_equal(route_finish(&other), 200);
    route_end(&other);
    nh_macropad_info(pad, &info);
    assert_int_equal(info.uploads_abandoned, 1);
    assert_int_equal(info.uploads_refused, 3);
}

// The whole way of the fullest document, request and reply: nothing internal, little bulk.
static void test_memory(void **state)
{
    (void)state;
    // The disk of this test is small, so the document is not kept.
    close_all();
    assert_int_equal(open_pad(), 0);
    macro_doc_worst(&doc);
    nh_mem_owner_peak_reset(memory.mem);
    size_t before = macro_memory_peak(&memory, NH_MEM_INTERNAL);
    assert_int_equal(ask("POST", "/api/macros", NULL, doc.text), 200);
    assert_int_equal(ask("GET", "/api/macros", NULL, NULL), 200);
    assert_int_equal(macro_memory_peak(&memory, NH_MEM_INTERNAL), before);
    assert_true(macro_memory_peak(&memory, NH_MEM_PSRAM) < 150 * 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_conflict, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_power_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_disk_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_allocation_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(test_get_and_post, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
        cmocka_unit_test_setup_teardown(test_upload_lock, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
