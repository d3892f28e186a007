#include "components/battery/battery_model_state.h"

#include <string.h>

#define STALE_MS 2000
#define SLOW_STALE_MS 180000
#define ALIVE_MS 3000
#define HEARTBEAT_MS 5000
#define DEFERRED_MS 10

static const uint32_t pace_ms[NH_BATTERY_AUDIENCE_COUNT] = {100, 250};

// ---- whose values count ------------------------------------------------------------------------

static bool is_alive(const nh_battery_model_t *m, unsigned source, uint64_t now_ms)
{
    const struct nh_battery__heard *h = &m->heard[source];
    return h->is_alive && now_ms < nh_ms_after(h->last_ms, m->cfg.alive_ms);
}

static void age_sources(nh_battery_model_t *m, uint64_t now_ms)
{
    for (unsigned i = 0; i < NH_BATTERY__SOURCE_COUNT; i++)
        m->heard[i].is_alive = is_alive(m, i, now_ms);
}

// Back to the local board only once it has been there for a while: two sources that come and go do
// not make the values flash.
static bool has_local_settled(const nh_battery_model_t *m, uint64_t now_ms)
{
    return now_ms >= nh_ms_after(m->heard[NH_BATTERY_FROM_LOCAL].since_ms, m->cfg.alive_ms);
}

static uint8_t any_of(const nh_battery_model_t *m, unsigned first, unsigned second)
{
    if (m->image[first].valid)
        return (uint8_t)first;
    if (m->image[second].valid)
        return (uint8_t)second;
    return m->image[NH_BATTERY_FROM_STORE].valid ? NH_BATTERY_FROM_STORE : NH_BATTERY_FROM_NOBODY;
}

static uint8_t choose_auto(const nh_battery_model_t *m, uint64_t now_ms)
{
    bool local = m->heard[NH_BATTERY_FROM_LOCAL].is_alive;
    bool remote = m->heard[NH_BATTERY_FROM_REMOTE].is_alive;
    if (remote && m->source == NH_BATTERY_FROM_REMOTE && !(local && has_local_settled(m, now_ms)))
        return NH_BATTERY_FROM_REMOTE;
    if (local)
        return NH_BATTERY_FROM_LOCAL;
    if (remote)
        return NH_BATTERY_FROM_REMOTE;
    // Nobody is there: what was shown stays, and becomes stale.
    unsigned shown =
        m->source == NH_BATTERY_FROM_REMOTE ? NH_BATTERY_FROM_REMOTE : NH_BATTERY_FROM_LOCAL;
    return any_of(m, shown, NH_BATTERY_FROM_LOCAL + NH_BATTERY_FROM_REMOTE - shown);
}

static uint8_t choose(const nh_battery_model_t *m, uint64_t now_ms)
{
    switch (m->mode) {
    case NH_BATTERY_LOCAL:
        return any_of(m, NH_BATTERY_FROM_LOCAL, NH_BATTERY_FROM_LOCAL);
    case NH_BATTERY_REMOTE:
        return any_of(m, NH_BATTERY_FROM_REMOTE, NH_BATTERY_FROM_REMOTE);
    default:
        return choose_auto(m, now_ms);
    }
}

static void arbitrate(nh_battery_model_t *m, uint64_t now_ms)
{
    if (m->begin_ms == NH_NEVER)
        m->begin_ms = now_ms;
    age_sources(m, now_ms);
    uint8_t source = choose(m, now_ms);
    if (source == m->source)
        return;
    // The very first source is not a switch.
    m->info.switched += m->source == NH_BATTERY_FROM_LOCAL || m->source == NH_BATTERY_FROM_REMOTE;
    m->source = source;
    nh_battery__derive_restart(&m->derive);
}

// Whether a source that is there to be asked was not heard yet.
static bool is_awaited(const nh_battery_model_t *m)
{
    bool is_asked = (m->cfg.has_local && m->mode != NH_BATTERY_REMOTE) ||
                    (m->cfg.has_remote && m->mode != NH_BATTERY_LOCAL);
    return is_asked && m->source != NH_BATTERY_FROM_LOCAL && m->source != NH_BATTERY_FROM_REMOTE;
}

