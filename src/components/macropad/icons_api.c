// /api/icons: lists as streams, an icon's pixels out and in, and the sweep of what nobody uses.

#include "components/macropad/macropad_state.h"

#include "core/base/log.h"

#include <stdio.h>
#include <string.h>

// ---- lists -------------------------------------------------------------------------------------

struct listing {
    nh_macropad_t *pad;
    nh_json_writer_t w;
    struct nh_json_buf sink;
    bool is_installed;
    size_t index; // of the built-in ones
    void *cursor; // of the others; NULL: there are none
    char id[NH_MACROPAD_ICON_ID_MAX_BYTES];
    bool has_id; // read, and not written yet
    bool has_begun, has_ended;
};

// 1: there is one in `id`; 0: the end.
static int next_id(struct listing *l)
{
    uint64_t bytes;
    if (l->has_id)
        return 1;
    if (!l->is_installed) {
        if (l->index == nh_icon_set_count)
            return 0;
        snprintf(l->id, sizeof l->id, "%s", nh_icon_set[l->index++].id);
    } else {
        int err = l->cursor ? nh_icon_list_next(&l->pad->icon_store, l->cursor, l->id, &bytes)
                            : NH_ERR_NOT_FOUND;
        if (err < 0)
            return err == NH_ERR_NOT_FOUND ? 0 : err;
    }
    l->has_id = true;
    return 1;
}

static void write_begin(struct listing *l)
{
    nh_json_object_begin(&l->w);
    if (l->is_installed) {
        nh_json_kv_bool(&l->w, "success", true);
        nh_json_kv_string(&l->w, "source", "ffat"); // as clients of the firmware know it
    }
    nh_json_key(&l->w, "icons");
    nh_json_array_begin(&l->w);
}

static void write_icon(struct listing *l)
{
    nh_json_object_begin(&l->w);
    nh_json_kv_string(&l->w, "id", l->id);
    nh_json_kv_string(&l->w, "kind", l->is_installed ? "color" : "mask");
    nh_json_object_end(&l->w);
}

static void write_end(struct listing *l)
{
    nh_json_array_end(&l->w);
    nh_json_object_end(&l->w);
}

// The next piece: the begin, an icon or the end. 0: all is written.
static int write_piece(struct listing *l)
{
    int more = l->has_begun ? next_id(l) : 1;
    if (more < 0 || l->has_ended)
        return more < 0 ? more : 0;
    if (!l->has_begun)
        write_begin(l);
    else if (more)
        write_icon(l);
    else
        write_end(l);
    if (l->w.err)
        return NH_ERR_FULL;
    l->has_ended = l->has_begun && !more;
    l->has_begun = true;
    l->has_id = false;
    return 1;
}

static int produce(nh_request_t *req, char *buf, size_t cap)
{
    struct listing *l = req->state;
    l->sink = (struct nh_json_buf){buf, cap, 0};
    for (;;) {
        nh_json_writer_t before = l->w;
        size_t len = l->sink.len;
        int more = write_piece(l);
        if (more == NH_ERR_FULL) { // the first of the next part
            l->w = before;
            l->sink.len = len;
            return len ? (int)len : NH_ERR_FULL;
        }
        if (more <= 0)
            return more < 0 ? more : (int)l->sink.len;
    }
}

static void end_listing(nh_request_t *req)
{
    struct listing *l = req->state;
    if (l->cursor)
        nh_icon_list_close(&l->pad->icon_store, l->cursor);
}

static int list(nh_request_t *req, bool is_installed)
{
    struct listing *l = nh_arena_alloc(req->arena, sizeof *l);
    if (!l)
        return NH_ERR_NOMEM;
    memset(l, 0, sizeof *l);
    l->pad = req->ctx;
    l->is_installed = is_installed;
    int err = is_installed ? nh_icon_list_open(&l->pad->icon_store, &l->cursor) : 0;
    if (err < 0 && err != NH_ERR_UNSUPPORTED && err != NH_ERR_NOT_FOUND)
        return err; // without a folder the list is empty
    nh_json_writer_init(&l->w, nh_json_buf_sink, &l->sink);
    req->state = l;
    req->cleanup = end_listing;
    return nh_reply_stream(req, 200, "application/json", produce);
}

int nh_macropad__get_icons(nh_request_t *req)
{
    return list(req, false);
}

int nh_macropad__get_installed(nh_request_t *req)
{
    return list(req, true);
}

// ---- pixels out --------------------------------------------------------------------------------

struct sending {
    nh_macropad_t *pad;
    nh_file_t *file;
    uint64_t offset;
};

