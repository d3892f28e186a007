#include "core/store/store_files.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/crc.h"
#include "core/base/log.h"

// ---- names -------------------------------------------------------------------------------------

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

bool nh_store__name_is_valid(const char *name)
{
    size_t len = 0;
    for (; name[len]; len++)
        if (len == NH_STORE_NAME_MAX_BYTES - 1 || !is_name_char(name[len]))
            return false;
    return len > 0 && name[0] != '.' && name[0] != '-' && name[0] != '_';
}

void nh_store__path(const nh_store_t *s, const char *name, uint32_t generation,
                    char out[NH_STORE_PATH_MAX_BYTES])
{
    bool in_root = !strcmp(s->dir, ".");
    int n = snprintf(out, NH_STORE_PATH_MAX_BYTES, "%s%s%s.", in_root ? "" : s->dir,
                     in_root ? "" : "/", name);
    if (generation)
        snprintf(out + n, NH_STORE_PATH_MAX_BYTES - (size_t)n, "%" PRIu32, generation);
    else
        snprintf(out + n, NH_STORE_PATH_MAX_BYTES - (size_t)n, "tmp");
}

// The number that a file name ends in, if it is one that we write: no leading 0, in range. Else 0.
static uint32_t generation_of(const char *digits)
{
    uint64_t v = 0;
    if (digits[0] == '0')
        return 0;
    for (size_t i = 0; digits[i]; i++) {
        if (digits[i] < '0' || digits[i] > '9' || i == 10)
            return 0;
        v = v * 10 + (uint64_t)(digits[i] - '0');
    }
    return v > NH_STORE_GENERATION_MAX ? 0 : (uint32_t)v;
}

// ---- the folder --------------------------------------------------------------------------------

int nh_store__scan(nh_store_t *s, const char *name, uint32_t bound, struct nh_store__scan *out)
{
    const struct nh_files_ops *ops = s->fs.ops;
    size_t len = strlen(name);
    struct nh_file_info file;
    void *cursor = NULL;
    *out = (struct nh_store__scan){0};
    int err = ops->dir_open(s->fs.ctx, s->dir, &cursor);
    if (err)
        return err;
    while (!(err = ops->dir_next(s->fs.ctx, cursor, &file))) {
        if (file.is_dir || strncmp(file.name, name, len) != 0 || file.name[len] != '.')
            continue;
        uint32_t generation = generation_of(file.name + len + 1);
        if (!generation || (bound && generation >= bound))
            continue;
        out->count++;
        if (!out->lowest || generation < out->lowest)
            out->lowest = generation;
        if (generation > out->highest)
            out->highest = generation;
    }
    ops->dir_close(s->fs.ctx, cursor);
    return err == NH_ERR_NOT_FOUND ? NH_OK : err;
}

// Whether `file` is the staging file of a document; then cuts its ".tmp" off.
static bool cut_staged(char *file)
{
    char *dot = strrchr(file, '.');
    if (!dot || strcmp(dot, ".tmp") != 0)
        return false;
    *dot = '\0';
    return nh_store__name_is_valid(file);
}

// Finds one staging file and gives its document's name. NH_ERR_NOT_FOUND: there is none.
static int find_staged(nh_store_t *s, char name[NH_STORE_NAME_MAX_BYTES])
{
    const struct nh_files_ops *ops = s->fs.ops;
    struct nh_file_info file;
    void *cursor = NULL;
    int err = ops->dir_open(s->fs.ctx, s->dir, &cursor);
    if (err)
        return err;
    do {
        err = ops->dir_next(s->fs.ctx, cursor, &file);
    } while (!err && (file.is_dir || !cut_staged(file.name)));
    ops->dir_close(s->fs.ctx, cursor);
    if (!err)
        memcpy(name, file.name, strlen(file.name) + 1);
    return err;
}

