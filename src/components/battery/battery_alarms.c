#include "components/battery/battery_alarms.h"

#include "components/battery/battery_image.h"

#include <stdio.h>
#include <string.h>

#define STATUS_HOLD_MS 2000
#define WELL_MS 5000 // faults without an own "recovered" end when the board has been well so long

// ---- entries -----------------------------------------------------------------------------------

static bool is_active(const struct nh_battery_alarm *e)
{
    return e->state != NH_BATTERY_CLEARED;
}

static struct nh_battery_alarm *find_active(nh_battery__alarms_t *a, unsigned code)
{
    for (uint32_t i = a->count; i-- > 0;)
        if (is_active(&a->entry[i]) && a->entry[i].code == code)
            return &a->entry[i];
    return NULL;
}

static void tell(nh_battery__alarms_t *a, const struct nh_battery_alarm *e)
{
    if (a->cfg.told)
        a->cfg.told(a->cfg.ctx, e);
}

// Drops the oldest that is over. There always is one: fewer can be active than there are entries.
static void make_room(nh_battery__alarms_t *a)
{
    uint32_t at = 0;
    if (a->count < NH_BATTERY_ALARM_HISTORY_COUNT)
        return;
    while (at < a->count - 1 && is_active(&a->entry[at]))
        at++;
    memmove(&a->entry[at], &a->entry[at + 1], (a->count - at - 1) * sizeof a->entry[0]);
    a->count--;
}

static struct nh_battery_alarm *add(nh_battery__alarms_t *a, const struct nh_battery_alarm *e)
{
    make_room(a);
    struct nh_battery_alarm *new = &a->entry[a->count++];
    *new = *e;
    new->id = ++a->next_id;
    return new;
}

static void alarm_begin(nh_battery__alarms_t *a, const struct nh_battery_alarm *e)
{
    if (nh_battery__alarms_sum(a).active >= NH_BATTERY_ALARM_MAX_COUNT)
        a->overflow++;
    else
        tell(a, add(a, e));
}

static void alarm_end(nh_battery__alarms_t *a, struct nh_battery_alarm *e, int64_t unix_ms)
{
    e->state = NH_BATTERY_CLEARED;
    e->cleared_unix_ms = unix_ms;
    tell(a, e);
}

// Something that happened: it is over with its telling.
static void note(nh_battery__alarms_t *a, struct nh_battery_alarm *e)
{
    e->state = NH_BATTERY_CLEARED;
    e->cleared_unix_ms = e->raised_unix_ms;
    tell(a, add(a, e));
}

// ---- rules -------------------------------------------------------------------------------------

static void rule_raise(nh_battery__alarms_t *a, const struct nh_battery__rule *r, uint8_t severity,
                       const struct nh_battery__finding *f, const struct nh_battery_snapshot *s,
                       int64_t unix_ms)
{
    struct nh_battery_alarm new = {.code = r->code,
                                   .severity = severity,
                                   .state = NH_BATTERY_ACTIVE,
                                   .source = s->source,
                                   .raised_unix_ms = unix_ms,
                                   .value = f->value,
                                   .threshold = f->threshold};
    nh_battery__rule_message(r, f, s, new.message, sizeof new.message);
    alarm_begin(a, &new);
}

// A worse severity has to be taken note of again; a lesser one has not.
static void rule_change(nh_battery__alarms_t *a, const struct nh_battery__rule *r,
                        struct nh_battery_alarm *e, uint8_t severity,
                        const struct nh_battery__finding *f, const struct nh_battery_snapshot *s)
{
    if (severity > e->severity)
        e->state = NH_BATTERY_ACTIVE;
    e->severity = severity;
    e->threshold = f->threshold;
    e->value = f->value;
    nh_battery__rule_message(r, f, s, e->message, sizeof e->message);
    tell(a, e);
}

static void rule_act(nh_battery__alarms_t *a, const struct nh_battery__rule *r,
                     struct nh_battery__rule_state *state, const struct nh_battery__finding *f,
                     const struct nh_battery_snapshot *s, int64_t unix_ms)
{
    struct nh_battery_alarm *e = find_active(a, r->code);
    if (state->wish && !e)
        rule_raise(a, r, state->wish, f, s, unix_ms);
    else if (state->wish && e->severity != state->wish)
        rule_change(a, r, e, state->wish, f, s);
    else if (!state->wish && e)
        alarm_end(a, e, unix_ms);
    state->on = state->wish;
}

