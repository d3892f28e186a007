#include "components/battery_bridge/battery_can.h"

#include "core/base/bytes.h"

#include <stdio.h>
#include <string.h>

#define BIT(field) (1u << (field))

// ---- numbers ------------------------------------------------------------------------------------

// Divides to the nearest, halves away from 0.
static int64_t nearest(int64_t v, int64_t by)
{
    return v < 0 ? -((-v + by / 2) / by) : (v + by / 2) / by;
}

static void put_u16(uint8_t *p, int64_t v)
{
    nh_put_le16(p, (uint16_t)(v < 0 ? 0 : v > UINT16_MAX ? UINT16_MAX : v));
}

static void put_i16(uint8_t *p, int64_t v)
{
    nh_put_le16(p, (uint16_t)(int16_t)(v < INT16_MIN ? INT16_MIN : v > INT16_MAX ? INT16_MAX : v));
}

static void put_u32(uint8_t *p, uint64_t v)
{
    nh_put_le32(p, v > UINT32_MAX ? UINT32_MAX : (uint32_t)v);
}

// Eight characters from `at` on, what is behind the text is `fill`.
static void put_text(uint8_t out[8], const char *text, size_t at, char fill)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < 8; i++)
        out[i] = (uint8_t)(at + i < len ? text[at + i] : fill);
}

static bool knows(const struct nh_battery_can_input *in, enum nh_battery_field field)
{
    return !in->is_lost && (in->known & BIT(field));
}

// ---- sensors ------------------------------------------------------------------------------------

struct sensors {
    int32_t cold_mc, hot_mc;
    const char *cold, *hot; // where
};

// False: none is known.
static bool sensors_of(const struct nh_battery_can_input *in, struct sensors *out)
{
    const struct nh_battery_values *v = &in->s->v;
    const struct {
        enum nh_battery_field field;
        int32_t mc;
        const char *name;
    } rows[] = {{NH_BATTERY_TEMP_EXT1, v->temp_ext1_mc, "EXT 1"},
                {NH_BATTERY_TEMP_EXT2, v->temp_ext2_mc, "EXT 2"},
                {NH_BATTERY_TEMP_BMS, v->temp_bms_mc, "BMS"}};
    *out = (struct sensors){0};
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        // The board's own counts where nothing else is connected, as it does for the board.
        bool counts = knows(in, rows[i].field) && rows[i].mc != NH_BATTERY_TEMPERATURE_NONE &&
                      (i < 2 || !out->cold);
        if (!counts)
            continue;
        if (!out->cold || rows[i].mc < out->cold_mc) {
            out->cold = rows[i].name;
            out->cold_mc = rows[i].mc;
        }
        if (!out->hot || rows[i].mc > out->hot_mc) {
            out->hot = rows[i].name;
            out->hot_mc = rows[i].mc;
        }
    }
    return out->cold;
}

// ---- frames of both dialects --------------------------------------------------------------------

typedef bool (*encode_fn)(const struct nh_battery_can_input *in, struct nh_can_frame *f);

static bool limits(const struct nh_battery_can_input *in, struct nh_can_frame *f)
{
    const struct nh_battery_control_output *l = &in->limits;
    put_u16(f->data, nearest(l->cvl_mv, 100));
    put_i16(f->data + 2, l->ccl_ma / 100); // never above what is allowed
    put_i16(f->data + 4, l->dcl_ma / 100);
    put_u16(f->data + 6, nearest(l->dvl_mv, 100));
    f->len = 8;
    return l->is_known;
}

static bool charge_short(const struct nh_battery_can_input *in, struct nh_can_frame *f)
{
    put_u16(f->data, nearest(in->s->v.soc_mpct, 1000));
    // Without a known state of health it is taken for a good one: there is no word for "unknown".
    put_u16(f->data + 2, knows(in, NH_BATTERY_SOH) ? nearest(in->s->v.soh_mpct, 1000) : 100);
    f->len = 4;
    return knows(in, NH_BATTERY_SOC);
}

static bool charge(const struct nh_battery_can_input *in, struct nh_can_frame *f)
{
    bool is_known = charge_short(in, f);
    put_u16(f->data + 4, nearest(in->s->v.soc_mpct, 10));
    f->len = 6;
    return is_known;
}

