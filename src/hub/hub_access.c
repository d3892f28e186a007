// Who may use the broker, as a part of the hub: the rules at the start and at each reload, and the
// broker's questions.

#include "hub/config_told.h"
#include "hub/hub_parts.h"

#include <stdio.h>

// ---- the broker asks ----------------------------------------------------------------------------

static void authenticate(void *ctx, nh_mqtt_conn_t *c, const struct nh_mqtt_auth_request *r,
                         struct nh_mqtt_auth_answer *out)
{
    struct nh_hub *hub = ctx;
    nh_mqtt_access_authenticate(hub->mqtt_access, c, r, out);
}

static void auth_cancel(void *ctx, nh_mqtt_conn_t *c)
{
    struct nh_hub *hub = ctx;
    nh_mqtt_access_cancel(hub->mqtt_access, c);
}

static bool user_find(void *ctx, nh_span_t user, struct nh_mqtt_grant *out)
{
    struct nh_hub *hub = ctx;
    return nh_mqtt_access_find(hub->mqtt_access, user, out);
}

static bool authorize(void *ctx, const struct nh_mqtt_who *who, enum nh_mqtt_action action,
                      nh_span_t topic)
{
    struct nh_hub *hub = ctx;
    return nh_mqtt_access_may(hub->mqtt_access, who, action, topic);
}

static void answer(void *ctx, nh_mqtt_conn_t *c, const struct nh_mqtt_auth_answer *a)
{
    struct nh_hub *hub = ctx;
    nh_mqtt_broker_auth_done(hub->broker, c, a, nh_clock_ms());
}

static void address(void *ctx, const void *peer, char *text, size_t cap)
{
    (void)ctx;
    nh_mqtt_user_peer(peer, text, cap);
}

static bool is_local(void *ctx, const void *peer)
{
    (void)ctx;
    return nh_mqtt_user_is_local(peer);
}

static bool proxy(void *ctx, const void *peer, char *text, size_t cap)
{
    (void)ctx;
    return nh_mqtt_user_proxy(peer, text, cap);
}

static int identity(void *ctx, const void *peer, char *text, size_t cap)
{
    const struct nh_hub_door *d = nh_mqtt_user_listener(peer);
    (void)ctx;
    if (!d || d->cfg.identity_as_user == NH_HUB_IDENTITY_NONE)
        return NH_ERR_NOT_FOUND;
    return nh_mqtt_user_identity(
        peer, d->cfg.identity_as_user == NH_HUB_IDENTITY_SAN ? NH_IDENTITY_SAN : NH_IDENTITY_CN,
        text, cap);
}

// ---- rules --------------------------------------------------------------------------------------

static void print_fault(void *ctx, const char *file, const struct nh_finding *f)
{
    char text[NH_LOG_LINE_MAX_BYTES];
    (void)ctx;
    nh_hub_finding_text(file, f, text, sizeof text);
    NH_LOG_W("config", "%s", text);
}

// At the start nobody reads the log yet.
static void print_fault_early(void *ctx, const char *file, const struct nh_finding *f)
{
    char text[NH_LOG_LINE_MAX_BYTES];
    (void)ctx;
    nh_hub_finding_text(file, f, text, sizeof text);
    fprintf(stderr, "%s\n", text);
}

static int load(struct nh_hub *hub, nh_mem_t *mem, const struct nh_hub_config *cfg,
                nh_rules_fault_fn fault, nh_mqtt_rules_t **out)
{
    int err = nh_mqtt_rules_create(mem, out);
    if (err == 0)
        err = nh_mqtt_rules_load(
            *out, cfg, hub->options.mosquitto ? NULL : hub->options.config_file, fault, NULL);
    if (err < 0) {
        nh_mqtt_rules_destroy(*out);
        *out = NULL;
    }
    return err;
}

int nh_hub__start_access(struct nh_hub *hub, nh_mem_t *mem)
{
    nh_mqtt_rules_t *rules;
    const struct nh_mqtt_access_config cfg = {.mem = mem,
                                              .login = hub->login,
                                              .login_queue_max = hub->cfg.mqtt.login_queue_max,
                                              .ctx = hub,
                                              .clock_ms = nh_clock_ms,
                                              .address = address,
                                              .is_local = is_local,
                                              .proxy = proxy,
                                              .identity = identity,
                                              .answer = answer};
    int err = load(hub, mem, &hub->cfg, print_fault_early, &rules);
    if (err == 0) {
        err = nh_mqtt_access_create(&cfg, rules, &hub->mqtt_access);
        if (err < 0)
            nh_mqtt_rules_destroy(rules);
    }
    if (err < 0)
        return err;
    hub->broker_cfg.authenticate = authenticate;
    hub->broker_cfg.auth_cancel = auth_cancel;
    hub->broker_cfg.user_find = user_find;
    hub->broker_cfg.authorize = authorize;
    return 0;
}

int nh_hub__load_rules(struct nh_hub *hub, const struct nh_hub_config *cfg, nh_mqtt_rules_t **out)
{
    return load(hub, hub->broker_cfg.mem, cfg, print_fault, out);
}

int nh_hub__set_rules(struct nh_hub *hub, nh_mqtt_rules_t *rules)
{
    nh_mqtt_rules_t *old;
    int err = nh_mqtt_access_rules_set(hub->mqtt_access, rules, &old);
    if (err < 0) {
        nh_mqtt_rules_destroy(rules);
        return err;
    }
    nh_hub__guard_listeners(hub);
    nh_mqtt_broker_access_changed(hub->broker, nh_clock_ms());
    nh_mqtt_rules_destroy(old);
    return 0;
}

bool nh_hub__lets_anybody_in(const struct nh_hub *hub)
{
    struct nh_mqtt_grant grant;
    return nh_mqtt_access_find(hub->mqtt_access, (nh_span_t){NULL, 0}, &grant);
}