static uint64_t missing_at_ms(const nh_battery_model_t *m)
{
    return is_awaited(m) ? nh_ms_after(m->begin_ms, m->cfg.stale_ms) : NH_NEVER;
}

// ---- a snapshot from the image -----------------------------------------------------------------

static uint64_t age_limit_ms(const nh_battery_model_t *m, unsigned field)
{
    return NH_BATTERY__SLOW & NH_BATTERY__BIT(field) ? m->cfg.slow_stale_ms : m->cfg.stale_ms;
}

static uint64_t stale_at_ms(const nh_battery_model_t *m, const struct nh_battery_snapshot *s,
                            unsigned field)
{
    return nh_ms_after(s->field_ms[field], age_limit_ms(m, field));
}

static void set_field(struct nh_battery_snapshot *s, unsigned field, uint64_t ms, uint8_t source)
{
    s->valid |= NH_BATTERY__BIT(field);
    s->field_ms[field] = ms;
    s->field_source[field] = source;
}

static uint64_t older(const struct nh_battery_snapshot *s, unsigned a, unsigned b)
{
    return s->field_ms[a] < s->field_ms[b] ? s->field_ms[a] : s->field_ms[b];
}

static bool has(const struct nh_battery_snapshot *s, unsigned field)
{
    return s->valid & NH_BATTERY__BIT(field);
}

static void derive_power(struct nh_battery_snapshot *s)
{
    if (!has(s, NH_BATTERY_VOLTAGE) || !has(s, NH_BATTERY_CURRENT))
        return;
    s->v.power_mw = (int32_t)((int64_t)s->v.voltage_mv * s->v.current_ma / 1000);
    set_field(s, NH_BATTERY_POWER, older(s, NH_BATTERY_VOLTAGE, NH_BATTERY_CURRENT), s->source);
}

// The mean of the sensors that are connected, else the board's own.
static void derive_temperature(struct nh_battery_snapshot *s)
{
    bool one = has(s, NH_BATTERY_TEMP_EXT1), two = has(s, NH_BATTERY_TEMP_EXT2);
    unsigned first = one ? NH_BATTERY_TEMP_EXT1 : two ? NH_BATTERY_TEMP_EXT2 : NH_BATTERY_TEMP_BMS;
    if (has(s, NH_BATTERY_TEMPERATURE) || !has(s, first))
        return;
    s->v.temperature_mc = one && two ? (s->v.temp_ext1_mc + s->v.temp_ext2_mc) / 2
                          : one      ? s->v.temp_ext1_mc
                          : two      ? s->v.temp_ext2_mc
                                     : s->v.temp_bms_mc;
    set_field(s, NH_BATTERY_TEMPERATURE,
              one && two ? older(s, NH_BATTERY_TEMP_EXT1, NH_BATTERY_TEMP_EXT2)
                         : s->field_ms[first],
              s->source);
}

static void add_meters(const nh_battery_model_t *m, struct nh_battery_snapshot *s)
{
    s->v.energy_in_mwh = nh_battery__derive_in_mwh(&m->derive);
    s->v.energy_out_mwh = nh_battery__derive_out_mwh(&m->derive);
    if (m->energy_source != NH_BATTERY_FROM_NOBODY)
        set_field(s, NH_BATTERY_ENERGY, m->energy_ms, m->energy_source);
    else
        s->valid &= ~NH_BATTERY__BIT(NH_BATTERY_ENERGY);
    if (has(s, NH_BATTERY_CYCLES) || !has(s, NH_BATTERY_CAPACITY))
        return;
    s->v.cycles_milli = nh_battery__derive_cycles_milli(&m->derive, s->v.capacity_mah);
    set_field(s, NH_BATTERY_CYCLES, s->field_ms[NH_BATTERY_CAPACITY], s->source);
}