static bool measured(const struct nh_battery_can_input *in, struct nh_can_frame *f)
{
    const struct nh_battery_values *v = &in->s->v;
    bool has_temperature = knows(in, NH_BATTERY_TEMPERATURE);
    put_i16(f->data, nearest(v->voltage_mv, 10));
    put_i16(f->data + 2, nearest(v->current_ma, 100));
    put_i16(f->data + 4, nearest(v->temperature_mc, 100));
    f->len = 6;
    return knows(in, NH_BATTERY_VOLTAGE) && knows(in, NH_BATTERY_CURRENT) && has_temperature;
}

static bool manufacturer(const struct nh_battery_can_input *in, struct nh_can_frame *f)
{
    (void)in;
    put_text(f->data, NH_BATTERY_CAN_MANUFACTURER, 0, '\0');
    f->len = 8;
    return true;
}

// ---- Victron ------------------------------------------------------------------------------------

#define ACTIVE 1u
#define FINE 2u // 0: not supported

static uint8_t two_bits(const struct nh_battery_can_alarms *a, uint32_t active, uint32_t alarm)
{
    return (uint8_t)(!(a->watched & BIT(alarm)) ? 0 : active & BIT(alarm) ? ACTIVE : FINE);
}

static bool alarms(const struct nh_battery_can_input *in, struct nh_can_frame *f)
{
    for (uint32_t i = 0; i < NH_BATTERY_CAN_ALARM_COUNT; i++) {
        uint8_t *at = &f->data[i / 4];
        at[0] |= (uint8_t)(two_bits(&in->alarms, in->alarms.alarms, i) << 2 * (i % 4));
        at[4] |= (uint8_t)(two_bits(&in->alarms, in->alarms.warnings, i) << 2 * (i % 4));
    }
    f->data[7] |= (uint8_t)((in->is_lost ? ACTIVE : FINE) << 2); // system status
    f->len = 8;
    return true;
}

static bool battery_type(const struct nh_battery_can_input *in, struct nh_can_frame *f)
{
    const struct nh_battery_values *v = &in->s->v;
    put_u16(f->data, v->hardware | v->hardware_changes << 8);
    put_u16(f->data + 2, v->firmware_internal);
    put_u16(f->data + 4, nearest(v->capacity_mah, 1000));
    f->len = 6;
    return knows(in, NH_BATTERY_VERSION_INFO) && knows(in, NH_BATTERY_CAPACITY);
}

static bool name_low(const struct nh_battery_can_input *in, struct nh_can_frame *f)
{
    put_text(f->data, in->name, 0, '\0');
    f->len = 8;
    return true;
}

static bool name_high(const struct nh_battery_can_input *in, struct nh_can_frame *f)
{
    put_text(f->data, in->name, 8, '\0');
    f->len = 8;
    return true;
}

static bool modules(const struct nh_battery_can_input *in, struct nh_can_frame *f)
{
    const struct nh_battery_control_output *l = &in->limits;
    put_u16(f->data, !in->is_lost && l->is_known);
    put_u16(f->data + 2, !l->is_charge_allowed);
    put_u16(f->data + 4, !l->is_discharge_allowed);
    put_u16(f->data + 6, in->is_lost);
    f->len = 8;
    return true;
}

#define KELVIN_MC 273150

static bool extremes(const struct nh_battery_can_input *in, struct nh_can_frame *f)
{
    struct sensors t;
    if (!knows(in, NH_BATTERY_CELLS) || !sensors_of(in, &t))
        return false;
    put_u16(f->data, nearest(in->s->cell_min_dmv, 10));
    put_u16(f->data + 2, nearest(in->s->cell_max_dmv, 10));
    put_u16(f->data + 4, nearest((int64_t)t.cold_mc + KELVIN_MC, 1000));
    put_u16(f->data + 6, nearest((int64_t)t.hot_mc + KELVIN_MC, 1000));
    f->len = 8;
    return true;
}

static bool cell_text(const struct nh_battery_can_input *in, uint8_t cell, struct nh_can_frame *f)
{
    char text[9];
    snprintf(text, sizeof text, "CELL %02u", (unsigned)(cell % 100));
    put_text(f->data, text, 0, '\0');
    f->len = 8;
    return knows(in, NH_BATTERY_CELLS);
}

static bool lowest_cell(const struct nh_battery_can_input *in, struct nh_can_frame *f)
{
    return cell_text(in, in->s->cell_min_at, f);
}

