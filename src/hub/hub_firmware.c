// What runs here and what ran before, and the routes by which the older firmware was updated. They
// write nothing: this hub is a program of its host, which updates it, or it takes signed images at
// /api/ota; the answers say so.

#include "hub/hub_parts.h"

#include <string.h>

#define HISTORY_DOC "firmware"
#define HISTORY_MAX_COUNT 8
#define HISTORY_DOC_MAX_BYTES 1024
#define UPLOAD_MAX_BYTES NH_MIB(16)
#define UPLOAD_HEAD_BYTES 1024 // of the first part: that has the file's name

struct history {
    uint32_t count;
    struct version {
        char version[32];
        int64_t unix_ms; // first started
    } version[HISTORY_MAX_COUNT];
};

static const nh_json_field_t version_fields[] = {
    {.name = "version", .type = NH_JSON_T_STRING, NH_JSON_AT(struct version, version)},
    {.name = "unix_ms",
     .type = NH_JSON_T_INT,
     .is_signed = true,
     NH_JSON_AT(struct version, unix_ms)},
    NH_JSON_FIELDS_END};
static const nh_json_field_t version_element = {
    .type = NH_JSON_T_OBJECT, .fields = version_fields, .size = sizeof(struct version)};
static const nh_json_field_t history_fields[] = {{.name = "history",
                                                  .type = NH_JSON_T_ARRAY,
                                                  .element = &version_element,
                                                  .offset = offsetof(struct history, version),
                                                  .count_offset = offsetof(struct history, count),
                                                  .count_max = HISTORY_MAX_COUNT},
                                                 NH_JSON_FIELDS_END};

// ---- the history --------------------------------------------------------------------------------

static void read_history(struct nh_hub *hub, struct history *h)
{
    char text[HISTORY_DOC_MAX_BYTES];
    *h = (struct history){0};
    int n = hub->store ? nh_store_read(hub->store, HISTORY_DOC, 0, 0, text, sizeof text) : 0;
    if (n > 0 && nh_json_decode(text, (size_t)n, history_fields, h, NULL, NULL, 0) < 0)
        *h = (struct history){0}; // it is for people: a damaged one begins anew
}

static int write_history(struct nh_hub *hub, const struct history *h)
{
    char text[HISTORY_DOC_MAX_BYTES];
    struct nh_json_buf buf = {.ptr = text, .cap = sizeof text};
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_json_encode_struct(&w, history_fields, h, 0);
    int err = nh_json_writer_end(&w);
    return err < 0 ? err : nh_store_put(hub->store, HISTORY_DOC, text, buf.len);
}

void nh_hub__note_version(struct nh_hub *hub)
{
    struct history h;
    read_history(hub, &h);
    if (!hub->store || (h.count > 0 && strcmp(h.version[h.count - 1].version, NH_VERSION) == 0))
        return;
    if (h.count == HISTORY_MAX_COUNT)
        memmove(&h.version[0], &h.version[1], --h.count * sizeof h.version[0]);
    h.version[h.count++] = (struct version){NH_VERSION, nh_clock_unix_ms()};
    int err = write_history(hub, &h);
    if (err < 0)
        NH_LOG_W("config", "version %s is not noted in the history: %s", NH_VERSION,
                 nh_err_text(err));
}

// ---- routes -------------------------------------------------------------------------------------

static void write_slots(const struct nh_hub *hub, nh_json_writer_t *w)
{
    nh_json_key(w, "slots");
    nh_json_array_begin(w);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "name", "program");
    nh_json_kv_string(w, "version", NH_VERSION);
    nh_json_kv_string(w, "state", "running");
    nh_json_kv_int(w, "size_bytes", hub->host.program_bytes);
    nh_json_object_end(w);
    nh_json_array_end(w);
}

