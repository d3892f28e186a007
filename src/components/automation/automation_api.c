// automation_api.c - the routes of automation: thin, no state.

#include "components/automation/automation_api.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 255
#define BODY_MAX_BYTES 8192

nh_automation_t *nh_automation_api__of(nh_request_t *req)
{
    return req->ctx;
}

// ---- bodies -------------------------------------------------------------------------------------

enum key_kind { KEY_TEXT, KEY_NUMBER, KEY_BOOL, KEY_VALUE, KEY_PARAMETERS };
static const struct key {
    const char *name;
    enum key_kind kind;
    size_t at;
} keys[] = {
#define KEY(name, kind, member)                                                                    \
    {                                                                                              \
        name, kind, offsetof(struct nh_automation_body, member)                                    \
    }
    KEY("device", KEY_TEXT, device), KEY("scenario", KEY_TEXT, scenario),
    KEY("name", KEY_TEXT, name),     KEY("flag", KEY_TEXT, name),
    KEY("variable", KEY_TEXT, name), KEY("text", KEY_TEXT, text),
    KEY("team", KEY_TEXT, team),     KEY("instance", KEY_NUMBER, instance),
    KEY("ms", KEY_NUMBER, ms),       KEY("index", KEY_NUMBER, index),
    KEY("all", KEY_BOOL, is_all),    KEY("enabled", KEY_BOOL, is_enabled),
    KEY("value", KEY_VALUE, value),  KEY("parameters", KEY_PARAMETERS, parameters),
#undef KEY
};

struct reading {
    nh_request_t *req;
    nh_json_reader_t r;
    struct nh_automation_body *out;
    const char *fault; // static, or in `text`
    char text[96];
};

static bool fail(struct reading *r, const char *fmt, const char *what)
{
    snprintf(r->text, sizeof r->text, fmt, what);
    r->fault = r->text;
    return false;
}

static nh_span_t kept_text(struct reading *r)
{
    size_t len;
    const char *text = nh_json_text(&r->r, &len);
    const char *copy = nh_arena_strndup(r->req->arena, text, len);
    if (!copy)
        r->fault = "out of memory";
    return (nh_span_t){(const uint8_t *)copy, copy ? len : 0};
}

static bool take_value(struct reading *r, int event, struct nh_value *out)
{
    double number;
    switch (event) {
    case NH_JSON_STRING:
        *out = nh_value_of_text(kept_text(r));
        return !r->fault;
    case NH_JSON_NUMBER:
        if (nh_json_double(&r->r, &number) < 0)
            return fail(r, "a number is too %s", "large");
        *out = nh_value_of_number(number);
        return true;
    case NH_JSON_TRUE:
    case NH_JSON_FALSE:
        *out = nh_value_bool(event == NH_JSON_TRUE);
        return true;
    default:
        return fail(r, "a value is true, false, a number or a %s", "text");
    }
}

static bool take_parameters(struct reading *r, int event)
{
    struct nh_automation_body *b = r->out;
    if (event != NH_JSON_OBJECT_BEGIN)
        return fail(r, "\"%s\" is an object of names and values", "parameters");
    while ((event = nh_json_next(&r->r)) == NH_JSON_KEY) {
        if (b->parameter_count >= NH_PARAMETER_MAX_COUNT)
            return fail(r, "there are more than 16 %s", "parameters");
        struct nh_automation_parameter *p = &b->parameters[b->parameter_count++];
        p->name = kept_text(r);
        if (r->fault || !take_value(r, nh_json_next(&r->r), &p->value))
            return false;
    }
    return event == NH_JSON_OBJECT_END || fail(r, "\"%s\" is not well formed", "parameters");
}