static bool highest_cell(const struct nh_battery_can_input *in, struct nh_can_frame *f)
{
    return cell_text(in, in->s->cell_max_at, f);
}

static bool sensor_text(const struct nh_battery_can_input *in, bool is_hot, struct nh_can_frame *f)
{
    struct sensors t;
    if (!sensors_of(in, &t))
        return false;
    put_text(f->data, is_hot ? t.hot : t.cold, 0, '\0');
    f->len = 8;
    return true;
}

static bool coldest(const struct nh_battery_can_input *in, struct nh_can_frame *f)
{
    return sensor_text(in, false, f);
}

static bool hottest(const struct nh_battery_can_input *in, struct nh_can_frame *f)
{
    return sensor_text(in, true, f);
}

static bool energy(const struct nh_battery_can_input *in, struct nh_can_frame *f)
{
    put_u32(f->data, in->s->v.energy_in_mwh / 100000); // 100 Wh
    put_u32(f->data + 4, in->s->v.energy_out_mwh / 100000);
    f->len = 8;
    return knows(in, NH_BATTERY_ENERGY);
}

static bool capacity(const struct nh_battery_can_input *in, struct nh_can_frame *f)
{
    put_u16(f->data, nearest(in->s->v.capacity_mah, 1000));
    f->len = 2;
    return knows(in, NH_BATTERY_CAPACITY);
}

// The last 16 of the 24 digits, highest word first: the frames have no room for more.
static bool serial(const struct nh_battery_can_input *in, size_t at, struct nh_can_frame *f)
{
    const uint16_t *w = in->s->v.serial;
    char text[17];
    snprintf(text, sizeof text, "%04X%04X%04X%04X", w[3], w[2], w[1], w[0]);
    put_text(f->data, text, at, '\0');
    f->len = 8;
    return knows(in, NH_BATTERY_VERSION_INFO);
}

static bool serial_low(const struct nh_battery_can_input *in, struct nh_can_frame *f)
{
    return serial(in, 0, f);
}

static bool serial_high(const struct nh_battery_can_input *in, struct nh_can_frame *f)
{
    return serial(in, 8, f);
}

static bool family(const struct nh_battery_can_input *in, struct nh_can_frame *f)
{
    (void)in;
    put_text(f->data, NH_BATTERY_CAN_FAMILY, 0, '\0');
    f->len = 8;
    return true;
}

// ---- Pylontech ----------------------------------------------------------------------------------

// Where its bits are: byte, bit.
static const struct {
    uint8_t alarm, byte, bit;
} pylontech_bits[] = {
    {NH_BATTERY_CAN_HIGH_VOLTAGE, 0, 1},     {NH_BATTERY_CAN_LOW_VOLTAGE, 0, 2},
    {NH_BATTERY_CAN_HIGH_TEMPERATURE, 0, 3}, {NH_BATTERY_CAN_HIGH_TEMPERATURE_CHARGE, 0, 3},
    {NH_BATTERY_CAN_LOW_TEMPERATURE, 0, 4},  {NH_BATTERY_CAN_LOW_TEMPERATURE_CHARGE, 0, 4},
    {NH_BATTERY_CAN_HIGH_CURRENT, 0, 7},     {NH_BATTERY_CAN_HIGH_CHARGE_CURRENT, 1, 0},
    {NH_BATTERY_CAN_INTERNAL, 1, 3},         {NH_BATTERY_CAN_CONTACTOR, 1, 3},
    {NH_BATTERY_CAN_GENERAL, 1, 3},
};

static bool pylontech_alarms(const struct nh_battery_can_input *in, struct nh_can_frame *f)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(pylontech_bits); i++) {
        uint8_t *at = &f->data[pylontech_bits[i].byte];
        uint8_t bit = (uint8_t)(1u << pylontech_bits[i].bit);
        if (in->alarms.alarms & BIT(pylontech_bits[i].alarm))
            at[0] |= bit;
        if (in->alarms.warnings & BIT(pylontech_bits[i].alarm))
            at[2] |= bit;
    }
    f->data[4] = 1; // modules
    f->data[5] = 'P';
    f->data[6] = 'N';
    f->len = 7;
    return true;
}

static bool pylontech_request(const struct nh_battery_can_input *in, struct nh_can_frame *f)
{
    const struct nh_battery_control_output *l = &in->limits;
    f->data[0] = (uint8_t)(l->is_charge_allowed << 7 | l->is_discharge_allowed << 6 |
                           (l->wants_charge && l->is_charge_allowed) << 5);
    f->len = 2;
    return true;
}

