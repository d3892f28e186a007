#include "components/macropad/icon_store.h"

#include <stdio.h>
#include <string.h>

#define SUFFIX ".bin"
#define SUFFIX_TMP ".tmp"

static void path_of(const struct nh_icon_store *s, const char *id, const char *suffix,
                    char out[NH_ICON_PATH_MAX_BYTES])
{
    snprintf(out, NH_ICON_PATH_MAX_BYTES, "%s/%s%s", s->dir, id, suffix);
}

// The id in a name with that suffix; false: it is none of ours.
static bool id_of(const char *name, const char *suffix, char id[NH_MACROPAD_ICON_ID_MAX_BYTES])
{
    size_t len = strlen(name), tail = strlen(suffix);
    if (len <= tail || len - tail >= NH_MACROPAD_ICON_ID_MAX_BYTES ||
        strcmp(name + len - tail, suffix) != 0)
        return false;
    memcpy(id, name, len - tail);
    id[len - tail] = '\0';
    return nh_icon_id_is_valid(id);
}

// ---- the folder --------------------------------------------------------------------------------

int nh_icon_list_open(struct nh_icon_store *s, void **cursor)
{
    *cursor = NULL;
    return s->fs.ops ? s->fs.ops->dir_open(s->fs.ctx, s->dir, cursor) : NH_ERR_UNSUPPORTED;
}

static int next_with(struct nh_icon_store *s, void *cursor, const char *suffix,
                     char id[NH_MACROPAD_ICON_ID_MAX_BYTES], uint64_t *bytes)
{
    struct nh_file_info f;
    for (;;) {
        int err = s->fs.ops->dir_next(s->fs.ctx, cursor, &f);
        if (err < 0)
            return err;
        if (f.is_dir || !id_of(f.name, suffix, id))
            continue;
        *bytes = f.size_bytes;
        return 0;
    }
}

int nh_icon_list_next(struct nh_icon_store *s, void *cursor, char id[NH_MACROPAD_ICON_ID_MAX_BYTES],
                      uint64_t *bytes)
{
    return next_with(s, cursor, SUFFIX, id, bytes);
}

void nh_icon_list_close(struct nh_icon_store *s, void *cursor)
{
    s->fs.ops->dir_close(s->fs.ctx, cursor);
}

static int remove_staged(struct nh_icon_store *s)
{
    char id[NH_MACROPAD_ICON_ID_MAX_BYTES], path[NH_ICON_PATH_MAX_BYTES];
    uint64_t bytes;
    void *cursor;
    int err = nh_icon_list_open(s, &cursor);
    while (err == 0) {
        err = next_with(s, cursor, SUFFIX_TMP, id, &bytes);
        if (err < 0)
            break;
        path_of(s, id, SUFFIX_TMP, path);
        NH_IGNORE(s->fs.ops->remove(s->fs.ctx, path)); // it is overwritten by the next one, too
    }
    if (cursor)
        nh_icon_list_close(s, cursor);
    return err == NH_ERR_NOT_FOUND ? 0 : err;
}

int nh_icon_store_start(struct nh_icon_store *s)
{
    if (!s->fs.ops)
        return NH_ERR_UNSUPPORTED;
    int err = s->fs.ops->mkdir(s->fs.ctx, s->dir);
    if (err == NH_ERR_EXISTS)
        err = 0;
    if (err == 0)
        err = s->fs.ops->sync_dir(s->fs.ctx, "");
    if (err == 0)
        err = remove_staged(s);
    if (err < 0)
        s->fs.ops = NULL;
    return err;
}

// Counts what is there, but for `id`, which would be replaced by one of `more` bytes.
static int has_room(struct nh_icon_store *s, const char *id, uint64_t more)
{
    char other[NH_MACROPAD_ICON_ID_MAX_BYTES];
    uint64_t bytes, sum = more;
    uint32_t count = 0;
    void *cursor;
    int err = nh_icon_list_open(s, &cursor);
    if (err < 0)
        return err;
    while ((err = nh_icon_list_next(s, cursor, other, &bytes)) == 0) {
        bool is_it = strcmp(other, id) == 0;
        count += is_it ? 0 : 1;
        sum += is_it ? 0 : bytes;
    }
    nh_icon_list_close(s, cursor);
    if (err != NH_ERR_NOT_FOUND)
        return err;
    if (count < s->icon_max_count && sum <= s->icon_max_bytes)
        return 0;
    s->info.full++;
    return NH_ERR_FULL;
}

// ---- writing -----------------------------------------------------------------------------------

