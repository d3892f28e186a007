// publish_post.h - a sink that takes points by POST: one request at a time, success is a status of
// 200 to 299. The loop's task.

#ifndef NH_PUBLISH_POST_H
#define NH_PUBLISH_POST_H

#include "components/battery_publish/publish_format.h"
#include "core/mem/mem.h"
#include "platform/http_client.h"

typedef struct nh_publish_post nh_publish_post_t;

struct nh_publish_post_config {
    nh_mem_t *mem;
    nh_http_client_t *http; // borrowed
    const char *url;        // as nh_publish_url() made it; copied, as the token
    const char *content_type;
    const char *scheme, *token; // "Bearer", "secret"; token "": none
    const char *user;           // with one the scheme is Basic (RFC 7617); NULL or "": none
    uint32_t body_max_bytes, total_ms;
    void *ctx;
    // The answer; `wait_ms` by Retry-After, 0: it was not there. Not from inside of a call.
    void (*done)(void *ctx, int err, uint32_t wait_ms);
};
// NH_ERR_TOO_LONG: the token; NH_ERR_NOMEM.
NH_MUST_USE int nh_publish_post_create(const struct nh_publish_post_config *cfg,
                                       nh_publish_post_t **out);
void nh_publish_post_destroy(nh_publish_post_t *p); // ends what is under way. NULL: nothing

// Where the body is written before it is sent: body_max_bytes.
char *nh_publish_post_body(nh_publish_post_t *p);
// Sends `len` bytes of it, with `key` as Idempotency-Key ("": none). done() follows if this gives
// 0.
NH_MUST_USE int nh_publish_post_send(nh_publish_post_t *p, size_t len, const char *key);
void nh_publish_post_cancel(nh_publish_post_t *p);

const char *nh_publish_post_url(const nh_publish_post_t *p); // for people: without secrets
// Why the last attempt failed, for people; "" after one that did not.
const char *nh_publish_post_reason(const nh_publish_post_t *p);

#endif