int nh_store__remove_staged(nh_store_t *s)
{
    char name[NH_STORE_NAME_MAX_BYTES], path[NH_STORE_PATH_MAX_BYTES];
    int err;
    // One at a time, as not every file system lets a folder change while it is read.
    while (!(err = find_staged(s, name))) {
        nh_store__path(s, name, 0, path);
        int remove_err = s->fs.ops->remove(s->fs.ctx, path);
        if (remove_err) { // the next write cuts it to nothing: no harm
            NH_LOG_W("store", "%s stays: %s", path, nh_err_text(remove_err));
            return NH_OK;
        }
    }
    return err == NH_ERR_NOT_FOUND ? NH_OK : err;
}

// ---- what is in a file -------------------------------------------------------------------------

static const uint8_t head_magic[4] = {'N', 'H', 'D', 'C'};
static const uint8_t tail_magic[NH_STORE_TAIL_OPEN_BYTES] = {'E', 'N', 'D', '\n'};
#define VERSION 1

uint32_t nh_store__head_put(uint8_t head[NH_STORE_HEAD_BYTES], uint32_t generation)
{
    memcpy(head, head_magic, 4);
    head[4] = VERSION;
    head[5] = NH_STORE_HEAD_BYTES;
    nh_put_le16(head + 6, 0);
    nh_put_le32(head + 8, generation);
    uint32_t crc = nh_crc32(0, head, 12);
    nh_put_le32(head + 12, crc);
    return crc;
}

void nh_store__tail_put(uint8_t tail[NH_STORE_TAIL_BYTES], uint64_t size_bytes, uint32_t crc)
{
    nh_put_le64(tail, size_bytes);
    nh_put_le32(tail + 8, nh_crc32(crc, tail, 8));
    memcpy(tail + 12, tail_magic, sizeof tail_magic);
}

// Reads exactly `len` bytes into the store's buffer. A file that ends early is damaged.
static int read_exact(nh_store_t *s, nh_file_t *f, uint64_t offset, size_t len)
{
    for (size_t done = 0; done < len;) {
        int n = s->fs.ops->read(s->fs.ctx, f, offset + done, s->buffer + done, len - done);
        if (n < 0)
            return n;
        if (n == 0)
            return NH_ERR_CORRUPT;
        done += (size_t)n;
    }
    return NH_OK;
}

// Reads what must be exactly `want` (of at most the buffer's size).
static int check_bytes(nh_store_t *s, nh_file_t *f, uint64_t offset, const uint8_t *want,
                       size_t len)
{
    int err = read_exact(s, f, offset, len);
    if (err)
        return err;
    return memcmp(s->buffer, want, len) != 0 ? NH_ERR_CORRUPT : NH_OK;
}

// Adds the document's bytes to `crc`.
static int crc_document(nh_store_t *s, nh_file_t *f, uint64_t size_bytes, uint32_t *crc)
{
    for (uint64_t at = 0; at < size_bytes;) {
        uint64_t left = size_bytes - at;
        size_t n = left < sizeof s->buffer ? (size_t)left : sizeof s->buffer;
        int err = read_exact(s, f, NH_STORE_HEAD_BYTES + at, n);
        if (err)
            return err;
        *crc = nh_crc32(*crc, s->buffer, n);
        at += n;
    }
    return NH_OK;
}

static int check_file(nh_store_t *s, nh_file_t *f, uint32_t generation, uint64_t size_bytes)
{
    uint8_t head[NH_STORE_HEAD_BYTES], tail[NH_STORE_TAIL_BYTES];
    uint32_t crc = nh_store__head_put(head, generation);
    int err = check_bytes(s, f, 0, head, sizeof head);
    if (!err)
        err = crc_document(s, f, size_bytes, &crc);
    if (err)
        return err;
    nh_store__tail_put(tail, size_bytes, crc);
    return check_bytes(s, f, NH_STORE_HEAD_BYTES + size_bytes, tail, sizeof tail);
}