static bool pylontech_name(const struct nh_battery_can_input *in, struct nh_can_frame *f)
{
    (void)in;
    put_text(f->data, "PYLON", 0, ' ');
    f->len = 8;
    return true;
}

// ---- the tables ---------------------------------------------------------------------------------

struct row {
    uint16_t id;
    uint8_t period_s;
    encode_fn encode;
};

static const struct row victron[] = {
    {0x351, 1, limits},   {0x355, 1, charge},       {0x356, 1, measured},
    {0x35A, 1, alarms},   {0x35E, 2, manufacturer}, {0x35F, 2, battery_type},
    {0x370, 2, name_low}, {0x371, 2, name_high},    {0x372, 1, modules},
    {0x373, 1, extremes}, {0x374, 1, lowest_cell},  {0x375, 1, highest_cell},
    {0x376, 1, coldest},  {0x377, 1, hottest},      {0x378, 1, energy},
    {0x379, 5, capacity}, {0x380, 5, serial_low},   {0x381, 5, serial_high},
    {0x382, 5, family},
};
static const struct row pylontech[] = {
    {0x351, 1, limits},           {0x355, 1, charge_short},      {0x356, 1, measured},
    {0x359, 1, pylontech_alarms}, {0x35C, 1, pylontech_request}, {0x35E, 1, pylontech_name},
};

static const struct row *row_of(uint8_t dialect, size_t at)
{
    return dialect == NH_BATTERY_CAN_PYLONTECH ? &pylontech[at] : &victron[at];
}

size_t nh_battery_can_count(uint8_t dialect)
{
    return dialect == NH_BATTERY_CAN_PYLONTECH ? NH_ARRAY_LEN(pylontech) : NH_ARRAY_LEN(victron);
}

uint32_t nh_battery_can_period_s(uint8_t dialect, size_t at)
{
    return row_of(dialect, at)->period_s;
}

bool nh_battery_can_encode(uint8_t dialect, size_t at, const struct nh_battery_can_input *in,
                           struct nh_can_frame *out)
{
    const struct row *r = row_of(dialect, at);
    *out = (struct nh_can_frame){.id = r->id};
    return r->encode(in, out);
}

// ---- alarms of the model ------------------------------------------------------------------------

// Codes of docs/battery.md: 1 to 13 limits, 20 to 25 status, 100 + the board's event.
static const struct {
    uint16_t code;
    uint8_t alarm;
} codes[] = {
    {1, NH_BATTERY_CAN_HIGH_TEMPERATURE},
    {2, NH_BATTERY_CAN_LOW_TEMPERATURE_CHARGE},
    {3, NH_BATTERY_CAN_HIGH_VOLTAGE},
    {4, NH_BATTERY_CAN_LOW_VOLTAGE},
    {5, NH_BATTERY_CAN_HIGH_VOLTAGE},
    {6, NH_BATTERY_CAN_LOW_VOLTAGE},
    {7, NH_BATTERY_CAN_HIGH_CURRENT},
    {8, NH_BATTERY_CAN_HIGH_CHARGE_CURRENT},
    {9, NH_BATTERY_CAN_LOW_CHARGE},
    {11, NH_BATTERY_CAN_IMBALANCE},
    {12, NH_BATTERY_CAN_INTERNAL}, // no frame of the board
    {13, NH_BATTERY_CAN_INTERNAL}, // a cell that cannot be measured
    {25, NH_BATTERY_CAN_GENERAL},
    {100 + 0x02, NH_BATTERY_CAN_LOW_VOLTAGE},
    {100 + 0x03, NH_BATTERY_CAN_HIGH_VOLTAGE},
    {100 + 0x04, NH_BATTERY_CAN_HIGH_TEMPERATURE},
    {100 + 0x05, NH_BATTERY_CAN_HIGH_CURRENT},
    {100 + 0x06, NH_BATTERY_CAN_HIGH_CHARGE_CURRENT},
    {100 + 0x07, NH_BATTERY_CAN_HIGH_CHARGE_CURRENT},
    {100 + 0x0A, NH_BATTERY_CAN_LOW_TEMPERATURE},
    {100 + 0x0B, NH_BATTERY_CAN_CONTACTOR},
    {100 + 0x0C, NH_BATTERY_CAN_CONTACTOR},
    {100 + 0x0D, NH_BATTERY_CAN_CONTACTOR},
    {100 + 0x0E, NH_BATTERY_CAN_INTERNAL},
    {100 + 0x0F, NH_BATTERY_CAN_INTERNAL},
    {100 + 0x31, NH_BATTERY_CAN_LOW_VOLTAGE},
    {100 + 0x37, NH_BATTERY_CAN_LOW_TEMPERATURE_CHARGE},
};

