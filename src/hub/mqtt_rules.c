#include "hub/mqtt_rules.h"

#include "hub/config_private.h"
#include "hub/line_file.h"
#include "platform/platform.h"

#include <stdio.h>
#include <string.h>

int nh_mqtt_rules_create(nh_mem_t *mem, nh_mqtt_rules_t **out)
{
    *out = NULL;
    nh_mqtt_rules_t *r = nh_mem_alloc_zero(mem, sizeof *r, NH_MEM_BULK);
    if (!r)
        return NH_ERR_NOMEM;
    r->mem = mem;
    uint32_t seed = nh_random_u32();
    int rc = nh_users_create(mem, seed, &r->users);
    if (rc == NH_OK)
        rc = nh_mqtt_acl_create(mem, seed, &r->acl);
    if (rc < 0) {
        nh_mqtt_rules_destroy(r);
        return rc;
    }
    *out = r;
    return NH_OK;
}

void nh_mqtt_rules_destroy(nh_mqtt_rules_t *r)
{
    if (!r)
        return;
    nh_users_destroy(r->users);
    nh_mqtt_acl_destroy(r->acl);
    nh_mem_free(r->mem, r);
}

// ---- faults -------------------------------------------------------------------------------------

struct loading {
    nh_mqtt_rules_t *rules;
    const char *file;
    nh_rules_fault_fn fault;
    void *ctx;
    struct nh_mqtt_acl_reading acl;
    bool has_fault;
    int rc; // NH_OK, NH_ERR_NOMEM
};

static void tell(struct loading *l, const struct nh_finding *f)
{
    l->has_fault |= !f->is_warning;
    if (l->fault)
        l->fault(l->ctx, l->file, f);
}

static void tell_line(struct loading *l, uint32_t line, const char *text)
{
    struct nh_finding f = {.code = NH_ERR_INVAL, .line = line};
    snprintf(f.text, sizeof f.text, "%s", text);
    tell(l, &f);
}

// A fault of an element of a list; a stored password is not shown.
struct element {
    const char *list, *field;
    uint32_t index;
    const struct nh_json_pos *pos;
};

static void tell_element(struct loading *l, const struct element *e, const char *value,
                         const char *text)
{
    struct nh_finding f = {.code = NH_ERR_INVAL, .line = e->pos->line, .column = e->pos->column};
    snprintf(f.pointer, sizeof f.pointer, "/mqtt/%s/%u/%s", e->list, (unsigned)e->index, e->field);
    snprintf(f.value, sizeof f.value, "%.44s", value);
    snprintf(f.text, sizeof f.text, "%s", text);
    tell(l, &f);
}

static int result_of(const struct loading *l)
{
    return l->rc < 0 ? l->rc : l->has_fault ? NH_ERR_INVAL : NH_OK;
}

// ---- lists of the configuration -----------------------------------------------------------------

static void add_user(void *ctx, uint32_t index, const struct nh_hub_mqtt_user *u,
                     const struct nh_json_pos *pos)
{
    struct loading *l = ctx;
    const struct nh_user user = {.name = u->name,
                                 .password_text = u->password_hash,
                                 .client_id_prefix = u->client_id_prefix,
                                 .line = pos->line,
                                 .limits = {.conn_max_count = u->conn_max_count,
                                            .subscription_max_count = u->subscription_max_count,
                                            .queue_max_bytes = u->queue_max_bytes,
                                            .queue_max_messages = u->queue_max_messages,
                                            .publish_rate_max = u->publish_rate_max}};
    struct element name = {"users", "name", index, pos},
                   hash = {"users", "password_hash", index, pos};
    bool is_sign = strcmp(u->name, "*") == 0 || strcmp(u->name, "-") == 0;
    int rc = is_sign ? NH_ERR_INVAL : nh_users_add(l->rules->users, &user);
    if (rc == NH_ERR_NOMEM)
        l->rc = rc;
    else if (rc == NH_ERR_EXISTS)
        tell_element(l, &name, u->name, "is another user's name too");
    else if (rc == NH_ERR_SYNTAX)
        tell_element(l, &hash, "(hidden)", "is no hash of nuthatch passwd or mosquitto_passwd");
    else if (rc < 0)
        tell_element(l, &name, u->name, "is no user name: empty, a control character, * or -");
}

