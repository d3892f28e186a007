// Clients and kept sessions: searched, ordered and paged by the broker, streamed row by row; and
// sent away.

#include "core/base/log.h"
#include "portal/mqtt_api_private.h"

#include <stdio.h>
#include <string.h>

#define COUNT_DEFAULT 50
#define CLIENT_ID_MAX_BYTES 256
#define ID_TOLD_BYTES 128
#define USER_TOLD_BYTES 32
#define END_MAX_BYTES 2

enum step { STEP_HEAD, STEP_ROWS, STEP_END };

struct clients {
    const struct nh_mqtt_api_config *cfg;
    struct nh_json_buf b;
    enum step step;
    size_t first, left;
    bool has_row, is_cut; // cut: a row did not fit, and comes with the next part
    struct nh_mqtt_client_walk walk;
};

static void piece(struct clients *k, const char *text)
{
    (void)nh_json_buf_sink(&k->b, text, strlen(text)); // its callers left room
}

// NULL: it is not connected; its session is of no version.
static const char *version_text(unsigned version)
{
    return version == 5 ? "5.0" : version == 4 ? "3.1.1" : NULL;
}

static void kv_uint_or_null(nh_json_writer_t *w, const char *key, uint32_t v)
{
    if (v == UINT32_MAX)
        nh_json_kv_null(w, key);
    else
        nh_json_kv_uint(w, key, v);
}

static void write_way(nh_json_writer_t *w, const struct nh_mqtt_api_config *cfg,
                      const struct nh_mqtt_client_info *c)
{
    char peer[64] = "";
    struct nh_mqtt_api_way way = {.listener = -1, .protocol = c->is_own ? "bridge" : NULL};
    if (c->user && cfg->peer)
        cfg->peer(cfg->ctx, c->user, peer, sizeof peer);
    if (c->user && cfg->way)
        cfg->way(cfg->ctx, c->user, &way);
    nh_json_kv_string(w, "peer", peer[0] ? peer : NULL);
    nh_json_kv_string(w, "protocol", way.protocol);
    nh_json_kv_bool(w, "tls", way.has_tls);
    if (way.listener < 0)
        nh_json_kv_null(w, "listener");
    else
        nh_json_kv_int(w, "listener", way.listener);
}

static void write_name(nh_json_writer_t *w, const struct nh_mqtt_client_info *c)
{
    const char *user = c->user_name && c->user_name[0] ? c->user_name : NULL;
    size_t len = strlen(c->client_id);
    size_t told = nh_mqtt_api__told_len(c->client_id, len, ID_TOLD_BYTES);
    nh_json_key(w, "id");
    nh_json_string_n(w, c->client_id, told);
    if (told < len)
        nh_json_kv_bool(w, "is_cut", true);
    nh_json_key(w, "user");
    if (user)
        nh_json_string_n(w, user, nh_mqtt_api__told_len(user, strlen(user), USER_TOLD_BYTES));
    else
        nh_json_null(w);
}

static void write_times(nh_json_writer_t *w, const struct nh_mqtt_api_config *cfg,
                        const struct nh_mqtt_client_info *c)
{
    nh_json_kv_uint(w, "keepalive_s", c->keepalive_s);
    kv_uint_or_null(w, "session_expiry_s", c->session_expiry_s);
    if (c->is_connected)
        nh_json_kv_int(w, "connected_unix_ms",
                       cfg->clock_unix_ms() - (int64_t)(cfg->clock_ms() - c->connected_ms));
    else
        nh_json_kv_null(w, "connected_unix_ms");
    if (!c->is_connected)
        kv_uint_or_null(w, "away_s", c->away_s);
}

