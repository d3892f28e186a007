// devices_api.c - the routes of the device configuration: thin, no state.

#include "components/devices/devices_api_private.h"

#include "core/json/decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

nh_devices_t *nh_devices_api__of(nh_request_t *req)
{
    return req->ctx;
}

// ---- GET /api/devices/config, /profile/download, /backup ----------------------------------------

struct sending {
    nh_device_set_t *set;
    nh_device_writer_t writer;
    char profile[NH_DEVICES_ID_MAX_BYTES];
};

static int produce_config(nh_request_t *req, char *out, size_t cap)
{
    struct sending *s = req->state;
    return (int)nh_device_writer_next(&s->writer, out, cap);
}

static void end_sending(nh_request_t *req)
{
    struct sending *s = req->state;
    nh_device_set_unref(s->set);
}

static bool asks_for(nh_request_t *req, const char *word)
{
    const char *format = nh_request_param(req, "format");
    return format && strcmp(format, word) == 0;
}

static int reply_no_format(nh_request_t *req)
{
    nh_json_writer_t *w = nh_reply_error_details(
        req, 400, "bad_value", "format: \"%.32s\" is none; json or yaml. Nothing was done.",
        nh_request_param(req, "format"));
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_string(w, "field", "format");
    nh_json_kv_string(w, "value", nh_request_param(req, "format"));
    nh_json_kv_string(w, "limit", "json or yaml");
    nh_json_object_end(w);
    return nh_reply_error_end(req);
}

// `set` is taken.
static int send_set(nh_request_t *req, nh_device_set_t *set, uint32_t generation)
{
    bool is_yaml = asks_for(req, "yaml");
    if (!is_yaml && nh_request_param(req, "format") && !asks_for(req, "json")) {
        nh_device_set_unref(set);
        return reply_no_format(req);
    }
    struct sending *s = nh_arena_alloc(req->arena, sizeof *s);
    if (!s) {
        nh_device_set_unref(set);
        return NH_ERR_NOMEM;
    }
    s->set = set;
    req->state = s;
    req->cleanup = end_sending;
    snprintf(s->profile, sizeof s->profile, "%s", nh_devices_api__of(req)->profile);
    const struct nh_device_head head = {.generation = generation};
    nh_device_writer_init(&s->writer, set, is_yaml ? NH_DEVICE_FORM_YAML : NH_DEVICE_FORM_JSON,
                          &head);
    return nh_reply_stream(req, 200, is_yaml ? "application/yaml" : "application/json",
                           produce_config);
}

static int get_config(nh_request_t *req)
{
    nh_devices_t *d = nh_devices_api__of(req);
    const char *profile = nh_request_param(req, "profile");
    bool is_in_force = !profile || !profile[0] || strcmp(profile, d->profile) == 0;
    nh_device_set_t *set;
    int err = nh_devices_profile_load(d, profile, &set);
    if (err == NH_ERR_NOT_FOUND)
        return nh_reply_error(req, 404, "no_profile", "There is no profile \"%.31s\".", profile);
    return err < 0 ? err : send_set(req, set, is_in_force ? d->generation : 0);
}

static int get_download(nh_request_t *req)
{
    int err = nh_reply_header(req, "Content-Disposition",
                              asks_for(req, "yaml") ? "attachment; filename=\"devices.yaml\""
                                                    : "attachment; filename=\"devices.json\"");
    return err < 0 ? err : get_config(req);
}

static int get_backup(nh_request_t *req)
{
    const char *text = nh_request_param(req, "generation");
    char *end;
    unsigned long generation = text ? strtoul(text, &end, 10) : 0;
    nh_device_set_t *set;
    if (generation == 0 || generation > UINT32_MAX || *end)
        return nh_reply_error(req, 400, "bad_value", "generation is a whole number, from 1 on.");
    int err = nh_devices_backup_load(nh_devices_api__of(req), (uint32_t)generation, &set);
    if (err == NH_ERR_NOT_FOUND || err == NH_ERR_CORRUPT)
        return nh_reply_error(req, 404, "no_backup", "There is no good backup of generation %lu.",
                              generation);
    return err < 0 ? err : send_set(req, set, 0);
}

