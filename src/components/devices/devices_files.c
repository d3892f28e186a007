// devices_files.c - configurations as files of the card, and the copy in the store.
//
//   default.json        in force, as people and other programs read it
//   default.41.json     backups: the generation that each was
//   default.tmp         a save on its way
//   default.json.bad    what could not be read
//
// A save is: default.tmp whole and synced, its name too, read back, default.json to default.<its
// generation>.json, default.tmp to default.json, the folder synced. FAT cannot rename onto a name
// that is there, so there are two renames, and a start may find the moment between them.

#include "components/devices/devices_state.h"

#include "core/base/crc.h"
#include "core/base/log.h"

#include <stdio.h>
#include <string.h>

#define PIECE_BYTES 512u
#define GENERATION_MAX 1000000000
#define BAD_MAX_COUNT 10 // files that are set aside; the last of them is replaced

// ---- names --------------------------------------------------------------------------------------

bool nh_devices__id_is_valid(const char *id)
{
    size_t len = strlen(id);
    for (size_t i = 0; i < len; i++) {
        char c = id[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_word && c != '-' && c != '_')
            return false;
    }
    return len > 0 && len < NH_DEVICES_ID_MAX_BYTES;
}

void nh_devices__path(const char *profile, enum nh_devices_file kind, uint32_t generation,
                      char out[NH_DEVICES_PATH_MAX_BYTES])
{
    if (kind == NH_DEVICES_FILE_BACKUP)
        snprintf(out, NH_DEVICES_PATH_MAX_BYTES, "%s.%u.json", profile, (unsigned)generation);
    else
        snprintf(out, NH_DEVICES_PATH_MAX_BYTES, "%s.%s", profile,
                 kind == NH_DEVICES_FILE_MAIN ? "json" : "tmp");
}

// "default" of "default.json", and of "default.41.json" also the number (0: none).
static bool split(const char *file, char profile[NH_DEVICES_ID_MAX_BYTES], uint32_t *generation)
{
    size_t len = strcspn(file, ".");
    const char *rest = file + len;
    uint64_t number = 0;
    *generation = 0;
    if (len == 0 || len >= NH_DEVICES_ID_MAX_BYTES)
        return false;
    memcpy(profile, file, len);
    profile[len] = '\0';
    if (!nh_devices__id_is_valid(profile))
        return false;
    if (strcmp(rest, ".json") == 0)
        return true;
    for (rest++; *rest >= '0' && *rest <= '9' && number <= UINT32_MAX; rest++)
        number = number * 10 + (uint64_t)(*rest - '0');
    *generation = (uint32_t)number;
    return number > 0 && number <= UINT32_MAX && strcmp(rest, ".json") == 0;
}

bool nh_devices__profile_of(const char *file, char out[NH_DEVICES_ID_MAX_BYTES])
{
    uint32_t generation;
    return split(file, out, &generation) && generation == 0;
}

// ---- reading ------------------------------------------------------------------------------------

// The first few faults go to the log.
struct telling {
    const char *path;
    uint32_t count;
};

static void tell(void *ctx, const struct nh_device_finding *f)
{
    struct telling *t = ctx;
    if (f->is_warning || t->count++ >= 3)
        return;
    NH_LOG_W("devices", "%s:%u:%u: %s: %s", t->path, (unsigned)f->line, (unsigned)f->column,
             f->pointer, f->text);
}

typedef int (*read_fn)(void *ctx, uint64_t offset, void *out, size_t cap);

