// The pad's own routes: its state, presses, and key scripts.

#include "components/macropad/macropad_state.h"

#include <string.h>

// A body streams through: the pad's own limit (macropad.document_max_bytes) tells more than this.
#define BODY_MAX_BYTES NH_MIB(16)
#define FINDINGS_MAX 12u // that fit into a reply

// ---- GET /api/macropad -------------------------------------------------------------------------

static void write_names(nh_json_writer_t *w)
{
    nh_json_key(w, "actions");
    nh_json_array_begin(w);
    for (unsigned i = 0; i < NH_MACROPAD_ACTION_COUNT; i++)
        nh_json_string(w, nh_macropad_action_name((enum nh_macropad_action)i));
    nh_json_array_end(w);
    nh_json_key(w, "layouts");
    nh_json_array_begin(w);
    for (size_t i = 0; nh_key_layout_at(i); i++) {
        nh_json_object_begin(w);
        nh_json_kv_string(w, "id", nh_key_layout_id(nh_key_layout_at(i)));
        nh_json_kv_string(w, "name", nh_key_layout_name(nh_key_layout_at(i)));
        nh_json_object_end(w);
    }
    nh_json_array_end(w);
}

static void write_keyboard(const nh_macropad_t *m, nh_json_writer_t *w)
{
    struct nh_typist_info t = {0};
    nh_json_key(w, "keyboard");
    nh_json_object_begin(w);
    nh_json_kv_string(w, "output", m->cfg.keyboard ? m->cfg.keyboard : "off");
    if (m->typist) {
        nh_typist_info(m->typist, &t);
        nh_json_kv_string(w, "layout", nh_key_layout_id(nh_typist_layout(m->typist)));
        nh_json_kv_bool(w, "types_all", nh_typist_types_all(m->typist));
    }
    nh_json_kv_uint(w, "waiting", t.waiting);
    nh_json_kv_uint(w, "scripts", t.scripts);
    nh_json_kv_uint(w, "broken_off", t.broken_off);
    nh_json_kv_uint(w, "queue_full", t.queue_full);
    nh_json_kv_uint(w, "reports", t.reports);
    nh_json_kv_uint(w, "characters_left_out", t.characters_left_out);
    nh_json_kv_uint(w, "script_faults", m->info.script_faults);
    nh_json_object_end(w);
}

static void write_icons(const struct nh_macropad_info *i, nh_json_writer_t *w)
{
    nh_json_key(w, "icons");
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "in_memory", i->icons.count);
    nh_json_kv_uint(w, "bytes", i->icons.bytes);
    nh_json_kv_uint(w, "peak_bytes", i->icons.peak_bytes);
    nh_json_kv_uint(w, "budget_bytes", i->icons.budget_bytes);
    nh_json_kv_uint(w, "hits", i->icons.hits);
    nh_json_kv_uint(w, "misses", i->icons.misses);
    nh_json_kv_uint(w, "evicted", i->icons.evicted);
    nh_json_kv_uint(w, "no_room", i->icons.full);
    nh_json_kv_uint(w, "no_memory", i->icons.no_memory);
    nh_json_kv_uint(w, "installed", i->icon_files.installed);
    nh_json_kv_uint(w, "refused", i->icon_files.refused);
    nh_json_kv_uint(w, "deleted", i->icon_files.deleted);
    nh_json_kv_uint(w, "store_full", i->icon_files.full);
    nh_json_kv_uint(w, "busy", i->icons_busy);
    nh_json_kv_uint(w, "abandoned", i->icons_abandoned);
    nh_json_object_end(w);
}

static void write_limits(const nh_macropad_t *m, nh_json_writer_t *w)
{
    nh_json_key(w, "limits");
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "document_bytes", m->cfg.document_max_bytes);
    nh_json_kv_uint(w, "label_bytes", NH_MACROPAD_LABEL_MAX_BYTES - 1);
    nh_json_kv_uint(w, "payload_bytes", NH_MACROPAD_PAYLOAD_MAX_BYTES - 1);
    nh_json_kv_uint(w, "topic_bytes", NH_MACROPAD_TOPIC_MAX_BYTES - 1);
    nh_json_kv_uint(w, "icon_id_bytes", NH_MACROPAD_ICON_ID_MAX_BYTES - 1);
    nh_json_kv_uint(w, "icon_text_bytes", NH_MACROPAD_ICON_TEXT_MAX_BYTES - 1);
    nh_json_kv_uint(w, "script_bytes", NH_KEY_SCRIPT_MAX_BYTES);
    nh_json_object_end(w);
}

