// Documents of any content where the publisher keeps waiting points. Whatever stands there, what is
// read of it is sound, and the publisher goes on.
//
// The input: for each of three documents a byte with its number, two with its length
// (little-endian, cut at 1000), then its bytes.

#include "components/battery_publish/publish_flash.h"
#include "support/fake_disk.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(cond)                                                                              \
    do {                                                                                           \
        if (!(cond))                                                                               \
            abort();                                                                               \
    } while (0)

static _Alignas(16) uint8_t internal[24 * 1024];
static _Alignas(16) uint8_t psram[64 * 1024];
static struct fake_disk disk;

static bool on_read(void *ctx, struct nh_battery_point *out)
{
    (void)ctx;
    out->valid = 1;
    return true;
}

static int on_send(void *ctx, enum nh_battery_sink sink, const struct nh_battery_point *points,
                   size_t count, uint32_t ticket)
{
    (void)ctx;
    (void)sink;
    (void)ticket;
    REQUIRE(count == 1 && points->seq == points->seq);
    return NH_PUBLISH_CONFIRMED;
}

static void on_cancel(void *ctx, enum nh_battery_sink sink)
{
    (void)ctx;
    (void)sink;
}

static void put_documents(nh_store_t *store, const uint8_t *data, size_t size)
{
    char name[NH_STORE_NAME_MAX_BYTES];
    for (int i = 0; i < 3 && size >= 3; i++) {
        size_t len = (size_t)(data[1] | data[2] << 8) % 1001;
        snprintf(name, sizeof name, "points_%u", (unsigned)(data[0] % NH_PUBLISH_FLASH_FILE_COUNT));
        data += 3;
        size -= 3;
        len = len < size ? len : size;
        REQUIRE(nh_store_put(store, name, data, len) > 0);
        data += len;
        size -= len;
    }
}

static void play(nh_mem_t *mem, nh_store_t *store)
{
    nh_publish_engine_t *e;
    nh_publish_flash_t *f;
    const struct nh_publish_engine_config engine = {.mem = mem,
                                                    .ring_count = 32,
                                                    .boot = 1,
                                                    .sinks = 3,
                                                    .linked_sinks = 1,
                                                    .read = on_read,
                                                    .send = on_send,
                                                    .cancel = on_cancel};
    const struct nh_publish_flash_config flash = {
        .mem = mem, .store = store, .count = 32, .interval_ms = 20000, .period_ms = 5000};
    REQUIRE(nh_publish_engine_create(&engine, 1, &e) == 0);
    REQUIRE(nh_publish_flash_create(&flash, 1, &f) == 0);
    REQUIRE(nh_publish_flash_load(f, e) == 0);
    REQUIRE(nh_publish_engine_check(e) == 0);
    for (uint64_t now_ms = 1; now_ms < 40000; now_ms += 1000) {
        nh_publish_engine_tick(e, now_ms, 0);
        nh_publish_flash_tick(f, nh_publish_engine_ring(e), now_ms);
        REQUIRE(nh_publish_engine_check(e) == 0);
    }
    REQUIRE(nh_publish_flash_stop(f, nh_publish_engine_ring(e)) == 0);
    nh_publish_flash_destroy(f);
    nh_publish_engine_destroy(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    nh_store_t *store;
    const struct nh_mem_system_config memory = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    REQUIRE(nh_mem_system_create(&memory, &sys) == 0);
    REQUIRE(nh_mem_owner_add(sys, "fuzz", NULL, &mem) == 0);
    fake_disk_init(&disk);
    const struct nh_store_config cfg = {
        .mem = mem, .fs = fake_disk_fs(&disk), .dir = "points", .keep_count = 1};
    REQUIRE(nh_store_create(&cfg, &store) == 0);
    put_documents(store, data, size);
    play(mem, store);
    nh_store_destroy(store);
    REQUIRE(nh_mem_system_destroy(sys, NULL, NULL) == 0);
    return 0;
}