static void add_outlook(const nh_battery_model_t *m, struct nh_battery_snapshot *s)
{
    uint32_t needs = NH_BATTERY__BIT(NH_BATTERY_SOC) | NH_BATTERY__BIT(NH_BATTERY_CAPACITY) |
                     NH_BATTERY__BIT(NH_BATTERY_CURRENT);
    bool is_known = (s->valid & ~s->stale & needs) == needs;
    s->time_to_full_s =
        is_known ? nh_battery__derive_full_s(&m->derive, s->v.soc_mpct, s->v.capacity_mah)
                 : NH_NEVER;
    s->time_to_empty_s =
        is_known ? nh_battery__derive_empty_s(&m->derive, s->v.soc_mpct, s->v.capacity_mah)
                 : NH_NEVER;
    s->spread_trend_dmv_h = nh_battery__derive_trend(&m->derive);
}

static uint32_t stale_fields(const nh_battery_model_t *m, const struct nh_battery_snapshot *s,
                             uint64_t now_ms)
{
    uint32_t stale = m->image[m->source].bad;
    for (unsigned f = 0; f < NH_BATTERY_FIELD_COUNT; f++)
        if (m->source == NH_BATTERY_FROM_STORE || now_ms > stale_at_ms(m, s, f))
            stale |= NH_BATTERY__BIT(f);
    return stale & s->valid & ~NH_BATTERY__METERS;
}

static void fill(const nh_battery_model_t *m, struct nh_battery_snapshot *s, uint64_t now_ms)
{
    const struct nh_battery__image *image = &m->image[m->source];
    memset(s, 0, sizeof *s);
    s->generation = m->generation;
    s->seq = m->seq;
    s->mode = m->mode;
    s->source = m->source;
    s->is_local_connected = m->heard[NH_BATTERY_FROM_LOCAL].is_connected;
    s->is_remote_connected = m->heard[NH_BATTERY_FROM_REMOTE].is_connected;
    s->is_missing = now_ms >= missing_at_ms(m);
    s->valid = image->valid;
    s->v = image->v;
    s->stored_unix_ms = m->source == NH_BATTERY_FROM_STORE ? m->stored_unix_ms : 0;
    s->odd_cell_at = image->odd_cell_at;
    s->odd_cell_dmv = image->odd_cell_dmv;
    for (unsigned f = 0; f < NH_BATTERY_FIELD_COUNT; f++)
        if (has(s, f))
            set_field(s, f, image->field_ms[f], m->source);
    derive_power(s);
    derive_temperature(s);
    add_meters(m, s);
    for (unsigned f = 0; f < NH_BATTERY_FIELD_COUNT; f++)
        if (has(s, f) && !(NH_BATTERY__METERS & NH_BATTERY__BIT(f)) && s->field_ms[f] > s->time_ms)
            s->time_ms = s->field_ms[f];
    s->stale = stale_fields(m, s, now_ms);
    nh_battery__cells_derive(s);
    add_outlook(m, s);
    s->alarm_count = m->alarm_count;
    s->alarm_worst = m->alarm_worst;
    s->unacknowledged = m->unacknowledged;
}

// ---- publication -------------------------------------------------------------------------------

static uint64_t told_due(const nh_battery_model_t *m, unsigned audience)
{
    const struct nh_battery__told *t = &m->told[audience];
    if (t->is_forced || !t->is_any)
        return 0;
    return nh_ms_after(t->ms, t->waiting ? pace_ms[audience] : HEARTBEAT_MS);
}

static void tell(nh_battery_model_t *m, enum nh_battery_audience audience, uint64_t now_ms)
{
    struct nh_battery__told *t = &m->told[audience];
    uint32_t dirty = t->waiting;
    t->is_any = true;
    t->is_forced = false;
    t->waiting = 0;
    t->ms = now_ms;
    nh_battery__reference_set(&t->reference, dirty, m->newest);
    m->info.published[audience]++;
    if (m->cfg.published)
        m->cfg.published(m->cfg.ctx, audience, dirty, m->newest);
}

