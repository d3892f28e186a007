#include "support/fake_disk.h"

#include <string.h>

#include "support/rng.h"

#define SECTOR_BYTES 512u

static void close_all(struct fake_disk *d)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(d->files); i++)
        d->files[i].inode = FAKE_DISK_NONE;
    memset(d->cursors, 0, sizeof d->cursors);
}

void fake_disk_init(struct fake_disk *d)
{
    memset(d, 0, sizeof *d);
    close_all(d);
}

void fake_disk_copy(struct fake_disk *to, const struct fake_disk *from)
{
    for (size_t i = 0; i < FAKE_DISK_INODES; i++) {
        struct fake_inode *a = &to->inodes[i];
        const struct fake_inode *b = &from->inodes[i];
        a->is_used = b->is_used;
        if (!b->is_used)
            continue;
        a->is_dirty = b->is_dirty;
        a->now_len = b->now_len;
        a->durable_len = b->durable_len;
        memcpy(a->now, b->now, b->now_len);
        memcpy(a->durable, b->durable, b->durable_len);
    }
    memcpy(to->names, from->names, sizeof to->names);
    close_all(to);
    to->fault = from->fault;
    to->call_count = from->call_count;
    to->is_dead = from->is_dead;
    to->is_struck = from->is_struck;
}

void fake_disk_fault_set(struct fake_disk *d, const struct fake_disk_fault *fault)
{
    d->fault = fault ? *fault : (struct fake_disk_fault){.kind = FAKE_DISK_NO_FAULT};
    d->call_count = 0;
    d->is_struck = false;
}

unsigned fake_disk_open_count(const struct fake_disk *d)
{
    unsigned n = 0;
    for (size_t i = 0; i < NH_ARRAY_LEN(d->files); i++)
        n += d->files[i].inode != FAKE_DISK_NONE;
    for (size_t i = 0; i < NH_ARRAY_LEN(d->cursors); i++)
        n += d->cursors[i].is_used;
    return n;
}

// ---- names and inodes --------------------------------------------------------------------------

static struct fake_name *name_find(struct fake_disk *d, const char *path)
{
    for (size_t i = 0; i < FAKE_DISK_NAMES; i++)
        if (!strcmp(d->names[i].path, path))
            return path[0] ? &d->names[i] : NULL;
    return NULL;
}

// Names that mean nothing any more, now or durably, and inodes without a name make room.
static void collect_garbage(struct fake_disk *d)
{
    bool used[FAKE_DISK_INODES] = {false};
    for (size_t i = 0; i < FAKE_DISK_NAMES; i++) {
        struct fake_name *n = &d->names[i];
        if (n->path[0] && n->now == FAKE_DISK_NONE && n->durable == FAKE_DISK_NONE)
            n->path[0] = '\0';
        if (n->path[0] && n->now >= 0)
            used[n->now] = true;
        if (n->path[0] && n->durable >= 0)
            used[n->durable] = true;
    }
    for (size_t i = 0; i < NH_ARRAY_LEN(d->files); i++)
        if (d->files[i].inode >= 0)
            used[d->files[i].inode] = true;
    for (size_t i = 0; i < FAKE_DISK_INODES; i++)
        d->inodes[i].is_used = d->inodes[i].is_used && used[i];
}

static struct fake_name *name_make(struct fake_disk *d, const char *path)
{
    struct fake_name *n = name_find(d, path);
    if (n)
        return n;
    for (size_t i = 0; i < FAKE_DISK_NAMES; i++) {
        n = &d->names[i];
        if (n->path[0])
            continue;
        NH_ASSERT(strlen(path) < sizeof n->path);
        memcpy(n->path, path, strlen(path) + 1);
        n->now = n->durable = FAKE_DISK_NONE;
        return n;
    }
    return NULL;
}

