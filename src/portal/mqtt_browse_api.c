// Looking around in the broker: retained topics as a tree, a level at a time, and what a client
// subscribed to. Both are streamed row by row.

#include "core/http/text.h"
#include "portal/mqtt_api_private.h"

#include <stdio.h>
#include <string.h>

#define COUNT_DEFAULT 100
#define LEVEL_TOLD_BYTES 128
#define CLIENT_ID_MAX_BYTES 256
#define ROW_MAX_BYTES 1900  // a level and a payload, or a filter, of 6 bytes a character at worst
#define END_MAX_BYTES 48    // what closes the list behind the last row
#define NEXT_PIECE_BYTES 64 // where to go on may be of any length: it goes out in pieces

enum step { STEP_HEAD, STEP_ROWS, STEP_NEXT, STEP_END };

struct browse {
    nh_mqtt_broker_t *broker;
    struct nh_json_buf b;
    nh_json_writer_t w;
    enum step step;
    size_t left;
    bool has_row, is_cut; // cut: a row did not fit, or enough were told
    struct nh_mqtt_topic_walk walk;
    size_t next_told;
    nh_span_t client;
    size_t at; // of the next subscription
};

static void piece(struct browse *k, const char *text)
{
    (void)nh_json_buf_sink(&k->b, text, strlen(text)); // its callers left room
}

static bool row_begin(struct browse *k)
{
    k->is_cut = k->left == 0 || k->b.cap - k->b.len < ROW_MAX_BYTES + END_MAX_BYTES;
    if (k->is_cut)
        return false;
    if (k->has_row)
        piece(k, ",");
    k->has_row = true;
    k->left--;
    nh_json_writer_init(&k->w, nh_json_buf_sink, &k->b);
    nh_json_object_begin(&k->w);
    return true;
}

// A text of a topic or a filter; "is_cut" tells that it is longer.
static void kv_text(nh_json_writer_t *w, const char *key, nh_span_t text, size_t whole_len)
{
    size_t told = nh_mqtt_api__told_len(text.ptr, text.len, LEVEL_TOLD_BYTES);
    nh_json_key(w, key);
    nh_json_string_n(w, (const char *)text.ptr, told);
    if (told < whole_len)
        nh_json_kv_bool(w, "is_cut", true);
}

static struct browse *browse_new(nh_request_t *req)
{
    struct browse *k = nh_arena_alloc(req->arena, sizeof *k);
    if (!k) {
        NH_IGNORE(nh_reply_err(req, NH_ERR_NOMEM));
        return NULL;
    }
    memset(k, 0, sizeof *k);
    k->broker = nh_mqtt_api__config(req->ctx)->broker;
    k->left = COUNT_DEFAULT;
    req->state = k;
    return nh_mqtt_api__number(req, "count", NH_MQTT_API_PAGE_MAX_COUNT, &k->left) < 0 ? NULL : k;
}

// ---- GET /api/mqtt/topics -----------------------------------------------------------------------

static bool topic_row(void *ctx, const struct nh_mqtt_topic_info *t)
{
    struct browse *k = ctx;
    if (!row_begin(k))
        return false;
    kv_text(&k->w, "level", t->level, t->level.len);
    nh_json_kv_bool(&k->w, "has_children", t->has_children);
    if (t->has_message) {
        nh_json_kv_uint(&k->w, "qos", t->message.qos);
        nh_json_kv_uint(&k->w, "bytes", t->message.payload.len);
        nh_mqtt_api__payload(&k->w, t->message.payload.ptr, t->message.payload.len);
        nh_mqtt_api__kv_more(&k->w, &t->message);
    }
    nh_json_object_end(&k->w);
    return true;
}

static void topics_rows(struct browse *k)
{
    k->is_cut = false;
    NH_IGNORE(nh_mqtt_broker_topics(k->broker, &k->walk, topic_row, k)); // the key is large enough
    if (k->is_cut && k->left > 0)
        return; // the rest in the next part
    k->step = k->is_cut ? STEP_NEXT : STEP_END;
    piece(k, k->is_cut ? "],\"next\":\"" : "],\"next\":null}");
}

// One more piece of the key to go on with, without the quotes around it. False: no room, or done.
static bool topics_next(struct browse *k)
{
    char quoted[NEXT_PIECE_BYTES * 6 + 2];
    struct nh_json_buf b = {.ptr = quoted, .cap = sizeof quoted};
    size_t left = k->walk.key_len - k->next_told;
    if (k->b.cap - k->b.len < sizeof quoted)
        return false;
    if (left == 0) {
        piece(k, "\"}");
        k->step = STEP_END;
        return false;
    }
    const uint8_t *from = k->walk.key + k->next_told;
    size_t n = nh_mqtt_api__told_len(from, left, NEXT_PIECE_BYTES);
    nh_json_writer_init(&k->w, nh_json_buf_sink, &b);
    nh_json_string_n(&k->w, (const char *)from, n);
    (void)nh_json_buf_sink(&k->b, quoted + 1, b.len - 2);
    k->next_told += n;
    return true;
}