// ---- GET /api/devices ---------------------------------------------------------------------------

static const char *const source_words[] = {"card", "staged", "backup", "copy", "empty", "applied"};

void nh_devices__write_state(nh_devices_t *d, nh_json_writer_t *w)
{
    struct nh_devices_info i;
    struct nh_device_set_info set;
    nh_devices_info(d, &i);
    nh_device_set_info(d->set, &set);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "profile", i.profile);
    nh_json_kv_uint(w, "generation", i.generation);
    nh_json_kv_uint(w, "devices", set.device_count);
    nh_json_kv_uint(w, "scenarios", set.scenario_count);
    nh_json_kv_string(w, "source", source_words[i.source]);
    nh_json_kv_string(w, "degraded", i.degraded);
    nh_json_kv_bool(w, "card", i.has_card);
    nh_json_kv_bool(w, "saved", i.is_saved);
    nh_json_kv_bool(w, "conflict", i.is_conflict);
    nh_json_kv_uint(w, "confirm_ms", i.confirm_ms);
    nh_json_kv_uint(w, "confirm_back", i.confirm_back);
    nh_json_kv_string(w, "changed_by", i.changed_by);
    nh_json_kv_int(w, "changed_unix_ms", i.changed_unix_ms);
    nh_json_kv_uint(w, "bytes", i.set_bytes);
    nh_json_kv_uint(w, "applied", i.apply_count);
    nh_json_kv_uint(w, "rejected", i.reject_count);
    nh_json_kv_uint(w, "save_failed", i.save_failed_count);
    nh_json_kv_uint(w, "rolled_back", i.rollback_count);
    nh_json_object_end(w);
}

static int get_devices(nh_request_t *req)
{
    nh_devices__write_state(nh_devices_api__of(req), nh_reply_json(req, 200));
    return nh_reply_json_end(req);
}

static int reply_ok(nh_request_t *req, int generation)
{
    nh_json_writer_t *w = nh_reply_json(req, 200);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "status", "ok");
    if (generation > 0)
        nh_json_kv_uint(w, "generation", (uint64_t)generation);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static int get_backups(nh_request_t *req)
{
    struct nh_devices_backup b[NH_DEVICES_BACKUP_MAX_COUNT];
    size_t count = nh_devices_backups(nh_devices_api__of(req), b, NH_ARRAY_LEN(b));
    nh_json_writer_t *w = nh_reply_json(req, 200);
    nh_json_array_begin(w);
    for (size_t i = 0; i < count; i++) {
        nh_json_object_begin(w);
        nh_json_kv_uint(w, "generation", b[i].generation);
        nh_json_kv_uint(w, "size_bytes", b[i].size_bytes);
        nh_json_kv_int(w, "mtime_unix_ms", b[i].mtime_unix_ms);
        nh_json_object_end(w);
    }
    nh_json_array_end(w);
    return nh_reply_json_end(req);
}

// ---- the other changes --------------------------------------------------------------------------

void nh_devices_api__note_who(nh_request_t *req)
{
    char who[NH_DEVICES_WHO_MAX_BYTES];
    snprintf(who, sizeof who, "%s", req->user ? req->user : req->peer ? req->peer : "");
    char *colon = req->user ? NULL : strrchr(who, ':');
    if (colon)
        *colon = '\0';
    nh_devices_changed_by(nh_devices_api__of(req), who);
}

struct change {
    uint32_t generation;
    char keep[8], id[NH_DEVICES_ID_MAX_BYTES], name[64], clone[NH_DEVICES_ID_MAX_BYTES];
    bool cancel;
};

