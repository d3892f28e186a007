#include "harness/documents.h"
#include "harness/run.h"

#include <string.h>

// ---- documents read and posted back ------------------------------------------------------------

typedef const char *(*body_fn)(const void *reply, size_t len, struct nh_harness_text *out);

// GET `from`, then POST to `to` what `make` makes of it. False: a reply was not as it must be.
static bool post_back(struct nh_harness_run *r, const char *from, uint32_t get_ms, const char *to,
                      uint32_t post_ms, body_fn make)
{
    struct nh_harness_request get = {.path = from, .timeout_ms = get_ms, .keep_body = true};
    struct nh_harness_text body = {.mem = r->mem};
    nh_harness_say(r, "read %s", from);
    bool ok = nh_harness_request(r, &get);
    const char *wrong = ok ? make(get.reply, get.reply_bytes, &body) : NULL;
    if (wrong)
        nh_harness_fail(r, "requests", "GET %s: %s", from, wrong);
    if (ok && !wrong) {
        struct nh_harness_request post = {.method = "POST",
                                          .path = to,
                                          .content_type = "application/json",
                                          .body = body.ptr,
                                          .body_bytes = body.len,
                                          .timeout_ms = post_ms};
        nh_harness_say(r, "post %zu bytes to %s", body.len, to);
        ok = nh_harness_request(r, &post);
    }
    nh_harness_text_free(&body);
    nh_harness_request_free(r, &get);
    return ok && !wrong;
}

bool nh_harness_macros_round(struct nh_harness_run *r, uint32_t get_ms, uint32_t post_ms)
{
    return post_back(r, "/api/macros", get_ms, "/api/macros", post_ms, nh_harness_macros_body);
}

void nh_harness_config_look(struct nh_harness_run *r)
{
    struct nh_harness_request q = {.path = "/api/config", .timeout_ms = 10000, .keep_body = true};
    nh_harness_say(r, "read /api/config");
    if (nh_harness_request(r, &q) && nh_harness_is_empty_field(q.reply, q.reply_bytes, "mqtt_host"))
        nh_harness_note(r, "mqtt_host is empty: no broker is configured");
    nh_harness_request_free(r, &q);
}

// ---- what a browser does -----------------------------------------------------------------------

static void get_files(struct nh_harness_run *r, const char *page)
{
    const char *const paths[] = {page, "/portal.css", "/portal.js"};
    for (size_t i = 0; i < NH_ARRAY_LEN(paths); i++) {
        struct nh_harness_request q = {.path = paths[i], .timeout_ms = 10000};
        nh_harness_say(r, "load %s", paths[i]);
        nh_harness_request(r, &q);
        nh_harness_sleep(r, 100);
    }
}

// Those routes and some looks at the health, as many at a time as a browser has connections.
static void burst(struct nh_harness_run *r, const char *const *paths, size_t count)
{
    struct nh_harness_request q[NH_HARNESS_REQUESTS_MAX_COUNT] = {{0}};
    size_t n = 0;
    for (; n < count; n++)
        q[n] = (struct nh_harness_request){.path = paths[n], .timeout_ms = 20000};
    for (uint32_t i = 0; i < r->o->browser_health_count && n < NH_ARRAY_LEN(q); i++)
        q[n++] = (struct nh_harness_request){.path = "/api/health", .timeout_ms = 20000};
    nh_harness_say(r, "%zu requests, %u at a time", n, (unsigned)r->o->browser_parallel);
    nh_harness_requests(r, q, n, r->o->browser_parallel);
}

static void collect_icons(struct nh_harness_run *r)
{
    // A device without icons says so, and is none the worse for it.
    struct nh_harness_request q = {.method = "POST",
                                   .path = "/api/icons/gc",
                                   .timeout_ms = 10000,
                                   .min_status = 200,
                                   .max_status = 499};
    nh_harness_say(r, "collect icons");
    nh_harness_request(r, &q);
}

int nh_harness_browser(struct nh_harness_run *r)
{
    static const char *const open[] = {"/api/mode", "/api/config", "/api/info", "/api/macros",
                                       "/api/icons"};
    static const char *const change[] = {"/api/mode", "/api/config", "/api/info"};
    if (!nh_harness_has_host(r))
        return 1;
    nh_harness_quiet_health(r, "s6_before");
    get_files(r, "/");
    burst(r, open, NH_ARRAY_LEN(open));
    nh_harness_sleep(r, 500);
    if (!nh_harness_macros_round(r, 15000, 20000))
        return 1;
    collect_icons(r);
    if (!post_back(r, "/api/config", 10000, "/api/config?no_reboot=1", 15000,
                   nh_harness_config_body))
        return 1;
    nh_harness_sleep(r, 500);
    get_files(r, "/network.html");
    burst(r, change, NH_ARRAY_LEN(change));
    nh_harness_sleep(r, 2000);
    nh_harness_heartbeat(r);
    nh_harness_quiet_health(r, "s6_after");
    return 0;
}
