// Which screens there are, and how one takes the place of another.

#include "components/display/display_state.h"
#include "core/base/log.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *id, *name;
    const struct nh_display__screen_ops *ops;
    unsigned number;
    bool is_selectable;
} registry[NH_DISPLAY__SCREEN_COUNT] = {
    {"macro1", "Macro 1", &nh_display__macro_ops, 0, true},
    {"macro2", "Macro 2", &nh_display__macro_ops, 1, true},
    {"macro3", "Macro 3", &nh_display__macro_ops, 2, true},
    {"macro4", "Macro 4", &nh_display__macro_ops, 3, true},
    {"macro5", "Macro 5", &nh_display__macro_ops, 4, true},
    {"macro6", "Macro 6", &nh_display__macro_ops, 5, true},
    {"macro7", "Macro 7", &nh_display__macro_ops, 6, true},
    {"macro8", "Macro 8", &nh_display__macro_ops, 7, true},
    {"info", "Info Screen", &nh_display__info_ops, 0, true},
    {"test", "Test Screen", &nh_display__test_ops, 0, true},
    {"error", "Error", &nh_display__error_ops, 0, true},
    {"lvgl_image", "LVGL Image", &nh_display__image_ops, 0, true},
    {"splash", "Splash", &nh_display__splash_ops, 0, false},
    {"direct_image", "Direct Image", &nh_display__direct_ops, 0, false},
};

void nh_display__screens_init(nh_display_t *d)
{
    for (size_t i = 0; i < NH_DISPLAY__SCREEN_COUNT; i++)
        d->screens[i] = (struct nh_display__screen){.id = registry[i].id,
                                                    .name = registry[i].name,
                                                    .ops = registry[i].ops,
                                                    .number = registry[i].number,
                                                    .is_selectable = registry[i].is_selectable};
    d->current = NH_DISPLAY__NONE;
    d->before = NH_DISPLAY__NONE;
}

void nh_display__screens_deinit(nh_display_t *d)
{
    for (size_t i = 0; i < NH_DISPLAY__SCREEN_COUNT; i++) {
        struct nh_display__screen *s = &d->screens[i];
        if (s->state && s->ops->destroy)
            s->ops->destroy(d, s->state);
        nh_mem_free(d->cfg.mem, s->state);
    }
}

int nh_display__screen_index(const char *id)
{
    for (int i = 0; i < NH_DISPLAY__SCREEN_COUNT; i++)
        if (strcmp(registry[i].id, id) == 0)
            return i;
    return NH_DISPLAY__NONE;
}

bool nh_display_screen_at(const nh_display_t *d, size_t index, struct nh_display_screen_info *out)
{
    (void)d;
    for (size_t i = 0; i < NH_DISPLAY__SCREEN_COUNT; i++) {
        if (!registry[i].is_selectable || index-- > 0)
            continue;
        *out = (struct nh_display_screen_info){registry[i].id, registry[i].name};
        return true;
    }
    return false;
}

// ---- from one to the other ---------------------------------------------------------------------

void nh_display__tag(nh_display_t *d, const char *tag, bool is_hotspot)
{
    if (d->cfg.tag)
        d->cfg.tag(d->cfg.ctx, tag, is_hotspot);
}

static void tag_switch(nh_display_t *d, const char *when, const char *id)
{
    char tag[NH_MEM_TAG_MAX_BYTES];
    snprintf(tag, sizeof tag, "lvgl_switch_%s_%s", when, id);
    nh_display__tag(d, tag, true);
}

static bool make(nh_display_t *d, struct nh_display__screen *s)
{
    if (!s->state) {
        s->state = nh_mem_alloc_zero(d->cfg.mem, s->ops->state_bytes, NH_MEM_BULK);
        d->fresh.screens_made += s->state != NULL;
    }
    if (s->state)
        return true;
    d->fresh.screen_failures++;
    NH_LOG_W("display", "screen %s: %s; what is shown stays", s->id, nh_err_text(NH_ERR_NOMEM));
    return false;
}

void nh_display__switch(nh_display_t *d, int index)
{
    struct nh_display__screen *to = &d->screens[index];
    struct nh_display__screen *from =
        d->current == NH_DISPLAY__NONE ? NULL : &d->screens[d->current];
    if (to == from) { // again what it shows, which may be news: another error
        to->ops->show(d, to->state, to->number);
        return;
    }
    if (!make(d, to))
        return;
    tag_switch(d, "pre", from ? from->id : "unknown");
    if (from && from->ops->hide)
        from->ops->hide(d, from->state);
    if (index == NH_DISPLAY__DIRECT) // which comes back by itself, so `before` stays
        d->under = d->current;
    else if (from && from->is_selectable)
        d->before = d->current;
    d->current = index;
    d->is_touching = false;
    to->ops->show(d, to->state, to->number);
    nh_display__touch_up(d, nh_display__bounds(d));
    nh_display__render(d);
    tag_switch(d, "post", to->id);
}