static bool take_key(struct reading *r, const struct key *k, int event)
{
    uint8_t *at = (uint8_t *)r->out + k->at;
    switch (k->kind) {
    case KEY_TEXT:
        if (event != NH_JSON_STRING)
            return fail(r, "\"%s\" is a text", k->name);
        *(nh_span_t *)(void *)at = kept_text(r);
        return !r->fault;
    case KEY_NUMBER:
        if (event != NH_JSON_NUMBER || nh_json_int64(&r->r, (int64_t *)(void *)at) < 0)
            return fail(r, "\"%s\" is a whole number", k->name);
        r->out->has_ms = r->out->has_ms || at == (uint8_t *)&r->out->ms;
        return true;
    case KEY_BOOL:
        if (event != NH_JSON_TRUE && event != NH_JSON_FALSE)
            return fail(r, "\"%s\" is true or false", k->name);
        *(bool *)at = event == NH_JSON_TRUE;
        return true;
    case KEY_VALUE:
        r->out->has_value = true;
        return take_value(r, event, &r->out->value);
    default:
        return take_parameters(r, event);
    }
}

static const struct key *key_of(const char *name)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(keys); i++)
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

static bool read_object(struct reading *r)
{
    int event = nh_json_next(&r->r);
    if (event != NH_JSON_OBJECT_BEGIN)
        return fail(r, "the body is a JSON %s", "object");
    while ((event = nh_json_next(&r->r)) == NH_JSON_KEY) {
        const char *name = nh_json_text(&r->r, NULL);
        const struct key *k = key_of(name);
        if (!k)
            return fail(r, "\"%.40s\" is not known here", name);
        if (!take_key(r, k, nh_json_next(&r->r)))
            return false;
    }
    if (event != NH_JSON_OBJECT_END || nh_json_next(&r->r) != NH_JSON_DONE)
        return fail(r, "the body is no well-formed %s", "JSON");
    return true;
}

bool nh_automation_api__body(nh_request_t *req, struct nh_automation_body *out, int *rc)
{
    struct reading r = {.req = req, .out = out};
    size_t cap = req->body_len + 1;
    char *text = nh_arena_alloc(req->arena, cap);
    const struct nh_json_reader_config cfg = {.text = text, .text_max_bytes = cap};
    nh_automation_user_set(req->ctx, req->user);
    *out = (struct nh_automation_body){.instance = -1, .index = -1, .is_enabled = true};
    if (!text) {
        *rc = NH_ERR_NOMEM;
        return false;
    }
    if (req->body_len == 0) // nothing is asked for but what the path says
        return true;
    nh_json_reader_init(&r.r, &cfg);
    nh_json_feed(&r.r, req->body, req->body_len, true);
    if (read_object(&r))
        return true;
    *rc = nh_reply_error(req, 400, "invalid", "Body: %s. Nothing was changed.",
                         r.fault ? r.fault : "it cannot be read");
    return false;
}

// ---- replies ------------------------------------------------------------------------------------

int nh_automation_api__status(nh_request_t *req, const char *status)
{
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_string(w, "status", status);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static const struct refusal {
    int err, status;
    const char *code, *text;
} refusals[] = {
    {NH_ERR_NOT_FOUND, 404, "not_found", "there is none"},
    {NH_ERR_BUSY, 409, "busy", "it runs already and its mode is single"},
    {NH_ERR_AGAIN, 409, "conditions", "its conditions do not hold"},
    {NH_ERR_DENIED, 409, "disabled", "it is disabled"},
    {NH_ERR_CONFLICT, 409, "conflict", "it does not wait"},
    {NH_ERR_FULL, 503, "limit", "a limit is reached"},
    {NH_ERR_RANGE, 400, "range", "the value is out of its range"},
    {NH_ERR_TOO_LONG, 400, "too_long", "a text is too long"},
    {NH_ERR_INVAL, 400, "invalid", "the name is missing"},
};

static const struct refusal *refusal_of(int err)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(refusals); i++)
        if (refusals[i].err == err)
            return &refusals[i];
    return NULL;
}

const char *nh_automation_api__refusal(int err)
{
    const struct refusal *r = refusal_of(err);
    return r ? r->code : nh_err_name(err);
}

int nh_automation_api__refused(nh_request_t *req, int err, const char *what, const char *field,
                               nh_span_t value)
{
    const struct refusal *r = refusal_of(err);
    if (!r)
        return err;
    nh_json_writer_t *w =
        nh_reply_error_details(req, r->status, r->code, "%s \"%.*s\": %s. Nothing was changed.",
                               what, NH_TEXT(value), r->text);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_string(w, "field", field);
    nh_automation_api__kv_span(w, "value", value);
    nh_json_object_end(w);
    return nh_reply_error_end(req);
}

