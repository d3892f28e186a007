// files.c - GET /api/store/files?path=: a folder of any size through the server's one buffer. In
// memory: the folder's cursor and one entry.

#include <string.h>

#include "portal/portal_private.h"

struct files {
    struct nh_fs fs;
    void *cursor;
    nh_json_writer_t w;
    struct nh_json_buf sink;
    const char *path;
    struct nh_file_info entry;
    bool has_entry; // read, but not written yet
    bool begun, ended;
};

static void write_entry(nh_json_writer_t *w, const struct nh_file_info *e)
{
    nh_json_object_begin(w);
    nh_json_kv_string(w, "name", e->name);
    nh_json_kv_uint(w, "size_bytes", e->size_bytes);
    nh_json_kv_int(w, "mtime_unix_ms", e->mtime_unix_ms);
    nh_json_kv_bool(w, "dir", e->is_dir);
    nh_json_object_end(w);
}

static void begin(struct files *f)
{
    f->begun = true;
    nh_json_object_begin(&f->w);
    nh_json_kv_string(&f->w, "path", f->path);
    nh_json_key(&f->w, "entries");
    nh_json_array_begin(&f->w);
}

// 1: there is an entry; 0: the end.
static int next_entry(struct files *f)
{
    if (f->has_entry)
        return 1;
    int err = f->fs.ops->dir_next(f->fs.ctx, f->cursor, &f->entry);
    if (err == NH_ERR_NOT_FOUND)
        return 0;
    f->has_entry = err >= 0;
    return err < 0 ? err : 1;
}

static int produce(nh_request_t *req, char *buf, size_t cap)
{
    struct files *f = req->state;
    f->sink = (struct nh_json_buf){buf, cap, 0};
    if (f->ended)
        return 0;
    if (!f->begun)
        begin(f);
    int more;
    while ((more = next_entry(f)) > 0) {
        nh_json_writer_t before = f->w;
        size_t len = f->sink.len;
        write_entry(&f->w, &f->entry);
        if (f->w.err) { // full: this entry is the first of the next part
            f->w = before;
            f->sink.len = len;
            return len ? (int)len : NH_ERR_FULL;
        }
        f->has_entry = false;
    }
    if (more < 0)
        return more;
    if (cap - f->sink.len < 4)
        return (int)f->sink.len;
    f->ended = true;
    nh_json_array_end(&f->w);
    nh_json_object_end(&f->w);
    return (int)f->sink.len;
}

static void cleanup(nh_request_t *req)
{
    struct files *f = req->state;
    f->fs.ops->dir_close(f->fs.ctx, f->cursor);
}

int nh_portal__files(nh_request_t *req)
{
    nh_portal_t *p = req->ctx;
    struct files *f = nh_arena_alloc(req->arena, sizeof *f);
    if (!f)
        return NH_ERR_NOMEM;
    memset(f, 0, sizeof *f);
    f->fs = p->cfg.fs;
    const char *path = nh_request_param(req, "path");
    f->path = path ? path : "";
    int err = f->fs.ops->dir_open(f->fs.ctx, *f->path ? f->path : ".", &f->cursor);
    if (err == NH_ERR_DENIED)
        return nh_reply_error(req, 403, NULL, "The path leads out of the data directory.");
    if (err < 0)
        return err;
    nh_json_writer_init(&f->w, nh_json_buf_sink, &f->sink);
    req->state = f;
    req->cleanup = cleanup;
    return nh_reply_stream(req, 200, "application/json", produce);
}