static int produce_file(nh_request_t *req, char *buf, size_t cap)
{
    struct sending *s = req->state;
    const struct nh_fs *fs = &s->pad->icon_store.fs;
    int n = fs->ops->read(fs->ctx, s->file, s->offset, buf, cap);
    s->offset += n > 0 ? (uint64_t)n : 0;
    return n;
}

static void end_sending(nh_request_t *req)
{
    struct sending *s = req->state;
    s->pad->icon_store.fs.ops->close(s->pad->icon_store.fs.ctx, s->file);
}

static int send_builtin(nh_request_t *req, const struct nh_icon_builtin *icon)
{
    uint8_t *blob = nh_arena_alloc(req->arena, NH_ICON_HEAD_BYTES + NH_ICON_MASK_BYTES);
    if (!blob)
        return NH_ERR_NOMEM;
    nh_icon_head_write(blob, NH_ICON_MASK_SIDE, NH_ICON_MASK_SIDE, NH_ICON_MASK,
                       NH_ICON_MASK_BYTES);
    nh_icon_unpack(icon, blob + NH_ICON_HEAD_BYTES);
    return nh_reply_bytes(req, 200, "application/octet-stream", blob,
                          NH_ICON_HEAD_BYTES + NH_ICON_MASK_BYTES);
}

int nh_macropad__get_icon_data(nh_request_t *req)
{
    nh_macropad_t *m = req->ctx;
    const char *id = nh_request_param(req, "id");
    if (!id)
        return nh_macropad__reply_failed(req, 400, "bad_value", "Missing id");
    const struct nh_icon_builtin *icon = nh_icon_set_find(id);
    if (icon)
        return send_builtin(req, icon);
    struct sending *s = nh_arena_alloc(req->arena, sizeof *s);
    if (!s)
        return NH_ERR_NOMEM;
    *s = (struct sending){.pad = m};
    int err = nh_icon_store_open(&m->icon_store, id, &s->file);
    if (err == NH_ERR_NOT_FOUND || err == NH_ERR_UNSUPPORTED)
        return nh_macropad__reply_failed(req, 404, "not_found", "No such icon");
    if (err < 0)
        return err;
    req->state = s;
    req->cleanup = end_sending;
    return nh_reply_stream(req, 200, "application/octet-stream", produce_file);
}

// ---- pixels in ---------------------------------------------------------------------------------

static int refuse(nh_request_t *req, const char *message)
{
    return nh_macropad__reply_failed(req, 400, "bad_value", message);
}

static void give_up(struct nh_macropad__install *i)
{
    if (i->is_writing)
        nh_icon_write_abort(&i->write);
    i->is_writing = false;
    if (i->pad->install == i)
        i->pad->install = NULL;
}

static void end_install(nh_request_t *req)
{
    give_up(req->state);
}

static int refuse_busy(nh_request_t *req)
{
    nh_macropad_t *m = req->ctx;
    m->info.icons_busy++;
    int err = nh_reply_header(req, "Retry-After", "1");
    return err < 0 ? err
                   : nh_macropad__reply_failed(req, 409, "conflict",
                                               "Another icon install is in progress");
}

// Whether nobody else's icon is on its way, or it has stood still for too long.
static bool take_turn(nh_macropad_t *m)
{
    struct nh_macropad__install *i = m->install;
    if (!i)
        return true;
    if (m->cfg.clock_ms() - i->last_ms < m->cfg.upload_timeout_ms)
        return false;
    NH_LOG_W("macropad", "an icon stood still for %u ms and was given up",
             (unsigned)m->cfg.upload_timeout_ms);
    m->info.icons_abandoned++;
    i->is_lost = true;
    give_up(i);
    return true;
}

// The id of the request; NULL: the reply is set, `*err` is for the portal.
static const char *take_id(nh_request_t *req, int *err)
{
    nh_macropad_t *m = req->ctx;
    const char *id = nh_request_param(req, "id");
    if (!id || !id[0])
        *err = refuse(req, "Missing id");
    else if (!nh_icon_id_is_valid(id))
        *err = refuse(req, "Invalid icon id (expected [a-z0-9_]+)");
    else if (!m->icon_store.fs.ops)
        *err = refuse(req, "Icons not supported on this target");
    else
        return id;
    return NULL;
}

static int begin_install(nh_request_t *req)
{
    nh_macropad_t *m = req->ctx;
    int err = 0;
    if (!take_turn(m))
        return refuse_busy(req);
    const char *id = take_id(req, &err);
    if (!id)
        return err;
    struct nh_macropad__install *i = nh_arena_alloc(req->arena, sizeof *i);
    if (!i)
        return nh_macropad__reply_failed(req, 500, "no_memory", "Out of memory");
    memset(i, 0, sizeof *i);
    i->pad = m;
    nh_icon_reading_init(&i->reading);
    memcpy(i->write.id, id, strlen(id) + 1);
    m->install = i;
    req->state = i;
    req->cleanup = end_install;
    return 0;
}