int nh_automation_api__refused_number(nh_request_t *req, int err, const char *what,
                                      const char *field, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    return nh_automation_api__refused(req, err, what, field, nh_span_of(text));
}

int nh_automation_api__refused_scenario(nh_request_t *req, int err, nh_span_t device,
                                        nh_span_t scenario)
{
    char text[128];
    snprintf(text, sizeof text, "%.*s/%.*s", NH_TEXT(device), NH_TEXT(scenario));
    return nh_automation_api__refused(req, err, "Scenario", "/scenario", nh_span_of(text));
}

static int reply_count(nh_request_t *req, int count, const char *key)
{
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_string(w, "status", "ok");
    nh_json_kv_int(w, key, count);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static int done(nh_request_t *req, int err, const char *what, const char *field, nh_span_t name)
{
    return err < 0 ? nh_automation_api__refused(req, err, what, field, name)
                   : nh_automation_api__status(req, "ok");
}

static int done_instance(nh_request_t *req, int err, const struct nh_automation_body *b)
{
    return err < 0
               ? nh_automation_api__refused_number(req, err, "Instance", "/instance", b->instance)
               : nh_automation_api__status(req, "ok");
}

// ---- what is to be done -------------------------------------------------------------------------

static int reply_needed(nh_request_t *req, const char *what)
{
    return nh_reply_error(req, 400, "invalid", "%s needed in the body. Nothing was changed.", what);
}

static int run(nh_request_t *req, const struct nh_automation_body *b)
{
    const struct nh_automation_run r = {.device = b->device,
                                        .scenario = b->scenario,
                                        .parameters = b->parameters,
                                        .parameter_count = b->parameter_count,
                                        .origin = NH_ORIGIN_HTTP};
    nh_automation_t *a = nh_automation_api__of(req);
    if (b->scenario.len == 0)
        return reply_needed(req, "\"device\" and \"scenario\" are");
    if (req->role == NH_ROLE_OPERATOR && nh_automation_api__lacks_button(a, r.device, r.scenario))
        return nh_reply_error(req, 403, "forbidden",
                              "The scenario has no button: it is for admins. Nothing was changed.");
    int id = nh_automation_run(a, &r, req->now_ms);
    if (id < 0)
        return nh_automation_api__refused_scenario(req, id, b->device, b->scenario);
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_string(w, "status", "queued"); // the word of the older firmware
    nh_json_kv_int(w, "instance", id);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static int post_run(nh_request_t *req)
{
    struct nh_automation_body b;
    int rc;
    return nh_automation_api__body(req, &b, &rc) ? run(req, &b) : rc;
}

static int get_run(nh_request_t *req)
{
    const char *device = nh_request_param(req, "device");
    const char *scenario = nh_request_param(req, "scenario");
    nh_automation_user_set(req->ctx, req->user);
    const struct nh_automation_body b = {.device = nh_span_of(device ? device : ""),
                                         .scenario = nh_span_of(scenario ? scenario : "")};
    return run(req, &b);
}

static int post_cancel(nh_request_t *req)
{
    nh_automation_t *a = nh_automation_api__of(req);
    struct nh_automation_body b;
    int rc;
    if (!nh_automation_api__body(req, &b, &rc))
        return rc;
    if ((b.instance >= 0) + (b.device.len > 0) + b.is_all != 1)
        return nh_reply_error(req, 400, "invalid",
                              "One of \"instance\", \"device\" and \"all\" is needed. Nothing was "
                              "changed.");
    int count = b.is_all ? nh_automation_cancel_all(a, NH_ORIGIN_HTTP, req->now_ms)
                : b.instance >= 0
                    ? nh_automation_cancel(a, (uint32_t)b.instance, NH_ORIGIN_HTTP, req->now_ms)
                    : nh_automation_cancel_device(a, b.device, NH_ORIGIN_HTTP, req->now_ms);
    if (count >= 0)
        return reply_count(req, count, "cancelled");
    return b.instance >= 0
               ? nh_automation_api__refused_number(req, count, "Instance", "/instance", b.instance)
               : nh_automation_api__refused(req, count, "Device", "/device", b.device);
}

static int post_skip(nh_request_t *req)
{
    struct nh_automation_body b;
    int rc;
    if (!nh_automation_api__body(req, &b, &rc))
        return rc;
    if (b.instance < 0)
        return reply_needed(req, "\"instance\" is");
    int err = nh_automation_skip(nh_automation_api__of(req), (uint32_t)b.instance, NH_ORIGIN_HTTP,
                                 req->now_ms);
    return done_instance(req, err, &b);
}

static int post_force(nh_request_t *req)
{
    struct nh_automation_body b;
    int rc;
    if (!nh_automation_api__body(req, &b, &rc))
        return rc;
    if (b.instance < 0)
        return reply_needed(req, "\"instance\" is");
    int err = nh_automation_force(nh_automation_api__of(req), (uint32_t)b.instance, NH_ORIGIN_HTTP,
                                  req->now_ms);
    return done_instance(req, err, &b);
}

static int post_button(nh_request_t *req)
{
    struct nh_automation_body b;
    int rc;
    if (!nh_automation_api__body(req, &b, &rc))
        return rc;
    int count =
        nh_automation_button(nh_automation_api__of(req), b.name, NH_ORIGIN_HTTP, req->now_ms);
    return count < 0 ? nh_automation_api__refused(req, count, "Button", "/name", b.name)
                     : reply_count(req, count, "started");
}

static int post_call(nh_request_t *req)
{
    struct nh_automation_body b;
    int rc;
    if (!nh_automation_api__body(req, &b, &rc))
        return rc;
    int count = nh_automation_call(nh_automation_api__of(req), b.name, b.parameters,
                                   b.parameter_count, req->now_ms);
    return count < 0 ? nh_automation_api__refused(req, count, "Call", "/name", b.name)
                     : reply_count(req, count, "started");
}

// Lists go on behind the last name, which has to fit where it is kept.
static bool is_name(nh_span_t name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] < 0x20 || name.ptr[i] == 0x7f)
            return false;
    return name.len > 0 && name.len <= NAME_MAX_BYTES;
}

