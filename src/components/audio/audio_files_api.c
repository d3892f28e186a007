// The card's folders, streamed: in memory are a cursor and one entry. And what a track is like:
// durations, looked at once and remembered.

#include "components/audio/audio_path.h"
#include "components/audio/audio_state.h"
#include "core/base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_DEFAULT 50
#define PAGE_MAX 200
#define LOOKS_MAX 8 // at files, before others have their turn

// ---- what a track is like ----------------------------------------------------------------------

static void key_of(const char *path, const struct nh_file_info *info, uint32_t key[2])
{
    const uint64_t rest[2] = {info->size_bytes, (uint64_t)info->mtime_unix_ms};
    for (uint32_t i = 0; i < 2; i++)
        key[i] = nh_hash32(rest, sizeof rest, nh_hash32(path, strlen(path), i + 1));
    key[1] |= 1; // 0 is a free place
}

static int look_at(nh_audio_t *a, struct nh_fs fs, const char *path, struct nh_audio__meta *out)
{
    struct nh_audio_source_info info;
    nh_audio_source_t *source;
    int err = nh_audio__open(fs, a->cfg.mem, path, 0, false, &source);
    if (err < 0)
        return err;
    nh_audio_source_info(source, &info);
    nh_audio_source_close(source);
    out->rate_hz = info.rate_hz;
    out->channels = (uint8_t)info.channels;
    out->format = (uint8_t)info.format;
    out->dur_ms = (uint32_t)(info.frame_count * 1000 / info.rate_hz);
    return 0;
}

// What is no track, or broken, is remembered as well: all zeros.
static int meta_of(nh_audio_t *a, struct nh_fs fs, const char *path,
                   const struct nh_file_info *info, struct nh_audio__meta *out)
{
    struct nh_audio__meta found = {0};
    key_of(path, info, found.key);
    for (size_t i = 0; i < NH_AUDIO__META_COUNT; i++) {
        if (memcmp(a->meta[i].key, found.key, sizeof found.key) != 0)
            continue;
        *out = a->meta[i];
        return 0;
    }
    int err = look_at(a, fs, path, &found);
    if (err == NH_ERR_NOMEM)
        return err; // that says nothing of the file
    a->meta[a->meta_next++ % NH_AUDIO__META_COUNT] = found;
    *out = found;
    return 0;
}

// ---- GET /api/files ----------------------------------------------------------------------------

struct listing {
    nh_audio_t *a;
    nh_files_t *files;
    struct nh_fs fs;
    void *cursor;
    nh_json_writer_t w;
    struct nh_json_buf sink;
    char folder[NH_AUDIO__ON_CARD_MAX_BYTES]; // on the card
    char path[NH_AUDIO__ON_CARD_MAX_BYTES];   // of the entry, on the card
    struct nh_file_info entry;
    bool has_entry; // read, but not written yet
    bool begun, ended;
    bool wants_meta;
    uint32_t skip, left; // of the page that is asked for
    uint32_t looks;
};

// The entry's path, if it is one to be told.
static bool is_told(struct listing *l)
{
    const struct nh_file_info *e = &l->entry;
    if (nh_audio__is_hidden(e->name) || (!e->is_dir && !nh_audio__is_track(e->name)))
        return false;
    int n =
        snprintf(l->path, sizeof l->path, "%s%s%s", l->folder, l->folder[0] ? "/" : "", e->name);
    return n > 0 && (size_t)n < sizeof l->path;
}

// 1: there is an entry; 0: the end.
static int next_entry(struct listing *l)
{
    while (!l->has_entry && l->left > 0) {
        int err = l->fs.ops->dir_next(l->fs.ctx, l->cursor, &l->entry);
        if (err == NH_ERR_NOT_FOUND)
            return 0;
        if (err < 0)
            return err;
        l->has_entry = is_told(l);
        if (l->has_entry && l->skip > 0) {
            l->skip--;
            l->has_entry = false;
        }
    }
    return l->has_entry;
}

static void write_path(nh_json_writer_t *w, const char *path)
{
    char whole[NH_AUDIO_PATH_MAX_BYTES];
    nh_audio__path_shown(path, whole);
    nh_json_kv_string(w, "path", whole);
}

static int write_entry(struct listing *l)
{
    struct nh_audio__meta m = {0};
    int err = 0;
    if (l->wants_meta && !l->entry.is_dir) {
        l->looks++;
        err = meta_of(l->a, l->fs, l->path, &l->entry, &m);
    }
    nh_json_object_begin(&l->w);
    write_path(&l->w, l->path);
    nh_json_kv_uint(&l->w, "size", l->entry.size_bytes);
    nh_json_kv_uint(&l->w, "dur", m.dur_ms / 1000);
    nh_json_kv_bool(&l->w, "dir", l->entry.is_dir);
    nh_json_object_end(&l->w);
    return err;
}

static int produce(nh_request_t *req, char *buf, size_t cap)
{
    struct listing *l = req->state;
    int more;
    l->sink = (struct nh_json_buf){buf, cap, 0};
    l->looks = 0;
    if (l->ended)
        return 0;
    if (!l->begun)
        nh_json_array_begin(&l->w);
    l->begun = true;
    while ((more = next_entry(l)) > 0 && l->looks < LOOKS_MAX) {
        nh_json_writer_t before = l->w;
        size_t len = l->sink.len;
        int err = write_entry(l);
        if (err < 0)
            return err;
        if (l->w.err) { // full: this entry is the first of the next part
            l->w = before;
            l->sink.len = len;
            return len ? (int)len : NH_ERR_FULL;
        }
        l->has_entry = false;
        l->left--;
    }
    if (more != 0 || cap - l->sink.len < 2)
        return more < 0 ? more : (int)l->sink.len;
    l->ended = true;
    nh_json_array_end(&l->w);
    return (int)l->sink.len;
}