// Makes the newest snapshot for readers, and tells whose pace is up.
static void refresh(nh_battery_model_t *m, uint64_t now_ms)
{
    struct nh_battery_snapshot *s = nh_battery__box_begin(m->box);
    bool is_due[NH_BATTERY_AUDIENCE_COUNT];
    m->is_deferred = !s;
    if (!s) {
        m->deferred_ms = now_ms;
        m->info.deferred++;
        return;
    }
    fill(m, s, now_ms);
    for (unsigned a = 0; a < NH_BATTERY_AUDIENCE_COUNT; a++) {
        m->told[a].waiting =
            nh_battery__difference(&m->told[a].reference, s, (enum nh_battery_audience)a);
        is_due[a] = now_ms >= told_due(m, a);
    }
    if (is_due[NH_BATTERY_NEAR])
        s->seq = ++m->seq;
    nh_battery__box_publish(m->box, s);
    m->newest = s;
    for (unsigned a = 0; a < NH_BATTERY_AUDIENCE_COUNT; a++)
        if (is_due[a])
            tell(m, (enum nh_battery_audience)a, now_ms);
}

static void force(nh_battery_model_t *m)
{
    for (unsigned a = 0; a < NH_BATTERY_AUDIENCE_COUNT; a++)
        m->told[a].is_forced = true;
}

uint64_t nh_battery_model_next_deadline(const nh_battery_model_t *m)
{
    uint64_t due = NH_NEVER;
    const struct nh_battery_snapshot *s = m->newest;
    if (m->is_deferred)
        return nh_ms_after(m->deferred_ms, DEFERRED_MS);
    for (unsigned a = 0; a < NH_BATTERY_AUDIENCE_COUNT; a++)
        if (told_due(m, a) < due)
            due = told_due(m, a);
    for (unsigned f = 0; f < NH_BATTERY_FIELD_COUNT; f++)
        if (s->valid & ~s->stale & ~NH_BATTERY__METERS & NH_BATTERY__BIT(f) &&
            stale_at_ms(m, s, f) < due)
            due = stale_at_ms(m, s, f) + 1;
    for (unsigned i = 0; i < NH_BATTERY__SOURCE_COUNT; i++)
        if (m->heard[i].is_alive && nh_ms_after(m->heard[i].last_ms, m->cfg.alive_ms) < due)
            due = nh_ms_after(m->heard[i].last_ms, m->cfg.alive_ms);
    if (!s->is_missing && missing_at_ms(m) < due)
        due = missing_at_ms(m);
    return due;
}

void nh_battery_model_tick(nh_battery_model_t *m, uint64_t now_ms)
{
    arbitrate(m, now_ms);
    refresh(m, now_ms);
}

// ---- what sources say --------------------------------------------------------------------------

static bool is_asked(const nh_battery_model_t *m, unsigned source)
{
    return !(m->mode == NH_BATTERY_LOCAL && source == NH_BATTERY_FROM_REMOTE) &&
           !(m->mode == NH_BATTERY_REMOTE && source == NH_BATTERY_FROM_LOCAL);
}

static void note_heard(nh_battery_model_t *m, unsigned source, uint64_t now_ms)
{
    struct nh_battery__heard *h = &m->heard[source];
    if (source == NH_BATTERY_FROM_STORE)
        return;
    if (!is_alive(m, source, now_ms))
        h->since_ms = now_ms;
    h->is_alive = true;
    h->last_ms = now_ms;
}

