// devices_profiles.c - several configurations, one of them in force: a file of the card each.

#include "components/devices/devices_state.h"

#include "core/base/utf8.h"
#include "core/bus/events.h"

#include <stdio.h>
#include <string.h>

static bool exists(const struct nh_fs *fs, const char *id)
{
    struct nh_file_info info;
    char path[NH_DEVICES_PATH_MAX_BYTES];
    nh_devices__path(id, NH_DEVICES_FILE_MAIN, 0, path);
    return fs->ops->stat(fs->ctx, path, &info) == 0;
}

static void copy_name(char out[64], nh_rec_t root, const char *standard)
{
    nh_span_t name = nh_rec_text(root, NH_FIELD_NAME);
    if (name.len == 0)
        name = (nh_span_t){(const uint8_t *)standard, strlen(standard)};
    if (name.len > 63)
        name.len = nh_utf8_valid_len(name.ptr, 63, true);
    snprintf(out, 64, "%.*s", (int)name.len, (const char *)name.ptr);
}

static struct nh_devices__seen *seen_of(nh_devices_t *d, const char *id)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(d->seen); i++)
        if (strcmp(d->seen[i].id, id) == 0)
            return &d->seen[i];
    return NULL;
}

void nh_devices__forget_seen(nh_devices_t *d, const char *profile)
{
    struct nh_devices__seen *s = seen_of(d, profile);
    if (s)
        s->id[0] = '\0';
}

// A file that cannot be read has its id for a name, and is not read again either until it changes.
static int read_seen(nh_devices_t *d, const struct nh_fs *fs, const char *path,
                     struct nh_devices__seen *out)
{
    struct nh_devices_loaded l;
    int err = nh_devices__load(d, fs, path, &l);
    snprintf(out->name, sizeof out->name, "%s", out->id);
    if (err < 0)
        return err == NH_ERR_CORRUPT ? NH_OK : err;
    struct nh_device_set_info info;
    nh_device_set_info(l.set, &info);
    copy_name(out->name, nh_device_set_root(l.set), out->id);
    out->device_count = info.device_count;
    nh_device_set_unref(l.set);
    return NH_OK;
}

// What a profile's file says of itself. Compiling a room takes its time, and everything else waits
// meanwhile: so only a file that is another one than last time is read.
static void look_into(nh_devices_t *d, const struct nh_fs *fs, struct nh_devices_profile *p)
{
    struct nh_devices__seen now = {.device_count = 0};
    struct nh_file_info info;
    char path[NH_DEVICES_PATH_MAX_BYTES];
    nh_devices__path(p->id, NH_DEVICES_FILE_MAIN, 0, path);
    if (fs->ops->stat(fs->ctx, path, &info) < 0)
        return;
    struct nh_devices__seen *s = seen_of(d, p->id);
    if (!s || s->size_bytes != info.size_bytes || s->mtime_unix_ms != info.mtime_unix_ms) {
        memcpy(now.id, p->id, sizeof now.id);
        now.size_bytes = info.size_bytes;
        now.mtime_unix_ms = info.mtime_unix_ms;
        if (read_seen(d, fs, path, &now) < 0)
            return;
        if (!s)
            s = &d->seen[d->seen_next++ % NH_ARRAY_LEN(d->seen)];
        *s = now;
    }
    memcpy(p->name, s->name, sizeof p->name);
    p->device_count = s->device_count;
}

static void fill_active(const nh_devices_t *d, struct nh_devices_profile *p)
{
    struct nh_device_set_info info;
    nh_device_set_info(d->set, &info);
    snprintf(p->id, sizeof p->id, "%s", d->profile);
    copy_name(p->name, nh_device_set_root(d->set), d->profile);
    p->device_count = info.device_count;
    p->is_active = true;
}