void nh_battery_can_alarm_add(struct nh_battery_can_alarms *a, uint16_t code, uint8_t severity)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(codes); i++) {
        if (codes[i].code != code)
            continue;
        if (severity >= NH_BATTERY_CRITICAL)
            a->alarms |= BIT(codes[i].alarm);
        else if (severity == NH_BATTERY_WARNING)
            a->warnings |= BIT(codes[i].alarm);
    }
}

// ---- what comes in ------------------------------------------------------------------------------

void nh_battery_can_hear(struct nh_battery_can_peer *p, const struct nh_can_frame *f,
                         uint64_t now_ms)
{
    size_t n = 0;
    p->frames++;
    if (f->id == NH_BATTERY_CAN_ALIVE) {
        p->alive_count++;
        p->alive_ms = now_ms ? now_ms : 1;
    } else if (f->id == NH_BATTERY_CAN_IDENTITY) {
        for (size_t i = 4; i < f->len && i < sizeof f->data; i++)
            if (f->data[i] > ' ' && f->data[i] < 0x7F)
                p->identity[n++] = (char)f->data[i];
        p->identity[n] = '\0';
    } else {
        p->foreign++;
    }
}

bool nh_battery_can_is_alive(const struct nh_battery_can_peer *p, uint64_t now_ms,
                             uint64_t timeout_ms)
{
    return p->alive_ms && now_ms - p->alive_ms <= timeout_ms;
}

// ---- a lost board -------------------------------------------------------------------------------

const char *nh_battery_can_phase_text(uint8_t phase)
{
    static const char *const texts[] = {[NH_BATTERY_CAN_SILENT] = "silent",
                                        [NH_BATTERY_CAN_FRESH] = "fresh",
                                        [NH_BATTERY_CAN_HOLD] = "hold",
                                        [NH_BATTERY_CAN_ZERO] = "zero"};
    return phase < NH_ARRAY_LEN(texts) ? texts[phase] : "unknown";
}

static void enter(struct nh_battery_can_watch *w, uint8_t phase, uint64_t now_ms)
{
    w->phase = phase;
    w->since_ms = now_ms;
}

// On the level part of the curve, far from both ends: nothing happens to the cells in the time that
// a hold lasts. 3.225 to 3.375 V where full is 3.65 V.
static bool is_in_the_middle(const struct nh_battery_snapshot *s)
{
    const struct nh_battery_limits *l = &s->v.limits;
    int32_t low_mv = l->full_mv - NH_BATTERY_CAN_HOLD_LOW_MV;
    if (low_mv < l->empty_mv)
        low_mv = l->empty_mv;
    return s->cell_min_dmv > low_mv * 10 &&
           s->cell_max_dmv < (l->full_mv - NH_BATTERY_CAN_HOLD_HIGH_MV) * 10;
}

void nh_battery_can_watch_step(struct nh_battery_can_watch *w, bool is_fresh,
                               const struct nh_battery_snapshot *s, uint32_t hold_ms,
                               uint32_t zero_ms, uint64_t now_ms)
{
    if (is_fresh) {
        if (w->phase != NH_BATTERY_CAN_FRESH)
            enter(w, NH_BATTERY_CAN_FRESH, now_ms);
        w->may_hold = is_in_the_middle(s);
        return;
    }
    if (w->phase == NH_BATTERY_CAN_FRESH)
        enter(w, NH_BATTERY_CAN_HOLD, now_ms);
    if (w->phase == NH_BATTERY_CAN_HOLD && (!w->may_hold || now_ms - w->since_ms >= hold_ms))
        enter(w, NH_BATTERY_CAN_ZERO, now_ms);
    if (w->phase == NH_BATTERY_CAN_ZERO && now_ms - w->since_ms >= zero_ms)
        enter(w, NH_BATTERY_CAN_SILENT, now_ms);
}
