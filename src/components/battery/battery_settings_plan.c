// What a change of settings means. docs/battery-settings.md.

#include "components/battery/battery_settings_plan.h"

#include <stdio.h>
#include <string.h>

#define FIRST NH_TINYBMS_SETTINGS_FIRST
#define COUNT NH_TINYBMS_SETTINGS_COUNT
enum { UNDER = 316, EMPTY = 301, FULL = 300, OVER = 315, DISCHARGE = 317, PEAK = 305 };

// Each is below the next by at least a step.
static const uint16_t voltages[] = {UNDER, EMPTY, FULL, OVER};
static const uint16_t currents[] = {DISCHARGE, PEAK};
struct chain {
    const uint16_t *addresses;
    size_t count;
    int32_t step;
};
static const struct chain chains[] = {
    {voltages, NH_ARRAY_LEN(voltages), NH_BATTERY_STEP_MV},
    {currents, NH_ARRAY_LEN(currents), 1},
};

// ---- limits -------------------------------------------------------------------------------------

// The board's word for a setting says something where the word is that setting alone.
static bool board_range(const struct nh_battery__settings_image *s,
                        const struct nh_tinybms_register *r, int64_t *min, int64_t *max)
{
    bool is_setting = r->flags & NH_TINYBMS_WRITABLE; // others stand in no word of the image
    if (!is_setting || r->flags & NH_TINYBMS_SHARED || !s->has_range[0] || !s->has_range[1])
        return false;
    *min = nh_tinybms_raw(r, s->ranges[0] + (r->address - FIRST));
    *max = nh_tinybms_raw(r, s->ranges[1] + (r->address - FIRST));
    return *min < *max;
}

bool nh_battery__limits_of(const struct nh_battery__settings_image *s,
                           const struct nh_tinybms_register *r, int64_t *min, int64_t *max)
{
    int64_t low, high;
    *min = r->min;
    *max = r->max;
    if (!board_range(s, r, &low, &high) || low > r->max || high < r->min)
        return false;
    if (low > *min)
        *min = low;
    if (high < *max)
        *max = high;
    return *min != r->min || *max != r->max;
}

void nh_battery__plan_find(struct nh_battery__plan *p, const struct nh_battery__finding *f)
{
    if (p->finding_count < NH_BATTERY_FINDING_MAX_COUNT)
        p->findings[p->finding_count++] = *f;
}

static struct nh_battery__finding finding(const struct nh_battery__wish *w, const char *text)
{
    struct nh_battery__finding f = {0};
    snprintf(f.field, sizeof f.field, "%s", w->r->key);
    snprintf(f.value, sizeof f.value, "%.10g", w->value);
    snprintf(f.text, sizeof f.text, "%s", text);
    return f;
}

static void put_number(char *out, size_t cap, const struct nh_tinybms_register *r, int64_t raw)
{
    snprintf(out, cap, "%.*f", r->divisor > 1 ? r->decimals : 0, (double)raw / r->divisor);
}

static void put_limit(struct nh_battery__finding *f, const struct nh_battery__settings_image *s,
                      const struct nh_tinybms_register *r)
{
    char low[16], high[16];
    int64_t min, max;
    bool is_board = nh_battery__limits_of(s, r, &min, &max);
    put_number(low, sizeof low, r, min);
    put_number(high, sizeof high, r, max);
    snprintf(f->limit, sizeof f->limit, "%s to %s%s%s%s", low, high, r->unit[0] ? " " : "", r->unit,
             is_board ? " (this board's)" : "");
}

static void check_wish(const struct nh_battery__settings_image *s, struct nh_battery__wish *w,
                       struct nh_battery__plan *p)
{
    int64_t min, max;
    int err = nh_tinybms_raw_of(w->r, w->value, &w->new_raw);
    (void)nh_battery__limits_of(s, w->r, &min, &max);
    if (err == NH_OK && (w->new_raw < min || w->new_raw > max))
        err = NH_ERR_RANGE;
    if (err == NH_OK)
        return;
    struct nh_battery__finding f = finding(w, err == NH_ERR_DENIED ? "it cannot be written"
                                              : w->r->choices ? "it is no choice of this setting"
                                                              : "it is out of range");
    if (err != NH_ERR_DENIED)
        put_limit(&f, s, w->r);
    nh_battery__plan_find(p, &f);
}

