// devices_schema_api.c - the schema as JSON, so that an editor knows every field without knowing it
// beforehand.

#include "components/devices/devices_state.h"

#include <stdio.h>
#include <string.h>

#define OBJECT_MAX_COUNT 40
#define ROW_MAX_BYTES 1500u

static const char *const kind_words[] = {"bool",   "int",    "enum", "text",
                                         "scalar", "object", "list", "texts"};
static const char *const class_words[] = {"id",         "name", "topic",    "filter",
                                          "payload",    "flag", "variable", "track",
                                          "expression", "time", "pointer"};
_Static_assert(NH_ARRAY_LEN(class_words) == NH_TEXT_CLASS_COUNT, "a word for each class");

// Every object once, in the order in which they are reached.
struct telling {
    const struct nh_field_object *object[OBJECT_MAX_COUNT];
    uint32_t count, at, row;
    bool has_begun, has_ended;
    const struct nh_device_limits *limits;
};

static uint32_t number_of(struct telling *t, const struct nh_field_object *o)
{
    uint32_t i = 0;
    while (i < t->count && t->object[i] != o)
        i++;
    if (i == t->count && t->count < OBJECT_MAX_COUNT)
        t->object[t->count++] = o;
    return i;
}

static uint32_t text_limit(const struct nh_device_limits *l, const struct nh_field_row *r)
{
    const uint32_t limits[NH_TEXT_CLASS_COUNT] = {[NH_TEXT_ID] = l->id_max_bytes,
                                                  [NH_TEXT_NAME] = l->name_max_bytes,
                                                  [NH_TEXT_TOPIC] = l->topic_max_bytes,
                                                  [NH_TEXT_FILTER] = l->topic_max_bytes,
                                                  [NH_TEXT_PAYLOAD] = l->payload_max_bytes,
                                                  [NH_TEXT_FLAG] = l->flag_max_bytes,
                                                  [NH_TEXT_VARIABLE] = l->flag_max_bytes,
                                                  [NH_TEXT_TRACK] = l->track_max_bytes,
                                                  [NH_TEXT_EXPRESSION] = l->expression_max_bytes,
                                                  [NH_TEXT_TIME] = 8,
                                                  [NH_TEXT_POINTER] = l->expression_max_bytes};
    return limits[r->text_class];
}

// The types that a mask names, as words.
static void write_types(nh_json_writer_t *w, const char *key, const struct nh_field_object *o,
                        uint32_t mask)
{
    nh_json_key(w, key);
    nh_json_array_begin(w);
    for (int i = 0; o->rows[0].words[i]; i++)
        if (mask >> i & 1)
            nh_json_string(w, o->rows[0].words[i]);
    nh_json_array_end(w);
}

static void write_row(nh_json_writer_t *w, struct telling *t, const struct nh_field_object *o,
                      const struct nh_field_row *r)
{
    enum nh_field_kind kind = nh_field_kind((enum nh_field)r->field);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "name", nh_field_name((enum nh_field)r->field));
    nh_json_kv_string(w, "kind", kind_words[kind]);
    nh_json_kv_string(w, "text", r->text);
    if (kind == NH_KIND_TEXT || kind == NH_KIND_TEXTS || kind == NH_KIND_SCALAR) {
        nh_json_kv_string(w, "class", class_words[r->text_class]);
        nh_json_kv_uint(w, "max", text_limit(t->limits, r));
    } else if (kind == NH_KIND_INT) {
        nh_json_kv_int(w, "min", r->min);
        nh_json_kv_int(w, "max", r->max);
    }
    if (kind == NH_KIND_LIST || kind == NH_KIND_TEXTS)
        nh_json_kv_uint(w, "max_count", nh_device_list_limit(t->limits, r));
    if (r->alias)
        nh_json_kv_string(w, "alias", r->alias);
    if (r->object)
        nh_json_kv_string(w, "object", r->object->name);
    if (r->object)
        nh_json_kv_uint(w, "ref", number_of(t, r->object));
    if (r->words) {
        nh_json_key(w, "words");
        nh_json_array_begin(w);
        for (int i = 0; r->words[i]; i++)
            nh_json_string(w, r->words[i]);
        nh_json_array_end(w);
    }
    if (!o->has_type || r->needs == UINT32_MAX)
        nh_json_kv_bool(w, "required", r->needs != 0);
    else if (r->needs)
        write_types(w, "required_for", o, r->needs);
    if (o->has_type && r->uses)
        write_types(w, "types", o, r->uses);
    nh_json_object_end(w);
}