size_t nh_devices_profiles(nh_devices_t *d, struct nh_devices_profile *out, size_t max)
{
    struct nh_file_info info;
    struct nh_fs fs;
    void *cursor;
    size_t count = 0;
    if (max == 0)
        return 0;
    memset(out, 0, max * sizeof *out);
    fill_active(d, &out[count++]);
    if (nh_devices__card(d, &fs) < 0 || fs.ops->dir_open(fs.ctx, "", &cursor) < 0)
        return count;
    while (count < max && fs.ops->dir_next(fs.ctx, cursor, &info) == 0) {
        struct nh_devices_profile *p = &out[count];
        if (info.is_dir || !nh_devices__profile_of(info.name, p->id) ||
            strcmp(p->id, d->profile) == 0)
            continue;
        snprintf(p->name, sizeof p->name, "%s", p->id);
        count++;
    }
    fs.ops->dir_close(fs.ctx, cursor);
    for (size_t i = 1; i < count; i++)
        look_into(d, &fs, &out[i]);
    return count;
}

int nh_devices_profile_load(nh_devices_t *d, const char *id, nh_device_set_t **out)
{
    struct nh_devices_loaded l;
    struct nh_fs fs;
    char path[NH_DEVICES_PATH_MAX_BYTES];
    *out = NULL;
    if (!id || !id[0] || strcmp(id, d->profile) == 0) {
        *out = nh_device_set_ref(d->set);
        return NH_OK;
    }
    if (!nh_devices__id_is_valid(id))
        return NH_ERR_NOT_FOUND;
    int err = nh_devices__card(d, &fs);
    if (err < 0)
        return err;
    nh_devices__path(id, NH_DEVICES_FILE_MAIN, 0, path);
    err = nh_devices__load(d, &fs, path, &l);
    if (err == 0)
        *out = l.set;
    return err;
}

// ---- changing -----------------------------------------------------------------------------------

// The same set under another name: written as text and read again.
static int compile_named(nh_devices_t *d, const nh_device_set_t *set, const char *name,
                         nh_device_set_t **out)
{
    const struct nh_device_compiler_config cfg = nh_devices__compiler(d, NULL, NULL);
    const struct nh_device_head head = {.name = name};
    nh_device_compiler_t *c;
    nh_device_writer_t w;
    char piece[512];
    size_t n = 1;
    int err = nh_device_compiler_create(&cfg, &c);
    nh_device_writer_init(&w, set, NH_DEVICE_FORM_JSON, &head);
    while (err == 0 && n > 0) {
        n = nh_device_writer_next(&w, piece, sizeof piece);
        err = nh_device_compiler_json(c, piece, n, n == 0);
    }
    if (err == 0)
        err = nh_device_compiler_end(c, out);
    nh_device_compiler_destroy(c);
    return err;
}

static int compile_empty(nh_devices_t *d, const char *name, nh_device_set_t **out)
{
    static const char document[] = "{\"schema\":2,\"devices\":[]}";
    const struct nh_device_compiler_config cfg = nh_devices__compiler(d, NULL, NULL);
    nh_device_compiler_t *c;
    nh_device_set_t *empty = NULL;
    int err = nh_device_compiler_create(&cfg, &c);
    if (err == 0)
        err = nh_device_compiler_json(c, document, sizeof document - 1, true);
    if (err == 0)
        err = nh_device_compiler_end(c, &empty);
    nh_device_compiler_destroy(c);
    if (err == 0)
        err = compile_named(d, empty, name, out);
    nh_device_set_unref(empty);
    return err;
}

int nh_devices_profile_create(nh_devices_t *d, const char *id, const char *name, const char *clone)
{
    struct nh_devices_profile all[NH_DEVICES_PROFILE_MAX_COUNT];
    nh_device_set_t *from, *set = NULL;
    struct nh_fs fs;
    uint32_t crc;
    if (!nh_devices__id_is_valid(id))
        return NH_ERR_INVAL;
    int err = nh_devices__card(d, &fs);
    if (err < 0)
        return err;
    if (exists(&fs, id) || strcmp(id, d->profile) == 0)
        return NH_ERR_EXISTS;
    if (nh_devices_profiles(d, all, NH_ARRAY_LEN(all)) >= d->cfg.profile_max_count)
        return NH_ERR_FULL;
    if (!clone || !clone[0]) {
        err = compile_empty(d, name, &set);
    } else if ((err = nh_devices_profile_load(d, clone, &from)) == 0) {
        err = compile_named(d, from, name, &set);
        nh_device_set_unref(from);
    }
    if (err == 0)
        err = nh_devices__save(d, &fs, id, set, 1, &crc);
    nh_device_set_unref(set);
    d->version += err == 0;
    return err;
}