static int compile(nh_devices_t *d, const char *path, read_fn source, void *ctx,
                   struct nh_devices_loaded *out)
{
    struct telling t = {.path = path};
    const struct nh_device_compiler_config cfg = nh_devices__compiler(d, tell, &t);
    nh_device_compiler_t *c;
    uint8_t piece[PIECE_BYTES];
    uint64_t offset = 0;
    int err = nh_device_compiler_create(&cfg, &c), n = 1;
    *out = (struct nh_devices_loaded){.crc = 0};
    // A file over the limit is told, and need not be read to its end.
    while (err == 0 && n > 0 && offset <= d->cfg.limits.document_max_bytes) {
        n = source(ctx, offset, piece, sizeof piece);
        if (n < 0)
            err = n;
        else
            err = nh_device_compiler_json(c, piece, (size_t)n, n == 0);
        if (n > 0)
            out->crc = nh_crc32(out->crc, piece, (size_t)n);
        offset += (uint64_t)(n > 0 ? n : 0);
    }
    if (err == 0)
        err = nh_device_compiler_end(c, &out->set);
    nh_device_compiler_destroy(c);
    if (err == NH_ERR_NOMEM || err == NH_ERR_IO)
        return err;
    if (err < 0)
        return NH_ERR_CORRUPT;
    // One without a number is somebody's first.
    int64_t generation = nh_rec_int(nh_device_set_root(out->set), NH_FIELD_GENERATION, 0);
    out->generation = generation > 0 ? (uint32_t)generation : 1;
    if (generation > GENERATION_MAX) // somebody's joke; room is left to count on
        out->generation = GENERATION_MAX;
    return NH_OK;
}

struct file {
    const struct nh_fs *fs;
    nh_file_t *file;
};

static int read_file(void *ctx, uint64_t offset, void *out, size_t cap)
{
    struct file *f = ctx;
    return f->fs->ops->read(f->fs->ctx, f->file, offset, out, cap);
}

int nh_devices__load(nh_devices_t *d, const struct nh_fs *fs, const char *path,
                     struct nh_devices_loaded *out)
{
    struct file f = {.fs = fs};
    int err = fs->ops->open(fs->ctx, path, NH_FILE_READ, &f.file);
    if (err < 0)
        return err;
    err = compile(d, path, read_file, &f, out);
    fs->ops->close(fs->ctx, f.file);
    return err;
}

struct copy {
    nh_store_t *store;
    uint32_t generation; // of the store
};

static int read_copy(void *ctx, uint64_t offset, void *out, size_t cap)
{
    const struct copy *c = ctx;
    return nh_store_read(c->store, NH_DEVICES_COPY, c->generation, offset, out, cap);
}

int nh_devices__load_copy(nh_devices_t *d, struct nh_devices_loaded *out)
{
    struct nh_store_doc_info doc;
    int err = nh_store_stat(d->cfg.store, NH_DEVICES_COPY, &doc);
    if (err < 0)
        return err;
    struct copy c = {d->cfg.store, doc.generation};
    return compile(d, "the copy in the store", read_copy, &c, out);
}

// ---- writing ------------------------------------------------------------------------------------

typedef int (*write_fn)(void *ctx, const void *bytes, size_t len);

static int write_set(const nh_device_set_t *set, uint32_t generation, const char *profile,
                     write_fn sink, void *ctx, uint32_t *crc)
{
    const struct nh_device_head head = {.generation = generation, .active_profile = profile};
    nh_device_writer_t w;
    char piece[PIECE_BYTES];
    size_t n;
    int err = 0;
    *crc = 0;
    nh_device_writer_init(&w, set, NH_DEVICE_FORM_JSON, &head);
    while (err == 0 && (n = nh_device_writer_next(&w, piece, sizeof piece)) > 0) {
        err = sink(ctx, piece, n);
        *crc = nh_crc32(*crc, piece, n);
    }
    return err;
}

static int write_file(void *ctx, const void *bytes, size_t len)
{
    struct file *f = ctx;
    return f->fs->ops->write(f->fs->ctx, f->file, bytes, len);
}

static int write_copy(void *ctx, const void *bytes, size_t len)
{
    return nh_store_write(ctx, bytes, len);
}

int nh_devices__save_copy(nh_devices_t *d, const nh_device_set_t *set, uint32_t generation)
{
    nh_store_write_t *w;
    uint32_t crc;
    int err = nh_store_write_begin(d->cfg.store, NH_DEVICES_COPY, 0, &w);
    if (err < 0)
        return err;
    err = write_set(set, generation, d->profile, write_copy, w, &crc);
    if (err < 0) {
        nh_store_write_abort(w);
        return err;
    }
    err = nh_store_write_commit(w);
    return err < 0 ? err : NH_OK;
}

