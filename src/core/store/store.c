#include "core/store/store.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "core/base/crc.h"
#include "core/base/log.h"
#include "core/store/store_files.h"

// ---- create ------------------------------------------------------------------------------------

static int sync_dir(nh_store_t *s, const char *path)
{
    s->info.syncs++;
    return s->fs.ops->sync_dir(s->fs.ctx, path);
}

// Makes the folder and its name in its parent durable; a process that died in between may have
// left a folder that is there but would not survive, so the parent is always synced.
static int open_dir(nh_store_t *s)
{
    char parent[NH_STORE_DIR_MAX_BYTES];
    if (!strcmp(s->dir, "."))
        return nh_store__remove_staged(s);
    memcpy(parent, s->dir, sizeof parent);
    char *slash = strrchr(parent, '/');
    memcpy(slash ? slash : parent, slash ? "" : ".", slash ? 1 : 2);
    int err = s->fs.ops->mkdir(s->fs.ctx, s->dir);
    if (err && err != NH_ERR_EXISTS)
        return err;
    err = sync_dir(s, parent);
    return err ? err : nh_store__remove_staged(s);
}

int nh_store_create(const struct nh_store_config *cfg, nh_store_t **out)
{
    *out = NULL;
    if (!cfg->dir || !cfg->dir[0])
        return NH_ERR_INVAL;
    if (strlen(cfg->dir) >= NH_STORE_DIR_MAX_BYTES)
        return NH_ERR_TOO_LONG;
    if (cfg->keep_count > NH_STORE_KEEP_MAX_COUNT)
        return NH_ERR_RANGE;
    nh_store_t *s = nh_mem_alloc_zero(cfg->mem, sizeof *s, NH_MEM_BULK);
    if (!s)
        return NH_ERR_NOMEM;
    s->mem = cfg->mem;
    s->fs = cfg->fs;
    s->lock = cfg->lock;
    s->keep_count = cfg->keep_count ? cfg->keep_count : 3;
    s->doc_max_bytes = cfg->doc_max_bytes ? cfg->doc_max_bytes : (uint32_t)NH_MIB(1);
    s->written = cfg->written;
    s->ctx = cfg->ctx;
    memcpy(s->dir, cfg->dir, strlen(cfg->dir) + 1);
    int err = open_dir(s);
    if (err) {
        nh_mem_free(s->mem, s);
        return err;
    }
    *out = s;
    return NH_OK;
}

void nh_store_destroy(nh_store_t *s)
{
    if (!s)
        return;
    if (s->write.is_open)
        nh_store_write_abort(&s->write);
    nh_mem_free(s->mem, s);
}

// ---- writing; the lock is held -----------------------------------------------------------------

static int check_base(nh_store_t *s, const char *name, uint32_t base)
{
    struct nh_store_doc_info newest;
    if (!base)
        return NH_OK;
    int err = nh_store__find(s, name, 0, &newest);
    if (err == NH_ERR_NOT_FOUND || err == NH_ERR_CORRUPT)
        return NH_ERR_CONFLICT;
    if (err)
        return err;
    return newest.generation == base ? NH_OK : NH_ERR_CONFLICT;
}

// Appends to the staging file. The first error stays in `w`.
static int append(nh_store_write_t *w, const void *bytes, size_t len)
{
    nh_store_t *s = w->store;
    if (w->err || !len)
        return w->err;
    w->err = s->fs.ops->write(s->fs.ctx, w->file, bytes, len);
    if (w->err)
        return w->err;
    w->crc = nh_crc32(w->crc, bytes, len);
    s->info.bytes_written += len;
    return NH_OK;
}

static void close_file(nh_store_write_t *w)
{
    if (w->file)
        w->store->fs.ops->close(w->store->fs.ctx, w->file);
    w->file = NULL;
}

// Ends a write that was not committed: no file of it stays. `was_renamed`: the new generation's
// name may be there already, but nobody was told; its number was free before, so it is ours.
static void undo(nh_store_write_t *w, bool was_renamed)
{
    nh_store_t *s = w->store;
    char path[NH_STORE_PATH_MAX_BYTES];
    close_file(w);
    nh_store__path(s, w->name, 0, path);
    int err = s->fs.ops->remove(s->fs.ctx, path);
    if (was_renamed) {
        nh_store__path(s, w->name, w->generation, path);
        err = s->fs.ops->remove(s->fs.ctx, path);
        (void)sync_dir(s, s->dir); // the rename may be durable whatever the device said
    }
    if (err && err != NH_ERR_NOT_FOUND)
        NH_LOG_W("store", "%s stays: %s", path, nh_err_text(err));
    w->is_open = false;
}