static int inode_make(struct fake_disk *d)
{
    for (int i = 0; i < FAKE_DISK_INODES; i++) {
        struct fake_inode *node = &d->inodes[i];
        if (node->is_used)
            continue;
        node->is_used = true;
        node->is_dirty = false;
        node->now_len = node->durable_len = 0;
        return i;
    }
    return FAKE_DISK_NONE;
}

static bool is_root(const char *dir)
{
    return !strcmp(dir, ".") || !strcmp(dir, "");
}

// The folder a path is in, compared with `dir`.
static bool is_in(const char *path, const char *dir)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    if (is_root(dir))
        return !slash;
    return slash && strlen(dir) == len && !memcmp(path, dir, len);
}

static bool dir_exists(struct fake_disk *d, const char *path)
{
    struct fake_name *n = name_find(d, path);
    return is_root(path) || (n && n->now == FAKE_DISK_DIR);
}

static bool parent_exists(struct fake_disk *d, const char *path)
{
    char parent[FAKE_DISK_PATH_MAX_BYTES];
    const char *slash = strrchr(path, '/');
    if (!slash)
        return true;
    memcpy(parent, path, (size_t)(slash - path));
    parent[slash - path] = '\0';
    return dir_exists(d, parent);
}

// ---- faults ------------------------------------------------------------------------------------

// Counts a call. Not 0: the call must return that at once. `*after` is
// what it must return when its work is done; a write does `*len` bytes of its work first in any
// case.
static int enter(struct fake_disk *d, enum fake_disk_op op, size_t *len, int *after)
{
    *after = 0;
    if (d->is_dead) {
        *len = 0;
        return NH_ERR_IO;
    }
    if (d->call_count < FAKE_DISK_CALLS)
        d->calls[d->call_count] = (struct fake_disk_call){op, (uint32_t)*len};
    d->call_count++;
    if (d->fault.kind == FAKE_DISK_NO_FAULT || d->call_count != d->fault.call)
        return 0;
    d->is_struck = true;
    bool cut = d->fault.kind == FAKE_DISK_CUT_BEFORE || d->fault.kind == FAKE_DISK_CUT_AFTER;
    int err = cut ? NH_ERR_IO : d->fault.err;
    d->is_dead = cut;
    if (d->fault.kind == FAKE_DISK_CUT_AFTER || d->fault.kind == FAKE_DISK_FAIL_AFTER) {
        *after = err;
        return 0;
    }
    *len = d->fault.bytes < *len ? d->fault.bytes : *len;
    return err;
}

// ---- files -------------------------------------------------------------------------------------

static int disk_open(void *ctx, const char *path, enum nh_file_mode mode, nh_file_t **out)
{
    struct fake_disk *d = ctx;
    size_t len = 0;
    int after, err = enter(d, FAKE_DISK_OPEN, &len, &after);
    if (err)
        return err;
    struct fake_name *n = name_find(d, path);
    bool is_there = n && n->now != FAKE_DISK_NONE;
    if (is_there && n->now == FAKE_DISK_DIR)
        return NH_ERR_INVAL;
    if (!is_there && (mode == NH_FILE_READ || !parent_exists(d, path)))
        return NH_ERR_NOT_FOUND;
    struct nh_file *f = NULL;
    for (size_t i = 0; i < NH_ARRAY_LEN(d->files) && !f; i++)
        if (d->files[i].inode == FAKE_DISK_NONE)
            f = &d->files[i];
    if (!is_there)
        collect_garbage(d);
    int inode = is_there ? n->now : inode_make(d);
    n = name_make(d, path);
    if (!f || !n || inode == FAKE_DISK_NONE)
        return NH_ERR_NOSPC;
    n->now = inode;
    if (mode == NH_FILE_WRITE && is_there) {
        d->inodes[inode].now_len = 0;
        d->inodes[inode].is_dirty = true;
    }
    if (after) // the file is there or cut; the caller got no handle to close
        return after;
    f->inode = inode;
    *out = f;
    return 0;
}