static void feed_derive(nh_battery_model_t *m, const struct nh_battery_candidate *c, uint32_t taken)
{
    uint32_t flow = NH_BATTERY__BIT(NH_BATTERY_VOLTAGE) | NH_BATTERY__BIT(NH_BATTERY_CURRENT);
    const struct nh_battery__image *image = &m->image[c->source];
    struct nh_battery_snapshot cells = {.valid = taken, .v = image->v};
    bool is_flow = taken & flow && (image->valid & ~image->bad & flow) == flow;
    bool is_meter = taken & NH_BATTERY__BIT(NH_BATTERY_ENERGY);
    if (is_flow)
        nh_battery__derive_sample(&m->derive, c->time_ms, image->v.voltage_mv, image->v.current_ma);
    if (is_meter)
        nh_battery__derive_meter(&m->derive, image->v.energy_in_mwh, image->v.energy_out_mwh);
    if (is_flow || is_meter) {
        m->energy_source = c->source;
        m->energy_ms = c->time_ms;
    }
    nh_battery__cells_derive(&cells);
    if (cells.cell_min_at)
        nh_battery__derive_spread(&m->derive, c->time_ms, cells.cell_delta_dmv);
}

static void note_odd_cell(struct nh_battery__image *image, const struct nh_battery_values *v)
{
    unsigned at = nh_battery__odd_cell(v);
    image->odd_cell_at = (uint8_t)at;
    image->odd_cell_dmv = at ? v->cell_dmv[at - 1] : 0;
}

static int count_bits(uint32_t bits)
{
    int n = 0;
    for (; bits; bits &= bits - 1)
        n++;
    return n;
}

int nh_battery_model_offer(nh_battery_model_t *m, const struct nh_battery_candidate *c,
                           uint64_t now_ms)
{
    if (c->source == NH_BATTERY_FROM_NOBODY || c->source >= NH_BATTERY__SOURCE_COUNT)
        return NH_ERR_INVAL;
    m->info.offered++;
    if (c->generation != m->generation) {
        m->info.stale_dropped++;
        return NH_ERR_CONFLICT;
    }
    if (!is_asked(m, c->source)) {
        m->info.denied++;
        return NH_ERR_DENIED;
    }
    uint32_t mask = c->mask & NH_BATTERY__ALL;
    uint32_t wrong = nh_battery__implausible(mask, &c->values);
    if (wrong & (NH_BATTERY__BIT(NH_BATTERY_VOLTAGE) | NH_BATTERY__BIT(NH_BATTERY_CURRENT)))
        mask &= ~NH_BATTERY__BIT(NH_BATTERY_POWER); // it was computed of them
    uint32_t taken =
        nh_battery__image_merge(&m->image[c->source], mask & ~wrong, &c->values, c->time_ms);
    m->image[c->source].bad |= wrong & m->image[c->source].valid;
    if (mask & NH_BATTERY__BIT(NH_BATTERY_CELLS))
        note_odd_cell(&m->image[c->source], &c->values);
    m->info.implausible += (uint64_t)count_bits(wrong);
    if (c->source == NH_BATTERY_FROM_STORE)
        m->stored_unix_ms = c->stored_unix_ms;
    if (mask & ~wrong)
        note_heard(m, c->source, now_ms);
    arbitrate(m, now_ms);
    if (m->source == c->source && c->source != NH_BATTERY_FROM_STORE)
        feed_derive(m, c, taken);
    refresh(m, now_ms);
    return count_bits(wrong);
}

void nh_battery_model_link(nh_battery_model_t *m, enum nh_battery_source source, bool is_up,
                           uint64_t now_ms)
{
    struct nh_battery__heard *h = &m->heard[source];
    if (source != NH_BATTERY_FROM_LOCAL && source != NH_BATTERY_FROM_REMOTE)
        return;
    if (h->is_connected != is_up)
        force(m);
    h->is_connected = is_up;
    h->is_alive = h->is_alive && is_up;
    nh_battery_model_tick(m, now_ms);
}

int nh_battery_model_mode_set(nh_battery_model_t *m, enum nh_battery_mode mode, uint64_t now_ms)
{
    if (mode > NH_BATTERY_AUTO)
        return NH_ERR_RANGE;
    if (mode == m->mode)
        return NH_OK;
    m->mode = (uint8_t)mode;
    m->generation++;
    m->source = NH_BATTERY_FROM_NOBODY;
    m->begin_ms = NH_NEVER;
    memset(m->image, 0, sizeof m->image);
    for (unsigned i = 0; i < NH_BATTERY__SOURCE_COUNT; i++)
        m->heard[i].is_alive = false;
    nh_battery__derive_restart(&m->derive);
    if (m->energy_source != NH_BATTERY_FROM_NOBODY)
        m->energy_source = NH_BATTERY_FROM_STORE;
    force(m);
    nh_battery_model_tick(m, now_ms);
    return NH_OK;
}