static int get_firmware(nh_request_t *req)
{
    struct nh_hub *hub = req->ctx;
    struct history *h = nh_arena_alloc(req->arena, sizeof *h);
    nh_json_writer_t *w = h ? nh_reply_json(req, 200) : NULL;
    if (!w)
        return NH_ERR_NOMEM;
    if (hub->host_read_ms == 0)
        nh_host_info_get(&hub->host);
    read_history(hub, h);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "version", NH_VERSION);
    nh_json_kv_string(w, "board", hub->board->name);
    nh_json_kv_bool(w, "can_update", hub->ota != NULL);
    nh_json_kv_string(w, "reason",
                      hub->ota ? NULL : "This hub is a program of its host, which updates it.");
    write_slots(hub, w);
    nh_json_key(w, "history");
    nh_json_array_begin(w);
    for (uint32_t i = 0; i < h->count; i++) {
        nh_json_object_begin(w);
        nh_json_kv_string(w, "version", h->version[i].version);
        nh_json_kv_int(w, "unix_ms", h->version[i].unix_ms);
        nh_json_object_end(w);
    }
    nh_json_array_end(w);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

// The firmware looked for releases at GitHub if it was built to; this is its answer if not.
static int no_releases(nh_request_t *req)
{
    return nh_hub__reply_old(req, 404, "GitHub updates disabled");
}

static int get_update_status(nh_request_t *req)
{
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "enabled", false);
    nh_json_kv_bool(w, "in_progress", false);
    nh_json_kv_string(w, "state", "idle");
    nh_json_kv_uint(w, "progress", 0);
    nh_json_kv_uint(w, "total", 0);
    nh_json_kv_string(w, "latest_version", "");
    nh_json_kv_string(w, "error", "");
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

// ---- POST /api/update ---------------------------------------------------------------------------

struct upload {
    size_t len;
    char head[UPLOAD_HEAD_BYTES + 1];
};

static int update_body(nh_request_t *req, const uint8_t *bytes, size_t len)
{
    struct upload *u = req->state;
    if (!u) {
        u = nh_arena_alloc(req->arena, sizeof *u);
        if (!u)
            return NH_ERR_NOMEM;
        u->len = 0;
        req->state = u;
    }
    if (len > UPLOAD_HEAD_BYTES - u->len)
        len = UPLOAD_HEAD_BYTES - u->len;
    memcpy(u->head + u->len, bytes, len);
    u->len += len;
    u->head[u->len] = '\0';
    return 0;
}

// The file's name in the head of the first part ends with ".bin".
static bool is_firmware(const struct upload *u)
{
    static const char key[] = "filename=\"";
    const char *name = u ? strstr(u->head, key) : NULL;
    const char *end = name ? strchr(name + sizeof key - 1, '"') : NULL;
    return end && end - name >= (ptrdiff_t)sizeof key - 1 + 4 && memcmp(end - 4, ".bin", 4) == 0;
}

static int post_update(nh_request_t *req)
{
    if (!is_firmware(req->state))
        return nh_hub__reply_old(req, 400, "Only .bin files are supported");
    const struct nh_hub *hub = req->ctx;
    return nh_hub__reply_old(
        req, 500,
        hub->ota ? "OTA begin failed: signed images go to /api/ota"
                 : "OTA begin failed: this hub is a program of its host, which updates it");
}

static const nh_route_t routes[] = {
    {"GET", "/api/firmware", .flags = NH_ROUTE_OPERATOR, .handle = get_firmware,
     .text = "What runs, and what ran before"},
    {"GET", "/api/firmware/latest", .flags = NH_ROUTE_OPERATOR, .handle = no_releases,
     .text = "No releases are looked for: 404"},
    {"POST", "/api/firmware/update", .handle = no_releases,
     .text = "No releases are looked for: 404"},
    {"GET", "/api/firmware/update/status", .flags = NH_ROUTE_OPERATOR, .handle = get_update_status,
     .text = "The state of an update: idle"},
    {"POST", "/api/update", .body_max_bytes = UPLOAD_MAX_BYTES, .body = update_body,
     .handle = post_update, .text = "A firmware file; the host updates this hub: 500"},
    {NULL},
};

struct nh_route_table nh_hub__firmware_routes(struct nh_hub *hub)
{
    return (struct nh_route_table){.routes = routes, .ctx = hub, .name = "firmware"};
}