static int disk_read(void *ctx, nh_file_t *f, uint64_t offset, void *out, size_t cap)
{
    struct fake_disk *d = ctx;
    size_t len = 0;
    int after, err = enter(d, FAKE_DISK_READ, &len, &after);
    if (err || after)
        return err ? err : after;
    const struct fake_inode *node = &d->inodes[f->inode];
    if (offset >= node->now_len)
        return 0;
    size_t left = node->now_len - (size_t)offset;
    cap = cap < left ? cap : left;
    memcpy(out, node->now + offset, cap);
    return (int)cap;
}

static int disk_write(void *ctx, nh_file_t *f, const void *bytes, size_t len)
{
    struct fake_disk *d = ctx;
    int after, err = enter(d, FAKE_DISK_WRITE, &len, &after);
    struct fake_inode *node = &d->inodes[f->inode];
    if (len > FAKE_DISK_FILE_MAX_BYTES - node->now_len)
        return NH_ERR_NOSPC;
    if (len) {
        memcpy(node->now + node->now_len, bytes, len);
        node->now_len += (uint32_t)len;
        node->is_dirty = true;
    }
    return err ? err : after;
}

static int disk_sync(void *ctx, nh_file_t *f)
{
    struct fake_disk *d = ctx;
    size_t len = 0;
    int after, err = enter(d, FAKE_DISK_SYNC, &len, &after);
    if (err)
        return err;
    struct fake_inode *node = &d->inodes[f->inode];
    memcpy(node->durable, node->now, node->now_len);
    node->durable_len = node->now_len;
    node->is_dirty = false;
    return after;
}

static void disk_close(void *ctx, nh_file_t *f)
{
    (void)ctx;
    NH_ASSERT(f->inode != FAKE_DISK_NONE);
    f->inode = FAKE_DISK_NONE;
}

// ---- names -------------------------------------------------------------------------------------

static int disk_rename(void *ctx, const char *from, const char *to)
{
    struct fake_disk *d = ctx;
    size_t len = 0;
    int after, err = enter(d, FAKE_DISK_RENAME, &len, &after);
    if (err)
        return err;
    struct fake_name *a = name_find(d, from);
    if (!a || a->now < 0 || !parent_exists(d, to))
        return NH_ERR_NOT_FOUND;
    collect_garbage(d);
    struct fake_name *b = name_make(d, to);
    if (!b)
        return NH_ERR_NOSPC;
    b->now = a->now;
    a->now = FAKE_DISK_NONE;
    return after;
}

static int disk_remove(void *ctx, const char *path)
{
    struct fake_disk *d = ctx;
    size_t len = 0;
    int after, err = enter(d, FAKE_DISK_REMOVE, &len, &after);
    if (err)
        return err;
    struct fake_name *n = name_find(d, path);
    if (!n || n->now < 0)
        return NH_ERR_NOT_FOUND;
    n->now = FAKE_DISK_NONE;
    return after;
}

static int disk_mkdir(void *ctx, const char *path)
{
    struct fake_disk *d = ctx;
    size_t len = 0;
    int after, err = enter(d, FAKE_DISK_MKDIR, &len, &after);
    if (err)
        return err;
    if (!parent_exists(d, path))
        return NH_ERR_NOT_FOUND;
    collect_garbage(d);
    struct fake_name *n = name_make(d, path);
    if (!n)
        return NH_ERR_NOSPC;
    if (n->now != FAKE_DISK_NONE)
        return NH_ERR_EXISTS;
    n->now = FAKE_DISK_DIR;
    return after;
}

static void describe(const struct fake_disk *d, const struct fake_name *n, struct nh_file_info *out)
{
    const char *slash = strrchr(n->path, '/');
    const char *base = slash ? slash + 1 : n->path;
    *out = (struct nh_file_info){.is_dir = n->now == FAKE_DISK_DIR};
    memcpy(out->name, base, strlen(base) + 1);
    out->size_bytes = n->now >= 0 ? d->inodes[n->now].now_len : 0;
}