uint32_t nh_battery_model_generation(const nh_battery_model_t *m)
{
    return m->generation;
}

void nh_battery_model_read(const nh_battery_model_t *m, struct nh_battery_snapshot *out)
{
    nh_battery__box_read(m->box, out);
}

void nh_battery_model_info(const nh_battery_model_t *m, struct nh_battery_model_info *out)
{
    *out = m->info;
}

// What is there before anybody has to be told.
static void show(nh_battery_model_t *m)
{
    struct nh_battery_snapshot *s = nh_battery__box_begin(m->box);
    NH_ASSERT(s); // there are no readers yet
    fill(m, s, 0);
    nh_battery__box_publish(m->box, s);
    m->newest = s;
}

// ---- for the pack ------------------------------------------------------------------------------

void nh_battery__model_meters_set(nh_battery_model_t *m, const struct nh_battery__meters *meters)
{
    m->derive.meters = *meters;
    m->energy_source = NH_BATTERY_FROM_STORE;
    show(m);
}

void nh_battery__model_mode_restore(nh_battery_model_t *m, enum nh_battery_mode mode)
{
    m->mode = (uint8_t)mode;
    show(m);
}

const struct nh_battery__meters *nh_battery__model_meters(const nh_battery_model_t *m)
{
    return &m->derive.meters;
}

int64_t nh_battery__model_energy_mwh(const nh_battery_model_t *m, size_t way)
{
    return (int64_t)(way ? nh_battery__derive_out_mwh(&m->derive)
                         : nh_battery__derive_in_mwh(&m->derive));
}

void nh_battery__model_alarms_set(nh_battery_model_t *m, uint8_t count, uint8_t worst,
                                  uint16_t unacknowledged, uint64_t now_ms)
{
    if (m->alarm_count == count && m->alarm_worst == worst && m->unacknowledged == unacknowledged)
        return;
    m->alarm_count = count;
    m->alarm_worst = worst;
    m->unacknowledged = unacknowledged;
    force(m);
    refresh(m, now_ms);
}

const struct nh_battery_snapshot *nh_battery__model_newest(const nh_battery_model_t *m)
{
    return m->newest;
}

// ---- life --------------------------------------------------------------------------------------

static uint32_t or_default(uint32_t v, uint32_t fallback)
{
    return v ? v : fallback;
}

int nh_battery_model_create(const struct nh_battery_model_config *cfg, nh_battery_model_t **out)
{
    *out = NULL;
    if (cfg->mode > NH_BATTERY_AUTO)
        return NH_ERR_RANGE;
    nh_battery_model_t *m = nh_mem_alloc_zero(cfg->mem, sizeof *m, NH_MEM_BULK);
    if (!m)
        return NH_ERR_NOMEM;
    m->box = nh_mem_alloc_zero(cfg->mem, sizeof *m->box, NH_MEM_BULK);
    if (!m->box) {
        nh_mem_free(cfg->mem, m);
        return NH_ERR_NOMEM;
    }
    m->cfg = *cfg;
    m->cfg.stale_ms = or_default(cfg->stale_ms, STALE_MS);
    m->cfg.slow_stale_ms = or_default(cfg->slow_stale_ms, SLOW_STALE_MS);
    m->cfg.alive_ms = or_default(cfg->alive_ms, ALIVE_MS);
    m->mode = cfg->mode;
    m->generation = 1;
    m->begin_ms = NH_NEVER;
    show(m);
    *out = m;
    return NH_OK;
}

void nh_battery_model_destroy(nh_battery_model_t *m)
{
    if (!m)
        return;
    nh_mem_free(m->cfg.mem, m->box);
    nh_mem_free(m->cfg.mem, m);
}
