// records.c - records on LMDB: a batch is one transaction, so it is there whole or not at all.
//
// A record: key; value = CRC-32 of key and value (little-endian), value. A count other than 1
// stands under the byte 0 and the key. Readers see the last commit, whatever the writer does
// meanwhile.

#include "core/base/bytes.h"
#include "core/base/crc.h"
#include "core/base/log.h"
#include "core/mem/mem.h"
#include "platform/linux/lmdb_file.h"
#include "platform/linux/port.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define CHECK_MAX_S 10 // of reading the file before it is trusted
#define READERS 2      // reads within a read
#define CRC_BYTES 4
#define COUNT_BYTES 4
#define DIR_MAX_BYTES 4096
#define MARK "begun"               // an empty file: data.mdb was on disk
#define SPACE_MIN_BYTES NH_KIB(64) // on the file system; with less it is full

struct nh_records {
    nh_mem_t *mem;
    int dir_fd; // locked: one process, and one object in it
    MDB_env *env;
    MDB_dbi dbi;
    // Guards the three above and the readers while the file is opened anew after a failure.
    pthread_mutex_t lock;
    MDB_txn *reader[READERS]; // reset between uses, so that a read allocates nothing
    unsigned depth;           // of reads under way
    bool needs_reopen;        // LMDB refuses all after a failed write of its head
    size_t map_bytes;
    uint64_t max_bytes;
    _Atomic uint64_t used_bytes;
    char dir[]; // NUL-terminated
};

static uint32_t value_crc(const MDB_val *key, const void *value, size_t len)
{
    return nh_crc32(nh_crc32(0, key->mv_data, key->mv_size), value, len);
}

// The value inside of a record; ptr NULL: damaged.
static nh_span_t value_of(const MDB_val *key, const MDB_val *record)
{
    const uint8_t *b = record->mv_data;
    if (record->mv_size < CRC_BYTES)
        return (nh_span_t){NULL, 0};
    nh_span_t value = {b + CRC_BYTES, record->mv_size - CRC_BYTES};
    bool is_whole = nh_get_le32(b) == value_crc(key, value.ptr, value.len);
    return is_whole ? value : (nh_span_t){NULL, 0};
}

static bool record_is_whole(const MDB_val *key, const MDB_val *record)
{
    return value_of(key, record).ptr != NULL;
}

// ---- life --------------------------------------------------------------------------------------

// What LMDB may map: the limit, and room beyond it, so that a store over its limit can still be
// told what is done with: removing takes new pages first.
static size_t map_bytes_of(uint64_t max_bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (size_t)((max_bytes + max_bytes / 8 + NH_MIB(16)) / page * page);
}

static int open_env(nh_records_t *r)
{
    MDB_txn *txn;
    int rc = nh_linux__lmdb_open(r->dir, r->map_bytes, 0, &r->env);
    if (rc == 0)
        rc = mdb_txn_begin(r->env, NULL, 0, &txn);
    if (rc != 0)
        return rc;
    rc = mdb_dbi_open(txn, NULL, 0, &r->dbi);
    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc;
    }
    rc = mdb_txn_commit(txn);
    for (int i = 0; i < READERS && rc == 0; i++) {
        rc = mdb_txn_begin(r->env, NULL, MDB_RDONLY, &r->reader[i]);
        if (rc == 0)
            mdb_txn_reset(r->reader[i]);
    }
    return rc;
}

static void close_env(nh_records_t *r)
{
    for (int i = 0; i < READERS; i++)
        if (r->reader[i])
            mdb_txn_abort(r->reader[i]);
    memset(r->reader, 0, sizeof r->reader);
    if (r->env)
        mdb_env_close(r->env);
    r->env = NULL;
}

// An empty file: LMDB would take it for a new one without a word. It is one when none was ever on
// disk, as after a power cut at the very beginning.
static int check_empty(const nh_records_t *r)
{
    struct stat st;
    if (fstatat(r->dir_fd, "data.mdb", &st, 0) != 0 || st.st_size > 0)
        return NH_OK;
    return faccessat(r->dir_fd, MARK, F_OK, 0) == 0 ? NH_ERR_CORRUPT : NH_OK;
}

