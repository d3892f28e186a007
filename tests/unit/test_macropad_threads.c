// The pad between its owner and who paints: documents and icons change while the screens read them.
// Meant for TSan.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "components/macropad/macropad.h"
#include "support/fake_disk.h"
#include "support/macro_docs.h"
#include "support/route_play.h"

enum { PAINTERS = 2, ROUNDS = 400 };

static struct {
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    pthread_mutex_t mem_mutex, pad_mutex;
    struct fake_disk disk;
    nh_macropad_t *pad;
    uint32_t stop, icons_seen, presses;
} t;

static void mutex_lock(void *ctx)
{
    pthread_mutex_lock(ctx);
}

static void mutex_unlock(void *ctx)
{
    pthread_mutex_unlock(ctx);
}

static uint64_t clock_ms(void)
{
    static uint32_t now_ms;
    return __atomic_add_fetch(&now_ms, 1, __ATOMIC_RELAXED);
}

static int publish(void *ctx, nh_span_t topic, nh_span_t payload)
{
    (void)ctx;
    (void)payload;
    assert_int_equal(topic.len, 1);
    t.presses++;
    return 0;
}

// What one screen shows, as `ui` would ask for it.
static void paint(unsigned screen)
{
    struct nh_macropad_button_view b;
    char id[NH_MACROPAD_ICON_ID_MAX_BYTES];
    nh_macro_set_t *set = nh_macropad_set(t.pad);
    for (unsigned slot = 0; slot < 4; slot++) {
        struct nh_macropad_icon icon;
        nh_macro_set_button(set, screen, slot, &b);
        nh_icon_id_normalize(b.icon_id, id);
        if (!id[0] || !nh_macropad_icon(t.pad, id, &icon))
            continue;
        // All pixels of an installed icon are alike: one that is freed or replaced meanwhile shows.
        for (size_t i = 1; !icon.is_mask && i < (size_t)icon.width * icon.height * 3; i++)
            if (icon.pixels[i] != icon.pixels[0])
                abort();
        __atomic_add_fetch(&t.icons_seen, 1, __ATOMIC_RELAXED);
        nh_macropad_icon_release(t.pad, &icon);
    }
    nh_macro_set_unref(set);
}

static void *painter(void *ctx)
{
    (void)ctx;
    for (unsigned n = 0; !__atomic_load_n(&t.stop, __ATOMIC_ACQUIRE); n++) {
        (void)nh_macropad_revision(t.pad);
        paint(n % 8);
        (void)nh_macropad_post_press(t.pad, n % 8, 3);
    }
    return NULL;
}

static void apply(unsigned round)
{
    static const char *const icons[] = {"play", "user_a", "lock", "user_b", "wifi", "stop"};
    struct nh_macropad_button b;
    nh_macro_set_t *set;
    assert_int_equal(nh_macro_set_create(t.mem, &set), 0);
    for (unsigned screen = 0; screen < 8; screen++)
        for (unsigned slot = 0; slot < 4; slot++) {
            nh_macropad_button_clear(&b);
            b.action = NH_MACROPAD_MQTT_SEND;
            b.icon_type = NH_MACROPAD_ICON_ASSET;
            strcpy(b.topic, "t");
            strcpy(b.icon_id, icons[(round + screen + slot) % NH_ARRAY_LEN(icons)]);
            assert_int_equal(nh_macro_set_put(set, screen, slot, &b), 0);
        }
    assert_int_equal(nh_macropad_apply(t.pad, set, 0), 0);
    nh_macro_set_unref(set);
}

static void install(const char *id, uint8_t value)
{
    static uint8_t blob[NH_ICON_HEAD_BYTES + 8 * 8 * 3];
    struct nh_route_table table = nh_macropad_routes(t.pad);
    struct route_play p;
    char query[40];
    snprintf(query, sizeof query, "id=%s", id);
    nh_icon_head_write(blob, 8, 8, NH_ICON_COLOR, 8 * 8 * 3);
    memset(blob + NH_ICON_HEAD_BYTES, value, 8 * 8 * 3);
    route_begin(&p, &table, t.mem, "POST", "/api/icons/install", query);
    route_piece(&p, blob, sizeof blob);
    assert_int_equal(route_finish(&p), 200);
    route_end(&p);
}

static void test_painters_and_owner(void **state)
{
    static _Alignas(16) uint8_t internal[32 * 1024], psram[512 * 1024];
    pthread_t painters[PAINTERS];
    (void)state;
    pthread_mutex_init(&t.mem_mutex, NULL);
    pthread_mutex_init(&t.pad_mutex, NULL);
    const struct nh_mem_system_config mem = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}},
        .lock = {mutex_lock, mutex_unlock, &t.mem_mutex}};
    assert_int_equal(nh_mem_system_create(&mem, &t.sys), 0);
    assert_int_equal(nh_mem_owner_add(t.sys, "macropad", NULL, &t.mem), 0);
    fake_disk_init(&t.disk);
    const struct nh_macropad_config cfg = {.mem = t.mem,
                                           .lock = {mutex_lock, mutex_unlock, &t.pad_mutex},
                                           .fs = fake_disk_fs(&t.disk),
                                           .icon_dir = "icons",
                                           .icon_cache_bytes = NH_KIB(10),
                                           .clock_ms = clock_ms,
                                           .out = {.publish = publish}};
    assert_int_equal(nh_macropad_create(&cfg, &t.pad), 0);
    assert_int_equal(nh_macropad_start(t.pad), 0);
    for (unsigned i = 0; i < PAINTERS; i++)
        assert_int_equal(pthread_create(&painters[i], NULL, painter, NULL), 0);
    for (unsigned round = 0;
         round < ROUNDS || __atomic_load_n(&t.icons_seen, __ATOMIC_RELAXED) == 0; round++) {
        struct nh_macropad_info info;
        apply(round);
        install(round % 2 ? "user_a" : "user_b", (uint8_t)round);
        nh_macropad_drain(t.pad);
        nh_macropad_info(t.pad, &info);
        assert_true(info.icons.bytes <= NH_KIB(10));
    }
    __atomic_store_n(&t.stop, 1, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < PAINTERS; i++)
        pthread_join(painters[i], NULL);
    nh_macropad_drain(t.pad);
    assert_true(t.presses > 0);
    nh_macropad_destroy(t.pad);
    assert_int_equal(nh_mem_system_destroy(t.sys, macro_memory_leak, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_painters_and_owner)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