static int produce_topics(nh_request_t *req, char *out, size_t cap)
{
    struct browse *k = req->state;
    k->b = (struct nh_json_buf){.ptr = out, .cap = cap};
    if (k->step == STEP_HEAD) {
        piece(k, "{\"topics\":[");
        k->step = STEP_ROWS;
    }
    if (k->step == STEP_ROWS)
        topics_rows(k);
    while (k->step == STEP_NEXT && topics_next(k))
        continue;
    return (int)k->b.len;
}

// A text of the query that may be a whole topic. NULL in `*out`: it is not there. NH_ERR_RANGE: the
// reply says so.
static int topic_param(nh_request_t *req, const char *name, size_t max, const char **out)
{
    nh_span_t raw;
    *out = nh_request_param(req, name);
    bool is_there = *out || nh_http_query_find(req->query, name, &raw);
    if (is_there && (!*out || strlen(*out) > max)) {
        NH_IGNORE(nh_reply_error(req, 400, "bad_value", "%s is no topic, or has over %u bytes.",
                                 name, (unsigned)max));
        return NH_ERR_RANGE;
    }
    return NH_OK;
}

int nh_mqtt_api__get_topics(nh_request_t *req)
{
    size_t topic_max = nh_mqtt_api__config(req->ctx)->limits.topic_max_bytes;
    struct browse *k = browse_new(req);
    const char *parent, *from;
    if (!k || topic_param(req, "parent", topic_max, &parent) < 0 ||
        topic_param(req, "from", topic_max + 2, &from) < 0)
        return 0;
    k->walk.key_cap = topic_max + 2;
    k->walk.key = nh_arena_alloc(req->arena, k->walk.key_cap);
    if (!k->walk.key)
        return NH_ERR_NOMEM;
    if (parent) {
        k->walk.parent = (nh_span_t){(const uint8_t *)parent, strlen(parent)};
        k->walk.has_parent = true;
    }
    if (from) {
        k->walk.key_len = strlen(from);
        memcpy(k->walk.key, from, k->walk.key_len);
    }
    return nh_reply_stream(req, 200, "application/json", produce_topics);
}

// ---- GET /api/mqtt/subscriptions ----------------------------------------------------------------

static bool subscription_row(void *ctx, const struct nh_mqtt_subscription_info *s)
{
    struct browse *k = ctx;
    if (!row_begin(k))
        return false;
    kv_text(&k->w, "filter", s->filter, s->filter_len);
    nh_json_kv_uint(&k->w, "qos", s->qos);
    nh_json_kv_bool(&k->w, "no_local", s->no_local);
    nh_json_kv_bool(&k->w, "retain_as_published", s->retain_as_published);
    nh_json_kv_uint(&k->w, "retain_handling", s->retain_handling);
    if (s->id)
        nh_json_kv_uint(&k->w, "identifier", s->id);
    nh_json_object_end(&k->w);
    k->at++;
    return true;
}

static int produce_subscriptions(nh_request_t *req, char *out, size_t cap)
{
    struct browse *k = req->state;
    k->b = (struct nh_json_buf){.ptr = out, .cap = cap};
    if (k->step == STEP_HEAD)
        piece(k, "{\"subscriptions\":[");
    if (k->step == STEP_END)
        return 0;
    k->step = STEP_ROWS;
    k->is_cut = false;
    // A client that goes meanwhile has none any more: the list ends.
    NH_IGNORE(nh_mqtt_broker_subscriptions(k->broker, k->client, k->at, subscription_row, k));
    if (k->is_cut && k->left > 0)
        return (int)k->b.len;
    char end[END_MAX_BYTES];
    snprintf(end, sizeof end, k->is_cut ? "],\"next\":%zu}" : "],\"next\":null}", k->at);
    piece(k, end);
    k->step = STEP_END;
    return (int)k->b.len;
}

int nh_mqtt_api__get_subscriptions(nh_request_t *req)
{
    struct browse *k = browse_new(req);
    const char *client;
    if (!k || nh_mqtt_api__number(req, "first", INT32_MAX, &k->at) < 0)
        return 0;
    client = nh_request_param(req, "client");
    size_t len = client ? strlen(client) : 0;
    if (len == 0 || len > CLIENT_ID_MAX_BYTES)
        return nh_reply_error(req, 400, "bad_value", "client is an id of 1 to %u bytes.",
                              (unsigned)CLIENT_ID_MAX_BYTES);
    k->client = (nh_span_t){(const uint8_t *)client, len}; // in the arena
    if (nh_mqtt_broker_subscriptions(k->broker, k->client, SIZE_MAX, subscription_row, k) < 0)
        return nh_reply_error(req, 404, NULL, "No client and no kept session has this id.");
    return nh_reply_stream(req, 200, "application/json", produce_subscriptions);
}
