#include "harness/run.h"

#include "core/base/base64.h"

#include <string.h>

#define BODY_BEGIN_BYTES NH_KIB(16)
#define LOOK_MS 100 // how often the progress line changes while a reply is awaited

bool nh_harness_host(struct nh_harness_run *r, char *out, size_t cap)
{
    // The address that the device told is the one that it has now.
    nh_lock_acquire(&r->lock);
    snprintf(out, cap, "%s", r->figures.address[0] ? r->figures.address : r->o->host);
    nh_lock_release(&r->lock);
    return out[0] != 0;
}

void nh_harness_url(struct nh_harness_run *r, const char *path, char *out, size_t cap)
{
    char host[256];
    nh_harness_host(r, host, sizeof host);
    if (r->o->http_port == 80)
        snprintf(out, cap, "http://%s%s", host, path);
    else
        snprintf(out, cap, "http://%s:%u%s", host, (unsigned)r->o->http_port, path);
}

// ---- one reply ---------------------------------------------------------------------------------

static void copy_header(char *out, size_t cap, const char *value)
{
    snprintf(out, cap, "%s", value ? value : "");
}

static void keep_headers(struct nh_harness_request *q, const struct nh_http_header *all,
                         size_t count)
{
    q->headers_len = 0;
    for (size_t i = 0; i < count; i++) {
        size_t name = strlen(all[i].name) + 1, value = strlen(all[i].value) + 1;
        if (q->headers_len + name + value > sizeof q->headers)
            return;
        memcpy(q->headers + q->headers_len, all[i].name, name);
        memcpy(q->headers + q->headers_len + name, all[i].value, value);
        q->headers_len += name + value;
    }
}

static int on_head(void *ctx, nh_http_request_t *request, const struct nh_http_reply_head *head)
{
    struct nh_harness_request *q = ctx;
    size_t count;
    const struct nh_http_header *all = nh_http_reply_headers(request, &count);
    q->status = head->status;
    q->content_length = head->content_length;
    copy_header(q->content_type_got, sizeof q->content_type_got,
                nh_http_reply_header(request, "content-type"));
    copy_header(q->content_encoding, sizeof q->content_encoding,
                nh_http_reply_header(request, "content-encoding"));
    if (q->keep_body)
        keep_headers(q, all, count);
    return q->head_only;
}

static int on_body(void *ctx, nh_http_request_t *request, const uint8_t *bytes, size_t len)
{
    struct nh_harness_request *q = ctx;
    (void)request;
    if (!q->keep_body)
        return 0;
    if (q->reply_bytes + len > q->reply_cap) {
        size_t cap = q->reply_cap ? q->reply_cap * 2 : BODY_BEGIN_BYTES;
        uint8_t *reply = nh_mem_realloc(q->run->mem, q->reply, cap, NH_MEM_BULK);
        if (!reply)
            return NH_ERR_NOMEM;
        q->reply = reply;
        q->reply_cap = cap;
    }
    memcpy(q->reply + q->reply_bytes, bytes, len);
    q->reply_bytes += len;
    return 0;
}

static void on_end(void *ctx, nh_http_request_t *request, int err)
{
    struct nh_harness_request *q = ctx;
    q->err = err;
    if (err) {
        q->status = 0;
        snprintf(q->reason, sizeof q->reason, "%s", nh_http_request_reason(request));
    }
    q->took_ms = (uint32_t)(nh_clock_ms() - q->begin_ms);
    q->handle = NULL;
    q->run->requests_open--;
    nh_loop_stop(q->run->loop);
}

// ---- requests ----------------------------------------------------------------------------------

static int request_begin(struct nh_harness_run *r, struct nh_harness_request *q)
{
    char url[600];
    struct nh_http_header headers[3] = {{"User-Agent", "nuthatch-harness/" NH_VERSION}};
    size_t count = 1;
    nh_harness_url(r, q->path, url, sizeof url);
    if (r->authorization[0])
        headers[count++] = (struct nh_http_header){"Authorization", r->authorization};
    if (q->content_type)
        headers[count++] = (struct nh_http_header){"Content-Type", q->content_type};
    const struct nh_http_request_config cfg = {.method = q->method,
                                               .url = url,
                                               .headers = headers,
                                               .header_count = count,
                                               .body = q->body,
                                               .body_bytes = q->body_bytes,
                                               .no_reply = q->no_reply,
                                               .connect_ms = q->timeout_ms,
                                               .total_ms = q->timeout_ms,
                                               .body_max_bytes = NH_HARNESS_BODY_MAX_BYTES,
                                               .handler = {q, on_head, on_body, on_end}};
    q->run = r;
    q->begin_ms = nh_clock_ms();
    q->content_length = -1;
    return nh_http_request_start(r->client, &cfg, &q->handle);
}

static struct nh_harness_route *route_of(struct nh_harness_run *r,
                                         const struct nh_harness_request *q)
{
    const char *method = q->method ? q->method : "GET";
    const size_t len = strcspn(q->path, "?");
    for (uint32_t i = 0; i < r->route_count; i++)
        if (strcmp(r->routes[i].method, method) == 0 && strlen(r->routes[i].path) == len &&
            memcmp(r->routes[i].path, q->path, len) == 0)
            return &r->routes[i];
    if (r->route_count == NH_HARNESS_ROUTES_MAX_COUNT || len >= sizeof r->routes[0].path)
        return NULL;
    struct nh_harness_route *route = &r->routes[r->route_count++];
    snprintf(route->method, sizeof route->method, "%s", method);
    snprintf(route->path, sizeof route->path, "%.*s", (int)len, q->path);
    return route;
}

