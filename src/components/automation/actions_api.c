// actions_api.c - what an operator may start, and which hints may be sent: the names behind the ids
// that run, without the rest of the configuration.

#include "components/automation/automation_api.h"

static void kv_span(nh_json_writer_t *w, const char *key, nh_span_t text)
{
    nh_json_key(w, key);
    nh_json_string_n(w, (const char *)text.ptr, text.len);
}

static nh_span_t name_of(nh_rec_t rec, enum nh_field field)
{
    nh_span_t name = nh_rec_text(rec, field);
    return name.len ? name : nh_rec_text(rec, NH_FIELD_ID);
}

bool nh_automation_api__lacks_button(const nh_automation_t *a, nh_span_t device, nh_span_t scenario)
{
    const nh_device_set_t *set = a->plan.set;
    int d = set ? nh_device_set_find_device(set, device) : NH_ERR_NOT_FOUND;
    int i = d < 0 ? d : nh_device_set_find_scenario(set, (uint32_t)d, scenario);
    return i >= 0 &&
           !nh_rec_bool(nh_device_set_scenario(set, (uint32_t)i), NH_FIELD_BUTTON_ENABLED, false);
}

static void write_scenario(const nh_automation_t *a, uint32_t i, nh_json_writer_t *w)
{
    nh_rec_t rec = nh_device_set_scenario(a->plan.set, i);
    nh_rec_t device =
        nh_device_set_device(a->plan.set, nh_device_set_scenario_device(a->plan.set, i));
    nh_span_t label = nh_rec_text(rec, NH_FIELD_BUTTON_LABEL);
    const struct nh_scenario *s = a->plan.scenarios[i];
    nh_json_object_begin(w);
    kv_span(w, "device", nh_rec_text(device, NH_FIELD_ID));
    kv_span(w, "device_name", name_of(device, NH_FIELD_DISPLAY_NAME));
    kv_span(w, "scenario", nh_rec_text(rec, NH_FIELD_ID));
    kv_span(w, "name", name_of(rec, NH_FIELD_NAME));
    nh_json_kv_bool(w, "enabled", nh_rec_bool(rec, NH_FIELD_ENABLED, true));
    if (nh_rec_bool(rec, NH_FIELD_BUTTON_ENABLED, false))
        kv_span(w, "button", label.len ? label : name_of(rec, NH_FIELD_NAME));
    nh_json_kv_uint(w, "done", s->done);
    nh_json_kv_uint(w, "failed", s->failed);
    nh_json_kv_uint(w, "cancelled", s->cancelled);
    nh_json_object_end(w);
}

static bool next_scenario(struct nh_automation_list *l, nh_json_writer_t *w)
{
    if (l->cursor >= l->a->plan.scenario_count)
        return false;
    write_scenario(l->a, (uint32_t)l->cursor++, w);
    return true;
}

static bool next_hint(struct nh_automation_list *l, nh_json_writer_t *w)
{
    const nh_automation_t *a = l->a;
    if (!a->plan.set)
        return false;
    nh_rec_t game = nh_rec_object(nh_device_set_root(a->plan.set), NH_FIELD_GAME);
    if (l->cursor >= nh_rec_count(game, NH_FIELD_HINTS))
        return false;
    nh_rec_t hint = nh_rec_element(game, NH_FIELD_HINTS, (uint32_t)l->cursor++);
    nh_json_object_begin(w);
    kv_span(w, "text", nh_rec_text(hint, NH_FIELD_TEXT));
    nh_json_kv_bool(w, "has_track", nh_rec_text(hint, NH_FIELD_TRACK).len > 0);
    nh_json_object_end(w);
    return true;
}

int nh_automation_api__get_actions(nh_request_t *req)
{
    return nh_automation_api__list(req, next_scenario) ? nh_automation_api__send(req)
                                                       : NH_ERR_NOMEM;
}

int nh_automation_api__get_hints(nh_request_t *req)
{
    return nh_automation_api__list(req, next_hint) ? nh_automation_api__send(req) : NH_ERR_NOMEM;
}