static const nh_json_field_t change_fields[] = {
    {"generation", NH_JSON_T_INT, NH_JSON_AT(struct change, generation)},
    {"keep", NH_JSON_T_STRING, NH_JSON_AT(struct change, keep)},
    {"id", NH_JSON_T_STRING, NH_JSON_AT(struct change, id)},
    {"name", NH_JSON_T_STRING, NH_JSON_AT(struct change, name)},
    {"clone", NH_JSON_T_STRING, NH_JSON_AT(struct change, clone)},
    {"cancel", NH_JSON_T_BOOL, NH_JSON_AT(struct change, cancel)},
    NH_JSON_FIELDS_END,
};

// One that is too long is refused: cut, it would name another profile.
static bool take_param(nh_request_t *req, const char *name, char *out, size_t cap, int *err)
{
    const char *text = nh_request_param(req, name);
    size_t len = text ? strlen(text) : 0;
    if (len >= cap) {
        *err =
            nh_reply_error(req, 400, "bad_value",
                           "%s has %zu bytes, limit %zu. Nothing was changed.", name, len, cap - 1);
        return false;
    }
    if (text)
        memcpy(out, text, len + 1);
    return true;
}

// A JSON body, or, as the older generation had them, parameters. False: return `*err`.
static bool read_change(nh_request_t *req, struct change *c, int *err)
{
    bool ok = true;
    *c = (struct change){.generation = 0};
    *err = 0;
    if (req->body_len > 0)
        *err = nh_request_decode(req, change_fields, c, "Nothing was changed.", &ok);
    return ok && take_param(req, "id", c->id, sizeof c->id, err) &&
           take_param(req, "name", c->name, sizeof c->name, err) &&
           take_param(req, "clone", c->clone, sizeof c->clone, err);
}

static int post_confirm(nh_request_t *req)
{
    int err = nh_devices_confirm(nh_devices_api__of(req));
    if (err == NH_ERR_NOT_FOUND)
        return nh_reply_error(req, 409, "nothing_waits", "No change waits to be confirmed.");
    return err < 0 ? err : reply_ok(req, 0);
}

static int reply_over_limit(nh_request_t *req)
{
    return nh_reply_error(req, 409, "over_limit",
                          "It needs more than the limits of automation allow; the log says what. "
                          "Nothing was changed.");
}

static int post_rollback(nh_request_t *req)
{
    struct change c;
    int err;
    if (!read_change(req, &c, &err))
        return err;
    if (c.generation == 0)
        return nh_reply_error(req, 400, "bad_value",
                              "A body with \"generation\" is needed: which one is to come back. "
                              "Nothing was changed.");
    err = nh_devices_rollback(nh_devices_api__of(req), c.generation, c.cancel);
    if (err == NH_ERR_NOT_FOUND || err == NH_ERR_CORRUPT)
        return nh_reply_error(req, 404, "no_backup",
                              "There is no good backup of generation %u. Nothing was changed.",
                              (unsigned)c.generation);
    if (err < 0)
        return err == NH_ERR_FULL ? reply_over_limit(req) : err;
    nh_devices_api__note_who(req);
    return reply_ok(req, err);
}

static int post_snapshot(nh_request_t *req)
{
    int err = nh_devices_snapshot(nh_devices_api__of(req));
    return err < 0 ? err : reply_ok(req, err);
}

static int post_sync(nh_request_t *req)
{
    static const char *const words[] = {"newer", "hub", "card"};
    struct change c;
    const char *what;
    int err, keep = 0;
    if (!read_change(req, &c, &err))
        return err;
    for (int i = 0; i < 3; i++)
        if (strcmp(c.keep, words[i]) == 0)
            keep = i;
    if (c.keep[0] && strcmp(c.keep, words[keep]) != 0)
        return nh_reply_error(req, 400, "bad_value", "keep is newer, hub or card.");
    err = nh_devices_sync(nh_devices_api__of(req), (enum nh_devices_keep)keep, &what);
    if (err == NH_ERR_FULL)
        return reply_over_limit(req);
    if (err < 0)
        return nh_reply_error(req, 503, NULL, "%s: %s.", what ? what : "the card",
                              nh_err_text(err));
    nh_json_writer_t *w = nh_reply_json(req, 200);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "status", "ok");
    nh_json_kv_string(w, "message", what);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