static void put(struct nh_json_buf *b, const char *text)
{
    NH_IGNORE(nh_json_buf_sink(b, text, strlen(text)));
}

// The next row of the object at hand, or its end; false: all is told.
static bool tell_next(struct telling *t, struct nh_json_buf *b)
{
    const struct nh_field_object *o = t->object[t->at];
    const struct nh_field_row *r = &o->rows[t->row];
    nh_json_writer_t w;
    char head[96];
    if (t->row == 0) {
        snprintf(head, sizeof head, "%s{\"name\":\"%s\",\"typed\":%s,\"fields\":[",
                 t->at ? "," : "", o->name, o->has_type ? "true" : "false");
        put(b, head);
    }
    if (!r->field) {
        put(b, "]}");
        t->at++;
        t->row = 0;
        return t->at < t->count;
    }
    if (t->row++ > 0)
        put(b, ",");
    nh_json_writer_init(&w, nh_json_buf_sink, b);
    write_row(&w, t, o, r);
    return true;
}

static int produce_schema(nh_request_t *req, char *out, size_t cap)
{
    struct telling *t = req->state;
    struct nh_json_buf b = {.ptr = out, .cap = cap};
    if (!t->has_begun)
        put(&b, "{\"objects\":[");
    t->has_begun = true;
    while (!t->has_ended && b.cap - b.len > ROW_MAX_BYTES) {
        if (tell_next(t, &b))
            continue;
        put(&b, "]}");
        t->has_ended = true;
    }
    return (int)b.len;
}

int nh_devices__get_schema(nh_request_t *req)
{
    const nh_devices_t *d = req->ctx;
    struct telling *t = nh_arena_alloc(req->arena, sizeof *t);
    if (!t)
        return NH_ERR_NOMEM;
    *t = (struct telling){.limits = &d->cfg.limits};
    NH_IGNORE((int)number_of(t, &nh_schema_root));
    req->state = t;
    return nh_reply_stream(req, 200, "application/json", produce_schema);
}

// ---- GET /api/devices/templates
// ------------------------------------------------------------------

int nh_devices__get_templates(nh_request_t *req)
{
    static const struct {
        const char *id, *label, *text;
    } rows[] = {
        {"uid_validator", "UID Validator", "Readers that must see the right cards"},
        {"signal_hold", "Signal Hold Timer", "Something that must be held for a time"},
        {"on_mqtt_event", "MQTT Event Trigger", "Messages that start scenarios"},
        {"on_flag", "Flag Trigger", "Flags that start scenarios"},
        {"if_condition", "Conditional Scenario", "A scenario when flags come to hold together"},
        {"interval_task", "Interval Task", "A scenario again and again"},
        {"sequence_lock", "Sequence Lock", "Messages that must come in an order"},
    };
    nh_json_writer_t *w = nh_reply_json(req, 200);
    nh_json_array_begin(w);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        nh_json_object_begin(w);
        nh_json_kv_string(w, "id", rows[i].id);
        nh_json_kv_string(w, "label", rows[i].label);
        nh_json_kv_string(w, "description", rows[i].text);
        nh_json_kv_string(w, "type", rows[i].id);
        nh_json_object_end(w);
    }
    nh_json_array_end(w);
    return nh_reply_json_end(req);
}