static int stage(nh_store_write_t *w)
{
    nh_store_t *s = w->store;
    char path[NH_STORE_PATH_MAX_BYTES];
    uint8_t head[NH_STORE_HEAD_BYTES];
    nh_store__path(s, w->name, 0, path);
    int err = s->fs.ops->open(s->fs.ctx, path, NH_FILE_WRITE, &w->file);
    if (err) {
        w->file = NULL;
        undo(w, false);
        return err;
    }
    uint32_t crc = nh_store__head_put(head, w->generation);
    err = append(w, head, sizeof head);
    w->crc = crc;
    if (err)
        undo(w, false);
    return err;
}

static int begin(nh_store_t *s, const char *name, uint32_t base)
{
    struct nh_store__scan scan;
    if (s->write.is_open)
        return NH_ERR_BUSY;
    if (!nh_store__name_is_valid(name))
        return NH_ERR_INVAL;
    s->info.writes_asked++;
    int err = check_base(s, name, base);
    if (!err)
        err = nh_store__scan(s, name, 0, &scan);
    if (!err && scan.highest >= NH_STORE_GENERATION_MAX)
        err = NH_ERR_FULL;
    if (!err) {
        // Above all files of the name, damaged ones too: no number is given twice.
        s->write = (nh_store_write_t){
            .store = s, .is_open = true, .generation = scan.highest + 1, .file = NULL};
        memcpy(s->write.name, name, strlen(name) + 1);
        err = stage(&s->write);
    }
    if (err)
        s->info.writes_failed++;
    return err;
}

static int add(nh_store_write_t *w, const void *bytes, size_t len)
{
    if (!w->err && len > w->store->doc_max_bytes - w->size_bytes)
        w->err = NH_ERR_TOO_LONG;
    if (!append(w, bytes, len))
        w->size_bytes += len;
    return w->err;
}

// After a commit: removes what is damaged right below the new generation, then the oldest until
// keep_count are left. A failure costs space, no more; the next commit tries again.
static void prune(nh_store_t *s, const char *name, uint32_t newest, uint32_t last_whole)
{
    struct nh_store__scan scan;
    char path[NH_STORE_PATH_MAX_BYTES];
    int err;
    while (!(err = nh_store__scan(s, name, newest, &scan))) {
        uint32_t victim = 0;
        if (last_whole && scan.highest > last_whole)
            victim = scan.highest;
        else if (scan.count >= s->keep_count)
            victim = scan.lowest;
        if (!victim)
            return;
        nh_store__path(s, name, victim, path);
        err = s->fs.ops->remove(s->fs.ctx, path);
        if (err)
            break;
        nh_store__forget(s, name, victim);
    }
    s->info.prune_failed++;
    NH_LOG_W("store", "%s: old generations stay: %s", name, nh_err_text(err));
}

// The one order that survives a power cut: the file's bytes, then its name, then the name's folder.
static int publish(nh_store_write_t *w, bool *renamed)
{
    nh_store_t *s = w->store;
    char from[NH_STORE_PATH_MAX_BYTES], to[NH_STORE_PATH_MAX_BYTES];
    uint8_t tail[NH_STORE_TAIL_BYTES];
    nh_store__tail_put(tail, w->size_bytes, w->crc);
    int err = append(w, tail, sizeof tail);
    if (err)
        return err;
    s->info.syncs++;
    err = s->fs.ops->sync(s->fs.ctx, w->file);
    if (err)
        return err;
    close_file(w);
    nh_store__path(s, w->name, 0, from);
    nh_store__path(s, w->name, w->generation, to);
    *renamed = true; // also when it fails: who knows how far it came
    err = s->fs.ops->rename(s->fs.ctx, from, to);
    return err ? err : sync_dir(s, s->dir);
}