static uint8_t severity_on(nh_battery__alarms_t *a, unsigned code)
{
    const struct nh_battery_alarm *e = find_active(a, code);
    return e ? e->severity : 0;
}

static uint64_t rule_due(const struct nh_battery__rule *r, const struct nh_battery__rule_state *st)
{
    return nh_ms_after(st->wish_ms, st->wish ? r->raise_ms : r->clear_ms);
}

static void judge_rule(nh_battery__alarms_t *a, size_t at, const struct nh_battery_snapshot *s,
                       uint64_t now_ms, int64_t unix_ms)
{
    const struct nh_battery__rule *r = &nh_battery__rules[at];
    struct nh_battery__rule_state *state = &a->rule[at];
    struct nh_battery__finding f = {0, 0};
    uint8_t on = severity_on(a, r->code);
    if ((s->valid & ~s->stale & r->needs) != r->needs) {
        state->wish = state->on = on; // unknown: as it is, and what was to come begins anew
        state->wish_ms = now_ms;
        return;
    }
    uint8_t wish = r->judge(s, on, &f);
    if (wish != state->wish) {
        state->wish = wish;
        state->wish_ms = now_ms;
    }
    if (wish != on && now_ms >= rule_due(r, state))
        rule_act(a, r, state, &f, s, unix_ms);
    else if (on && wish)
        find_active(a, r->code)->value = f.value; // it follows, and nobody is told
}

static bool is_of_rule(unsigned code)
{
    for (size_t i = 0; i < NH_BATTERY__RULE_COUNT; i++)
        if (nh_battery__rules[i].code == code)
            return true;
    return false;
}

static void begin_generation(nh_battery__alarms_t *a, uint32_t generation, int64_t unix_ms)
{
    for (uint32_t i = 0; i < a->count; i++)
        if (is_active(&a->entry[i]) && is_of_rule(a->entry[i].code))
            alarm_end(a, &a->entry[i], unix_ms);
    memset(a->rule, 0, sizeof a->rule);
    a->status = a->new_status = 0;
    a->well_ms = NH_NEVER;
    a->generation = generation;
}

// ---- status ------------------------------------------------------------------------------------

static void note_status(nh_battery__alarms_t *a, const struct nh_battery_snapshot *s,
                        int64_t unix_ms)
{
    bool is_full = a->status == NH_TINYBMS_FULL;
    struct nh_battery_alarm e = {.code = is_full ? NH_BATTERY__IS_FULL : NH_BATTERY__IS_CHARGING,
                                 .severity = NH_BATTERY_INFO,
                                 .source = s->source,
                                 .raised_unix_ms = unix_ms};
    snprintf(e.message, sizeof e.message, "%s", is_full ? "fully charged" : "charging");
    note(a, &e);
}

static void judge_status(nh_battery__alarms_t *a, const struct nh_battery_snapshot *s,
                         uint64_t now_ms, int64_t unix_ms)
{
    uint16_t status = s->v.status;
    if (!(s->valid & ~s->stale & NH_BATTERY__BIT(NH_BATTERY_STATUS))) {
        a->well_ms = NH_NEVER;
        return;
    }
    if (status == NH_TINYBMS_IN_FAULT)
        a->well_ms = NH_NEVER;
    else if (a->well_ms == NH_NEVER)
        a->well_ms = now_ms;
    if (status != a->new_status) {
        a->new_status = status;
        a->new_status_ms = now_ms;
    }
    if (status == a->status || now_ms < nh_ms_after(a->new_status_ms, STATUS_HOLD_MS))
        return;
    bool is_first = a->status == 0;
    a->status = status;
    if (!is_first && (status == NH_TINYBMS_FULL || status == NH_TINYBMS_CHARGING))
        note_status(a, s, unix_ms);
}

// ---- the board's log ---------------------------------------------------------------------------