// A new file's head and the names are durable, too: else a power cut could take the store along.
static int sync_new(const nh_records_t *r)
{
    int rc = mdb_env_sync(r->env, 1);
    if (rc != 0)
        return rc;
    int mark = openat(r->dir_fd, MARK, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (mark >= 0) // without it all works as well, but an empty file is not noticed
        close(mark);
    int parent = openat(r->dir_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = parent < 0 || fsync(parent) != 0 || fsync(r->dir_fd) != 0 ? errno : 0;
    if (parent >= 0)
        close(parent);
    return rc;
}

int nh_records_open(const struct nh_records_config *cfg, nh_records_t **out)
{
    *out = NULL;
    size_t dir_len = strlen(cfg->dir);
    if (dir_len >= DIR_MAX_BYTES)
        return NH_ERR_TOO_LONG;
    nh_records_t *r = nh_mem_alloc_zero(cfg->mem, sizeof *r + dir_len + 1, NH_MEM_BULK);
    if (!r)
        return NH_ERR_NOMEM;
    r->mem = cfg->mem;
    r->max_bytes = cfg->max_bytes ? cfg->max_bytes : NH_MIB(1024);
    r->map_bytes = map_bytes_of(r->max_bytes);
    memcpy(r->dir, cfg->dir, dir_len + 1);
    pthread_mutex_init(&r->lock, NULL);
    int rc = nh_linux__lmdb_lock(r->dir, &r->dir_fd);
    if (rc == NH_OK)
        rc = check_empty(r);
    if (rc == NH_OK)
        rc = nh_linux__lmdb_check(r->dir, r->map_bytes, CHECK_MAX_S, true, record_is_whole);
    if (rc == NH_OK)
        rc = nh_linux__lmdb_err(open_env(r));
    if (rc == NH_OK)
        rc = nh_linux__lmdb_err(sync_new(r));
    if (rc < 0) {
        nh_records_close(r);
        return rc;
    }
    *out = r;
    return NH_OK;
}

void nh_records_close(nh_records_t *r)
{
    if (!r)
        return;
    close_env(r);
    if (r->dir_fd >= 0)
        close(r->dir_fd);
    pthread_mutex_destroy(&r->lock);
    nh_mem_free(r->mem, r);
}

// ---- writing -----------------------------------------------------------------------------------

struct count_key {
    uint8_t bytes[NH_RECORDS_KEY_MAX_BYTES + 1];
    MDB_val val;
};

static MDB_val *count_key(struct count_key *k, const MDB_val *key)
{
    k->bytes[0] = 0;
    memcpy(k->bytes + 1, key->mv_data, key->mv_size);
    k->val = (MDB_val){key->mv_size + 1, k->bytes};
    return &k->val;
}

static int count_get(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, int64_t *out)
{
    struct count_key k;
    MDB_val record;
    *out = 1;
    int rc = mdb_get(txn, dbi, count_key(&k, key), &record);
    if (rc == MDB_NOTFOUND)
        return 0;
    nh_span_t value = rc == 0 ? value_of(&k.val, &record) : (nh_span_t){NULL, 0};
    if (value.len == COUNT_BYTES)
        *out = nh_get_le32(value.ptr);
    return rc;
}

static int put_value(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, const nh_span_t *parts, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    MDB_val record = {.mv_size = CRC_BYTES + len};
    int rc = mdb_put(txn, dbi, key, &record, MDB_RESERVE);
    if (rc != 0)
        return rc;
    uint8_t *at = (uint8_t *)record.mv_data + CRC_BYTES;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len)
            memcpy(at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    nh_put_le32(record.mv_data, value_crc(key, at - len, len));
    return 0;
}

static int del(MDB_txn *txn, MDB_dbi dbi, MDB_val *key)
{
    int rc = mdb_del(txn, dbi, key, NULL);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

// 1 is what a record has without a count.
static int count_set(MDB_txn *txn, MDB_dbi dbi, const MDB_val *key, int64_t count)
{
    struct count_key k;
    uint8_t bytes[COUNT_BYTES];
    const nh_span_t part = {bytes, sizeof bytes};
    count_key(&k, key);
    if (count == 1)
        return del(txn, dbi, &k.val);
    nh_put_le32(bytes, (uint32_t)count);
    return put_value(txn, dbi, &k.val, &part, 1);
}

static int add_count(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, int32_t n)
{
    int64_t count;
    int rc = count_get(txn, dbi, key, &count);
    if (rc != 0)
        return rc;
    if (count + n > 0)
        return count_set(txn, dbi, key, count + n);
    rc = del(txn, dbi, key);
    return rc == 0 && count != 1 ? count_set(txn, dbi, key, 1) : rc;
}

static int write_op(MDB_txn *txn, MDB_dbi dbi, const struct nh_record_op *op)
{
    MDB_val key = {op->key.len, (void *)op->key.ptr};
    if (op->key.len == 0 || op->key.len > NH_RECORDS_KEY_MAX_BYTES || op->key.ptr[0] == 0)
        return MDB_BAD_VALSIZE;
    if (op->kind == NH_RECORD_COUNT)
        return add_count(txn, dbi, &key, op->count);
    if (op->kind == NH_RECORD_DELETE)
        return del(txn, dbi, &key);
    int rc = put_value(txn, dbi, &key, op->value, NH_RECORDS_PARTS);
    return rc == 0 && op->count > 1 ? count_set(txn, dbi, &key, op->count) : rc;
}

static uint64_t used_bytes(MDB_txn *txn, MDB_dbi dbi)
{
    MDB_stat st;
    if (mdb_stat(txn, dbi, &st) != 0)
        return 0;
    return (uint64_t)(st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages) * st.ms_psize;
}

// After a failed write of its head LMDB wants to be opened anew. Nobody reads meanwhile.
static int reopen(nh_records_t *r)
{
    pthread_mutex_lock(&r->lock);
    close_env(r);
    int rc = open_env(r);
    r->needs_reopen = rc != 0;
    pthread_mutex_unlock(&r->lock);
    return rc;
}

static int write_all(nh_records_t *r, bool (*next)(void *ctx, struct nh_record_op *op), void *ctx,
                     uint64_t *used)
{
    MDB_txn *txn;
    struct nh_record_op op;
    int rc = r->needs_reopen ? reopen(r) : 0;
    if (rc == 0)
        rc = mdb_txn_begin(r->env, NULL, 0, &txn);
    if (rc != 0)
        return rc;
    while (rc == 0 && next(ctx, &op))
        rc = write_op(txn, r->dbi, &op);
    *used = used_bytes(txn, r->dbi);
    if (rc == 0)
        return mdb_txn_commit(txn); // on disk when it returns
    mdb_txn_abort(txn);
    return rc;
}

// LMDB calls a write that was cut short an I/O error, also when it was for want of room.
static bool has_no_space(const nh_records_t *r)
{
    struct statvfs st;
    return fstatvfs(r->dir_fd, &st) == 0 && (uint64_t)st.f_bavail * st.f_frsize < SPACE_MIN_BYTES;
}

int nh_records_commit(nh_records_t *r, bool (*next)(void *ctx, struct nh_record_op *op), void *ctx)
{
    uint64_t used = 0;
    int rc = write_all(r, next, ctx, &used);
    if (rc != 0) {
        r->needs_reopen = rc == MDB_PANIC || rc == EIO || !r->env;
        int err = nh_linux__lmdb_err(rc);
        if (rc == EIO && has_no_space(r))
            return NH_ERR_NOSPC;
        return err == NH_ERR_CORRUPT ? NH_ERR_IO : err;
    }
    atomic_store(&r->used_bytes, used);
    return used > r->max_bytes;
}

// ---- reading -----------------------------------------------------------------------------------

// Within a read the lock is held already: all reads are one task's.
static int read_begin(nh_records_t *r, MDB_txn **txn, MDB_cursor **cursor)
{
    if (r->depth == 0)
        pthread_mutex_lock(&r->lock);
    int rc = r->depth < READERS && r->env ? mdb_txn_renew(r->reader[r->depth]) : EIO;
    if (rc == 0) {
        *txn = r->reader[r->depth];
        rc = mdb_cursor_open(*txn, r->dbi, cursor);
        if (rc != 0)
            mdb_txn_reset(*txn);
    }
    if (rc != 0 && r->depth == 0)
        pthread_mutex_unlock(&r->lock);
    if (rc == 0)
        r->depth++;
    return rc;
}

static void read_end(nh_records_t *r, MDB_txn *txn, MDB_cursor *cursor)
{
    mdb_cursor_close(cursor);
    mdb_txn_reset(txn);
    if (--r->depth == 0)
        pthread_mutex_unlock(&r->lock);
}

static bool has_prefix(const MDB_val *key, nh_span_t prefix)
{
    return key->mv_size >= prefix.len && memcmp(key->mv_data, prefix.ptr, prefix.len) == 0;
}

static bool visit_one(const MDB_val *key, const MDB_val *record, nh_record_fn visit, void *ctx)
{
    return visit(ctx, (nh_span_t){key->mv_data, key->mv_size}, value_of(key, record));
}

// Keys that begin with 0 are our own.
static const uint8_t first_key[] = {1};

static MDB_val start_of(nh_span_t prefix, nh_span_t from)
{
    nh_span_t at = from.len ? from : prefix;
    if (at.len == 0)
        at = (nh_span_t){first_key, sizeof first_key};
    return (MDB_val){at.len, (void *)at.ptr};
}

int nh_records_read(nh_records_t *r, nh_span_t prefix, nh_span_t from, nh_record_fn visit,
                    void *ctx)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key = start_of(prefix, from), record;
    int rc = read_begin(r, &txn, &cursor);
    if (rc != 0)
        return nh_linux__lmdb_err(rc);
    rc = mdb_cursor_get(cursor, &key, &record, MDB_SET_RANGE);
    while (rc == 0 && (!prefix.len || has_prefix(&key, prefix)) &&
           visit_one(&key, &record, visit, ctx))
        rc = mdb_cursor_get(cursor, &key, &record, MDB_NEXT);
    read_end(r, txn, cursor);
    return rc == MDB_NOTFOUND ? NH_OK : nh_linux__lmdb_err(rc);
}

// The first key behind all that begin with `prefix`. False: there is none.
static bool key_behind(nh_span_t prefix, uint8_t out[NH_RECORDS_KEY_MAX_BYTES], size_t *len)
{
    size_t n = prefix.len;
    memcpy(out, prefix.ptr, n);
    while (n && out[n - 1] == 0xff)
        n--;
    if (n)
        out[n - 1]++;
    *len = n;
    return n > 0;
}

int nh_records_last(nh_records_t *r, nh_span_t prefix, nh_record_fn visit, void *ctx)
{
    uint8_t behind[NH_RECORDS_KEY_MAX_BYTES];
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key = {0, behind}, record;
    if (prefix.len == 0 || prefix.len > sizeof behind)
        return NH_ERR_INVAL;
    int rc = read_begin(r, &txn, &cursor);
    if (rc != 0)
        return nh_linux__lmdb_err(rc);
    rc = MDB_NOTFOUND;
    if (key_behind(prefix, behind, &key.mv_size))
        rc = mdb_cursor_get(cursor, &key, &record, MDB_SET_RANGE);
    rc = mdb_cursor_get(cursor, &key, &record, rc == 0 ? MDB_PREV : MDB_LAST);
    if (rc == 0 && has_prefix(&key, prefix))
        visit_one(&key, &record, visit, ctx);
    read_end(r, txn, cursor);
    return rc == MDB_NOTFOUND ? NH_OK : nh_linux__lmdb_err(rc);
}

void nh_records_info(nh_records_t *r, struct nh_records_info *out)
{
    *out = (struct nh_records_info){.used_bytes = atomic_load(&r->used_bytes),
                                    .max_bytes = r->max_bytes};
    char path[DIR_MAX_BYTES + 16];
    struct stat st;
    snprintf(path, sizeof path, "%s/data.mdb", r->dir);
    if (stat(path, &st) == 0)
        out->file_bytes = (uint64_t)st.st_size;
}