static bool is_good(const struct nh_harness_request *q)
{
    if (q->no_reply)
        return true; // nobody waits for it, and a device that reboots need not take it all
    const int min = q->min_status ? q->min_status : 200;
    return q->status >= min && q->status <= (q->max_status ? q->max_status : min);
}

static void request_end(struct nh_harness_run *r, struct nh_harness_request *q)
{
    struct nh_harness_route *route = route_of(r, q);
    const char *method = q->method ? q->method : "GET";
    const bool good = is_good(q);
    r->request_count++;
    r->failed_count += !good;
    if (route) {
        route->count++;
        route->failed_count += !good;
        if (q->took_ms > route->max_ms)
            route->max_ms = q->took_ms;
    }
    nh_harness_write_request(r, q);
    if (q->err == NH_ERR_CANCELLED)
        return; // by us, and the verdict says so
    if (!good && q->status)
        nh_harness_fail(r, "requests", "%s %s answered %d", method, q->path, q->status);
    else if (!good)
        nh_harness_fail(r, "requests", "%s %s failed: %s", method, q->path, q->reason);
}

// Nobody waits for the answers any more.
static void give_up(struct nh_harness_run *r)
{
    for (size_t i = 0; i < r->burst_count; i++) {
        struct nh_harness_request *q = &r->burst[i];
        if (!q->handle)
            continue;
        nh_http_request_cancel(q->handle);
        q->handle = NULL;
        q->status = 0;
        q->err = NH_ERR_CANCELLED;
        snprintf(q->reason, sizeof q->reason, "interrupted");
        r->requests_open--;
    }
    nh_loop_stop(r->loop);
}

static void request_start(struct nh_harness_run *r, struct nh_harness_request *q)
{
    int err = nh_harness_is_interrupted() ? NH_ERR_CANCELLED : request_begin(r, q);
    q->err = err;
    r->requests_open += err == NH_OK;
    if (err)
        snprintf(q->reason, sizeof q->reason, "%s", nh_err_text(err));
}

void nh_harness_requests(struct nh_harness_run *r, struct nh_harness_request *q, size_t count,
                         size_t parallel)
{
    size_t begun = 0;
    r->burst = q;
    r->burst_count = count;
    while (begun < count || r->requests_open > 0) {
        while (begun < count && r->requests_open < parallel)
            request_start(r, &q[begun++]);
        if (r->requests_open > 0)
            nh_loop_run(r->loop);
    }
    r->burst = NULL;
    r->burst_count = 0;
    for (size_t i = 0; i < count; i++)
        request_end(r, &q[i]);
}

bool nh_harness_request(struct nh_harness_run *r, struct nh_harness_request *q)
{
    nh_harness_requests(r, q, 1, 1);
    return is_good(q);
}

void nh_harness_request_free(struct nh_harness_run *r, struct nh_harness_request *q)
{
    nh_mem_free(r->mem, q->reply);
    q->reply = NULL;
    q->reply_bytes = q->reply_cap = 0;
}

// ---- the client --------------------------------------------------------------------------------

// While a reply is awaited the line on the terminal goes on.
static uint64_t look_next(void *ctx)
{
    const struct nh_harness_run *r = ctx;
    return r->requests_open > 0 ? r->look_ms + LOOK_MS : NH_NEVER;
}

static void look_fire(void *ctx, uint64_t now_ms)
{
    struct nh_harness_run *r = ctx;
    r->look_ms = now_ms;
    nh_harness_tick(r);
    if (nh_harness_is_interrupted())
        give_up(r);
}

static int set_authorization(struct nh_harness_run *r)
{
    char code[300];
    if (!r->o->auth)
        return NH_OK;
    int n = nh_base64_encode(r->o->auth, strlen(r->o->auth), code, sizeof code);
    snprintf(r->authorization, sizeof r->authorization, "Basic %s", n > 0 ? code : "");
    return n < 0 ? NH_ERR_TOO_LONG : NH_OK;
}

int nh_harness_web_start(struct nh_harness_run *r)
{
    const struct nh_loop_deadline look = {look_next, look_fire, r};
    int err = set_authorization(r);
    if (!err)
        err = nh_loop_create(r->mem, &r->loop);
    if (!err)
        err = nh_loop_deadline_add(r->loop, &look);
    const struct nh_http_client_config cfg = {.loop = r->loop,
                                              .mem = r->mem,
                                              .request_max_count = NH_HARNESS_REQUESTS_MAX_COUNT,
                                              .head_max_bytes = NH_KIB(16),
                                              .read_buffer_bytes = NH_KIB(16)};
    return err ? err : nh_http_client_create(&cfg, &r->client);
}

void nh_harness_web_stop(struct nh_harness_run *r)
{
    nh_http_client_destroy(r->client);
    if (r->loop)
        nh_loop_destroy(r->loop);
    r->client = NULL;
    r->loop = NULL;
}