static void set_subject(struct nh_mqtt_acl_rule *rule, const char *user)
{
    rule->subject = NH_MQTT_ACL_USER;
    rule->user = (nh_span_t){(const uint8_t *)user, strlen(user)};
    if (strcmp(user, "*") == 0)
        rule->subject = NH_MQTT_ACL_EVERYBODY;
    else if (strcmp(user, "-") == 0)
        rule->subject = NH_MQTT_ACL_ANONYMOUS;
}

static void add_rule(void *ctx, uint32_t index, const struct nh_hub_mqtt_rule *r,
                     const struct nh_json_pos *pos)
{
    _Static_assert((int)NH_HUB_ACL_PUBLISH == NH_MQTT_ACL_PUBLISH &&
                       (int)NH_HUB_ACL_SUBSCRIBE == NH_MQTT_ACL_READ &&
                       (int)NH_HUB_ACL_BOTH == NH_MQTT_ACL_BOTH,
                   "the names of hub.yaml are those of the rules");
    struct loading *l = ctx;
    struct nh_mqtt_acl_rule rule = {.filter = {(const uint8_t *)r->filter, strlen(r->filter)},
                                    .actions = (uint8_t)(r->allow | r->deny),
                                    .is_deny = r->deny != NH_HUB_ACL_NONE,
                                    .source = NH_RULE_OF_CONFIG,
                                    .line = pos->line};
    struct element allow = {"acl", "allow", index, pos}, filter = {"acl", "filter", index, pos};
    set_subject(&rule, r->user);
    if ((r->allow != NH_HUB_ACL_NONE) == rule.is_deny) {
        tell_element(l, &allow, "", "a rule has either allow or deny");
        return;
    }
    int rc = nh_mqtt_acl_add(l->rules->acl, &rule);
    if (rc == NH_ERR_NOMEM)
        l->rc = rc;
    else if (rc < 0)
        tell_element(l, &filter, r->filter,
                     "is no topic filter, or has %c or %u beside other text");
}

static void config_finding(void *ctx, const struct nh_finding *f)
{
    tell(ctx, f);
}

static void read_lists(struct loading *l, const char *config_file)
{
    const struct nh_hub_lists lists = {.ctx = l, .user = add_user, .rule = add_rule};
    struct nh_hub_config *scratch = nh_mem_alloc(l->rules->mem, sizeof *scratch, NH_MEM_BULK);
    l->file = config_file;
    if (!scratch) {
        l->rc = NH_ERR_NOMEM;
        return;
    }
    if (nh_hub_config_read_lists(scratch, config_file, &lists, config_finding, l) < 0)
        l->has_fault = true;
    nh_mem_free(l->rules->mem, scratch);
}

// Who may sign in to the portal may all in the broker.
static void add_owner(struct loading *l, const struct nh_hub_config *cfg)
{
    const struct nh_user owner = {.name = cfg->access.user,
                                  .password_text = cfg->access.password_hash,
                                  .client_id_prefix = "",
                                  .may_all = true};
    int rc = cfg->access.password_hash[0] ? nh_users_add(l->rules->users, &owner) : NH_OK;
    if (rc == NH_ERR_NOMEM)
        l->rc = rc;
}

// ---- files --------------------------------------------------------------------------------------

static int password_line(void *ctx, uint32_t number, nh_span_t text)
{
    struct loading *l = ctx;
    const char *fault = "this line is too long";
    int rc = text.ptr ? nh_users_add_line(l->rules->users, text, number, &fault) : NH_OK;
    if (rc == NH_OK && fault)
        tell_line(l, number, fault);
    return rc;
}

static int acl_line(void *ctx, uint32_t number, nh_span_t text)
{
    struct loading *l = ctx;
    const char *fault = "this line is too long";
    int rc = text.ptr ? nh_mqtt_acl_line(&l->acl, text, number, &fault) : NH_OK;
    if (rc == NH_OK && fault)
        tell_line(l, number, fault);
    return rc;
}

// The field that names a file; NULL: none does, it is asked for by itself.
struct named_file {
    const char *pointer, *config_file;
    const struct nh_hub_places *places;
};

static void tell_file(struct loading *l, const char *path, const struct named_file *by, int err)
{
    struct nh_finding f = {.code = err};
    snprintf(f.text, sizeof f.text, "%s",
             err == NH_ERR_NOT_FOUND ? "there is no such file"
             : err == NH_ERR_DENIED  ? "may not be read"
                                     : "cannot be read");
    if (by && by->config_file) {
        const struct nh_hub_place *p =
            nh_hub_place__find(by->places->place, by->places->count, by->pointer);
        if (p) {
            f.line = p->line;
            f.column = p->column;
        }
        l->file = by->config_file;
        snprintf(f.pointer, sizeof f.pointer, "%s", by->pointer);
        snprintf(f.value, sizeof f.value, "%.44s", path);
    }
    tell(l, &f);
}

