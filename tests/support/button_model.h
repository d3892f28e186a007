// button_model.h - what a button should say, as plainly as it can be put: each millisecond is
// looked at. And a trace that is played to the real one in any way of asking.

#ifndef NH_TEST_BUTTON_MODEL_H
#define NH_TEST_BUTTON_MODEL_H

#include "components/lamp/lamp_button.h"

#define TRACE_MAX 512

struct trace {
    struct {
        uint64_t at_ms;
        bool level;
    } edges[TRACE_MAX]; // in their order
    unsigned count;
    uint64_t end_ms; // at least as late as the last edge
};

struct told {
    struct {
        enum nh_lamp_click click;
        uint64_t at_ms;
    } events[TRACE_MAX];
    unsigned count;
};

struct model {
    struct nh_lamp_button_config cfg;
    bool raw, pressed, spent;
    uint64_t raw_ms, edge_ms, told_ms;
    unsigned clicks;
    bool has_told;
};

static inline void model_say(struct model *m, struct told *out, enum nh_lamp_click c, uint64_t t)
{
    m->clicks = 0;
    if (m->has_told && t - m->told_ms < m->cfg.rate_ms)
        return;
    m->has_told = true;
    m->told_ms = t;
    out->events[out->count].click = c;
    out->events[out->count++].at_ms = t;
}

static inline void model_look(struct model *m, struct told *out, uint64_t t)
{
    if (m->raw != m->pressed && t - m->raw_ms >= m->cfg.debounce_ms) {
        m->pressed = m->raw;
        m->edge_ms = m->raw_ms;
        if (!m->pressed) {
            m->clicks += !m->spent;
            m->spent = false;
        }
    }
    if (m->pressed && m->raw && !m->spent && t - m->edge_ms >= m->cfg.long_ms) {
        m->spent = true;
        model_say(m, out, NH_LAMP_CLICK_LONG, t);
    }
    if (!m->pressed && !m->raw && m->clicks > 0 && t - m->edge_ms >= m->cfg.click_gap_ms)
        model_say(m, out,
                  m->clicks == 1   ? NH_LAMP_CLICK_SHORT
                  : m->clicks == 2 ? NH_LAMP_CLICK_DOUBLE
                                   : NH_LAMP_CLICK_TRIPLE,
                  t);
}

// `cfg` without zeros. The level is down before the first edge.
static inline void model_play(const struct nh_lamp_button_config *cfg, const struct trace *tr,
                              struct told *out)
{
    struct model m = {.cfg = *cfg};
    unsigned next = 0;
    out->count = 0;
    for (uint64_t t = 0; t <= tr->end_ms; t++) {
        model_look(&m, out, t);
        for (; next < tr->count && tr->edges[next].at_ms == t; next++) {
            if (tr->edges[next].level != m.raw)
                m.raw_ms = t;
            m.raw = tr->edges[next].level;
            model_look(&m, out, t);
        }
    }
}

static inline void button_take(const nh_lamp_button_t *b, enum nh_lamp_click c, struct told *out)
{
    if (c == NH_LAMP_CLICK_NONE)
        return;
    out->events[out->count].click = c;
    out->events[out->count++].at_ms = b->told_ms; // its own moment, not that of the question
}

// Asks after each `step_ms` between the edges; 0: at its deadlines alone; UINT64_MAX: never, and
// once at the end.
static inline void button_play(const struct nh_lamp_button_config *cfg, const struct trace *tr,
                               uint64_t step_ms, struct told *out)
{
    nh_lamp_button_t b;
    uint64_t now_ms = 0;
    nh_lamp_button_init(&b, cfg, false, 0);
    out->count = 0;
    for (unsigned i = 0; i <= tr->count; i++) {
        uint64_t until_ms = i < tr->count ? tr->edges[i].at_ms : tr->end_ms;
        while (step_ms != UINT64_MAX) {
            uint64_t next_ms = step_ms ? now_ms + step_ms : nh_lamp_button_next(&b);
            if (next_ms > until_ms)
                break;
            now_ms = next_ms;
            button_take(&b, nh_lamp_button_tick(&b, now_ms), out);
        }
        now_ms = until_ms;
        button_take(&b,
                    i < tr->count ? nh_lamp_button_input(&b, tr->edges[i].level, now_ms)
                                  : nh_lamp_button_tick(&b, now_ms),
                    out);
    }
}

static inline bool told_equal(const struct told *a, const struct told *b)
{
    if (a->count != b->count)
        return false;
    for (unsigned i = 0; i < a->count; i++)
        if (a->events[i].click != b->events[i].click || a->events[i].at_ms != b->events[i].at_ms)
            return false;
    return true;
}

#endif