struct recovery {
    uint8_t event, recovered; // 0: when the board is well again
};
static const struct recovery recoveries[] = {
    {0x02, 0x7B}, {0x03, 0x79}, {0x04, 0x73}, {0x05, 0x77}, {0x06, 0x76},
    {0x07, 0x78}, {0x0A, 0x75}, {0x0B, 0},    {0x0C, 0},    {0x0D, 0},
    {0x0E, 0x7C}, {0x0F, 0},    {0x31, 0x7A}, {0x37, 0x74},
};

static const struct recovery *recovery_of(uint8_t id)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(recoveries); i++)
        if (recoveries[i].event == id)
            return &recoveries[i];
    return NULL;
}

static void end_faults(nh_battery__alarms_t *a, uint8_t recovered, int64_t unix_ms)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(recoveries); i++) {
        struct nh_battery_alarm *e = find_active(a, NH_BATTERY__EVENT + recoveries[i].event);
        if (e && recoveries[i].recovered == recovered)
            alarm_end(a, e, unix_ms);
    }
}

static uint8_t event_severity(uint8_t id)
{
    switch (nh_tinybms_event_kind(id)) {
    case NH_TINYBMS_FAULT:
        return NH_BATTERY_CRITICAL;
    case NH_TINYBMS_WARNING:
        return NH_BATTERY_WARNING;
    default:
        return NH_BATTERY_INFO;
    }
}

static void take_event(nh_battery__alarms_t *a, const struct nh_tinybms_event *e, int64_t unix_ms)
{
    const char *text = nh_tinybms_event_text(e->id);
    int64_t at = unix_ms ? unix_ms - (int64_t)e->age_s * 1000 : 0;
    struct nh_battery_alarm new = {.code = (uint16_t)(NH_BATTERY__EVENT + e->id),
                                   .severity = event_severity(e->id),
                                   .state = NH_BATTERY_ACTIVE,
                                   .source = NH_BATTERY_FROM_LOCAL,
                                   .raised_unix_ms = at};
    if (text)
        snprintf(new.message, sizeof new.message, "board: %s", text);
    else
        snprintf(new.message, sizeof new.message, "board: event 0x%02X", e->id);
    end_faults(a, e->id, at);
    if (!recovery_of(e->id))
        note(a, &new);
    else if (!find_active(a, new.code))
        alarm_begin(a, &new);
}

static uint32_t mark_of(const struct nh_tinybms_event *e)
{
    return e->time_s << 8 | e->id;
}

static bool was_seen(const nh_battery__alarms_t *a, uint32_t mark)
{
    for (uint32_t i = 0; i < a->seen_count; i++)
        if (a->seen[i] == mark)
            return true;
    return false;
}

// The oldest event that is younger than `done` places say: the log's order is not promised.
static const struct nh_tinybms_event *next_new(const nh_battery__alarms_t *a,
                                               const struct nh_tinybms_event *e, size_t count,
                                               const bool *is_done)
{
    const struct nh_tinybms_event *oldest = NULL;
    for (size_t i = 0; i < count; i++)
        if (!is_done[i] && !was_seen(a, mark_of(&e[i])) && (!oldest || e[i].age_s >= oldest->age_s))
            oldest = &e[i];
    return oldest;
}

static bool note_seen(nh_battery__alarms_t *a, const struct nh_tinybms_event *e, size_t count)
{
    bool is_other = !a->has_seen || a->seen_count != count;
    for (size_t i = 0; i < count; i++) {
        is_other = is_other || a->seen[i] != mark_of(&e[i]);
        a->seen[i] = mark_of(&e[i]);
    }
    a->seen_count = (uint32_t)count;
    a->has_seen = true;
    return is_other;
}

bool nh_battery__alarms_log(nh_battery__alarms_t *a, const struct nh_tinybms_event *e, size_t count,
                            int64_t unix_ms)
{
    bool is_done[NH_TINYBMS_EVENT_MAX_COUNT] = {false};
    const struct nh_tinybms_event *next;
    if (count > NH_TINYBMS_EVENT_MAX_COUNT)
        count = NH_TINYBMS_EVENT_MAX_COUNT;
    while (a->has_seen && (next = next_new(a, e, count, is_done)) != NULL) {
        is_done[next - e] = true;
        take_event(a, next, unix_ms);
    }
    return note_seen(a, e, count);
}