// A file's bytes as they are on the card now.
static int read_back(const struct nh_fs *fs, const char *path, uint32_t *crc)
{
    struct file f = {.fs = fs};
    uint8_t piece[PIECE_BYTES];
    uint64_t offset = 0;
    int n = fs->ops->open(fs->ctx, path, NH_FILE_READ, &f.file);
    if (n < 0)
        return n;
    *crc = 0;
    while ((n = read_file(&f, offset, piece, sizeof piece)) > 0) {
        *crc = nh_crc32(*crc, piece, (size_t)n);
        offset += (uint64_t)n;
    }
    fs->ops->close(fs->ctx, f.file);
    return n;
}

static int stage(const struct nh_fs *fs, const char *path, const nh_device_set_t *set,
                 uint32_t generation, const char *profile, uint32_t *crc)
{
    struct file f = {.fs = fs};
    uint32_t found = 0;
    int err = fs->ops->open(fs->ctx, path, NH_FILE_WRITE, &f.file);
    if (err < 0)
        return err;
    err = write_set(set, generation, profile, write_file, &f, crc);
    if (err == 0)
        err = fs->ops->sync(fs->ctx, f.file);
    fs->ops->close(fs->ctx, f.file);
    if (err == 0)
        err = read_back(fs, path, &found);
    if (err == 0 && found != *crc)
        err = NH_ERR_IO;
    return err;
}

// The generation that a file says it is; 0: it does not say.
static uint32_t generation_in(const struct nh_fs *fs, const char *path)
{
    struct file f = {.fs = fs};
    char text[64];
    uint8_t piece[PIECE_BYTES];
    nh_json_reader_t r;
    const struct nh_json_reader_config cfg = {
        .text = text, .text_max_bytes = sizeof text, .cut_long = true};
    uint64_t offset = 0;
    int64_t generation = 0;
    bool is_next = false;
    int e = NH_ERR_AGAIN;
    if (fs->ops->open(fs->ctx, path, NH_FILE_READ, &f.file) < 0)
        return 0;
    nh_json_reader_init(&r, &cfg);
    while (e == NH_ERR_AGAIN || e > 0) {
        e = nh_json_next(&r);
        if (e == NH_ERR_AGAIN) {
            int n = read_file(&f, offset, piece, sizeof piece);
            nh_json_feed(&r, piece, n > 0 ? (size_t)n : 0, n <= 0);
            offset += (uint64_t)(n > 0 ? n : 0);
            continue;
        }
        if (e == NH_JSON_DONE || (is_next && e == NH_JSON_NUMBER))
            break;
        is_next = e == NH_JSON_KEY && nh_json_depth(&r) == 1 &&
                  strcmp(nh_json_text(&r, NULL), "generation") == 0;
    }
    if (!is_next || e != NH_JSON_NUMBER || nh_json_int64(&r, &generation) < 0)
        generation = 0;
    fs->ops->close(fs->ctx, f.file);
    return generation > GENERATION_MAX ? GENERATION_MAX : generation > 0 ? (uint32_t)generation : 0;
}

static bool exists(const struct nh_fs *fs, const char *path)
{
    struct nh_file_info info;
    return fs->ops->stat(fs->ctx, path, &info) == 0;
}

static void prune(nh_devices_t *d, const struct nh_fs *fs, const char *profile)
{
    struct nh_devices_backup b[NH_DEVICES_BACKUP_MAX_COUNT + 8];
    char path[NH_DEVICES_PATH_MAX_BYTES];
    size_t count = nh_devices__list_backups(fs, profile, b, NH_ARRAY_LEN(b));
    for (size_t i = d->cfg.backup_count; i < count; i++) {
        if (b[i].generation == d->kept.confirm_back)
            continue; // a change on trial may still go back to it
        nh_devices__path(profile, NH_DEVICES_FILE_BACKUP, b[i].generation, path);
        if (fs->ops->remove(fs->ctx, path) < 0)
            return; // tried again with the next save
    }
}

// The two renames. After an error the main file is there again, unless the card refuses that too;
// then a start finds the backup.
static int replace(const struct nh_fs *fs, const char *profile, const char *staged,
                   const char *main, uint32_t before)
{
    char backup[NH_DEVICES_PATH_MAX_BYTES] = "";
    int err = 0;
    if (exists(fs, main)) {
        uint32_t generation = generation_in(fs, main);
        nh_devices__path(profile, NH_DEVICES_FILE_BACKUP, generation ? generation : before, backup);
        err = fs->ops->rename(fs->ctx, main, backup);
    }
    if (err < 0)
        return err;
    err = fs->ops->rename(fs->ctx, staged, main);
    if (err == 0)
        err = fs->ops->sync_dir(fs->ctx, "");
    if (err < 0 && backup[0])
        NH_IGNORE(fs->ops->rename(fs->ctx, backup, main));
    return err;
}