static int get_state(nh_request_t *req)
{
    nh_macropad_t *m = req->ctx;
    struct nh_macropad_info info;
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_macropad_info(m, &info);
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "generation", info.generation);
    nh_json_kv_uint(w, "set_bytes", info.set_bytes);
    nh_json_kv_uint(w, "presses", info.presses);
    nh_json_kv_uint(w, "presses_failed", info.presses_failed);
    nh_json_kv_uint(w, "presses_dropped", info.presses_dropped);
    nh_json_kv_uint(w, "uploads", info.uploads);
    nh_json_kv_uint(w, "uploads_refused", info.uploads_refused);
    nh_json_kv_uint(w, "uploads_abandoned", info.uploads_abandoned);
    nh_json_kv_uint(w, "texts_cut", info.texts_cut);
    nh_json_kv_uint(w, "saves_failed", info.saves_failed);
    write_keyboard(m, w);
    write_icons(&info, w);
    write_names(w);
    write_limits(m, w);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

// ---- presses -----------------------------------------------------------------------------------

struct press {
    uint8_t screen, slot;
};

static const nh_json_field_t press_fields[] = {
    {.name = "screen",
     .type = NH_JSON_T_INT,
     .required = true,
     NH_JSON_AT(struct press, screen),
     .min = 1,
     .max = NH_MACROPAD_SCREEN_COUNT,
     .text = "Screen, from 1"},
    {.name = "slot",
     .type = NH_JSON_T_INT,
     .required = true,
     NH_JSON_AT(struct press, slot),
     .min = 0,
     .max = NH_MACROPAD_SLOT_COUNT - 1,
     .text = "Slot, from 0"},
    NH_JSON_FIELDS_END,
};

static int post_press(nh_request_t *req)
{
    struct press p = {0};
    bool ok;
    int err = nh_request_decode(req, press_fields, &p, "Nothing was pressed.", &ok);
    if (!ok)
        return err;
    err = nh_macropad_press(req->ctx, p.screen - 1u, p.slot);
    if (err < 0)
        return nh_reply_error(req, nh_http_status_of(err), NULL, "macro%u slot %u: %s.",
                              (unsigned)p.screen, (unsigned)p.slot, nh_err_text(err));
    return nh_macropad__reply_done(req);
}

static int post_stop(nh_request_t *req)
{
    uint32_t count = nh_macropad_stop_typing(req->ctx);
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "success", true);
    nh_json_kv_uint(w, "stopped", count);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

// ---- key scripts -------------------------------------------------------------------------------

struct script {
    char script[NH_KEY_SCRIPT_MAX_BYTES + 1];
    char layout[8];
};

static const nh_json_field_t script_fields[] = {
    {.name = "script",
     .type = NH_JSON_T_STRING,
     .required = true,
     NH_JSON_AT(struct script, script),
     .text = "The script"},
    {.name = "layout",
     .type = NH_JSON_T_STRING,
     NH_JSON_AT(struct script, layout),
     .text = "Layout to judge it by; empty: the pad's"},
    NH_JSON_FIELDS_END,
};

// `*out` NULL: return what this returned; the reply is set, or the code makes one.
static int take_script(nh_request_t *req, const char *effect, struct script **out)
{
    bool ok = false;
    struct script *s = nh_arena_alloc(req->arena, sizeof *s);
    *out = NULL;
    if (!s)
        return NH_ERR_NOMEM;
    memset(s, 0, sizeof *s);
    int err = nh_request_decode(req, script_fields, s, effect, &ok);
    if (ok)
        *out = s;
    return err;
}

static nh_span_t span(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, strlen(text)};
}

static int post_type(nh_request_t *req)
{
    struct script *s;
    int err = take_script(req, "Nothing was typed.", &s);
    if (!s)
        return err;
    err = nh_macropad_type(req->ctx, span(s->script));
    return err < 0 ? err : nh_macropad__reply_done(req);
}

struct finding_list {
    nh_json_writer_t *w;
    uint32_t count;
};

