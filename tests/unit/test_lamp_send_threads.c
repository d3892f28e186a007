// Frames from one task while another one sends them: none is torn, and the newest gets out.

#include "linux_fixture.h"

#include "components/lamp_live/lamp_send.h"

#include <pthread.h>
#include <stdatomic.h>

#define PIXELS 480 // one DDP packet
#define FRAMES 20000

static struct {
    nh_lamp_sender_t *sender;
    uint32_t sent, torn;
    uint8_t newest;
    atomic_bool is_done;
    atomic_uint woken;
} t;

static int on_send(void *ctx, const char *address, uint16_t port, const uint8_t *bytes, size_t len)
{
    (void)ctx;
    (void)address;
    (void)port;
    for (size_t i = 11; i < len; i++)
        if (bytes[i] != bytes[10]) {
            t.torn++;
            break;
        }
    t.newest = bytes[10];
    t.sent++;
    return 0;
}

static void on_wake(void *ctx)
{
    (void)ctx;
    atomic_fetch_add(&t.woken, 1);
}

static void *render(void *ctx)
{
    uint8_t rgb[PIXELS * 3];
    (void)ctx;
    for (int i = 0; i < FRAMES; i++) {
        memset(rgb, i % 251, sizeof rgb);
        nh_lamp_sender_frame(t.sender, rgb, PIXELS);
    }
    atomic_store(&t.is_done, true);
    return NULL;
}

static void test_two_tasks(void **state)
{
    static const struct nh_lamp_send_target target = {.protocol = NH_LAMP_SEND_DDP,
                                                      .address = "10.0.0.2"};
    struct linux_fixture fx;
    struct nh_lamp_sender_info info;
    nh_lock_t lock;
    pthread_t thread;
    uint32_t bad;
    (void)state;
    fixture_start(&fx);
    assert_int_equal(nh_lock_create(&lock), 0);
    const struct nh_lamp_sender_config cfg = {.mem = fx.mem,
                                              .lock = lock,
                                              .targets = &target,
                                              .target_count = 1,
                                              .pixel_count = PIXELS,
                                              .name = "",
                                              .send = on_send,
                                              .wake = on_wake};
    assert_int_equal(nh_lamp_sender_create(&cfg, &bad, &t.sender), 0);
    assert_int_equal(pthread_create(&thread, NULL, render, NULL), 0);
    const uint64_t now_us = 1000; // it stands still: the lamp is never off
    while (!atomic_load(&t.is_done)) {
        nh_lamp_sender_pump(t.sender, now_us);
        nh_lamp_sender_tick(t.sender, now_us);
        nh_lamp_sender_info(t.sender, &info);
    }
    pthread_join(thread, NULL);
    nh_lamp_sender_pump(t.sender, now_us);
    nh_lamp_sender_info(t.sender, &info);
    assert_int_equal(t.torn, 0);
    assert_int_equal(info.frame_count, FRAMES);
    assert_int_equal(info.frame_count - info.skipped_count, t.sent);
    assert_int_equal(t.newest, (FRAMES - 1) % 251);
    assert_int_equal(atomic_load(&t.woken), FRAMES);
    nh_lamp_sender_destroy(t.sender);
    nh_lock_destroy(&lock);
    fixture_stop(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_two_tasks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
