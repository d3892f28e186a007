// The routes of the history and the log, and taking a snapshot by hand.

#include "components/health/health_state.h"

#include <stdlib.h>
#include <string.h>

// ---- /api/memory/history, /api/memory/snapshot
// ---------------------------------------------------

void nh_health__write_row(nh_json_writer_t *w, const struct nh_health__row *row)
{
    nh_json_array_begin(w);
    nh_json_int(w, row->unix_ms);
    for (int t = 0; t < NH_MEM_TIER_COUNT; t++) {
        nh_json_uint(w, row->tier[t].free_bytes);
        nh_json_uint(w, row->tier[t].min_bytes);
        nh_json_uint(w, row->tier[t].largest_bytes);
        nh_json_uint(w, row->tier[t].frag_pct);
    }
    nh_json_string(w, row->tag);
    nh_json_array_end(w);
}

// A list of a reply: how it begins, what it tells, and the room that one item surely fits into.
struct list {
    const char *head;
    size_t piece_max_bytes;
    void (*write)(nh_json_writer_t *w, const void *item);
};

// Tells the items of `ring` from st->next to st->end, as many as fit into this part of the reply.
// `item` has the room of one.
static int produce_list(nh_request_t *req, const struct list *list,
                        const struct nh_health__ring *ring, void *item, char *out, size_t cap)
{
    struct nh_health__stream *st = req->state;
    struct nh_json_buf b = {.ptr = out, .cap = cap};
    nh_json_writer_t w;
    if (st->step == 0) {
        (void)nh_json_buf_sink(&b, list->head, strlen(list->head));
        st->step = 1;
    }
    while (st->step == 1 && b.cap - b.len >= list->piece_max_bytes) {
        if (st->next > st->end || !nh_health__copy(req->ctx, ring, &st->next, item)) {
            (void)nh_json_buf_sink(&b, "]}", 2);
            st->step = 2;
            break;
        }
        if (st->has_item)
            (void)nh_json_buf_sink(&b, ",", 1);
        nh_json_writer_init(&w, nh_json_buf_sink, &b);
        list->write(&w, item);
        st->has_item = true;
        st->next++;
    }
    return (int)b.len;
}

static void write_row(nh_json_writer_t *w, const void *item)
{
    nh_health__write_row(w, item);
}

static int produce_history(nh_request_t *req, char *out, size_t cap)
{
    static const struct list list = {
        .head = "{\"columns\":[\"unix_ms\",\"internal_free\",\"internal_min\",\"internal_largest\","
                "\"internal_frag_pct\",\"psram_free\",\"psram_min\",\"psram_largest\",\"psram_frag_"
                "pct\","
                "\"tag\"],\"rows\":[",
        .piece_max_bytes = 256,
        .write = write_row,
    };
    nh_health_t *h = req->ctx;
    struct nh_health__row row;
    return produce_list(req, &list, &h->history, &row, out, cap);
}

int nh_health__get_history(nh_request_t *req)
{
    nh_health_t *h = req->ctx;
    struct nh_health__stream *st = nh_health__stream_new(req);
    if (!st)
        return NH_ERR_NOMEM;
    nh_lock_acquire(&h->cfg.lock);
    st->next = nh_health__ring_first(&h->history);
    st->end = h->history.seq;
    nh_lock_release(&h->cfg.lock);
    return nh_reply_stream(req, 200, "application/json", produce_history);
}

struct tag_body {
    char tag[NH_MEM_TAG_MAX_BYTES];
};
static const nh_json_field_t tag_fields[] = {
    {.name = "tag",
     .type = NH_JSON_T_STRING,
     .offset = offsetof(struct tag_body, tag),
     .size = NH_MEM_TAG_MAX_BYTES,
     .text = "the snapshot's name"},
    {0},
};

int nh_health__post_snapshot(nh_request_t *req)
{
    nh_health_t *h = req->ctx;
    struct tag_body body = {.tag = "manual"};
    struct nh_mem_snapshot s;
    bool ok = true;
    int err = 0;
    if (req->body_len > 0)
        err = nh_request_decode(req, tag_fields, &body, "No snapshot was taken.", &ok);
    if (!ok)
        return err;
    nh_health_snapshot(h, body.tag[0] ? body.tag : "manual", &s);
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_string(w, "tag", s.tag);
    nh_json_kv_int(w, "unix_ms", h->cfg.clock_unix_ms());
    nh_json_key(w, "tiers");
    nh_json_array_begin(w);
    for (int t = 0; t < NH_MEM_TIER_COUNT; t++)
        nh_health__write_tier(w, (enum nh_mem_tier)t, &s.tier[t]);
    nh_json_array_end(w);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

// ---- /api/log
// --------------------------------------------------------------------------------------

void nh_health__write_log_line(nh_json_writer_t *w, const struct nh_health__log_line *l)
{
    static const char level[] = "EWID";
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "seq", l->seq);
    nh_json_kv_int(w, "unix_ms", l->unix_ms);
    nh_json_key(w, "level");
    nh_json_string_n(w, &level[l->level], 1);
    nh_json_kv_string(w, "module", l->module);
    nh_json_kv_string(w, "text", l->text);
    nh_json_object_end(w);
}

// A line's text is at most 160 bytes, each at most 6 in JSON.
#define LOG_PIECE_MAX_BYTES 1200

static void write_line(nh_json_writer_t *w, const void *item)
{
    nh_health__write_log_line(w, item);
}

static int produce_log(nh_request_t *req, char *out, size_t cap)
{
    static const struct list list = {
        .head = "{\"lines\":[", .piece_max_bytes = LOG_PIECE_MAX_BYTES, .write = write_line};
    nh_health_t *h = req->ctx;
    struct nh_health__log_line line;
    return produce_list(req, &list, &h->log, &line, out, cap);
}

int nh_health__get_log(nh_request_t *req)
{
    nh_health_t *h = req->ctx;
    const char *after = nh_request_param(req, "after");
    if (after && (!*after || after[strspn(after, "0123456789")]))
        return nh_reply_error(req, 400, "bad_value", "after is \"%.32s\"; it is a number.", after);
    struct nh_health__stream *st = nh_health__stream_new(req);
    if (!st)
        return NH_ERR_NOMEM;
    st->next = (after ? strtoull(after, NULL, 10) : 0) + 1;
    nh_lock_acquire(&h->cfg.lock);
    st->end = h->log.seq;
    nh_lock_release(&h->cfg.lock);
    return nh_reply_stream(req, 200, "application/json", produce_log);
}