static int reply_bad_name(nh_request_t *req)
{
    return nh_reply_error(
        req, 400, "invalid",
        "The name has to be 1 to %d bytes without control characters. Nothing was "
        "changed.",
        NAME_MAX_BYTES);
}

static int post_flag(nh_request_t *req)
{
    struct nh_automation_body b;
    int rc;
    if (!nh_automation_api__body(req, &b, &rc))
        return rc;
    if (!is_name(b.name))
        return reply_bad_name(req);
    if (b.has_value && b.value.kind != NH_VALUE_BOOL)
        return nh_reply_error(req, 400, "invalid", "\"value\" of a flag is true or false.");
    return done(req,
                nh_automation_flag_set(nh_automation_api__of(req), b.name,
                                       b.has_value ? b.value.truth : true, NH_ORIGIN_HTTP,
                                       req->now_ms),
                "Flag", "/flag", b.name);
}

static int post_variable(nh_request_t *req)
{
    struct nh_automation_body b;
    int rc;
    if (!nh_automation_api__body(req, &b, &rc))
        return rc;
    if (!is_name(b.name))
        return reply_bad_name(req);
    if (!b.has_value)
        return nh_reply_error(req, 400, "invalid", "\"value\" is missing. Nothing was changed.");
    return done(req,
                nh_automation_variable_set(nh_automation_api__of(req), b.name, &b.value,
                                           NH_ORIGIN_HTTP, req->now_ms),
                "Variable", "/variable", b.name);
}

static int post_enable(nh_request_t *req)
{
    struct nh_automation_body b;
    int rc;
    if (!nh_automation_api__body(req, &b, &rc))
        return rc;
    nh_automation_enable(nh_automation_api__of(req), b.is_enabled, NH_ORIGIN_HTTP, req->now_ms);
    return nh_automation_api__status(req, "ok");
}

// The device in the body, or as the older firmware had it in the query.
static int reset(nh_request_t *req, enum nh_template_type type)
{
    struct nh_automation_body b;
    int rc;
    if (!nh_automation_api__body(req, &b, &rc))
        return rc;
    const char *param = nh_request_param(req, "device");
    nh_span_t device = b.device.len || !param ? b.device : nh_span_of(param);
    if (device.len == 0)
        return reply_needed(req, "\"device\" is");
    int err = nh_automation_template_reset(nh_automation_api__of(req), device, type, NH_ORIGIN_HTTP,
                                           req->now_ms);
    return err < 0 ? nh_automation_api__refused(req, err, "Device", "/device", device)
                   : nh_automation_api__status(req, "reset");
}