// ---- profiles -----------------------------------------------------------------------------------

static int get_profiles(nh_request_t *req)
{
    struct nh_devices_profile *p =
        nh_arena_alloc(req->arena, NH_DEVICES_PROFILE_MAX_COUNT * sizeof *p);
    if (!p)
        return NH_ERR_NOMEM;
    size_t count = nh_devices_profiles(nh_devices_api__of(req), p, NH_DEVICES_PROFILE_MAX_COUNT);
    nh_json_writer_t *w = nh_reply_json(req, 200);
    nh_json_array_begin(w);
    for (size_t i = 0; i < count; i++) {
        nh_json_object_begin(w);
        nh_json_kv_string(w, "id", p[i].id);
        nh_json_kv_string(w, "name", p[i].name);
        nh_json_kv_uint(w, "device_count", p[i].device_count);
        nh_json_kv_bool(w, "active", p[i].is_active);
        nh_json_object_end(w);
    }
    nh_json_array_end(w);
    return nh_reply_json_end(req);
}

static int reply_profile(nh_request_t *req, const char *id, int err)
{
    switch (err) {
    case NH_ERR_NOT_FOUND:
        return nh_reply_error(req, 404, "no_profile", "There is no profile \"%s\".", id);
    case NH_ERR_EXISTS:
        return nh_reply_error(req, 409, "exists", "There is a profile \"%s\" already.", id);
    case NH_ERR_INVAL:
        return nh_reply_error(req, 400, "bad_id",
                              "id: \"%s\" has to be 1 to %d letters, digits, '-' and '_'.", id,
                              NH_DEVICES_ID_MAX_BYTES - 1);
    case NH_ERR_FULL:
        return nh_reply_error(req, 409, "full", "There are %u profiles already.",
                              (unsigned)nh_devices_api__of(req)->cfg.profile_max_count);
    case NH_ERR_CONFLICT:
        return nh_reply_error(req, 409, "not_saved",
                              "What is in force is not on the card; sync first. Nothing was "
                              "changed.");
    case NH_ERR_BUSY:
        return nh_reply_error(
            req, 409, "in_force",
            "The profile in force cannot be deleted; activate another one first.");
    default:
        return err < 0 ? err : reply_ok(req, 0);
    }
}

static int post_profile_create(nh_request_t *req)
{
    struct change c;
    int err;
    if (!read_change(req, &c, &err))
        return err;
    const char *name = c.name[0] ? c.name : c.id;
    return reply_profile(req, c.id,
                         nh_devices_profile_create(nh_devices_api__of(req), c.id, name, c.clone));
}

static int post_profile_rename(nh_request_t *req)
{
    struct change c;
    int err;
    if (!read_change(req, &c, &err))
        return err;
    err = nh_devices_profile_rename(nh_devices_api__of(req), c.id, c.name);
    return err == NH_ERR_FULL ? reply_over_limit(req) : reply_profile(req, c.id, err);
}

static int post_profile_delete(nh_request_t *req)
{
    struct change c;
    int err;
    if (!read_change(req, &c, &err))
        return err;
    return reply_profile(req, c.id, nh_devices_profile_delete(nh_devices_api__of(req), c.id));
}

static int post_profile_activate(nh_request_t *req)
{
    struct change c;
    int err;
    if (!read_change(req, &c, &err))
        return err;
    err = nh_devices_profile_activate(nh_devices_api__of(req), c.id, c.cancel);
    if (err == NH_ERR_FULL)
        return reply_over_limit(req);
    if (err >= 0)
        nh_devices_api__note_who(req);
    return reply_profile(req, c.id, err);
}

// ---- the table ----------------------------------------------------------------------------------

#define BODY_MAX_BYTES NH_MIB(4) // the limits of the configuration are below it
#define CHANGE_MAX_BYTES 1024

