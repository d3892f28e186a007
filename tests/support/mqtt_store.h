// mqtt_store.h - a store for the broker's tests that forgets what it was not told to keep.
//
// A disk holds records in order of their keys. A commit that was begun does nothing until the test
// finishes it, lets it fail, or lets the power go: then none of it happened. Include <cmocka.h> and
// what it needs before this.

#ifndef NH_TEST_MQTT_STORE_H
#define NH_TEST_MQTT_STORE_H

#include "mqtt/broker.h"

#include <string.h>

#define DISK_RECORDS 640
#define DISK_VALUE_BYTES 64

struct disk_record {
    uint8_t key[NH_MQTT_KEY_MAX_BYTES], value[DISK_VALUE_BYTES];
    uint8_t key_len;
    uint16_t len;
    int32_t count;
    bool is_damaged;
};

struct disk {
    struct disk_record records[DISK_RECORDS];
    size_t count, count_max; // max: NH_ERR_NOSPC beyond; 0: DISK_RECORDS
    const nh_mqtt_batch_t *pending;
    unsigned commits, reading;
    int read_rc; // what reads give, when not 0
    bool no_check;
};

static int disk_compare(const struct disk_record *r, nh_span_t key)
{
    size_t min = r->key_len < key.len ? r->key_len : key.len;
    int order = min ? memcmp(r->key, key.ptr, min) : 0;
    return order ? order : (int)r->key_len - (int)key.len;
}

