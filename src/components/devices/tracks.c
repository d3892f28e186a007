// tracks.c - tracks that a configuration names and the card does not have: warnings of the room as
// it is, kept apart from what is wrong with the configuration.

#include "components/devices/check.h"
#include "components/devices/devices_state.h"

#include <stdio.h>
#include <string.h>

struct looking {
    struct nh_check k;
    bool (*has)(void *ctx, nh_span_t track);
    void *ctx;
};

static bool is_track(const struct nh_field_row *row)
{
    return row->text_class == NH_TEXT_TRACK &&
           nh_field_kind((enum nh_field)row->field) == NH_KIND_TEXT;
}

// One object and what is in it; as deep as the compiler let it be.
static void look(const struct looking *l, const struct nh_pointer *at,
                 const struct nh_field_object *o, nh_rec_t r)
{
    for (const struct nh_field_row *row = o->rows; row->field; row++) {
        enum nh_field f = (enum nh_field)row->field;
        struct nh_pointer p = *at;
        if (!nh_rec_has(r, f))
            continue;
        nh_span_t track = is_track(row) ? nh_rec_text(r, f) : (nh_span_t){NULL, 0};
        // One with a variable in it is known only when it is played.
        if (track.len > 0 && !strstr((const char *)track.ptr, "{{") && !l->has(l->ctx, track))
            nh_check__tell(&l->k, at, f, "no_track", true, "there is no file \"%.*s\" on the card",
                           (int)track.len, (const char *)track.ptr);
        if (nh_field_kind(f) == NH_KIND_OBJECT) {
            nh_pointer__name(&p, nh_field_name(f), SIZE_MAX);
            look(l, &p, row->object, nh_rec_object(r, f));
        } else if (nh_field_kind(f) == NH_KIND_LIST) {
            uint32_t count = nh_rec_count(r, f);
            nh_rec_t e = nh_rec_first(r, f);
            for (uint32_t i = 0; i < count; i++, e = nh_rec_next(e)) {
                struct nh_pointer q = nh_check__element(at, f, i);
                look(l, &q, row->object, e);
            }
        }
    }
}

void nh_devices__each_track(const nh_device_set_t *set, bool (*has)(void *ctx, nh_span_t track),
                            void *has_ctx, nh_device_finding_fn finding, void *ctx)
{
    struct looking l = {.has = has, .ctx = has_ctx};
    struct nh_pointer root;
    if (!has)
        return;
    l.k = (struct nh_check){.set = set, .finding = finding, .ctx = ctx};
    nh_pointer__init(&root);
    look(&l, &root, &nh_schema_root, nh_device_set_root(set));
}
