// The calls that any task may make: they leave word and wake the task.

#include "components/display/display_state.h"
#include "core/base/utf8.h"

#include <string.h>

static int post(nh_display_t *d, const struct nh_display__item *item)
{
    int err = nh_queue_put(d->queue, item);
    if (err == NH_ERR_FULL) {
        nh_lock_acquire(&d->lock);
        d->full_count++;
        nh_lock_release(&d->lock);
    }
    return err;
}

void nh_display__wake(nh_display_t *d)
{
    const struct nh_display__item wake = {.kind = NH_DISPLAY__DO_NOTHING};
    NH_IGNORE(nh_queue_put(d->queue, &wake)); // when it is full, the task is awake
}

static void want_screen(nh_display_t *d, int index)
{
    nh_lock_acquire(&d->lock);
    d->wanted.screen = index;
    nh_lock_release(&d->lock);
    nh_display__wake(d);
}

int nh_display_show(nh_display_t *d, const char *id)
{
    int index = nh_display__screen_index(id);
    if (index == NH_DISPLAY__NONE || !d->screens[index].is_selectable)
        return NH_ERR_NOT_FOUND;
    want_screen(d, index);
    return 0;
}

void nh_display_back(nh_display_t *d)
{
    const struct nh_display__item item = {.kind = NH_DISPLAY__DO_BACK};
    NH_IGNORE(post(d, &item)); // a full queue was counted
}

static void keep_text(char *out, size_t cap, const char *text)
{
    size_t len = nh_utf8_valid_len(text, strnlen(text, cap - 1), true);
    memcpy(out, text, len);
    out[len] = '\0';
}

void nh_display_error(nh_display_t *d, const char *title, const char *text)
{
    nh_lock_acquire(&d->lock);
    d->wanted.has_error = true;
    keep_text(d->wanted.title, sizeof d->wanted.title, title);
    keep_text(d->wanted.text, sizeof d->wanted.text, text);
    nh_lock_release(&d->lock);
    want_screen(d, NH_DISPLAY__ERROR);
}

// A finger that moves is told often: it must not take the places of those that come and go.
static bool is_crowded(nh_display_t *d)
{
    struct nh_queue_info info;
    nh_queue_info(d->queue, &info);
    return info.depth * 2 > d->cfg.queue_max;
}

int nh_display_touch(nh_display_t *d, const struct nh_touch *t)
{
    if (t->phase == NH_TOUCH_MOVE && is_crowded(d))
        return 0;
    const struct nh_display__item item = {.kind = NH_DISPLAY__DO_TOUCH, .touch = *t};
    return post(d, &item);
}

void nh_display__touched(void *display, const struct nh_touch *t)
{
    NH_IGNORE(nh_display_touch(display, t)); // a full queue was counted
}

int nh_display_sleep(nh_display_t *d)
{
    const struct nh_display__item item = {.kind = NH_DISPLAY__DO_SLEEP};
    return post(d, &item);
}

int nh_display_wake(nh_display_t *d)
{
    const struct nh_display__item item = {.kind = NH_DISPLAY__DO_WAKE};
    return post(d, &item);
}

void nh_display_activity(nh_display_t *d, bool wakes)
{
    const struct nh_display__item item = {.kind = NH_DISPLAY__DO_ACTIVITY, .value = wakes};
    NH_IGNORE(post(d, &item)); // a full queue was counted
}

void nh_display_brightness(nh_display_t *d, uint32_t pct)
{
    nh_lock_acquire(&d->lock);
    d->wanted.has_brightness = true;
    d->wanted.brightness_pct = pct < 100 ? pct : 100;
    nh_lock_release(&d->lock);
    nh_display__wake(d);
}

void nh_display_settings_set(nh_display_t *d, const struct nh_display_settings *s)
{
    nh_lock_acquire(&d->lock);
    d->wanted.has_settings = true;
    d->wanted.settings = *s;
    d->wanted.has_brightness = false; // older than these
    nh_lock_release(&d->lock);
    nh_display__wake(d);
}

void nh_display_names_set(nh_display_t *d, const char *name, const char *address)
{
    nh_lock_acquire(&d->lock);
    keep_text(d->names.name, sizeof d->names.name, name);
    keep_text(d->names.address, sizeof d->names.address, address);
    nh_lock_release(&d->lock);
    nh_display__wake(d);
}

struct nh_display__names nh_display__names(nh_display_t *d)
{
    nh_lock_acquire(&d->lock);
    struct nh_display__names names = d->names;
    nh_lock_release(&d->lock);
    return names;
}

void nh_display_macros_changed(nh_display_t *d)
{
    nh_display__wake(d); // the screen's tick sees the revision
}