static const nh_route_t routes[] = {
    {"GET", "/api/devices", .params = "", .flags = NH_ROUTE_OPERATOR, .handle = get_devices,
     .text = "Which configuration is in force"},
    {"GET", "/api/devices/config", .params = "profile format", .flags = NH_ROUTE_OPERATOR,
     .handle = get_config, .text = "The whole configuration; profile=, format=yaml"},
    {"GET", "/api/devices/schema", .params = "", .flags = NH_ROUTE_OPERATOR,
     .handle = nh_devices__get_schema, .text = "What a configuration may have, for editors"},
    {"GET", "/api/devices/templates", .params = "", .flags = NH_ROUTE_OPERATOR,
     .handle = nh_devices__get_templates, .text = "The kinds of devices"},
    {"POST", "/api/devices/validate", .params = "", .body_max_bytes = BODY_MAX_BYTES,
     .body = nh_devices_api__take_piece, .handle = nh_devices_api__post_validate,
     .text = "All findings of a configuration, JSON or YAML"},
    {"POST", "/api/devices/apply", .params = "profile base_generation confirm_s running",
     .body_max_bytes = BODY_MAX_BYTES, .body = nh_devices_api__take_piece,
     .handle = nh_devices_api__post_apply,
     .text = "Saves it and puts it in force; profile=, base_generation=, confirm_s=, "
             "running=keep|cancel"},
    {"POST", "/api/devices/confirm", .params = "", .handle = post_confirm,
     .text = "Keeps a change that was applied with confirm_s"},
    {"GET", "/api/devices/backups", .params = "", .handle = get_backups,
     .text = "Older generations"},
    {"GET", "/api/devices/backup", .params = "generation format", .handle = get_backup,
     .text = "One of them; generation="},
    {"POST", "/api/devices/rollback", .params = "", .body_max_bytes = CHANGE_MAX_BYTES,
     .handle = post_rollback, .text = "Puts an older generation in force, as a new one"},
    {"POST", "/api/devices/snapshot", .params = "", .handle = post_snapshot,
     .text = "Makes a backup of what is in force"},
    {"POST", "/api/devices/sync", .params = "", .body_max_bytes = CHANGE_MAX_BYTES,
     .handle = post_sync, .text = "Brings card and hub together; keep: newer, hub, card"},
    {"GET", "/api/devices/profiles", .params = "", .handle = get_profiles, .text = "All profiles"},
    {"GET", "/api/devices/profile/download", .params = "profile format", .handle = get_download,
     .text = "A profile as a file; profile="},
    {"POST", "/api/devices/profile/create", .params = "id name clone",
     .body_max_bytes = CHANGE_MAX_BYTES, .handle = post_profile_create,
     .text = "Makes a profile, empty or as another; id, name, clone"},
    {"POST", "/api/devices/profile/rename", .params = "id name", .body_max_bytes = CHANGE_MAX_BYTES,
     .handle = post_profile_rename, .text = "Names a profile; id, name"},
    {"POST", "/api/devices/profile/delete", .params = "id", .body_max_bytes = CHANGE_MAX_BYTES,
     .handle = post_profile_delete, .text = "Removes a profile that is not in force; id"},
    {"POST", "/api/devices/profile/activate", .params = "id", .body_max_bytes = CHANGE_MAX_BYTES,
     .handle = post_profile_activate, .text = "Puts a profile in force; id, cancel"},
    {NULL},
};

struct nh_route_table nh_devices_routes(nh_devices_t *d)
{
    return (struct nh_route_table){.routes = routes, .ctx = d, .name = "devices"};
}

static uint64_t feed_version(void *ctx)
{
    const nh_devices_t *d = ctx;
    return d->version;
}

static uint64_t feed_write(void *ctx, nh_json_writer_t *w, uint64_t since)
{
    nh_devices_t *d = ctx;
    (void)since;
    nh_devices__write_state(d, w);
    return d->version;
}

void nh_devices_feed_part(nh_devices_t *d, nh_feed_part_t *out)
{
    *out = (nh_feed_part_t){.name = "devices",
                            .min_interval_ms = 250,
                            .version = feed_version,
                            .write = feed_write,
                            .ctx = d};
}