// 0 when the generation is whole; NH_ERR_CORRUPT, NH_ERR_NOT_FOUND, or an error of the file system.
static int verify(nh_store_t *s, const char *name, uint32_t generation, uint64_t *size_bytes)
{
    char path[NH_STORE_PATH_MAX_BYTES];
    struct nh_file_info info;
    nh_file_t *f = NULL;
    nh_store__path(s, name, generation, path);
    int err = s->fs.ops->stat(s->fs.ctx, path, &info);
    if (err)
        return err;
    if (info.size_bytes < NH_STORE_HEAD_BYTES + NH_STORE_TAIL_BYTES)
        return NH_ERR_CORRUPT;
    *size_bytes = info.size_bytes - NH_STORE_HEAD_BYTES - NH_STORE_TAIL_BYTES;
    err = s->fs.ops->open(s->fs.ctx, path, NH_FILE_READ, &f);
    if (err)
        return err;
    err = check_file(s, f, generation, *size_bytes);
    s->fs.ops->close(s->fs.ctx, f);
    return err;
}

// ---- what is known -----------------------------------------------------------------------------

void nh_store__forget(nh_store_t *s, const char *name, uint32_t generation)
{
    for (size_t i = 0; i < NH_STORE_KNOWN_COUNT; i++)
        if (!strcmp(s->known[i].name, name) &&
            (!generation || s->known[i].generation == generation))
            s->known[i].name[0] = '\0';
}

void nh_store__know(nh_store_t *s, const char *name, const struct nh_store_doc_info *info,
                    bool is_newest)
{
    nh_store__forget(s, name, info->generation);
    for (size_t i = 0; is_newest && i < NH_STORE_KNOWN_COUNT; i++)
        if (!strcmp(s->known[i].name, name))
            s->known[i].is_newest = false;
    struct nh_store__known *k = &s->known[s->known_next];
    s->known_next = (s->known_next + 1) % NH_STORE_KNOWN_COUNT;
    memcpy(k->name, name, strlen(name) + 1);
    k->generation = info->generation;
    k->is_newest = is_newest;
    k->size_bytes = info->size_bytes;
}

static bool recall(const nh_store_t *s, const char *name, uint32_t generation,
                   struct nh_store_doc_info *out)
{
    for (size_t i = 0; i < NH_STORE_KNOWN_COUNT; i++) {
        const struct nh_store__known *k = &s->known[i];
        if (strcmp(k->name, name) != 0 ||
            (generation ? k->generation != generation : !k->is_newest))
            continue;
        *out = (struct nh_store_doc_info){k->generation, k->size_bytes};
        return true;
    }
    return false;
}

// Looks at a generation's file and remembers it when it is whole.
static int look_at(nh_store_t *s, const char *name, uint32_t generation, bool is_newest,
                   struct nh_store_doc_info *out)
{
    uint64_t size_bytes;
    int err = verify(s, name, generation, &size_bytes);
    if (err == NH_ERR_CORRUPT) {
        s->info.damaged++;
        NH_LOG_W("store", "%s.%" PRIu32 " is damaged", name, generation);
    }
    if (err)
        return err;
    *out = (struct nh_store_doc_info){generation, size_bytes};
    nh_store__know(s, name, out, is_newest);
    return NH_OK;
}

int nh_store__find(nh_store_t *s, const char *name, uint32_t generation,
                   struct nh_store_doc_info *out)
{
    if (recall(s, name, generation, out))
        return NH_OK;
    if (generation)
        return look_at(s, name, generation, false, out);
    struct nh_store__scan scan;
    int found = NH_ERR_NOT_FOUND;
    uint32_t bound = 0;
    for (;;) {
        int err = nh_store__scan(s, name, bound, &scan);
        if (err)
            return err;
        if (!scan.count)
            return found;
        err = look_at(s, name, scan.highest, true, out);
        if (err != NH_ERR_CORRUPT)
            return err;
        found = NH_ERR_CORRUPT;
        bound = scan.highest;
    }
}
