#include "components/lamp/lamp_button.h"

#include <string.h>

static const char *const names[NH_LAMP_CLICK_COUNT] = {"none", "short", "double", "triple", "long"};

const char *nh_lamp_click_name(enum nh_lamp_click c)
{
    return names[c];
}

enum nh_lamp_click nh_lamp_click_find(const char *name, size_t len)
{
    for (int i = NH_LAMP_CLICK_SHORT; i < NH_LAMP_CLICK_COUNT; i++)
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
            return (enum nh_lamp_click)i;
    return NH_LAMP_CLICK_NONE;
}

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value ? value : otherwise;
}

void nh_lamp_button_init(nh_lamp_button_t *b, const struct nh_lamp_button_config *cfg, bool level,
                         uint64_t now_ms)
{
    *b = (nh_lamp_button_t){
        .cfg = {.debounce_ms = or_default(cfg->debounce_ms, 30),
                .click_gap_ms = or_default(cfg->click_gap_ms, 450),
                .long_ms = or_default(cfg->long_ms, 3000),
                .rate_ms = or_default(cfg->rate_ms, 150)},
        .now_ms = now_ms,
        .raw = level,
        .raw_ms = now_ms,
        .pressed = level,
        .is_spent = level,
        .edge_ms = now_ms,
        .told_ms = NH_NEVER,
    };
}

// ---- deadlines: each is the moment itself, however late it is asked for ------------------------

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

// The level that was given becomes the one that counts.
static uint64_t settles_ms(const nh_lamp_button_t *b)
{
    return b->raw == b->pressed ? NH_NEVER : nh_ms_after(b->raw_ms, b->cfg.debounce_ms);
}

// `ms` from the last edge that counts, and not before it counted, nor before a bounce was over.
static uint64_t stood_ms(const nh_lamp_button_t *b, uint64_t ms)
{
    uint64_t least_ms = ms > b->cfg.debounce_ms ? ms : b->cfg.debounce_ms;
    return later(nh_ms_after(b->edge_ms, least_ms), b->raw_ms);
}

// Held long enough. While the level is up within a press it is not known whether that is a bounce;
// if it was, the press is older than the bounce.
static uint64_t long_ms(const nh_lamp_button_t *b)
{
    if (!b->pressed || !b->raw || b->is_spent)
        return NH_NEVER;
    return stood_ms(b, b->cfg.long_ms);
}

// The gesture is over; likewise not while the level may be the next press.
static uint64_t gap_ms(const nh_lamp_button_t *b)
{
    if (b->pressed || b->raw || b->clicks == 0)
        return NH_NEVER;
    return stood_ms(b, b->cfg.click_gap_ms);
}

uint64_t nh_lamp_button_next(const nh_lamp_button_t *b)
{
    uint64_t next = settles_ms(b); // at most one of the three is due with a level that stands
    uint64_t held = long_ms(b), over = gap_ms(b);
    next = held < next ? held : next;
    return over < next ? over : next;
}

// ---- what happens ------------------------------------------------------------------------------

static void settle(nh_lamp_button_t *b)
{
    b->pressed = b->raw;
    b->edge_ms = b->raw_ms;
    if (b->pressed)
        return;
    if (!b->is_spent)
        b->clicks++;
    b->is_spent = false;
}

static enum nh_lamp_click tell(nh_lamp_button_t *b, enum nh_lamp_click c, uint64_t at_ms)
{
    b->clicks = 0;
    if (b->told_ms != NH_NEVER && at_ms - b->told_ms < b->cfg.rate_ms) {
        b->dropped_count++;
        return NH_LAMP_CLICK_NONE;
    }
    b->told_ms = at_ms;
    b->event_count++;
    return c;
}

static enum nh_lamp_click advance(nh_lamp_button_t *b, uint64_t now_ms)
{
    uint64_t at_ms = settles_ms(b);
    if (at_ms <= now_ms)
        settle(b);
    at_ms = long_ms(b);
    if (at_ms <= now_ms) {
        b->is_spent = true;
        return tell(b, NH_LAMP_CLICK_LONG, at_ms);
    }
    at_ms = gap_ms(b);
    if (at_ms > now_ms)
        return NH_LAMP_CLICK_NONE;
    uint32_t clicks = b->clicks < 3 ? b->clicks : 3;
    return tell(b, (enum nh_lamp_click)(NH_LAMP_CLICK_SHORT + clicks - 1), at_ms);
}

enum nh_lamp_click nh_lamp_button_tick(nh_lamp_button_t *b, uint64_t now_ms)
{
    b->now_ms = later(now_ms, b->now_ms);
    return advance(b, b->now_ms);
}

enum nh_lamp_click nh_lamp_button_input(nh_lamp_button_t *b, bool level, uint64_t now_ms)
{
    enum nh_lamp_click c = nh_lamp_button_tick(b, now_ms);
    if (level == b->raw)
        return c;
    if (level == b->pressed) // back before it counted
        b->bounce_count++;
    b->raw = level;
    b->raw_ms = b->now_ms;
    // A press that a bounce held up may be long enough by now. An event before it would have ended
    // that press, so there is never a second one.
    return c ? c : advance(b, b->now_ms);
}