static int post_signal_reset(nh_request_t *req)
{
    return reset(req, NH_TEMPLATE_SIGNAL_HOLD);
}

static int post_sequence_reset(nh_request_t *req)
{
    return reset(req, NH_TEMPLATE_SEQUENCE_LOCK);
}

// ---- the table ----------------------------------------------------------------------------------

#define ROUTE_PARAMS(m, p, h, f, t, names)                                                         \
    {                                                                                              \
        .method = (m), .path = (p), .flags = (f), .handle = (h), .text = (t), .params = (names),   \
        .body_max_bytes = (m)[0] == 'P' ? BODY_MAX_BYTES : 0                                       \
    }
#define ROUTE(m, p, h, f, t) ROUTE_PARAMS(m, p, h, f, t, "")
#define OPERATOR NH_ROUTE_OPERATOR

static const nh_route_t routes[] = {
    ROUTE_PARAMS("GET", "/api/devices/run", get_run, OPERATOR | NH_ROUTE_CHANGES,
                 "Run a scenario, as the older firmware",
                 "device scenario"), // the first: see below
    ROUTE("GET", "/api/automation", nh_automation_api__get_automation, OPERATOR,
          "What runs, counters, suspended"),
    ROUTE("GET", "/api/automation/actions", nh_automation_api__get_actions, OPERATOR,
          "Scenarios, their buttons, how they ended"),
    ROUTE("GET", "/api/automation/flags", nh_automation_api__get_flags, OPERATOR, "Flags"),
    ROUTE("GET", "/api/automation/variables", nh_automation_api__get_variables, OPERATOR,
          "Variables of all scenarios"),
    ROUTE("GET", "/api/automation/monitors", nh_automation_api__get_monitors, OPERATOR,
          "Devices and their templates"),
    ROUTE_PARAMS("GET", "/api/automation/traces", nh_automation_api__get_traces, 0,
                 "Traces of a scenario, or which scenarios have some", "device scenario failed"),
    ROUTE("POST", "/api/automation/cancel", post_cancel, OPERATOR,
          "Cancel an instance, a device, or all"),
    ROUTE("POST", "/api/automation/skip", post_skip, OPERATOR, "Pass over the wait of an instance"),
    ROUTE("POST", "/api/automation/force", post_force, OPERATOR,
          "Go on as if what it waits for had come"),
    ROUTE("POST", "/api/automation/dry_run", nh_automation_api__post_dry_run, 0,
          "What a scenario would do, without doing it"),
    ROUTE("POST", "/api/automation/button", post_button, OPERATOR, "Press a button"),
    ROUTE("POST", "/api/automation/call", post_call, 0, "Start what waits for this call"),
    ROUTE("POST", "/api/automation/flag", post_flag, 0, "Set a flag"),
    ROUTE("POST", "/api/automation/variable", post_variable, 0, "Set a variable"),
    ROUTE("POST", "/api/automation/enable", post_enable, 0,
          "Let scenarios start by themselves, or not"),
    ROUTE("POST", "/api/devices/run", post_run, OPERATOR,
          "Run a scenario; an operator one that has a button"),
    ROUTE_PARAMS("POST", "/api/devices/signal/reset", post_signal_reset, OPERATOR,
                 "Reset what is held", "device"),
    ROUTE_PARAMS("POST", "/api/devices/sequence/reset", post_sequence_reset, OPERATOR,
                 "Reset a sequence", "device"),
    {0},
};

void nh_automation_routes(nh_automation_t *a, bool has_get_changes,
                          struct nh_route_table out[NH_AUTOMATION_TABLE_COUNT])
{
    out[0] = (struct nh_route_table){
        .routes = routes + !has_get_changes, .ctx = a, .name = "automation"};
    out[1] =
        (struct nh_route_table){.routes = nh_automation_api__game_routes, .ctx = a, .name = "game"};
}
