#include "hub/mqtt_scram.h"

#include "core/base/base64.h"
#include "platform/platform.h"

#include <string.h>

#define NONCE_BYTES 18

struct nh_mqtt_scram_exchange {
    struct nh_mqtt_scram_exchange *next;
    const nh_mqtt_conn_t *conn;
    struct nh_scram_server server;
    uint32_t stamp;
    bool has_begun; // the client's first message is read
    bool is_known;  // the user; else its proof is never right
};

void nh_mqtt_scram_init(struct nh_mqtt_scram *s, nh_mem_t *mem, uint32_t count_max)
{
    *s = (struct nh_mqtt_scram){.mem = mem, .count_max = count_max};
    nh_random_bytes(s->key, sizeof s->key);
}

static void exchange_free(struct nh_mqtt_scram *s, struct nh_mqtt_scram_exchange *e)
{
    struct nh_mqtt_scram_exchange **at = &s->first;
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    s->count--;
    nh_wipe(e, sizeof *e);
    nh_mem_free(s->mem, e);
}

void nh_mqtt_scram_deinit(struct nh_mqtt_scram *s)
{
    while (s->first)
        exchange_free(s, s->first);
    nh_wipe(s->key, sizeof s->key);
}

static struct nh_mqtt_scram_exchange *find(const struct nh_mqtt_scram *s, const nh_mqtt_conn_t *c)
{
    struct nh_mqtt_scram_exchange *e = s->first;
    while (e && e->conn != c)
        e = e->next;
    return e;
}

void nh_mqtt_scram_cancel(struct nh_mqtt_scram *s, const nh_mqtt_conn_t *c)
{
    struct nh_mqtt_scram_exchange *e = find(s, c);
    if (e)
        exchange_free(s, e);
}

static struct nh_mqtt_scram_exchange *exchange_create(struct nh_mqtt_scram *s,
                                                      const nh_mqtt_conn_t *c)
{
    struct nh_mqtt_scram_exchange *e =
        s->count < s->count_max ? nh_mem_alloc_zero(s->mem, sizeof *e, NH_MEM_BULK) : NULL;
    if (!e)
        return NULL;
    e->conn = c;
    e->next = s->first;
    s->first = e;
    s->count++;
    return e;
}

// The secret of the user who it says it is; of somebody who is not known by SCRAM a made-up one, so
// that the challenge does not tell who is.
static int find_secret(struct nh_mqtt_scram *s, struct nh_mqtt_scram_exchange *e,
                       const nh_users_t *users, struct nh_scram_secret *out)
{
    nh_span_t name = {(const uint8_t *)e->server.user, e->server.user_len};
    const struct nh_user *user = nh_users_find(users, name);
    if (user) {
        const char *text = user->password_text;
        e->stamp = user->stamp;
        e->is_known =
            nh_scram_secret_parse((nh_span_t){(const uint8_t *)text, strlen(text)}, out) == NH_OK;
    }
    if (e->is_known)
        return NH_OK;
    return nh_scram_secret_fake(&nh_password_crypto, (nh_span_t){s->key, sizeof s->key}, name,
                                NH_SCRAM_ITERATIONS, out);
}

static enum nh_mqtt_scram_result begin(struct nh_mqtt_scram *s, struct nh_mqtt_scram_exchange *e,
                                       const nh_users_t *users, nh_span_t data,
                                       struct nh_mqtt_scram_step *out)
{
    struct nh_scram_secret secret;
    uint8_t random[NONCE_BYTES];
    char nonce[NH_BASE64_TEXT_BYTES(NONCE_BYTES)];
    if (nh_scram_server_begin(&e->server, &nh_password_crypto, data) < 0)
        return NH_MQTT_SCRAM_FAULT;
    if (find_secret(s, e, users, &secret) < 0)
        return NH_MQTT_SCRAM_FULL;
    nh_random_bytes(random, sizeof random);
    NH_IGNORE(nh_base64_encode(random, sizeof random, nonce, sizeof nonce)); // it fits
    nh_span_t own = {(const uint8_t *)nonce, strlen(nonce)};
    int rc = nh_scram_server_challenge(&e->server, &secret, own, &out->data);
    nh_wipe(&secret, sizeof secret);
    e->has_begun = true;
    return rc < 0 ? NH_MQTT_SCRAM_FAULT : NH_MQTT_SCRAM_GOES_ON;
}

static enum nh_mqtt_scram_result finish(struct nh_mqtt_scram *s, struct nh_mqtt_scram_exchange *e,
                                        nh_span_t data, struct nh_mqtt_scram_step *out)
{
    int rc = nh_scram_server_finish(&e->server, data, s->last);
    if (rc == NH_OK && e->is_known) {
        memcpy(s->user, e->server.user, e->server.user_len);
        out->user = (nh_span_t){(const uint8_t *)s->user, e->server.user_len};
        out->data = (nh_span_t){(const uint8_t *)s->last, strlen(s->last)};
        out->stamp = e->stamp;
        return NH_MQTT_SCRAM_PROVED;
    }
    if (rc == NH_ERR_NOMEM)
        return NH_MQTT_SCRAM_FULL;
    return rc == NH_OK || rc == NH_ERR_DENIED ? NH_MQTT_SCRAM_WRONG : NH_MQTT_SCRAM_FAULT;
}

enum nh_mqtt_scram_result nh_mqtt_scram_take(struct nh_mqtt_scram *s, const nh_mqtt_conn_t *c,
                                             const nh_users_t *users, nh_span_t data,
                                             struct nh_mqtt_scram_step *out)
{
    struct nh_mqtt_scram_exchange *e = find(s, c);
    *out = (struct nh_mqtt_scram_step){.stamp = 0};
    bool is_new = e == NULL;
    if (!e)
        e = exchange_create(s, c);
    if (!e)
        return NH_MQTT_SCRAM_FULL;
    if (is_new && data.len == 0) // it says all in AUTH packets
        return NH_MQTT_SCRAM_GOES_ON;
    enum nh_mqtt_scram_result result =
        e->has_begun ? finish(s, e, data, out) : begin(s, e, users, data, out);
    if (result != NH_MQTT_SCRAM_GOES_ON)
        exchange_free(s, e);
    return result;
}
