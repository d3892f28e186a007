// kv.c - small values by key on LMDB: durable when a call returns, whole after a power cut.
//
// A record: key = name space, NUL, key; value = CRC-32 of key and value (little-endian), value.

#include "core/base/crc.h"
#include "core/mem/mem.h"
#include "platform/linux/lmdb_file.h"
#include "platform/linux/port.h"

#include <string.h>
#include <unistd.h>

#define MAP_BYTES NH_MIB(64) // the most that all values may take; the file grows as they do
#define CHECK_MAX_S 20       // a child that reads longer runs in circles
#define FULL_KEY_MAX_BYTES (2 * NH_KV_KEY_MAX_BYTES + 1)
#define CRC_BYTES 4

struct nh_kv {
    nh_mem_t *mem;
    int dir_fd; // locked: one process, and one object in it
    MDB_env *env;
    MDB_dbi dbi;
    pthread_mutex_t read_lock; // guards `reader`
    MDB_txn *reader;           // reset between uses, so that a read allocates nothing
};

// ---- records -----------------------------------------------------------------------------------

struct full_key {
    uint8_t bytes[FULL_KEY_MAX_BYTES];
    size_t len, space_len;
};

static int full_key_make(const char *space, const char *key, struct full_key *out)
{
    size_t space_len = strlen(space);
    size_t key_len = strlen(key);
    if (space_len == 0 || key_len == 0)
        return NH_ERR_INVAL;
    if (space_len > NH_KV_KEY_MAX_BYTES || key_len > NH_KV_KEY_MAX_BYTES)
        return NH_ERR_TOO_LONG;
    memcpy(out->bytes, space, space_len + 1);
    memcpy(out->bytes + space_len + 1, key, key_len);
    out->space_len = space_len;
    out->len = space_len + 1 + key_len;
    return NH_OK;
}

static uint32_t record_crc(const MDB_val *key, const void *value, size_t len)
{
    return nh_crc32(nh_crc32(0, key->mv_data, key->mv_size), value, len);
}

// The value inside of a record, checked.
static int record_value(const MDB_val *key, const MDB_val *record, nh_span_t *out)
{
    const uint8_t *b = record->mv_data;
    if (record->mv_size < CRC_BYTES)
        return NH_ERR_CORRUPT;
    *out = (nh_span_t){b + CRC_BYTES, record->mv_size - CRC_BYTES};
    uint32_t crc =
        (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    return crc == record_crc(key, out->ptr, out->len) ? NH_OK : NH_ERR_CORRUPT;
}

static bool record_is_whole(const MDB_val *key, const MDB_val *record)
{
    nh_span_t value;
    return record_value(key, record, &value) == NH_OK;
}

static int record_put(MDB_txn *txn, MDB_dbi dbi, const struct nh_kv_write *w, MDB_val *key)
{
    MDB_val record = {.mv_size = CRC_BYTES + w->len};
    int rc = mdb_put(txn, dbi, key, &record, MDB_RESERVE);
    if (rc != 0)
        return nh_linux__lmdb_err(rc);
    uint8_t *b = record.mv_data;
    uint32_t crc = record_crc(key, w->value, w->len);
    for (int i = 0; i < CRC_BYTES; i++)
        b[i] = (uint8_t)(crc >> (8 * i));
    memcpy(b + CRC_BYTES, w->value, w->len);
    return NH_OK;
}

// ---- life --------------------------------------------------------------------------------------

static int open_tree(nh_kv_t *kv, const char *dir)
{
    MDB_txn *txn;
    int rc = nh_linux__lmdb_open(dir, MAP_BYTES, 0, &kv->env);
    if (rc == 0)
        rc = mdb_txn_begin(kv->env, NULL, 0, &txn);
    if (rc != 0)
        return nh_linux__lmdb_err(rc);
    rc = mdb_dbi_open(txn, NULL, 0, &kv->dbi);
    if (rc != 0) {
        mdb_txn_abort(txn);
        return nh_linux__lmdb_err(rc);
    }
    rc = mdb_txn_commit(txn);
    if (rc == 0)
        rc = mdb_txn_begin(kv->env, NULL, MDB_RDONLY, &kv->reader);
    if (rc == 0)
        mdb_txn_reset(kv->reader);
    return nh_linux__lmdb_err(rc);
}

int nh_kv_open(struct nh_mem *mem, const char *dir, nh_kv_t **out)
{
    *out = NULL;
    nh_kv_t *kv = nh_mem_alloc_zero(mem, sizeof *kv, NH_MEM_HOT);
    if (!kv)
        return NH_ERR_NOMEM;
    kv->mem = mem;
    kv->dir_fd = -1;
    pthread_mutex_init(&kv->read_lock, NULL);
    int rc = nh_linux__lmdb_lock(dir, &kv->dir_fd);
    if (rc == NH_OK)
        rc = nh_linux__lmdb_check(dir, MAP_BYTES, CHECK_MAX_S, false, record_is_whole);
    if (rc == NH_OK)
        rc = open_tree(kv, dir);
    if (rc < 0) {
        nh_kv_close(kv);
        return rc;
    }
    *out = kv;
    return NH_OK;
}

void nh_kv_close(nh_kv_t *kv)
{
    if (!kv)
        return;
    if (kv->reader)
        mdb_txn_abort(kv->reader);
    if (kv->env)
        mdb_env_close(kv->env);
    if (kv->dir_fd >= 0)
        close(kv->dir_fd);
    pthread_mutex_destroy(&kv->read_lock);
    nh_mem_free(kv->mem, kv);
}

// ---- reading -----------------------------------------------------------------------------------

static int get_locked(nh_kv_t *kv, const struct full_key *full, void *out, size_t cap)
{
    MDB_val key = {full->len, (void *)full->bytes};
    MDB_val record;
    nh_span_t value = {0};
    int rc = nh_linux__lmdb_err(mdb_txn_renew(kv->reader));
    if (rc < 0)
        return rc;
    rc = nh_linux__lmdb_err(mdb_get(kv->reader, kv->dbi, &key, &record));
    if (rc == NH_OK)
        rc = record_value(&key, &record, &value);
    if (rc == NH_OK) {
        if (out && value.len > 0 && value.len <= cap)
            memcpy(out, value.ptr, value.len);
        rc = (int)value.len;
    }
    mdb_txn_reset(kv->reader);
    return rc;
}

int nh_kv_get(nh_kv_t *kv, const char *space, const char *key, void *out, size_t cap)
{
    struct full_key full;
    int rc = full_key_make(space, key, &full);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&kv->read_lock);
    rc = get_locked(kv, &full, out, cap);
    pthread_mutex_unlock(&kv->read_lock);
    return rc;
}