static int commit(nh_store_write_t *w)
{
    nh_store_t *s = w->store;
    bool renamed = false;
    int err = publish(w, &renamed);
    if (err) {
        s->info.writes_failed++;
        undo(w, renamed);
        return err;
    }
    struct nh_store_doc_info last = {0}, now = {w->generation, w->size_bytes};
    for (size_t i = 0; i < NH_STORE_KNOWN_COUNT; i++)
        if (!strcmp(s->known[i].name, w->name) && s->known[i].is_newest)
            last.generation = s->known[i].generation;
    s->info.writes_made++;
    nh_store__know(s, w->name, &now, true);
    prune(s, w->name, w->generation, last.generation);
    w->is_open = false;
    return (int)now.generation;
}

// ---- writing; public ---------------------------------------------------------------------------

int nh_store_write_begin(nh_store_t *s, const char *name, uint32_t base_generation,
                         nh_store_write_t **out)
{
    *out = NULL;
    nh_lock_acquire(&s->lock);
    int err = begin(s, name, base_generation);
    nh_lock_release(&s->lock);
    if (!err)
        *out = &s->write;
    return err;
}

int nh_store_write(nh_store_write_t *w, const void *bytes, size_t len)
{
    nh_lock_acquire(&w->store->lock);
    int err = add(w, bytes, len);
    nh_lock_release(&w->store->lock);
    return err;
}

// Tells the one who wants to know; the lock is not held.
static int tell(nh_store_t *s, const char *name, int generation, uint64_t size_bytes)
{
    if (generation > 0 && s->written)
        s->written(s->ctx, name, (uint32_t)generation, size_bytes);
    return generation;
}

int nh_store_write_commit(nh_store_write_t *w)
{
    nh_store_t *s = w->store;
    char name[NH_STORE_NAME_MAX_BYTES];
    nh_lock_acquire(&s->lock);
    memcpy(name, w->name, sizeof name);
    uint64_t size_bytes = w->size_bytes;
    int result = commit(w);
    nh_lock_release(&s->lock);
    return tell(s, name, result, size_bytes);
}

void nh_store_write_abort(nh_store_write_t *w)
{
    nh_store_t *s = w->store;
    nh_lock_acquire(&s->lock);
    undo(w, false);
    nh_lock_release(&s->lock);
}

int nh_store_put(nh_store_t *s, const char *name, const void *bytes, size_t len)
{
    nh_store_write_t *w;
    int err = nh_store_write_begin(s, name, 0, &w);
    if (err)
        return err;
    (void)!nh_store_write(w, bytes, len); // an error stays: commit gives it
    return nh_store_write_commit(w);
}

// ---- reading -----------------------------------------------------------------------------------

static int find(nh_store_t *s, const char *name, uint32_t generation, struct nh_store_doc_info *out)
{
    if (!nh_store__name_is_valid(name))
        return NH_ERR_INVAL;
    return nh_store__find(s, name, generation, out);
}

int nh_store_stat(nh_store_t *s, const char *name, struct nh_store_doc_info *out)
{
    nh_lock_acquire(&s->lock);
    int err = find(s, name, 0, out);
    nh_lock_release(&s->lock);
    return err;
}

static int read_at(nh_store_t *s, const char *name, const struct nh_store_doc_info *doc,
                   uint64_t offset, void *out, size_t cap)
{
    char path[NH_STORE_PATH_MAX_BYTES];
    nh_file_t *f = NULL;
    if (offset >= doc->size_bytes || !cap)
        return 0;
    if (cap > doc->size_bytes - offset)
        cap = (size_t)(doc->size_bytes - offset);
    if (cap > INT_MAX)
        cap = INT_MAX;
    nh_store__path(s, name, doc->generation, path);
    int n = s->fs.ops->open(s->fs.ctx, path, NH_FILE_READ, &f);
    if (!n) {
        n = s->fs.ops->read(s->fs.ctx, f, NH_STORE_HEAD_BYTES + offset, out, cap);
        s->fs.ops->close(s->fs.ctx, f);
        if (n == 0)
            n = NH_ERR_CORRUPT; // it was whole when we looked
    }
    if (n < 0)
        nh_store__forget(s, name, doc->generation);
    return n;
}

int nh_store_read(nh_store_t *s, const char *name, uint32_t generation, uint64_t offset, void *out,
                  size_t cap)
{
    struct nh_store_doc_info doc;
    nh_lock_acquire(&s->lock);
    int n = find(s, name, generation, &doc);
    if (!n)
        n = read_at(s, name, &doc, offset, out, cap);
    nh_lock_release(&s->lock);
    return n;
}