static int disk_stat(void *ctx, const char *path, struct nh_file_info *out)
{
    struct fake_disk *d = ctx;
    size_t len = 0;
    int after, err = enter(d, FAKE_DISK_STAT, &len, &after);
    if (err || after)
        return err ? err : after;
    struct fake_name *n = name_find(d, path);
    if (!n || n->now == FAKE_DISK_NONE)
        return NH_ERR_NOT_FOUND;
    describe(d, n, out);
    return 0;
}

static int disk_sync_dir(void *ctx, const char *path)
{
    struct fake_disk *d = ctx;
    size_t len = 0;
    int after, err = enter(d, FAKE_DISK_SYNC_DIR, &len, &after);
    if (err)
        return err;
    if (!dir_exists(d, path))
        return NH_ERR_NOT_FOUND;
    for (size_t i = 0; i < FAKE_DISK_NAMES; i++)
        if (d->names[i].path[0] && is_in(d->names[i].path, path))
            d->names[i].durable = d->names[i].now;
    return after;
}

static int disk_dir_open(void *ctx, const char *path, void **cursor)
{
    struct fake_disk *d = ctx;
    size_t len = 0;
    int after, err = enter(d, FAKE_DISK_DIR_OPEN, &len, &after);
    if (err || after)
        return err ? err : after;
    if (!dir_exists(d, path))
        return NH_ERR_NOT_FOUND;
    struct fake_cursor *c = d->cursors[0].is_used ? &d->cursors[1] : &d->cursors[0];
    NH_ASSERT(!c->is_used);
    *c = (struct fake_cursor){.is_used = true};
    memcpy(c->dir, path, strlen(path) + 1);
    *cursor = c;
    return 0;
}

static int disk_dir_next(void *ctx, void *cursor, struct nh_file_info *out)
{
    struct fake_disk *d = ctx;
    struct fake_cursor *c = cursor;
    size_t len = 0;
    int after, err = enter(d, FAKE_DISK_DIR_NEXT, &len, &after);
    if (err || after)
        return err ? err : after;
    while (c->next < FAKE_DISK_NAMES) {
        const struct fake_name *n = &d->names[c->next++];
        if (!n->path[0] || n->now == FAKE_DISK_NONE || !is_in(n->path, c->dir))
            continue;
        describe(d, n, out);
        return 0;
    }
    return NH_ERR_NOT_FOUND;
}

static void disk_dir_close(void *ctx, void *cursor)
{
    struct fake_cursor *c = cursor;
    (void)ctx;
    NH_ASSERT(c->is_used);
    c->is_used = false;
}

struct nh_fs fake_disk_fs(struct fake_disk *d)
{
    static const struct nh_files_ops ops = {
        .open = disk_open,
        .read = disk_read,
        .write = disk_write,
        .sync = disk_sync,
        .close = disk_close,
        .rename = disk_rename,
        .remove = disk_remove,
        .mkdir = disk_mkdir,
        .stat = disk_stat,
        .sync_dir = disk_sync_dir,
        .dir_open = disk_dir_open,
        .dir_next = disk_dir_next,
        .dir_close = disk_dir_close,
    };
    return (struct nh_fs){&ops, d};
}

// ---- power -------------------------------------------------------------------------------------

// A file of which each sector is new, old, or junk, and whose length is any that it ever had.
static void tear(struct fake_inode *node, struct rng *rng)
{
    uint32_t longest = node->now_len > node->durable_len ? node->now_len : node->durable_len;
    uint32_t pick = rng_below(rng, 4), len = rng_below(rng, longest + 1);
    if (pick < 2)
        len = pick ? node->now_len : node->durable_len;
    for (uint32_t at = 0; at < len; at += SECTOR_BYTES) {
        uint32_t end = at + SECTOR_BYTES < len ? at + SECTOR_BYTES : len;
        bool is_new = rng_below(rng, 2);
        uint8_t junk = rng_below(rng, 2) ? 0xFF : 0x00;
        for (uint32_t i = at; i < end; i++) {
            const uint8_t *from = is_new ? node->now : node->durable;
            uint32_t from_len = is_new ? node->now_len : node->durable_len;
            node->now[i] = i < from_len ? from[i] : junk;
        }
    }
    node->now_len = len;
}