static int refuse_file(nh_request_t *req, struct nh_macropad__install *i, int err,
                       const char *message)
{
    NH_LOG_W("macropad", "icon %s: %s", i->write.id, nh_err_text(err));
    give_up(i);
    if (err == NH_ERR_FULL)
        return nh_macropad__reply_failed(req, 507, "full",
                                         "So many icons, or bytes of them, are installed already");
    return refuse(req, message);
}

// The head is whole and good: the file begins with it.
static int begin_file(nh_request_t *req, struct nh_macropad__install *i)
{
    char id[NH_MACROPAD_ICON_ID_MAX_BYTES];
    memcpy(id, i->write.id, sizeof id);
    int err =
        nh_icon_write_begin(&i->pad->icon_store, id,
                            NH_ICON_HEAD_BYTES + (uint64_t)i->reading.head.pixel_bytes, &i->write);
    if (err < 0)
        return refuse_file(req, i, err, "Failed to open file for writing");
    i->is_writing = true;
    err = nh_icon_write(&i->write, i->reading.bytes, NH_ICON_HEAD_BYTES);
    return err < 0 ? refuse_file(req, i, err, "Short write") : 0;
}

static int take_bytes(nh_request_t *req, struct nh_macropad__install *i, const uint8_t *bytes,
                      size_t len)
{
    uint32_t before = i->reading.count;
    enum nh_icon_fault f = nh_icon_reading_take(&i->reading, bytes, len);
    if (i->reading.count > NH_ICON_FILE_MAX_BYTES) {
        give_up(i);
        return refuse(req, "Invalid body size");
    }
    if (f != NH_ICON_OK) {
        give_up(i);
        return refuse(req, nh_icon_fault_text(f));
    }
    if (i->reading.count < NH_ICON_HEAD_BYTES)
        return 0;
    size_t head = before < NH_ICON_HEAD_BYTES ? NH_ICON_HEAD_BYTES - before : 0;
    int err = i->is_writing ? 0 : begin_file(req, i);
    if (!i->is_writing || len == head)
        return err;
    err = nh_icon_write(&i->write, bytes + head, len - head);
    return err < 0 ? refuse_file(req, i, err, "Short write") : 0;
}

int nh_macropad__take_icon(nh_request_t *req, const uint8_t *bytes, size_t len)
{
    nh_macropad_t *m = req->ctx;
    int err = req->state ? 0 : begin_install(req);
    struct nh_macropad__install *i = req->state;
    if (!i)
        return err;
    if (i->is_lost)
        return refuse_busy(req);
    i->last_ms = m->cfg.clock_ms();
    return take_bytes(req, i, bytes, len);
}

int nh_macropad__post_icon(nh_request_t *req)
{
    struct nh_macropad__install *i = req->state;
    int err = 0;
    if (!i)
        return take_id(req, &err) ? refuse(req, "Invalid body size") : err;
    if (i->is_lost)
        return refuse_busy(req);
    enum nh_icon_fault f = nh_icon_reading_end(&i->reading);
    if (f != NH_ICON_OK) {
        give_up(i);
        return refuse(req, nh_icon_fault_text(f));
    }
    i->is_writing = false;
    err = nh_icon_write_commit(&i->write);
    if (err < 0)
        return refuse_file(req, i, err, "Short write");
    give_up(i);
    nh_macropad__icon_changed(i->pad, i->write.id);
    return nh_macropad__reply_done(req);
}

// ---- out they go -------------------------------------------------------------------------------

int nh_macropad__delete_icon(nh_request_t *req)
{
    nh_macropad_t *m = req->ctx;
    int err = 0;
    const char *id = take_id(req, &err);
    if (!id)
        return err;
    err = nh_icon_store_remove(&m->icon_store, id);
    if (err == NH_ERR_NOT_FOUND)
        return nh_macropad__reply_failed(req, 404, "not_found", "No such icon");
    if (err < 0)
        return err;
    nh_macropad__icon_changed(m, id);
    return nh_macropad__reply_done(req);
}

int nh_macropad__post_sweep(nh_request_t *req)
{
    nh_macropad_t *m = req->ctx;
    struct nh_icon_swept swept = {0, 0};
    int err = nh_icon_store_sweep(&m->icon_store, m->set, &swept);
    if (err == NH_ERR_UNSUPPORTED)
        return refuse(req, "Icons not supported on this target");
    if (swept.deleted > 0)
        nh_macropad__icon_changed(m, NULL);
    if (err < 0)
        return refuse(req, nh_err_text(err));
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "success", true);
    nh_json_kv_uint(w, "deleted", swept.deleted);
    nh_json_kv_uint(w, "bytes_freed", swept.bytes);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}