static void read_file(struct loading *l, const char *path, const struct named_file *by,
                      int (*line)(void *ctx, uint32_t number, nh_span_t text))
{
    l->file = path;
    int rc = nh_line_file_read(path, line, l);
    if (rc == NH_ERR_NOMEM)
        l->rc = rc;
    else if (rc < 0)
        tell_file(l, path, by, rc);
}

static void read_passwords(struct loading *l, const char *path, const struct named_file *by)
{
    read_file(l, path, by, password_line);
}

static void read_acl(struct loading *l, const char *path, const struct named_file *by)
{
    nh_mqtt_acl_reading_init(&l->acl, l->rules->acl, NH_RULE_OF_FILE);
    l->rules->has_acl = true; // an empty file allows nothing
    read_file(l, path, by, acl_line);
}

int nh_mqtt_rules_read_acl(nh_mqtt_rules_t *r, const char *path, nh_rules_fault_fn fault, void *ctx)
{
    struct loading l = {.rules = r, .fault = fault, .ctx = ctx};
    read_acl(&l, path, NULL);
    return result_of(&l);
}

int nh_mqtt_rules_load(nh_mqtt_rules_t *r, const struct nh_hub_config *cfg, const char *config_file,
                       nh_rules_fault_fn fault, void *ctx)
{
    struct loading l = {.rules = r, .fault = fault, .ctx = ctx};
    r->anonymous = cfg->mqtt.anonymous;
    r->subscribes_any = cfg->mqtt.acl_subscribe == NH_HUB_ACL_ANY;
    r->has_acl = cfg->mqtt.acl_count > 0;
    for (uint32_t i = 0; i < cfg->mqtt.listener_count; i++)
        r->trusts_certificates |= cfg->mqtt.listeners[i].identity_as_user != NH_HUB_IDENTITY_NONE;
    add_owner(&l, cfg);
    if (config_file && (cfg->mqtt.user_count || cfg->mqtt.acl_count))
        read_lists(&l, config_file);
    if (cfg->mqtt.password_file[0] && l.rc == NH_OK)
        read_passwords(&l, cfg->mqtt.password_file,
                       &(struct named_file){"/mqtt/password_file", config_file, &cfg->places});
    if (cfg->mqtt.acl_file[0] && l.rc == NH_OK)
        read_acl(&l, cfg->mqtt.acl_file,
                 &(struct named_file){"/mqtt/acl_file", config_file, &cfg->places});
    return result_of(&l);
}

// ---- asking -------------------------------------------------------------------------------------

bool nh_mqtt_rules_grant(const nh_mqtt_rules_t *r, nh_span_t name, struct nh_mqtt_grant *out)
{
    *out = (struct nh_mqtt_grant){.may_all = !r->has_acl};
    if (name.len == 0)
        return true;
    const struct nh_user *user = nh_users_find(r->users, name);
    if (!user && (!r->trusts_certificates || nh_users_count(r->users) > 0))
        return false;
    out->identity = nh_mqtt_acl_own(r->acl, name);
    if (!user)
        return true; // its certificate vouches for it
    out->stamp = user->stamp;
    out->may_all |= user->may_all;
    out->limits = user->limits;
    return true;
}

bool nh_mqtt_rules_may(const nh_mqtt_rules_t *r, const struct nh_mqtt_who *who,
                       enum nh_mqtt_action action, nh_span_t topic, struct nh_mqtt_acl_reason *why)
{
    const struct nh_mqtt_acl_who asked = {who->identity, who->user, who->client_id};
    if (action == NH_MQTT_MAY_SUBSCRIBE && r->subscribes_any) {
        if (why)
            *why = (struct nh_mqtt_acl_reason){0};
        return true;
    }
    return nh_mqtt_acl_may(r->acl, &asked, action, topic, why);
}

bool nh_mqtt_rules_lets_anonymous_in(const nh_mqtt_rules_t *r, bool is_loopback)
{
    switch (r->anonymous) {
    case NH_HUB_ANONYMOUS_AUTO:
        return is_loopback && nh_users_count(r->users) == 0;
    case NH_HUB_ANONYMOUS_LOOPBACK:
        return is_loopback;
    default:
        return r->anonymous == NH_HUB_ANONYMOUS_ALWAYS;
    }
}