static void write_finding(void *ctx, enum nh_key_fault f, uint32_t line, uint32_t column,
                          nh_span_t token)
{
    struct finding_list *l = ctx;
    if (l->count++ >= FINDINGS_MAX)
        return;
    nh_json_object_begin(l->w);
    nh_json_kv_uint(l->w, "line", line);
    nh_json_kv_uint(l->w, "column", column);
    nh_json_kv_string(l->w, "text", nh_key_fault_text(f));
    nh_json_key(l->w, "token");
    nh_json_string_n(l->w, (const char *)token.ptr, token.len < 32 ? token.len : 32);
    nh_json_object_end(l->w);
}

static int post_check(nh_request_t *req)
{
    const nh_macropad_t *m = req->ctx;
    struct script *s;
    int err = take_script(req, "Nothing was checked.", &s);
    if (!s)
        return err;
    const nh_key_layout_t *layout = nh_key_layout_find(span(s->layout));
    if (s->layout[0] && !layout)
        return nh_reply_error(req, 400, "bad_value", "There is no layout %s.", s->layout);
    if (!layout)
        layout = m->typist ? nh_typist_layout(m->typist) : nh_key_layout_at(0);
    struct finding_list l = {nh_reply_json(req, 200), 0};
    if (!l.w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(l.w);
    nh_json_key(l.w, "findings");
    nh_json_array_begin(l.w);
    bool types_all = m->typist && nh_typist_types_all(m->typist);
    nh_key_script_check(span(s->script), layout, types_all, write_finding, &l);
    nh_json_array_end(l.w);
    nh_json_kv_uint(l.w, "count", l.count);
    nh_json_object_end(l.w);
    return nh_reply_json_end(req);
}

// ---- routes ------------------------------------------------------------------------------------

static const nh_route_t routes[] = {
    {"GET", "/api/macros", .handle = nh_macropad__get_macros,
     .text = "The macro pad's document: screens, buttons, colors, templates"},
    {"POST", "/api/macros", .body_max_bytes = BODY_MAX_BYTES, .body = nh_macropad__take_macros,
     .handle = nh_macropad__post_macros,
     .text = "Saves a document and puts it in force; base_generation="},
    {"GET", "/api/macros/export", .handle = nh_macropad__get_export,
     .text = "The document as a file, to be sent to POST /api/macros"},
    {"GET", "/api/icons", .flags = NH_ROUTE_OPERATOR, .handle = nh_macropad__get_icons,
     .text = "The built-in icons"},
    {"GET", "/api/icons/installed", .flags = NH_ROUTE_OPERATOR,
     .handle = nh_macropad__get_installed, .text = "Icons that were installed"},
    {"GET", "/api/icons/data", .flags = NH_ROUTE_OPERATOR, .handle = nh_macropad__get_icon_data,
     .text = "The pixels of an icon (ICN1); id="},
    {"POST", "/api/icons/install", .body_max_bytes = BODY_MAX_BYTES, .body = nh_macropad__take_icon,
     .handle = nh_macropad__post_icon, .text = "Installs an icon (ICN1); id="},
    {"DELETE", "/api/icons/installed", .handle = nh_macropad__delete_icon,
     .text = "Removes an icon; id="},
    {"POST", "/api/icons/gc", .handle = nh_macropad__post_sweep,
     .text = "Removes icons named emoji_ and user_ that no button uses"},
    {"GET", "/api/macropad", .flags = NH_ROUTE_OPERATOR, .handle = get_state,
     .text = "The macro pad: keyboard, counters, actions, layouts, limits"},
    {"POST", "/api/macropad/press", .body_max_bytes = 256, .flags = NH_ROUTE_OPERATOR,
     .handle = post_press, .text = "Presses a button; screen (1 to 8), slot (0 to 15)"},
    {"POST", "/api/macropad/stop", .flags = NH_ROUTE_OPERATOR, .handle = post_stop,
     .text = "Breaks off what is typed; every key comes up"},
    {"POST", "/api/macropad/type", .body_max_bytes = 4096, .handle = post_type,
     .text = "Types a key script; script"},
    {"POST", "/api/macropad/check", .body_max_bytes = 4096, .handle = post_check,
     .text = "What is wrong with a key script; script, layout"},
    {0},
};

struct nh_route_table nh_macropad_routes(nh_macropad_t *m)
{
    return (struct nh_route_table){.routes = routes, .ctx = m, .name = "macropad"};
}