static int each_in(nh_kv_t *kv, MDB_cursor *cursor, const struct full_key *start,
                   bool (*visit)(void *ctx, const char *key, nh_span_t value), void *ctx)
{
    const size_t prefix = start->space_len + 1;
    MDB_val key = {prefix, (void *)start->bytes};
    MDB_val record;
    (void)kv;
    int rc = mdb_cursor_get(cursor, &key, &record, MDB_SET_RANGE);
    for (; rc == 0; rc = mdb_cursor_get(cursor, &key, &record, MDB_NEXT)) {
        char name[NH_KV_KEY_MAX_BYTES + 1];
        nh_span_t value;
        if (key.mv_size <= prefix || memcmp(key.mv_data, start->bytes, prefix) != 0)
            return NH_OK; // past the name space
        int err = record_value(&key, &record, &value);
        if (err < 0 || key.mv_size - prefix > NH_KV_KEY_MAX_BYTES)
            return NH_ERR_CORRUPT;
        memcpy(name, (const char *)key.mv_data + prefix, key.mv_size - prefix);
        name[key.mv_size - prefix] = 0;
        if (!visit(ctx, name, value))
            return NH_OK;
    }
    return rc == MDB_NOTFOUND ? NH_OK : nh_linux__lmdb_err(rc);
}

int nh_kv_each(nh_kv_t *kv, const char *space,
               bool (*visit)(void *ctx, const char *key, nh_span_t value), void *ctx)
{
    struct full_key start;
    MDB_txn *txn = NULL; // its own: the visitor may read and write
    MDB_cursor *cursor;
    int rc = full_key_make(space, "-", &start);
    if (rc == NH_OK)
        rc = nh_linux__lmdb_err(mdb_txn_begin(kv->env, NULL, MDB_RDONLY, &txn));
    if (rc < 0)
        return rc;
    rc = nh_linux__lmdb_err(mdb_cursor_open(txn, kv->dbi, &cursor));
    if (rc == NH_OK) {
        rc = each_in(kv, cursor, &start, visit, ctx);
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    return rc;
}

// ---- writing -----------------------------------------------------------------------------------

static int write_one(MDB_txn *txn, MDB_dbi dbi, const struct nh_kv_write *w)
{
    struct full_key full;
    int rc = full_key_make(w->space, w->key, &full);
    if (rc < 0)
        return rc;
    if (w->len > NH_KV_VALUE_MAX_BYTES)
        return NH_ERR_TOO_LONG;
    MDB_val key = {full.len, full.bytes};
    if (w->value)
        return record_put(txn, dbi, w, &key);
    rc = mdb_del(txn, dbi, &key, NULL);
    return rc == MDB_NOTFOUND ? NH_OK : nh_linux__lmdb_err(rc);
}

int nh_kv_commit(nh_kv_t *kv, const struct nh_kv_write *writes, size_t count)
{
    MDB_txn *txn;
    int rc = nh_linux__lmdb_err(mdb_txn_begin(kv->env, NULL, 0, &txn));
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count && rc == NH_OK; i++)
        rc = write_one(txn, kv->dbi, &writes[i]);
    if (rc < 0) {
        mdb_txn_abort(txn);
        return rc;
    }
    return nh_linux__lmdb_err(mdb_txn_commit(txn)); // on disk when it returns
}

int nh_kv_set(nh_kv_t *kv, const char *space, const char *key, const void *value, size_t len)
{
    const struct nh_kv_write w = {space, key, value ? value : "", value ? len : 0};
    return nh_kv_commit(kv, &w, 1);
}

int nh_kv_remove(nh_kv_t *kv, const char *space, const char *key)
{
    int rc = nh_kv_get(kv, space, key, NULL, 0);
    if (rc < 0 && rc != NH_ERR_CORRUPT)
        return rc;
    const struct nh_kv_write w = {space, key, NULL, 0};
    return nh_kv_commit(kv, &w, 1);
}