// ---- calls -------------------------------------------------------------------------------------

void nh_battery__alarms_init(nh_battery__alarms_t *a, const struct nh_battery__alarms_config *cfg)
{
    memset(a, 0, sizeof *a);
    a->cfg = *cfg;
    a->well_ms = NH_NEVER;
}

void nh_battery__alarms_loaded(nh_battery__alarms_t *a)
{
    for (uint32_t i = 0; i < a->count; i++)
        if (a->entry[i].id > a->next_id)
            a->next_id = a->entry[i].id;
    for (size_t i = 0; i < NH_BATTERY__RULE_COUNT; i++) {
        a->rule[i].wish = severity_on(a, nh_battery__rules[i].code);
        a->rule[i].on = a->rule[i].wish;
    }
}

void nh_battery__alarms_judge(nh_battery__alarms_t *a, const struct nh_battery_snapshot *s,
                              uint64_t now_ms, int64_t unix_ms)
{
    if (a->generation && a->generation != s->generation)
        begin_generation(a, s->generation, unix_ms);
    a->generation = s->generation;
    for (size_t i = 0; i < NH_BATTERY__RULE_COUNT; i++)
        judge_rule(a, i, s, now_ms, unix_ms);
    judge_status(a, s, now_ms, unix_ms);
    if (a->well_ms != NH_NEVER && now_ms >= nh_ms_after(a->well_ms, WELL_MS))
        end_faults(a, 0, unix_ms);
}

uint64_t nh_battery__alarms_deadline(const nh_battery__alarms_t *a)
{
    uint64_t due = NH_NEVER;
    for (size_t i = 0; i < NH_BATTERY__RULE_COUNT; i++) {
        const struct nh_battery__rule_state *st = &a->rule[i];
        if (st->wish != st->on && rule_due(&nh_battery__rules[i], st) < due)
            due = rule_due(&nh_battery__rules[i], st);
    }
    return due;
}

int nh_battery__alarms_acknowledge(nh_battery__alarms_t *a, uint32_t id)
{
    bool is_found = id == 0;
    for (uint32_t i = 0; i < a->count; i++) {
        struct nh_battery_alarm *e = &a->entry[i];
        if (!is_active(e) || (id && e->id != id))
            continue;
        is_found = true;
        if (e->state == NH_BATTERY_ACKNOWLEDGED)
            continue;
        e->state = NH_BATTERY_ACKNOWLEDGED;
        tell(a, e);
    }
    return is_found ? NH_OK : NH_ERR_NOT_FOUND;
}

struct nh_battery__alarms_sum nh_battery__alarms_sum(const nh_battery__alarms_t *a)
{
    struct nh_battery__alarms_sum sum = {0};
    for (uint32_t i = 0; i < a->count; i++) {
        const struct nh_battery_alarm *e = &a->entry[i];
        if (!is_active(e))
            continue;
        sum.active++;
        sum.unacknowledged = (uint16_t)(sum.unacknowledged + (e->state == NH_BATTERY_ACTIVE));
        if (e->severity > sum.worst)
            sum.worst = e->severity;
    }
    return sum;
}

bool nh_battery__alarms_active_at(const nh_battery__alarms_t *a, size_t at,
                                  struct nh_battery_alarm *out)
{
    for (int severity = NH_BATTERY_CRITICAL; severity >= NH_BATTERY_INFO; severity--)
        for (uint32_t i = a->count; i-- > 0;)
            if (is_active(&a->entry[i]) && a->entry[i].severity == severity && at-- == 0) {
                *out = a->entry[i];
                return true;
            }
    return false;
}

size_t nh_battery__alarms_active(const nh_battery__alarms_t *a, struct nh_battery_alarm *out,
                                 size_t max)
{
    size_t n = 0;
    while (n < max && nh_battery__alarms_active_at(a, n, &out[n]))
        n++;
    return n;
}

size_t nh_battery__alarms_history(const nh_battery__alarms_t *a, size_t skip,
                                  struct nh_battery_alarm *out, size_t max)
{
    size_t n = 0;
    for (; n < max && skip + n < a->count; n++)
        out[n] = a->entry[a->count - 1 - skip - n];
    return n;
}
