// mqtt_retained_api.c - pages of retained messages, streamed.

#include "portal/mqtt_api_private.h"

#include "core/http/text.h"

#include <stdio.h>
#include <string.h>

struct page {
    uint32_t step; // 0: head, 1: rows, 2: told whole
    size_t next, left;
    bool has_row;
    char *after; // retained: the last topic told, in the arena
    size_t after_cap, after_told;
    nh_json_writer_t w;
    struct nh_json_buf b;
    nh_mqtt_api_t *api;
};

// The page that a request asks for, in its arena. NULL: the reply is there already.
static struct page *page_new(nh_request_t *req)
{
    struct page *p = nh_arena_alloc(req->arena, sizeof *p);
    if (!p) {
        NH_IGNORE(nh_reply_err(req, NH_ERR_NOMEM));
        return NULL;
    }
    memset(p, 0, sizeof *p);
    p->api = req->ctx;
    p->left = 50;
    req->state = p;
    if (nh_mqtt_api__number(req, "first", INT32_MAX, &p->next) < 0 ||
        nh_mqtt_api__number(req, "count", NH_MQTT_API_PAGE_MAX_COUNT, &p->left) < 0)
        return NULL;
    return p;
}

static void piece(struct page *p, const char *text)
{
    // Every caller left room for a whole row, so this cannot refuse.
    (void)nh_json_buf_sink(&p->b, text, strlen(text));
}

// Begins a row if it surely fits; the rest comes with the next part.
static bool row_begin(struct page *p, size_t row_max_bytes)
{
    if (p->left == 0 || p->b.cap - p->b.len < row_max_bytes)
        return false;
    if (p->has_row)
        piece(p, ",");
    p->has_row = true;
    nh_json_writer_init(&p->w, nh_json_buf_sink, &p->b);
    nh_json_object_begin(&p->w);
    return true;
}

// A topic and a payload of 128 bytes each, 6 bytes a character at worst. The topic to go on after
// is told whole, and may be of any length: it goes out in pieces.
#define RETAINED_ROW_MAX_BYTES 1900
#define RETAINED_TOPIC_TOLD_BYTES 128
#define NEXT_PIECE_BYTES 64

static bool retained_row(void *ctx, const struct nh_mqtt_message *m)
{
    struct page *p = ctx;
    if (m->topic.len + 1 > p->after_cap || !row_begin(p, RETAINED_ROW_MAX_BYTES))
        return false;
    nh_json_writer_t *w = &p->w;
    nh_json_key(w, "topic");
    nh_json_string_n(w, (const char *)m->topic.ptr,
                     nh_mqtt_api__told_len(m->topic.ptr, m->topic.len, RETAINED_TOPIC_TOLD_BYTES));
    nh_json_kv_uint(w, "qos", m->qos);
    nh_json_kv_uint(w, "bytes", m->payload.len);
    nh_mqtt_api__payload(w, m->payload.ptr, m->payload.len);
    nh_mqtt_api__kv_more(w, m);
    nh_json_object_end(w);
    memcpy(p->after, m->topic.ptr, m->topic.len);
    p->after[m->topic.len] = 0;
    p->left--;
    p->next++;
    return true;
}

enum { RETAINED_HEAD, RETAINED_ROWS, RETAINED_NEXT, RETAINED_END };

static void retained_head(struct page *p)
{
    struct nh_mqtt_info info;
    char head[64];
    nh_mqtt_broker_info(nh_mqtt_api__config(p->api)->broker, &info);
    snprintf(head, sizeof head, "{\"total\":%u,\"messages\":[", (unsigned)info.retained_count);
    piece(p, head);
    p->step = RETAINED_ROWS;
}

static void retained_rows(struct page *p)
{
    size_t before = p->next;
    nh_mqtt_broker_retained(nh_mqtt_api__config(p->api)->broker, p->after, retained_row, p);
    bool is_end = p->b.cap - p->b.len >= RETAINED_ROW_MAX_BYTES || p->next == before;
    if (p->left == 0) {
        piece(p, "],\"next\":\"");
        p->step = RETAINED_NEXT;
    } else if (is_end) {
        piece(p, "],\"next\":null}");
        p->step = RETAINED_END;
    }
}

// One more piece of the topic to go on after, without the quotes around it. False: no room.
static bool retained_next(struct page *p)
{
    char quoted[NEXT_PIECE_BYTES * 6 + 2];
    struct nh_json_buf b = {.ptr = quoted, .cap = sizeof quoted};
    nh_json_writer_t w;
    size_t left = strlen(p->after + p->after_told);
    if (p->b.cap - p->b.len < sizeof quoted)
        return false;
    if (left == 0) {
        piece(p, "\"}");
        p->step = RETAINED_END;
        return false;
    }
    size_t n = nh_mqtt_api__told_len(p->after + p->after_told, left, NEXT_PIECE_BYTES);
    nh_json_writer_init(&w, nh_json_buf_sink, &b);
    nh_json_string_n(&w, p->after + p->after_told, n);
    (void)nh_json_buf_sink(&p->b, quoted + 1, b.len - 2);
    p->after_told += n;
    return true;
}

static int produce_retained(nh_request_t *req, char *out, size_t cap)
{
    struct page *p = req->state;
    p->b = (struct nh_json_buf){.ptr = out, .cap = cap};
    if (p->step == RETAINED_HEAD)
        retained_head(p);
    // A part may end with less room than the shortest piece here; then the next one goes on.
    if (p->step == RETAINED_ROWS && p->b.cap - p->b.len >= sizeof "],\"next\":null}")
        retained_rows(p);
    while (p->step == RETAINED_NEXT && retained_next(p))
        continue;
    return (int)p->b.len;
}

int nh_mqtt_api__get_retained(nh_request_t *req)
{
    struct page *p = page_new(req);
    const char *after = p ? nh_request_param(req, "after") : NULL;
    if (!p)
        return 0;
    // Taken for absent, it would begin the list anew, and a reader of pages would never end.
    nh_span_t raw;
    if (!after && nh_http_query_find(req->query, "after", &raw))
        return nh_reply_error(req, 400, "bad_value", "after is no topic, or too long to be read.");
    p->after_cap = nh_mqtt_api__config(p->api)->limits.topic_max_bytes + 1u;
    p->after = nh_arena_alloc(req->arena, p->after_cap);
    if (!p->after)
        return NH_ERR_NOMEM;
    if (after && strlen(after) >= p->after_cap)
        return nh_reply_error(req, 400, "bad_value", "after has %u bytes, limit %u.",
                              (unsigned)strlen(after), (unsigned)p->after_cap - 1);
    snprintf(p->after, p->after_cap, "%s", after ? after : "");
    return nh_reply_stream(req, 200, "application/json", produce_retained);
}