// The first record at or after `key`.
static size_t disk_seek(const struct disk *d, nh_span_t key)
{
    size_t low = 0, high = d->count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (disk_compare(&d->records[mid], key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct disk_record *disk_find(struct disk *d, nh_span_t key)
{
    size_t at = disk_seek(d, key);
    return at < d->count && disk_compare(&d->records[at], key) == 0 ? &d->records[at] : NULL;
}

static void disk_remove(struct disk *d, nh_span_t key)
{
    struct disk_record *r = disk_find(d, key);
    if (!r)
        return;
    size_t at = (size_t)(r - d->records);
    memmove(r, r + 1, (d->count - at - 1) * sizeof *r);
    d->count--;
}

static void disk_put(struct disk *d, const struct nh_mqtt_op *op)
{
    struct disk_record *r = disk_find(d, op->key);
    if (!r) {
        size_t at = disk_seek(d, op->key);
        assert_true(d->count < DISK_RECORDS);
        r = &d->records[at];
        memmove(r + 1, r, (d->count - at) * sizeof *r);
        d->count++;
    }
    memset(r, 0, sizeof *r);
    memcpy(r->key, op->key.ptr, op->key.len);
    r->key_len = (uint8_t)op->key.len;
    r->count = op->count;
    for (size_t i = 0; i < NH_MQTT_PARTS; i++) {
        assert_true(r->len + op->value[i].len <= DISK_VALUE_BYTES);
        if (op->value[i].len)
            memcpy(r->value + r->len, op->value[i].ptr, op->value[i].len);
        r->len = (uint16_t)(r->len + op->value[i].len);
    }
}

static void disk_apply(struct disk *d, const nh_mqtt_batch_t *batch)
{
    struct nh_mqtt_op op;
    for (size_t at = 0; nh_mqtt_batch_next(batch, &at, &op);) {
        assert_true(op.key.len > 0 && op.key.len <= NH_MQTT_KEY_MAX_BYTES);
        if (op.kind == NH_MQTT_OP_PUT) {
            assert_true(op.count > 0);
            disk_put(d, &op);
        } else if (op.kind == NH_MQTT_OP_DELETE) {
            disk_remove(d, op.key);
        } else {
            struct disk_record *r = disk_find(d, op.key);
            assert_non_null(r); // nobody counts what is not there
            assert_int_not_equal(op.count, 0);
            r->count += op.count;
            assert_true(r->count >= 0);
            if (r->count == 0)
                disk_remove(d, op.key);
        }
    }
}

static void disk_commit(void *ctx, const nh_mqtt_batch_t *batch)
{
    struct disk *d = ctx;
    assert_null(d->pending); // one at a time
    d->pending = batch;
}

static bool disk_has_prefix(const struct disk_record *r, nh_span_t prefix)
{
    return r->key_len >= prefix.len && (!prefix.len || memcmp(r->key, prefix.ptr, prefix.len) == 0);
}

static bool disk_visit(const struct disk_record *r, nh_mqtt_record_fn visit, void *vctx)
{
    // From buffers of the exact size, so that a byte too far is seen by the sanitizer.
    return visit(vctx, (nh_span_t){r->key, r->key_len},
                 (nh_span_t){r->is_damaged ? NULL : r->value, r->is_damaged ? 0 : r->len});
}

static int disk_read(void *ctx, nh_span_t prefix, nh_span_t from, nh_mqtt_record_fn visit,
                     void *vctx)
{
    struct disk *d = ctx;
    if (d->read_rc < 0)
        return d->read_rc;
    assert_true(++d->reading <= 2);
    for (size_t at = disk_seek(d, from.len ? from : prefix); at < d->count; at++)
        if (!disk_has_prefix(&d->records[at], prefix) || !disk_visit(&d->records[at], visit, vctx))
            break;
    d->reading--;
    return NH_OK;
}

static int disk_last(void *ctx, nh_span_t prefix, nh_mqtt_record_fn visit, void *vctx)
{
    struct disk *d = ctx;
    if (d->read_rc < 0)
        return d->read_rc;
    for (size_t at = d->count; at-- > 0;) {
        if (!disk_has_prefix(&d->records[at], prefix))
            continue;
        disk_visit(&d->records[at], visit, vctx);
        break;
    }
    return NH_OK;
}

static struct nh_mqtt_persist disk_persist(struct disk *d)
{
    return (struct nh_mqtt_persist){d, disk_commit, disk_read, disk_last};
}

// ---- what holds together (docs/mqtt-store-format.md) --------------------------------------------

static uint64_t disk_number(const uint8_t *at, size_t len, bool is_big)
{
    uint64_t n = 0;
    for (size_t i = 0; i < len; i++)
        n = n << 8 | at[is_big ? i : len - 1 - i];
    return n;
}

// The message that a record refers to; 0: none.
static uint64_t disk_reference(const struct disk_record *r)
{
    if (r->key[0] == 'R')
        return disk_number(r->key + 1, 8, true);
    if (r->key[0] == 'W')
        return disk_number(r->value + 16, 8, false);
    return r->key[0] == 'Q' && !(r->value[1] & 8) ? disk_number(r->value + 8, 8, false) : 0;
}

static bool disk_has(struct disk *d, char type, const uint8_t *number, size_t len)
{
    uint8_t key[NH_MQTT_KEY_MAX_BYTES] = {(uint8_t)type};
    memcpy(key + 1, number, len);
    return disk_find(d, (nh_span_t){key, 1 + len}) != NULL;
}

static NH_UNUSED void disk_check(struct disk *d)
{
    for (size_t i = 0; i < d->count; i++) {
        struct disk_record *r = &d->records[i];
        int32_t refs = 0;
        if (memchr("UIQWY", r->key[0], 5) && !disk_has(d, 'S', r->key + 1, 4))
            assert_true(r->key[0] == 'W' || disk_has(d, 'D', r->key + 1, 4));
        if (r->key[0] == 'R')
            assert_true(disk_has(d, 'P', r->key + 1, 8));
        if (r->key[0] != 'P')
            continue;
        for (size_t k = 0; k < d->count; k++)
            refs += disk_reference(&d->records[k]) == disk_number(r->key + 1, 8, true);
        assert_int_equal(r->count, refs);
    }
}

// Ends the commit under way; 1: it is done, and the store is over its limit. Whether there was one.
static bool disk_finish(struct disk *d, nh_mqtt_broker_t *b, int rc, uint64_t now_ms)
{
    const nh_mqtt_batch_t *batch = d->pending;
    if (!batch)
        return false;
    d->pending = NULL;
    if (rc >= 0) {
        disk_apply(d, batch);
        if (!d->no_check)
            disk_check(d);
        d->commits++;
    }
    nh_mqtt_broker_saved(b, rc, now_ms);
    return true;
}

// How many records of a type there are.
static NH_UNUSED size_t disk_count(const struct disk *d, char type)
{
    size_t n = 0;
    for (size_t i = 0; i < d->count; i++)
        n += d->records[i].key[0] == (uint8_t)type;
    return n;
}

#endif
