// lamp_step.c - a step of type lamp as the JSON object that the lamp takes: its fields have the
// same names there.

#include "core/json/json.h"

#include "components/devices/schema.h"
#include "components/devices/set.h"

struct writing {
    nh_json_writer_t w;
    int (*text)(void *ctx, nh_span_t in, nh_span_t *out);
    void *ctx;
    int err; // of `text`
};

static nh_span_t text_now(struct writing *wr, nh_span_t in)
{
    nh_span_t out = in;
    if (wr->text && wr->err == 0)
        wr->err = wr->text(wr->ctx, in, &out);
    return wr->err < 0 ? (nh_span_t){NULL, 0} : out;
}

static void write_text(struct writing *wr, const char *name, nh_span_t in)
{
    nh_span_t text = text_now(wr, in);
    if (!text.ptr)
        return;
    if (name)
        nh_json_key(&wr->w, name);
    nh_json_string_n(&wr->w, (const char *)text.ptr, text.len);
}

static void write_texts(struct writing *wr, const char *name, nh_rec_t r, enum nh_field f)
{
    uint32_t count = nh_rec_count(r, f);
    nh_json_key(&wr->w, name);
    nh_json_array_begin(&wr->w);
    for (uint32_t i = 0; i < count; i++)
        write_text(wr, NULL, nh_rec_text_element(r, f, i));
    nh_json_array_end(&wr->w);
}

static void write_value(struct writing *wr, const struct nh_field_row *row, nh_rec_t r)
{
    enum nh_field f = (enum nh_field)row->field;
    const char *name = nh_field_name(f);
    switch (nh_field_kind(f)) {
    case NH_KIND_BOOL:
        nh_json_kv_bool(&wr->w, name, nh_rec_bool(r, f, false));
        break;
    case NH_KIND_INT:
        nh_json_kv_int(&wr->w, name, nh_rec_int(r, f, 0));
        break;
    case NH_KIND_ENUM:
        nh_json_kv_string(&wr->w, name, row->words[nh_rec_enum(r, f, 0)]);
        break;
    case NH_KIND_TEXT:
        write_text(wr, name, nh_rec_text(r, f));
        break;
    case NH_KIND_TEXTS:
        write_texts(wr, name, r, f);
        break;
    default:
        break; // the lamp has no others
    }
}

// The fields that a type has for itself; `mask` 0: all.
static void write_fields(struct writing *wr, const struct nh_field_object *o, nh_rec_t r,
                         uint32_t mask)
{
    for (const struct nh_field_row *row = o->rows; row->field; row++)
        if ((mask == 0 || (row->uses & mask)) && nh_rec_has(r, (enum nh_field)row->field))
            write_value(wr, row, r);
}

static void write_overlay(struct writing *wr, nh_rec_t step)
{
    const struct nh_field_row *row = nh_schema_row(&nh_schema_step, NH_FIELD_OVERLAY);
    if (!nh_rec_has(step, NH_FIELD_OVERLAY))
        return;
    nh_json_key(&wr->w, nh_field_name(NH_FIELD_OVERLAY));
    nh_json_object_begin(&wr->w);
    write_fields(wr, row->object, nh_rec_object(step, NH_FIELD_OVERLAY), 0);
    nh_json_object_end(&wr->w);
}

int nh_step_lamp_json(nh_rec_t step, int (*text)(void *ctx, nh_span_t in, nh_span_t *out),
                      void *ctx, char *out, size_t cap)
{
    struct nh_json_buf buf = {out, cap - 1, 0};
    struct writing wr = {.text = text, .ctx = ctx};
    nh_json_writer_init(&wr.w, nh_json_buf_sink, &buf);
    nh_json_object_begin(&wr.w);
    write_fields(&wr, &nh_schema_step, step, 1u << NH_STEP_LAMP);
    write_overlay(&wr, step);
    nh_json_object_end(&wr.w);
    int err = nh_json_writer_end(&wr.w);
    if (wr.err < 0 || err < 0)
        return wr.err < 0 ? wr.err : err;
    out[buf.len] = '\0';
    return (int)buf.len;
}
