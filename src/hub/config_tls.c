// Certificates and keys that the configuration names: whether the hub could start with them.

#include "hub/config_private.h"
#include "platform/tls.h"

#include <stdio.h>

struct tls_files {
    const char *above; // their pointer's beginning
    const char *cert, *key, *ca;
    enum nh_tls_client_cert ask;
};

static const char *or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static void check_files(struct nh_hub_counting *c, const struct tls_files *t)
{
    struct nh_tls_fault fault;
    char pointer[NH_JSON_POINTER_MAX];
    const char *const names[] = {"tls_cert_file", "tls_cert_file", "tls_key_file", "tls_ca_file"};
    const char *const paths[] = {"", t->cert, t->key, t->ca};
    const struct nh_tls_config cfg = {
        .cert_file = t->cert, .key_file = t->key, .ca_file = or_null(t->ca), .client_cert = t->ask};
    if (!t->cert[0] || !t->key[0] || (t->ask != NH_TLS_CERT_NONE && !t->ca[0]))
        return; // the validator has told
    if (nh_tls_check(&cfg, &fault) == NH_OK)
        return;
    snprintf(pointer, sizeof pointer, "%s/%s", t->above, names[fault.file]);
    nh_hub_config__report(c, pointer, paths[fault.file], "", fault.text);
}

int nh_hub_config_check_tls(const struct nh_hub_config *cfg, nh_finding_fn finding, void *ctx)
{
    struct nh_hub_counting c = {.places = &cfg->places, .finding = finding, .ctx = ctx};
    if (cfg->http.listen[0] && cfg->http.tls_listen[0]) {
        const struct tls_files t = {.above = "/http",
                                    .cert = cfg->http.tls_cert_file,
                                    .key = cfg->http.tls_key_file,
                                    .ca = ""};
        check_files(&c, &t);
    }
    for (uint32_t i = 0; i < cfg->mqtt.listener_count; i++) {
        char above[40];
        const struct nh_hub_listener *l = &cfg->mqtt.listeners[i];
        const struct tls_files t = {.above = above,
                                    .cert = l->tls_cert_file,
                                    .key = l->tls_key_file,
                                    .ca = l->tls_ca_file,
                                    .ask = (enum nh_tls_client_cert)l->client_cert};
        snprintf(above, sizeof above, "/mqtt/listeners/%u", (unsigned)i);
        check_files(&c, &t);
    }
    return c.errors > 0 ? NH_ERR_INVAL : NH_OK;
}
