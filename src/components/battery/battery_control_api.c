// The three commands of the board by HTTP, each asked for twice. docs/battery-settings.md.

#include "components/battery/battery_ask_api.h"
#include "components/battery/battery_settings_api.h"

#include <string.h>

struct action {
    const char *name;
    uint8_t kind;
    const char *why;
};
static const struct action actions[] = {
    {"restart", NH_BATTERY_RESTART, "load and charger are switched off for a moment"},
    {"clear_events", NH_BATTERY_CLEAR_EVENTS, "the board's own log of events is lost for good"},
    {"clear_statistics", NH_BATTERY_CLEAR_STATISTICS, "the board's counters and extremes are lost"},
};

// The same, for who reads the body.
static const char *const action_names[] = {"restart", "clear_events", "clear_statistics", NULL};
_Static_assert(NH_ARRAY_LEN(action_names) == NH_ARRAY_LEN(actions) + 1, "one name each");

struct body {
    int action; // index of both
    char token[NH_BATTERY_TOKEN_TEXT_BYTES];
};
static const nh_json_field_t fields[] = {
    {.name = "action",
     .type = NH_JSON_T_ENUM,
     .required = true,
     NH_JSON_AT(struct body, action),
     .names = action_names},
    {.name = "token", .type = NH_JSON_T_STRING, NH_JSON_AT(struct body, token)},
    NH_JSON_FIELDS_END};

static int commanded(nh_request_t *req, const nh_battery__job_t *j)
{
    if (j->end != NH_BATTERY__JOB_DONE)
        return nh_battery_api__reply_failed(req, j);
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    for (size_t i = 0; i < NH_ARRAY_LEN(actions); i++)
        if (actions[i].kind == j->request_kind)
            nh_json_kv_string(w, "action", actions[i].name);
    nh_json_kv_string(w, "outcome", nh_battery_api__outcome_text(j->outcome));
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static int reply_danger(nh_request_t *req, const struct action *a, const char *token)
{
    nh_json_writer_t *w = nh_battery_api__reply_token(req, token);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_string(w, "key", a->name);
    nh_json_kv_null(w, "old");
    nh_json_kv_null(w, "new");
    nh_json_kv_string(w, "why", a->why);
    nh_json_object_end(w);
    return nh_battery_api__reply_token_end(req, w);
}

int nh_battery_api__post_control(nh_request_t *req)
{
    const struct nh_battery__asking *asking = nh_battery_api__asking(req, commanded);
    struct body b = {0};
    char token[NH_BATTERY_TOKEN_TEXT_BYTES];
    bool ok = true;
    if (!asking)
        return NH_ERR_NOMEM;
    int err = nh_request_decode(req, fields, &b, "Nothing was done.", &ok);
    if (!ok || err < 0)
        return err;
    const struct action *a = &actions[b.action];
    if (!nh_battery__command_token(asking->settings, a->kind, b.token, token))
        return reply_danger(req, a, token);
    nh_battery__job_t *j = nh_battery_api__job(req, NH_BATTERY__COMMAND, &err);
    if (!j)
        return err;
    j->request_kind = a->kind;
    return nh_battery_api__submit(req);
}