static void check_doubles(struct nh_battery__wish *wishes, uint32_t count,
                          struct nh_battery__plan *p)
{
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (wishes[k].r == wishes[i].r) {
                const struct nh_battery__finding f = finding(&wishes[i], "it is named twice");
                nh_battery__plan_find(p, &f);
                break;
            }
}

// ---- rules across settings ----------------------------------------------------------------------

static int32_t at(const uint16_t *words, uint16_t address)
{
    return words[address - FIRST];
}

static bool is_in_order(const uint16_t *words, const struct chain *c, size_t i)
{
    return at(words, c->addresses[i]) + c->step <= at(words, c->addresses[i + 1]);
}

bool nh_battery__rules_hold(const uint16_t words[COUNT], const struct nh_tinybms_register **bad,
                            const struct nh_tinybms_register **above)
{
    for (size_t k = 0; k < NH_ARRAY_LEN(chains); k++)
        for (size_t i = 0; i + 1 < chains[k].count; i++) {
            if (is_in_order(words, &chains[k], i))
                continue;
            if (bad)
                *bad = nh_tinybms_register_of(chains[k].addresses[i]);
            if (above)
                *above = nh_tinybms_register_of(chains[k].addresses[i + 1]);
            return false;
        }
    return true;
}

static const struct nh_battery__wish *wish_of(const struct nh_battery__wish *wishes, uint32_t count,
                                              uint16_t address)
{
    for (uint32_t i = 0; i < count; i++)
        if (wishes[i].r->address == address)
            return &wishes[i];
    return NULL;
}

// What stands wrong already and is not touched is no reason to refuse something else.
static void check_pair(const uint16_t *want, const struct chain *c, size_t i,
                       const struct nh_battery__wish *wishes, uint32_t count,
                       struct nh_battery__plan *p)
{
    const struct nh_battery__wish *low = wish_of(wishes, count, c->addresses[i]);
    const struct nh_battery__wish *high = wish_of(wishes, count, c->addresses[i + 1]);
    if (is_in_order(want, c, i) || (!low && !high))
        return;
    const struct nh_tinybms_register *other = nh_tinybms_register_of(c->addresses[low ? i + 1 : i]);
    int32_t limit = at(want, other->address) + (low ? -c->step : c->step);
    struct nh_battery__finding f =
        finding(low ? low : high, low ? "it is too near to, or above, a setting above it"
                                      : "it is too near to, or below, a setting below it");
    snprintf(f.limit, sizeof f.limit, "%s %d %s, by %s", low ? "at most" : "at least", (int)limit,
             other->unit, other->key);
    nh_battery__plan_find(p, &f);
}

static void check_rules(const uint16_t *want, const struct nh_battery__wish *wishes, uint32_t count,
                        struct nh_battery__plan *p)
{
    for (size_t k = 0; k < NH_ARRAY_LEN(chains); k++)
        for (size_t i = 0; i + 1 < chains[k].count; i++)
            check_pair(want, &chains[k], i, wishes, count, p);
}

// ---- what to write, in which order --------------------------------------------------------------

// Charge and health are told to the board, not kept in it: what it reads says nothing about them.
static bool is_told(uint16_t address)
{
    return address == 323 || address == 328;
}

// Lower ones go first. What rises goes from the top of its chain down, then what falls from the
// bottom up: so each single write keeps the order that held before it.
static int rank(const struct nh_battery__settings_image *s, const struct nh_battery__pair *pair)
{
    for (size_t k = 0; k < NH_ARRAY_LEN(chains); k++)
        for (size_t i = 0; i < chains[k].count; i++)
            if (chains[k].addresses[i] == pair->address)
                return pair->value > at(s->now, pair->address) ? 10 - (int)i : 20 + (int)i;
    const struct nh_tinybms_register *r = nh_tinybms_register_of(pair->address);
    if (r && r->flags & NH_TINYBMS_RESTARTS)
        return 40; // it takes the board away: last
    return is_told(pair->address) ? 30 : 0;
}