static void write_row(nh_json_writer_t *w, const struct nh_mqtt_api_config *cfg,
                      const struct nh_mqtt_client_info *c)
{
    nh_json_object_begin(w);
    write_name(w, c);
    write_way(w, cfg, c);
    nh_json_kv_bool(w, "connected", c->is_connected);
    nh_json_kv_bool(w, "clean", c->is_clean);
    nh_json_kv_string(w, "version", version_text(c->version));
    write_times(w, cfg, c);
    nh_json_kv_uint(w, "subscriptions", c->subscription_count);
    nh_json_kv_uint(w, "inflight", c->inflight_count);
    nh_json_kv_uint(w, "queued_messages", c->queued_messages);
    nh_json_kv_uint(w, "queued_bytes", c->queued_bytes);
    nh_json_kv_uint(w, "paged_messages", c->paged_messages);
    nh_json_kv_uint(w, "messages_in", c->messages_in);
    nh_json_kv_uint(w, "messages_out", c->messages_out);
    nh_json_kv_uint(w, "bytes_in", c->bytes_in);
    nh_json_kv_uint(w, "bytes_out", c->bytes_out);
    nh_json_kv_uint(w, "dropped", c->dropped);
    nh_json_object_end(w);
}

// One that does not fit is taken back. The longest, an id and a user of 6 bytes a character, has
// less than 1800 bytes: it fits where nothing stands before it but the head.
static bool client_row(void *ctx, const struct nh_mqtt_client_info *c)
{
    struct clients *k = ctx;
    size_t before = k->b.len;
    nh_json_writer_t w;
    if (k->left == 0)
        return false;
    if (k->has_row)
        piece(k, ",");
    nh_json_writer_init(&w, nh_json_buf_sink, &k->b);
    write_row(&w, k->cfg, c);
    k->is_cut = nh_json_writer_end(&w) < 0;
    if (k->is_cut) {
        k->b.len = before;
        return false;
    }
    k->has_row = true;
    k->left--;
    return true;
}

static int produce_clients(nh_request_t *req, char *out, size_t cap)
{
    struct clients *k = req->state;
    nh_mqtt_broker_t *broker = k->cfg->broker;
    k->b = (struct nh_json_buf){.ptr = out, .cap = cap - END_MAX_BYTES};
    if (k->step == STEP_END)
        return 0;
    if (k->step == STEP_HEAD) {
        char head[96];
        snprintf(head, sizeof head, "{\"total\":%zu,\"first\":%zu,\"clients\":[",
                 nh_mqtt_broker_clients_count(broker, &k->walk), k->first);
        piece(k, head);
        k->step = STEP_ROWS;
    }
    k->is_cut = false;
    if (k->left > 0)
        nh_mqtt_broker_clients_walk(broker, &k->walk, client_row, k);
    if (!k->is_cut) {
        k->b.cap = cap;
        piece(k, "]}");
        k->step = STEP_END;
    }
    return (int)k->b.len;
}

// ---- what is asked for --------------------------------------------------------------------------

// In the order of enum nh_mqtt_client_key.
static const char *const keys[] = {"id",       "user",   "since",   "keepalive",   "subscriptions",
                                   "inflight", "queued", "dropped", "messages_in", "messages_out",
                                   "bytes",    NULL};
static const char *const states[] = {"any", "connected", "away", NULL};
static const char *const orders[] = {"up", "down", NULL};

// One of `names` by the query; without it `*out` stays. NH_ERR_RANGE: the reply says so.
static int choice(nh_request_t *req, const char *name, const char *const names[], int *out)
{
    const char *text = nh_request_param(req, name);
    if (!text)
        return NH_OK;
    for (int i = 0; names[i]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = i;
            return NH_OK;
        }
    }
    NH_IGNORE(nh_reply_error(req, 400, "bad_value",
                             "%s is \"%.32s\"; docs/http.md says what it can be.", name, text));
    return NH_ERR_RANGE;
}