static void cleanup(nh_request_t *req)
{
    struct listing *l = req->state;
    l->fs.ops->dir_close(l->fs.ctx, l->cursor);
    nh_files_close(l->files);
}

// A number of the query; false: it is none.
static bool number(nh_request_t *req, const char *name, uint32_t otherwise, uint32_t *out)
{
    bool is_bad;
    char *end;
    const char *text = nh_audio__param(req, name, &is_bad);
    *out = otherwise;
    if (!text)
        return !is_bad;
    unsigned long v = strtoul(text, &end, 10);
    *out = (uint32_t)v;
    return *text >= '0' && *text <= '9' && !*end && v <= INT32_MAX;
}

// `*ok` false: return what this returned; the reply is set.
static int take_page(nh_request_t *req, struct listing *l, bool *ok)
{
    uint32_t meta;
    *ok = false;
    if (!number(req, "meta", 0, &meta) || meta > 1)
        return nh_reply_error(req, 400, "bad_value", "meta is 0 or 1.");
    l->wants_meta = meta == 1;
    // Durations are for a page alone: each is a look into a file.
    uint32_t most = l->wants_meta ? PAGE_MAX : INT32_MAX;
    if (!number(req, "offset", 0, &l->skip))
        return nh_reply_error(req, 400, "bad_value", "offset is a number.");
    if (!number(req, "limit", l->wants_meta ? PAGE_DEFAULT : most, &l->left) || l->left < 1 ||
        l->left > most)
        return nh_reply_error(req, 400, "bad_value", "limit is 1 to %u.", (unsigned)most);
    *ok = true;
    return 0;
}

// The path of a request on the card. 0, or < 0 as nh_audio__reply_path() takes it.
static int take_path(nh_request_t *req, const char **text, char out[NH_AUDIO__ON_CARD_MAX_BYTES])
{
    bool is_bad;
    const char *path = nh_audio__param(req, "path", &is_bad);
    *text = path ? path : NH_AUDIO__CARD;
    return is_bad ? NH_ERR_INVAL : nh_audio__path(*text, out);
}

static int open_folder(struct listing *l)
{
    int err = nh_audio__card(l->a, &l->files);
    if (err < 0)
        return err;
    l->fs = nh_files_fs(l->files);
    err = l->fs.ops->dir_open(l->fs.ctx, l->folder[0] ? l->folder : ".", &l->cursor);
    if (err < 0)
        nh_files_close(l->files);
    return err;
}

int nh_audio__get_files(nh_request_t *req)
{
    const char *path;
    struct listing *l = nh_arena_alloc(req->arena, sizeof *l);
    if (!l)
        return NH_ERR_NOMEM;
    memset(l, 0, sizeof *l);
    l->a = req->ctx;
    int err = take_path(req, &path, l->folder);
    if (err < 0)
        return nh_audio__reply_path(req, path, err);
    bool ok;
    err = take_page(req, l, &ok);
    if (!ok)
        return err;
    err = open_folder(l);
    if (err < 0)
        return nh_audio__reply_path(req, path, err);
    nh_json_writer_init(&l->w, nh_json_buf_sink, &l->sink);
    req->state = l;
    req->cleanup = cleanup;
    return nh_reply_stream(req, 200, "application/json", produce);
}

// ---- GET /api/files/meta -----------------------------------------------------------------------

static int find_meta(nh_audio_t *a, const char *path, struct nh_file_info *info,
                     struct nh_audio__meta *m)
{
    nh_files_t *files;
    int err = nh_audio__card(a, &files);
    if (err < 0)
        return err;
    struct nh_fs fs = nh_files_fs(files);
    err = fs.ops->stat(fs.ctx, path, info);
    if (err == 0)
        err = info->is_dir ? NH_ERR_TYPE : meta_of(a, fs, path, info, m);
    nh_files_close(files);
    return err;
}

int nh_audio__get_meta(nh_request_t *req)
{
    static const char *const formats[] = {"unknown", "wav", "mp3", "ogg", "flac"};
    char on_card[NH_AUDIO__ON_CARD_MAX_BYTES];
    struct nh_file_info info = {0};
    struct nh_audio__meta m = {0};
    const char *path;
    int err = take_path(req, &path, on_card);
    if (err == 0)
        err = find_meta(req->ctx, on_card, &info, &m);
    if (err < 0)
        return nh_audio__reply_path(req, path, err);
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    write_path(w, on_card);
    nh_json_kv_uint(w, "size", info.size_bytes);
    nh_json_kv_uint(w, "dur", m.dur_ms / 1000);
    nh_json_kv_uint(w, "dur_ms", m.dur_ms);
    nh_json_kv_string(w, "fmt", formats[m.format]);
    nh_json_kv_uint(w, "rate_hz", m.rate_hz);
    nh_json_kv_uint(w, "channels", m.channels);
    nh_json_kv_uint(w, "bitrate_kbps", m.dur_ms ? info.size_bytes * 8 / m.dur_ms : 0);
    nh_json_kv_int(w, "mtime_unix_ms", info.mtime_unix_ms);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}