static void add_pair(const struct nh_battery__settings_image *s, struct nh_battery__plan *p,
                     uint16_t address, uint16_t value)
{
    struct nh_battery__pair pair = {.address = address, .value = value};
    int mine = rank(s, &pair);
    uint32_t i = p->pair_count++;
    pair.is_alone = mine >= 30;
    for (; i > 0 && rank(s, &p->pairs[i - 1]) > mine; i--)
        p->pairs[i] = p->pairs[i - 1];
    p->pairs[i] = pair;
}

static bool is_asked(const struct nh_battery__wish *wishes, uint32_t count, uint16_t address)
{
    return wish_of(wishes, count, address) != NULL;
}

static void list_pairs(const struct nh_battery__settings_image *s, const uint16_t *want,
                       const struct nh_battery__wish *wishes, uint32_t count,
                       struct nh_battery__plan *p)
{
    for (uint16_t i = 0; i < COUNT; i++) {
        uint16_t address = (uint16_t)(FIRST + i);
        const struct nh_tinybms_register *r = nh_tinybms_register_of(address);
        bool is_wide = r && nh_tinybms_register_words(r) == 2;
        bool is_other = want[i] != s->now[i] || (is_wide && want[i + 1] != s->now[i + 1]) ||
                        (is_told(address) && is_asked(wishes, count, address));
        if (!r || !is_other)
            continue;
        add_pair(s, p, address, want[i]);
        if (is_wide)
            add_pair(s, p, (uint16_t)(address + 1), want[i + 1]);
    }
}

void nh_battery__plan_make(const struct nh_battery__settings_image *s,
                           struct nh_battery__wish *wishes, uint32_t count,
                           struct nh_battery__plan *out)
{
    uint16_t want[COUNT];
    *out = (struct nh_battery__plan){0};
    memcpy(want, s->now, sizeof want);
    for (uint32_t i = 0; i < count; i++)
        check_wish(s, &wishes[i], out);
    check_doubles(wishes, count, out);
    if (out->finding_count)
        return;
    for (uint32_t i = 0; i < count; i++) {
        struct nh_battery__wish *w = &wishes[i];
        size_t word = w->r->address - FIRST;
        w->old_raw = nh_tinybms_raw(w->r, s->now + word);
        w->is_changed = w->old_raw != w->new_raw || is_told(w->r->address);
        NH_IGNORE(nh_tinybms_value_put(w->r, w->value, want + word)); // checked above
    }
    check_rules(want, wishes, count, out);
    if (!out->finding_count)
        list_pairs(s, want, wishes, count, out);
}

uint32_t nh_battery__plan_chunk(const struct nh_battery__plan *p, uint32_t from)
{
    uint32_t to = from + 1;
    if (p->pairs[from].is_alone)
        return to;
    while (to < p->pair_count && !p->pairs[to].is_alone && to - from < NH_TINYBMS_LIST_MAX_COUNT)
        to++;
    // The two words of one setting go together.
    if (to < p->pair_count && !nh_tinybms_register_of(p->pairs[to].address))
        to--;
    return to;
}

const char *nh_battery__danger_text(const struct nh_tinybms_register *r)
{
    static const struct {
        uint16_t address;
        const char *text;
    } rows[] = {
        {300, "a voltage that the cells do not bear overcharges them"},
        {301, "too low a voltage wears the cells, too high a one switches the load off"},
        {305, "too high a current passes before the load is switched off"},
        {307, "with a wrong number of cells the board guards the wrong ones"},
        {315, "over-voltage would be noticed too late, or the charger is switched off"},
        {316, "under-voltage would be noticed too late, or everything is switched off"},
        {317, "too high a current passes before the load is switched off"},
        {318, "too high a current passes before the charger is switched off"},
        {319, "heat would be noticed too late, or everything is switched off"},
        {320, "cells that are charged while they are frozen are damaged"},
        {329, "the board would not see a current or a stuck switch any more"},
        {330, "the protection against over-current or the charger changes"},
        {339, "with the wrong sensors the board measures wrong temperatures"},
        {340, "the board restarts, and its switches work in another way"},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        if (rows[i].address == r->address)
            return rows[i].text;
    return "a switch or an input that is not there takes the power away, or protection";
}