static int read_query(nh_request_t *req, struct clients *k)
{
    int key = NH_MQTT_BY_ID, state = NH_MQTT_ANY, order = 0;
    const char *client = nh_request_param(req, "client");
    const char *text = client ? client : nh_request_param(req, "find");
    if (nh_mqtt_api__number(req, "first", INT32_MAX, &k->first) < 0 ||
        nh_mqtt_api__number(req, "count", NH_MQTT_API_PAGE_MAX_COUNT, &k->left) < 0 ||
        choice(req, "sort", keys, &key) < 0 || choice(req, "state", states, &state) < 0 ||
        choice(req, "order", orders, &order) < 0)
        return NH_ERR_RANGE;
    if (text && strlen(text) > CLIENT_ID_MAX_BYTES) {
        NH_IGNORE(nh_reply_error(req, 400, "bad_value", "find has %u bytes, limit %u.",
                                 (unsigned)strlen(text), (unsigned)CLIENT_ID_MAX_BYTES));
        return NH_ERR_RANGE;
    }
    k->walk.key = (enum nh_mqtt_client_key)key;
    k->walk.state = (enum nh_mqtt_client_state)state;
    k->walk.is_down = order == 1;
    k->walk.skip = k->first;
    k->walk.is_whole = client != NULL;
    if (text)
        k->walk.text = (nh_span_t){(const uint8_t *)text, strlen(text)}; // in the arena
    return NH_OK;
}

int nh_mqtt_api__get_clients(nh_request_t *req)
{
    struct clients *k = nh_arena_alloc(req->arena, sizeof *k);
    if (!k)
        return NH_ERR_NOMEM;
    memset(k, 0, sizeof *k);
    k->cfg = nh_mqtt_api__config(req->ctx);
    k->left = COUNT_DEFAULT;
    req->state = k;
    if (read_query(req, k) < 0)
        return 0; // the reply is there
    return nh_reply_stream(req, 200, "application/json", produce_clients);
}

// ---- sent away ----------------------------------------------------------------------------------

struct client_body {
    char client[CLIENT_ID_MAX_BYTES + 1];
};

static const nh_json_field_t client_fields[] = {
    {.name = "client",
     .type = NH_JSON_T_STRING,
     .required = true,
     NH_JSON_AT(struct client_body, client)},
    NH_JSON_FIELDS_END,
};

typedef int (*away_fn)(nh_mqtt_broker_t *b, nh_span_t client_id, uint64_t now_ms);

// The reply to what went well is there already: then there was memory for it before anything was
// done.
static int reply_away(nh_request_t *req, int err)
{
    if (err == NH_ERR_NOT_FOUND)
        return nh_reply_error(req, 404, NULL, "No such client. Nothing was changed.");
    if (err == NH_ERR_DENIED)
        return nh_reply_error(req, 403, NULL,
                              "It is a part of the hub, and would come back. Nothing was changed.");
    if (err < 0)
        return nh_reply_error(req, 503, NULL, "%s. Nothing was changed.", nh_err_text(err));
    return 0;
}

static int send_away(nh_request_t *req, away_fn fn, const char *what)
{
    const struct nh_mqtt_api_config *cfg = nh_mqtt_api__config(req->ctx);
    struct client_body *body = nh_arena_alloc(req->arena, sizeof *body);
    bool ok;
    if (!body)
        return NH_ERR_NOMEM;
    memset(body, 0, sizeof *body);
    int err = nh_request_decode(req, client_fields, body, "Nothing was changed.", &ok);
    if (!ok)
        return err;
    nh_span_t id = {(const uint8_t *)body->client, strlen(body->client)};
    err = nh_mqtt_api__reply_ok(req);
    if (err < 0)
        return err;
    err = fn(cfg->broker, id, cfg->clock_ms());
    nh_mqtt_broker_turn_end(cfg->broker);
    if (err == 0)
        NH_LOG_I("mqtt", "%s %s by %s", body->client, what, req->user ? req->user : req->peer);
    nh_mqtt_api_clients_changed(req->ctx);
    return reply_away(req, err);
}

int nh_mqtt_api__post_disconnect(nh_request_t *req)
{
    return send_away(req, nh_mqtt_broker_disconnect, "disconnected");
}

int nh_mqtt_api__post_forget(nh_request_t *req)
{
    return send_away(req, nh_mqtt_broker_forget, "forgotten");
}
