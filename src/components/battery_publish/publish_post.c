#include "components/battery_publish/publish_post.h"

#include "core/base/base64.h"
#include "platform/crypto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_MAX_BYTES 256 // with scheme and NUL
#define REASON_MAX_BYTES 160
#define WAIT_MAX_S 86400

struct nh_publish_post {
    struct nh_publish_post_config cfg;
    char url[NH_PUBLISH_URL_MAX_BYTES], shown[NH_PUBLISH_URL_MAX_BYTES]; // shown: without secrets
    char authorization[TOKEN_MAX_BYTES], reason[REASON_MAX_BYTES];
    nh_http_request_t *request; // NULL: none under way
    int status;                 // of the reply that is coming
    uint32_t wait_ms;
    char body[]; // cfg.body_max_bytes
};

// ---- the reply ----------------------------------------------------------------------------------

// In seconds; the form with a date needs a clock that agrees and is passed over.
static uint32_t retry_after_ms(const nh_http_request_t *r)
{
    const char *text = nh_http_reply_header(r, "retry-after");
    char *end;
    if (!text || text[0] < '0' || text[0] > '9')
        return 0;
    unsigned long s = strtoul(text, &end, 10);
    if (*end)
        return 0;
    return 1000u * (uint32_t)(s < WAIT_MAX_S ? s : WAIT_MAX_S);
}

static int on_head(void *ctx, nh_http_request_t *r, const struct nh_http_reply_head *head)
{
    nh_publish_post_t *p = ctx;
    p->status = head->status;
    if (head->status >= 200 && head->status < 300)
        return 1; // what it says further is of no use
    p->wait_ms = retry_after_ms(r);
    snprintf(p->reason, sizeof p->reason, "status %d", head->status);
    return 0; // its body may say why
}

// The beginning of what a receiver says to a point that it does not take.
static int on_body(void *ctx, nh_http_request_t *r, const uint8_t *bytes, size_t len)
{
    nh_publish_post_t *p = ctx;
    size_t at = strlen(p->reason);
    (void)r;
    if (len && at + 3 < sizeof p->reason && !strchr(p->reason, ':')) {
        memcpy(p->reason + at, ": ", 3);
        at += 2;
    }
    for (size_t i = 0; i < len && at + 1 < sizeof p->reason; i++)
        p->reason[at++] = (char)(bytes[i] < ' ' || bytes[i] > '~' ? ' ' : bytes[i]);
    p->reason[at] = '\0';
    return at + 1 < sizeof p->reason ? 0 : 1;
}

static void on_end(void *ctx, nh_http_request_t *r, int err)
{
    nh_publish_post_t *p = ctx;
    bool is_taken = p->status >= 200 && p->status < 300;
    p->request = NULL;
    if (p->status == 0)
        snprintf(p->reason, sizeof p->reason, "%s", nh_http_request_reason(r));
    // A status is an answer, whatever becomes of the body behind it.
    if (is_taken)
        p->cfg.done(p->cfg.ctx, NH_OK, 0);
    else
        p->cfg.done(p->cfg.ctx, p->status || err == NH_OK ? NH_ERR_DENIED : err, p->wait_ms);
}

// ---- the request --------------------------------------------------------------------------------

char *nh_publish_post_body(nh_publish_post_t *p)
{
    return p->body;
}

int nh_publish_post_send(nh_publish_post_t *p, size_t len, const char *key)
{
    struct nh_http_header headers[3] = {{"Content-Type", p->cfg.content_type}};
    size_t count = 1;
    NH_ASSERT(!p->request && len <= p->cfg.body_max_bytes);
    if (p->authorization[0])
        headers[count++] = (struct nh_http_header){"Authorization", p->authorization};
    if (key[0])
        headers[count++] = (struct nh_http_header){"Idempotency-Key", key};
    const struct nh_http_request_config cfg = {
        .method = "POST",
        .url = p->url,
        .headers = headers,
        .header_count = count,
        .body = p->body,
        .body_bytes = len,
        .connect_ms = p->cfg.total_ms,
        .total_ms = p->cfg.total_ms,
        .body_max_bytes = 65536,
        .handler = {.ctx = p, .on_head = on_head, .on_body = on_body, .on_end = on_end}};
    p->status = 0;
    p->wait_ms = 0;
    p->reason[0] = '\0';
    int err = nh_http_request_start(p->cfg.http, &cfg, &p->request);
    if (err < 0)
        snprintf(p->reason, sizeof p->reason, "%s", nh_err_text(err));
    return err;
}

void nh_publish_post_cancel(nh_publish_post_t *p)
{
    if (!p->request)
        return;
    nh_http_request_cancel(p->request);
    p->request = NULL;
    snprintf(p->reason, sizeof p->reason, "no answer");
}

// ---- life ---------------------------------------------------------------------------------------

const char *nh_publish_post_url(const nh_publish_post_t *p)
{
    return p->shown;
}

const char *nh_publish_post_reason(const nh_publish_post_t *p)
{
    return p->reason;
}

static int set_authorization(nh_publish_post_t *p, const struct nh_publish_post_config *cfg)
{
    char *out = p->authorization;
    const size_t cap = sizeof p->authorization;
    if (!cfg->token || !cfg->token[0])
        return NH_OK;
    if (!cfg->user || !cfg->user[0])
        return snprintf(out, cap, "%s %s", cfg->scheme, cfg->token) < (int)cap ? NH_OK
                                                                               : NH_ERR_TOO_LONG;
    char pair[TOKEN_MAX_BYTES];
    int len = snprintf(pair, sizeof pair, "%s:%s", cfg->user, cfg->token);
    int err = len < (int)sizeof pair ? NH_OK : NH_ERR_TOO_LONG;
    memcpy(out, "Basic ", 6);
    if (err == 0)
        err = nh_base64_encode(pair, (size_t)len, out + 6, cap - 6);
    nh_wipe(pair, sizeof pair);
    return err < 0 ? err : NH_OK;
}

int nh_publish_post_create(const struct nh_publish_post_config *cfg, nh_publish_post_t **out)
{
    *out = NULL;
    nh_publish_post_t *p =
        nh_mem_alloc_zero(cfg->mem, sizeof *p + cfg->body_max_bytes, NH_MEM_BULK);
    if (!p)
        return NH_ERR_NOMEM;
    p->cfg = *cfg;
    int len = snprintf(p->url, sizeof p->url, "%s", cfg->url), err = set_authorization(p, cfg);
    nh_publish_url_shown(cfg->url, p->shown, sizeof p->shown);
    p->cfg.url = p->cfg.token = p->cfg.user = NULL; // the caller's may go
    if (err < 0 || len >= (int)sizeof p->url) {
        nh_publish_post_destroy(p);
        return NH_ERR_TOO_LONG;
    }
    *out = p;
    return NH_OK;
}

void nh_publish_post_destroy(nh_publish_post_t *p)
{
    if (!p)
        return;
    nh_publish_post_cancel(p);
    nh_wipe(p->authorization, sizeof p->authorization);
    nh_mem_free(p->cfg.mem, p);
}