int nh_devices__save(nh_devices_t *d, const struct nh_fs *fs, const char *profile,
                     const nh_device_set_t *set, uint32_t generation, uint32_t *crc)
{
    char staged[NH_DEVICES_PATH_MAX_BYTES], main[NH_DEVICES_PATH_MAX_BYTES];
    nh_devices__path(profile, NH_DEVICES_FILE_STAGED, 0, staged);
    nh_devices__path(profile, NH_DEVICES_FILE_MAIN, 0, main);
    nh_devices__forget_seen(d, profile); // also when it fails halfway
    int err = stage(fs, staged, set, generation, profile, crc);
    // Its name too must be durable before the main file's is touched.
    if (err == 0)
        err = fs->ops->sync_dir(fs->ctx, "");
    if (err == 0)
        err = replace(fs, profile, staged, main, generation > 1 ? generation - 1 : 1);
    if (err < 0) {
        NH_IGNORE(fs->ops->remove(fs->ctx, staged)); // or the next save writes over it
        return err;
    }
    prune(d, fs, profile);
    return NH_OK;
}

int nh_devices__save_backup(const struct nh_fs *fs, const char *profile, const nh_device_set_t *set,
                            uint32_t generation)
{
    char staged[NH_DEVICES_PATH_MAX_BYTES], path[NH_DEVICES_PATH_MAX_BYTES];
    uint32_t crc;
    nh_devices__path(profile, NH_DEVICES_FILE_STAGED, 0, staged);
    nh_devices__path(profile, NH_DEVICES_FILE_BACKUP, generation, path);
    int err = stage(fs, staged, set, generation, profile, &crc);
    if (err == 0)
        err = fs->ops->rename(fs->ctx, staged, path);
    if (err == 0)
        err = fs->ops->sync_dir(fs->ctx, "");
    return err;
}

void nh_devices__set_aside(const struct nh_fs *fs, const char *path)
{
    char to[NH_DEVICES_PATH_MAX_BYTES + 16];
    snprintf(to, sizeof to, "%s.bad", path);
    for (int i = 1; i < BAD_MAX_COUNT && exists(fs, to); i++)
        snprintf(to, sizeof to, "%s.bad.%d", path, i);
    if (fs->ops->rename(fs->ctx, path, to) == 0) {
        NH_IGNORE(fs->ops->sync_dir(fs->ctx, ""));
        NH_LOG_E("devices", "%s cannot be read; it is kept as %s", path, to);
    }
}

// ---- backups ------------------------------------------------------------------------------------

static void insert(struct nh_devices_backup *out, size_t *count, size_t max,
                   const struct nh_devices_backup *b)
{
    size_t at = *count;
    while (at > 0 && out[at - 1].generation < b->generation)
        at--;
    if (at == max)
        return;
    size_t moved = (*count < max ? *count : max - 1) - at;
    memmove(&out[at + 1], &out[at], moved * sizeof *out);
    out[at] = *b;
    *count += *count < max;
}

size_t nh_devices__list_backups(const struct nh_fs *fs, const char *profile,
                                struct nh_devices_backup *out, size_t max)
{
    char of[NH_DEVICES_ID_MAX_BYTES];
    struct nh_file_info info;
    void *cursor;
    size_t count = 0;
    if (max == 0 || fs->ops->dir_open(fs->ctx, "", &cursor) < 0)
        return 0;
    while (fs->ops->dir_next(fs->ctx, cursor, &info) == 0) {
        struct nh_devices_backup b = {.size_bytes = info.size_bytes,
                                      .mtime_unix_ms = info.mtime_unix_ms};
        if (!info.is_dir && split(info.name, of, &b.generation) && b.generation > 0 &&
            strcmp(of, profile) == 0)
            insert(out, &count, max, &b);
    }
    fs->ops->dir_close(fs->ctx, cursor);
    return count;
}
