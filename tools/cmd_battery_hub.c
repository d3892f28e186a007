// cmd_battery_hub.c - one request to a hub after the other.

#include "cmd_battery.h"

#include "core/base/base64.h"
#include "platform/crypto.h"

#include <stdio.h>
#include <string.h>

static bool set_authorization(struct battery_hub *h, const struct battery_options *o)
{
    char both[200], password[130] = "";
    if (!o->user)
        return true;
    FILE *f = o->password_file ? fopen(o->password_file, "r") : NULL;
    bool is_read = f && fgets(password, sizeof password, f);
    if (f)
        fclose(f);
    if (!is_read) {
        battery_complain("its first line is the password",
                         o->password_file ? o->password_file : "--password-file");
        return false;
    }
    password[strcspn(password, "\r\n")] = '\0';
    snprintf(both, sizeof both, "%s:%s", o->user, password);
    memcpy(h->authorization, "Basic ", 7);
    int n = nh_base64_encode(both, strlen(both), h->authorization + 6, sizeof h->authorization - 6);
    nh_wipe(both, sizeof both);
    nh_wipe(password, sizeof password);
    h->auth = (struct nh_http_header){"Authorization", h->authorization};
    return n >= 0;
}

bool battery_hub_open(struct battery_hub *h, const struct battery_options *o)
{
    *h = (struct battery_hub){.url = o->hub};
    if (!set_authorization(h, o) || !nh_cli_memory_open(&h->memory))
        return false;
    h->reply = nh_mem_alloc_zero(h->memory.mem, BATTERY_REPLY_MAX_BYTES, NH_MEM_BULK);
    if (h->reply)
        return true;
    nh_cli_memory_close(&h->memory);
    battery_complain(nh_err_text(NH_ERR_NOMEM), "memory");
    return false;
}

void battery_hub_close(struct battery_hub *h)
{
    nh_mem_free(h->memory.mem, h->reply);
    nh_cli_memory_close(&h->memory);
    nh_wipe(h->authorization, sizeof h->authorization);
}

// ---- a call -------------------------------------------------------------------------------------

struct call {
    struct battery_hub *hub;
    nh_loop_t *loop;
    bool is_over;
    int err;
    char reason[160];
};

static int on_head(void *ctx, nh_http_request_t *r, const struct nh_http_reply_head *head)
{
    struct call *c = ctx;
    (void)r;
    c->hub->status = head->status;
    return 0;
}

static int on_body(void *ctx, nh_http_request_t *r, const uint8_t *bytes, size_t len)
{
    struct call *c = ctx;
    struct battery_hub *h = c->hub;
    (void)r;
    if (len >= BATTERY_REPLY_MAX_BYTES - h->reply_bytes)
        return NH_ERR_TOO_LONG;
    memcpy(h->reply + h->reply_bytes, bytes, len);
    h->reply_bytes += len;
    h->reply[h->reply_bytes] = '\0';
    return 0;
}

static void on_end(void *ctx, nh_http_request_t *r, int err)
{
    struct call *c = ctx;
    c->err = err;
    c->is_over = true;
    snprintf(c->reason, sizeof c->reason, "%s", nh_http_request_reason(r));
    nh_loop_stop(c->loop);
}

static int run(struct call *c, struct nh_http_request_config *request)
{
    nh_http_client_t *client = NULL;
    nh_http_request_t *r;
    nh_mem_t *mem = c->hub->memory.mem;
    int err = nh_loop_create(mem, &c->loop);
    if (err < 0)
        return err;
    err = nh_http_client_create(&(struct nh_http_client_config){.loop = c->loop, .mem = mem},
                                &client);
    request->handler = (struct nh_http_request_handler){c, on_head, on_body, on_end};
    if (err == 0)
        err = nh_http_request_start(client, request, &r);
    if (err == 0 && !c->is_over)
        nh_loop_run(c->loop);
    nh_http_client_destroy(client);
    nh_loop_destroy(c->loop);
    return err < 0 ? err : c->err;
}

bool battery_hub_call(struct battery_hub *h, const char *method, const char *path, const char *body,
                      size_t body_bytes)
{
    char url[400];
    struct call c = {.hub = h};
    size_t len = strlen(h->url);
    while (len > 0 && h->url[len - 1] == '/')
        len--;
    int n = snprintf(url, sizeof url, "%.*s%s", (int)len, h->url, path);
    if (n < 0 || (size_t)n >= sizeof url) {
        battery_complain("the address is too long", h->url);
        return false;
    }
    struct nh_http_request_config request = {.method = method,
                                             .url = url,
                                             .headers = &h->auth,
                                             .header_count = h->auth.name ? 1 : 0,
                                             .body = body,
                                             .body_bytes = body_bytes};
    h->status = 0;
    h->reply_bytes = 0;
    h->reply[0] = '\0';
    int err = run(&c, &request);
    if (err == 0)
        return true;
    battery_complain(c.reason[0] ? c.reason : nh_err_text(err), h->url);
    return false;
}

// The hub's own words, out of its reply; they have no quotes inside but escaped ones.
int battery_hub_refused(const struct battery_hub *h)
{
    const char *at = strstr(h->reply, "\"message\":\"");
    if (at) {
        fprintf(stderr, "nuthatch battery: ");
        for (at += 11; *at && *at != '"'; at++) {
            at += *at == '\\' && at[1];
            fputc(*at, stderr);
        }
        fputc('\n', stderr);
        return 1;
    }
    if (h->status == 404)
        return battery_complain("has no battery (battery.enabled in its hub.yaml)", h->url);
    fprintf(stderr, "nuthatch battery: %s answers with status %d\n", h->url, h->status);
    return 1;
}