int nh_devices_profile_rename(nh_devices_t *d, const char *id, const char *name)
{
    nh_device_set_t *from, *set = NULL;
    const struct nh_devices_apply how = {.profile = id};
    int err = nh_devices_profile_load(d, id, &from);
    if (err < 0)
        return err;
    err = compile_named(d, from, name, &set);
    nh_device_set_unref(from);
    if (err == 0)
        err = nh_devices_apply(d, set, &how);
    if (err < 0)
        nh_device_set_unref(set);
    return err < 0 ? err : NH_OK;
}

int nh_devices_profile_delete(nh_devices_t *d, const char *id)
{
    struct nh_devices_backup b[NH_DEVICES_BACKUP_MAX_COUNT];
    char path[NH_DEVICES_PATH_MAX_BYTES];
    struct nh_fs fs;
    int err = nh_devices__card(d, &fs);
    if (strcmp(id, d->profile) == 0)
        return NH_ERR_BUSY;
    if (err < 0)
        return err;
    if (!nh_devices__id_is_valid(id) || !exists(&fs, id))
        return NH_ERR_NOT_FOUND;
    nh_devices__path(id, NH_DEVICES_FILE_MAIN, 0, path);
    err = fs.ops->remove(fs.ctx, path);
    if (err < 0)
        return err;
    size_t count = nh_devices__list_backups(&fs, id, b, NH_ARRAY_LEN(b));
    for (size_t i = 0; i < count; i++) {
        nh_devices__path(id, NH_DEVICES_FILE_BACKUP, b[i].generation, path);
        NH_IGNORE(fs.ops->remove(fs.ctx, path)); // what stays shows no profile
    }
    d->version++;
    return fs.ops->sync_dir(fs.ctx, "");
}

int nh_devices_profile_activate(nh_devices_t *d, const char *id, bool cancel)
{
    struct nh_devices_loaded l;
    char path[NH_DEVICES_PATH_MAX_BYTES];
    struct nh_fs fs;
    if (strcmp(id, d->profile) == 0)
        return NH_OK;
    // What is in force would be lost with its only copy.
    if (!d->info.is_saved || d->info.is_conflict)
        return NH_ERR_CONFLICT;
    int err = nh_devices__card(d, &fs);
    if (err < 0)
        return err;
    if (!nh_devices__id_is_valid(id))
        return NH_ERR_NOT_FOUND;
    nh_devices__path(id, NH_DEVICES_FILE_MAIN, 0, path);
    err = nh_devices__load(d, &fs, path, &l);
    if (err < 0)
        return err;
    err = nh_devices__prepare(d, l.set, NULL, NULL);
    if (err < 0) {
        nh_device_set_unref(l.set);
        return err;
    }
    struct nh_devices_kept before = d->kept;
    char profile[NH_DEVICES_ID_MAX_BYTES];
    memcpy(profile, d->profile, sizeof profile);
    snprintf(d->profile, sizeof d->profile, "%s", id);
    d->kept = (struct nh_devices_kept){.generation = l.generation, .crc = l.crc};
    memcpy(d->kept.profile, d->profile, sizeof d->kept.profile);
    // The copy first: a start that reads the old state finds the old profile's file on the card.
    err = nh_devices__save_copy(d, l.set, l.generation);
    if (err == 0)
        err = nh_devices__keep_state(d);
    if (err < 0) {
        memcpy(d->profile, profile, sizeof d->profile);
        d->kept = before;
        nh_devices__drop(d);
        nh_device_set_unref(l.set);
        return err;
    }
    nh_timer_cancel(d->cfg.sched, &d->confirm_timer);
    d->confirm_due_ms = 0;
    d->info.is_saved = true;
    d->info.is_idle = false;
    d->info.source = NH_DEVICES_FROM_CARD;
    nh_devices__put_in_force(d, l.set, l.generation, cancel, NH_DEVICES_CHANGED_PROFILE);
    return NH_OK;
}
