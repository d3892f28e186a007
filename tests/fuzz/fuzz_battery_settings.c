// Bodies of changes and files of settings. The first byte: what it is, and whether the board
// reports ranges. What is read is planned against a board; a plan without findings keeps the rules,
// in one request of which none is too long, and the board it leaves has what was wished for.

#include "components/battery/battery_settings_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(cond)                                                                              \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void fill(struct nh_battery__settings_image *s, bool has_ranges)
{
    *s = (struct nh_battery__settings_image){.has_now = true};
    for (size_t i = 0; i < nh_tinybms_register_count(); i++) {
        const struct nh_tinybms_register *r = nh_tinybms_register_at(i);
        if (!(r->flags & NH_TINYBMS_WRITABLE))
            continue;
        size_t at = r->address - 300u;
        double value = (double)(r->fallback == INT32_MIN ? r->min : r->fallback) / r->divisor;
        NH_IGNORE(nh_tinybms_value_put(r, value, s->now + at));
        s->ranges[0][at] = (uint16_t)r->min;
        s->ranges[1][at] = (uint16_t)(r->max - 1);
        s->ranges[2][at] = s->now[at];
    }
    s->has_range[0] = s->has_range[1] = has_ranges;
}

static void write_all(struct nh_battery__settings_image *s, const struct nh_battery__plan *p)
{
    uint32_t at = 0;
    while (at < p->pair_count) {
        uint32_t to = nh_battery__plan_chunk(p, at);
        REQUIRE(to > at && to - at <= NH_TINYBMS_LIST_MAX_COUNT);
        for (; at < to; at++) {
            REQUIRE(p->pairs[at].address >= 300 && p->pairs[at].address <= 343);
            s->now[p->pairs[at].address - 300] = p->pairs[at].value;
            REQUIRE(nh_battery__rules_hold(s->now, NULL, NULL));
        }
    }
}

static void plan(struct nh_battery__file *f, bool has_ranges)
{
    struct nh_battery__settings_image s;
    struct nh_battery__plan p;
    fill(&s, has_ranges);
    nh_battery__plan_make(&s, f->wishes, f->wish_count, &p);
    REQUIRE(p.finding_count <= NH_BATTERY_FINDING_MAX_COUNT);
    if (p.finding_count) {
        REQUIRE(p.pair_count == 0);
        return;
    }
    write_all(&s, &p);
    for (uint32_t i = 0; i < f->wish_count; i++) {
        const struct nh_battery__wish *w = &f->wishes[i];
        REQUIRE(nh_tinybms_raw(w->r, s.now + (w->r->address - 300)) == w->new_raw);
        REQUIRE(w->new_raw >= w->r->min && w->new_raw <= w->r->max);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nh_battery__file f;
    if (!size)
        return 0;
    const char *text = (const char *)data + 1;
    int err = data[0] & 1 ? nh_battery__file_read_export(text, size - 1, &f)
                          : nh_battery__file_read_changes(text, size - 1, &f);
    REQUIRE((err < 0) == (f.fault[0] != '\0'));
    REQUIRE(f.wish_count <= NH_BATTERY_WISH_MAX_COUNT);
    if (err == 0 && !f.finding_count)
        plan(&f, data[0] & 2);
    return 0;
}