static void settle_inode(struct fake_inode *node, enum fake_disk_fate fate, uint32_t number,
                         struct rng *rng)
{
    if (fate == FAKE_DISK_LOSE) {
        memcpy(node->now, node->durable, node->durable_len);
        node->now_len = node->durable_len;
    } else if (fate == FAKE_DISK_PREFIX && number < node->now_len) {
        node->now_len = number;
    } else if (fate == FAKE_DISK_RANDOM) {
        tear(node, rng);
    }
    memcpy(node->durable, node->now, node->now_len);
    node->durable_len = node->now_len;
    node->is_dirty = false;
}

void fake_disk_power_cycle(struct fake_disk *d, enum fake_disk_fate fate, uint32_t number)
{
    struct rng rng = {number};
    for (size_t i = 0; i < FAKE_DISK_INODES; i++)
        if (d->inodes[i].is_used && d->inodes[i].is_dirty)
            settle_inode(&d->inodes[i], fate, number, &rng);
    for (size_t i = 0; i < FAKE_DISK_NAMES; i++) {
        struct fake_name *n = &d->names[i];
        bool lost = fate == FAKE_DISK_LOSE || (fate == FAKE_DISK_RANDOM && rng_below(&rng, 2));
        if (n->path[0] && n->now != n->durable && lost)
            n->now = n->durable;
        n->durable = n->now;
    }
    for (size_t i = 0; i < FAKE_DISK_NAMES; i++)
        if (d->names[i].path[0] && !parent_exists(d, d->names[i].path))
            d->names[i].now = d->names[i].durable = FAKE_DISK_NONE;
    close_all(d);
    d->is_dead = false;
    collect_garbage(d);
    fake_disk_fault_set(d, NULL);
}

// ---- a test's own hands ------------------------------------------------------------------------

void fake_disk_file_put(struct fake_disk *d, const char *path, const void *bytes, size_t len)
{
    collect_garbage(d);
    struct fake_name *n = name_make(d, path);
    NH_ASSERT(n && len <= FAKE_DISK_FILE_MAX_BYTES);
    if (n->now < 0)
        n->now = inode_make(d);
    NH_ASSERT(n->now >= 0);
    n->durable = n->now;
    struct fake_inode *node = &d->inodes[n->now];
    if (len) {
        memmove(node->now, bytes, len);
        memcpy(node->durable, node->now, len);
    }
    node->now_len = node->durable_len = (uint32_t)len;
    node->is_dirty = false;
}

int fake_disk_file_get(const struct fake_disk *d, const char *path, const uint8_t **bytes)
{
    for (size_t i = 0; i < FAKE_DISK_NAMES; i++) {
        const struct fake_name *n = &d->names[i];
        if (strcmp(n->path, path) != 0 || !path[0] || n->now < 0)
            continue;
        *bytes = d->inodes[n->now].now;
        return (int)d->inodes[n->now].now_len;
    }
    return -1;
}

void fake_disk_file_remove(struct fake_disk *d, const char *path)
{
    struct fake_name *n = name_find(d, path);
    if (n)
        n->now = n->durable = FAKE_DISK_NONE;
    collect_garbage(d);
}

unsigned fake_disk_file_count(const struct fake_disk *d)
{
    unsigned n = 0;
    for (size_t i = 0; i < FAKE_DISK_NAMES; i++)
        n += d->names[i].path[0] && d->names[i].now >= 0;
    return n;
}