int nh_icon_write_begin(struct nh_icon_store *s, const char *id, uint64_t bytes,
                        struct nh_icon_write *out)
{
    char path[NH_ICON_PATH_MAX_BYTES];
    if (!s->fs.ops)
        return NH_ERR_UNSUPPORTED;
    if (!nh_icon_id_is_valid(id))
        return NH_ERR_INVAL;
    int err = has_room(s, id, bytes);
    if (err < 0)
        return err;
    path_of(s, id, SUFFIX_TMP, path);
    err = s->fs.ops->open(s->fs.ctx, path, NH_FILE_WRITE, &out->file);
    if (err < 0)
        return err;
    out->store = s;
    memcpy(out->id, id, strlen(id) + 1);
    return 0;
}

int nh_icon_write(struct nh_icon_write *w, const void *bytes, size_t len)
{
    return w->store->fs.ops->write(w->store->fs.ctx, w->file, bytes, len);
}

void nh_icon_write_abort(struct nh_icon_write *w)
{
    char path[NH_ICON_PATH_MAX_BYTES];
    struct nh_icon_store *s = w->store;
    s->fs.ops->close(s->fs.ctx, w->file);
    path_of(s, w->id, SUFFIX_TMP, path);
    NH_IGNORE(s->fs.ops->remove(s->fs.ctx, path));
    s->info.refused++;
}

int nh_icon_write_commit(struct nh_icon_write *w)
{
    char from[NH_ICON_PATH_MAX_BYTES], to[NH_ICON_PATH_MAX_BYTES];
    struct nh_icon_store *s = w->store;
    int err = s->fs.ops->sync(s->fs.ctx, w->file);
    if (err < 0) {
        nh_icon_write_abort(w);
        return err;
    }
    s->fs.ops->close(s->fs.ctx, w->file);
    path_of(s, w->id, SUFFIX_TMP, from);
    path_of(s, w->id, SUFFIX, to);
    err = s->fs.ops->rename(s->fs.ctx, from, to);
    if (err < 0) {
        NH_IGNORE(s->fs.ops->remove(s->fs.ctx, from));
        s->info.refused++;
        return err;
    }
    s->info.installed++;
    return s->fs.ops->sync_dir(s->fs.ctx, s->dir);
}

// ---- reading -----------------------------------------------------------------------------------

int nh_icon_store_open(struct nh_icon_store *s, const char *id, nh_file_t **out)
{
    char path[NH_ICON_PATH_MAX_BYTES];
    if (!s->fs.ops)
        return NH_ERR_UNSUPPORTED;
    if (!nh_icon_id_is_valid(id))
        return NH_ERR_NOT_FOUND;
    path_of(s, id, SUFFIX, path);
    return s->fs.ops->open(s->fs.ctx, path, NH_FILE_READ, out);
}

int nh_icon_file_head(struct nh_icon_store *s, nh_file_t *f, struct nh_icon_head *out)
{
    uint8_t head[NH_ICON_HEAD_BYTES];
    int n = s->fs.ops->read(s->fs.ctx, f, 0, head, sizeof head);
    if (n < 0)
        return n;
    if (n < (int)sizeof head || nh_icon_head_read(head, out) != NH_ICON_OK)
        return NH_ERR_CORRUPT;
    return 0;
}

int nh_icon_store_remove(struct nh_icon_store *s, const char *id)
{
    char path[NH_ICON_PATH_MAX_BYTES];
    if (!s->fs.ops)
        return NH_ERR_UNSUPPORTED;
    if (!nh_icon_id_is_valid(id))
        return NH_ERR_NOT_FOUND;
    path_of(s, id, SUFFIX, path);
    int err = s->fs.ops->remove(s->fs.ctx, path);
    if (err < 0)
        return err;
    s->info.deleted++;
    return s->fs.ops->sync_dir(s->fs.ctx, s->dir);
}

static bool is_swept(const char *id, const nh_macro_set_t *set)
{
    return (strncmp(id, "emoji_", 6) == 0 || strncmp(id, "user_", 5) == 0) &&
           !nh_macro_set_uses_icon(set, id);
}

int nh_icon_store_sweep(struct nh_icon_store *s, const nh_macro_set_t *set,
                        struct nh_icon_swept *out)
{
    char id[NH_MACROPAD_ICON_ID_MAX_BYTES];
    uint64_t bytes;
    void *cursor;
    *out = (struct nh_icon_swept){0, 0};
    int err = nh_icon_list_open(s, &cursor);
    if (err < 0)
        return err;
    while ((err = nh_icon_list_next(s, cursor, id, &bytes)) == 0) {
        if (!is_swept(id, set))
            continue;
        int gone = nh_icon_store_remove(s, id);
        if (gone < 0 && gone != NH_ERR_NOT_FOUND) {
            err = gone;
            break;
        }
        out->deleted += gone == 0;
        out->bytes += gone == 0 ? bytes : 0;
    }
    nh_icon_list_close(s, cursor);
    return err == NH_ERR_NOT_FOUND ? 0 : err;
}