static int list(nh_store_t *s, const char *name, uint32_t *out, size_t max)
{
    size_t count = 0;
    uint32_t bound = 0;
    while (count < max) {
        struct nh_store__scan scan;
        struct nh_store_doc_info doc;
        int err = nh_store__scan(s, name, bound, &scan);
        if (err)
            return err;
        if (!scan.count)
            break;
        bound = scan.highest;
        err = nh_store__find(s, name, bound, &doc);
        if (!err)
            out[count++] = bound;
        else if (err != NH_ERR_CORRUPT)
            return err;
    }
    return (int)count;
}

int nh_store_generations(nh_store_t *s, const char *name, uint32_t *out, size_t max)
{
    nh_lock_acquire(&s->lock);
    int n = nh_store__name_is_valid(name) ? list(s, name, out, max) : NH_ERR_INVAL;
    nh_lock_release(&s->lock);
    return n;
}

// ---- rollback and remove -----------------------------------------------------------------------

// Copies `doc` into the open write, through the store's buffer.
static void copy(nh_store_t *s, const struct nh_store_doc_info *doc)
{
    nh_store_write_t *w = &s->write;
    while (!w->err && w->size_bytes < doc->size_bytes) {
        int n = read_at(s, w->name, doc, w->size_bytes, s->buffer, sizeof s->buffer);
        if (n < 0)
            w->err = n;
        else
            (void)!add(w, s->buffer, (size_t)n);
    }
}

int nh_store_rollback(nh_store_t *s, const char *name, uint32_t generation)
{
    struct nh_store_doc_info doc;
    if (!generation)
        return NH_ERR_INVAL;
    nh_lock_acquire(&s->lock);
    int err = s->write.is_open ? NH_ERR_BUSY : find(s, name, generation, &doc);
    if (!err)
        err = begin(s, name, 0);
    if (!err) {
        copy(s, &doc);
        err = commit(&s->write);
    }
    nh_lock_release(&s->lock);
    return tell(s, name, err, err > 0 ? doc.size_bytes : 0);
}

// Removes all files of `name` but that of `last`, and makes that durable: from here on a power cut
// cannot bring an older generation back.
static int remove_others(nh_store_t *s, const char *name, uint32_t last)
{
    char path[NH_STORE_PATH_MAX_BYTES];
    struct nh_store__scan scan;
    for (;;) {
        int err = nh_store__scan(s, name, 0, &scan);
        if (err)
            return err;
        uint32_t victim = scan.lowest == last ? scan.highest : scan.lowest;
        if (!victim || victim == last)
            return sync_dir(s, s->dir);
        nh_store__path(s, name, victim, path);
        err = s->fs.ops->remove(s->fs.ctx, path);
        if (err)
            return err;
        nh_store__forget(s, name, victim);
    }
}

// The newest goes by a rename to the staging name, which a failed sync can take back.
static int remove_last(nh_store_t *s, const char *name, uint32_t last)
{
    char from[NH_STORE_PATH_MAX_BYTES], to[NH_STORE_PATH_MAX_BYTES];
    nh_store__path(s, name, last, from);
    nh_store__path(s, name, 0, to);
    int err = s->fs.ops->rename(s->fs.ctx, from, to);
    if (!err)
        err = sync_dir(s, s->dir);
    if (err) {
        (void)s->fs.ops->rename(s->fs.ctx, to, from);
        (void)sync_dir(s, s->dir);
        return err;
    }
    nh_store__forget(s, name, 0);
    if (s->fs.ops->remove(s->fs.ctx, to)) // the next start removes it
        s->info.prune_failed++;
    return NH_OK;
}

static int remove_doc(nh_store_t *s, const char *name)
{
    struct nh_store_doc_info newest = {0};
    int err = find(s, name, 0, &newest);
    if (err && err != NH_ERR_CORRUPT) // all damaged: there is no last one to keep
        return err;
    err = remove_others(s, name, newest.generation);
    if (err || !newest.generation)
        return err;
    return remove_last(s, name, newest.generation);
}

int nh_store_remove(nh_store_t *s, const char *name)
{
    nh_lock_acquire(&s->lock);
    int err = s->write.is_open ? NH_ERR_BUSY : remove_doc(s, name);
    nh_lock_release(&s->lock);
    return err;
}

void nh_store_info(nh_store_t *s, struct nh_store_info *out)
{
    nh_lock_acquire(&s->lock);
    *out = s->info;
    nh_lock_release(&s->lock);
}
