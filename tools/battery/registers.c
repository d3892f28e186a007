// registers.c - addresses 0 to 599: what each shows, and what a write does.

#include "board.h"

#include <math.h>
#include <string.h>

#define EVENTS_FIRST 200
#define STATISTICS_FIRST 100
#define VERSION_FIRST 500

static uint16_t low(uint32_t value)
{
    return (uint16_t)value;
}

static uint16_t high(uint32_t value)
{
    return (uint16_t)(value >> 16);
}

static uint32_t bits_of(double value)
{
    float f = (float)value;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

// ---- live ---------------------------------------------------------------------------------------

static uint16_t cell(const struct nh_sim_board *b, uint16_t address)
{
    uint16_t count = b->pack.cfg.cell_count;
    uint16_t index = b->cfg.is_descending ? 15 - address : address;
    return index < count ? b->pack.cells[index].dmv : 0;
}

static uint32_t soc_micro_pct(const struct nh_sim_board *b)
{
    return (uint32_t)lround(nh_sim_pack_soc_pct(&b->pack) * 1e6);
}

static uint16_t live(const struct nh_sim_board *b, uint16_t address)
{
    const struct nh_sim_pack *p = &b->pack;
    if (address < 16)
        return cell(b, address);
    switch (address) {
    case 32:
        return low(nh_sim_pack_time_s(p));
    case 33:
        return high(nh_sim_pack_time_s(p));
    case 34:
        return low(nh_sim_pack_time_left_s(p));
    case 35:
        return high(nh_sim_pack_time_left_s(p));
    case 36:
        return low(bits_of(p->voltage_v));
    case 37:
        return high(bits_of(p->voltage_v));
    case 38:
        return low(bits_of(p->current_a));
    case 39:
        return high(bits_of(p->current_a));
    case 40:
        return (uint16_t)lround(fmin(p->low_mv, 65535));
    case 41:
        return (uint16_t)lround(fmin(p->high_mv, 65535));
    case 42:
        return (uint16_t)p->ext1_dc;
    case 43:
        return (uint16_t)p->ext2_dc;
    case 45:
        return (uint16_t)lround(p->health * 50000);
    case 46:
        return low(soc_micro_pct(b));
    case 47:
        return high(soc_micro_pct(b));
    case 48:
        return (uint16_t)p->bms_dc;
    case 50:
        return p->status;
    case 51:
        return p->balance_wanted;
    case 52:
        return p->balance_active;
    case 53:
        return p->cfg.cell_count;
    default:
        return 0; // distance and speed too: this pack drives nothing
    }
}

// ---- statistics ---------------------------------------------------------------------------------

static uint16_t tenths(double value)
{
    return (uint16_t)lround(fmin(value * 10, 65535));
}

static uint16_t statistic(const struct nh_sim_board *b, uint16_t address)
{
    const struct nh_sim_statistics *s = &b->pack.stats;
    const uint16_t words[] = {
        0,
        0,
        tenths(s->max_discharge_a),
        tenths(s->max_charge_a),
        tenths(s->max_spread_mv),
        s->under,
        s->over,
        s->discharge_over,
        s->charge_over,
        s->hot,
        0,
        s->chargings,
        s->full_charges,
        (uint16_t)((uint8_t)(int8_t)s->min_c | (uint8_t)(int8_t)s->max_c << 8),
        (uint16_t)(s->last_reset | s->last_wakeup << 8),
        0,
        low(s->cleared_at_s),
        high(s->cleared_at_s),
    };
    size_t index = address - STATISTICS_FIRST;
    return index < NH_ARRAY_LEN(words) ? words[index] : 0;
}

// ---- events, settings, version ------------------------------------------------------------------

static uint16_t event(const struct nh_sim_board *b, uint16_t address)
{
    uint32_t slot = (address - EVENTS_FIRST) / 2u;
    if (slot >= NH_SIM_EVENT_COUNT || slot >= b->pack.event_count)
        return 0;
    const struct nh_sim_event *e = &b->pack.events[slot];
    return address % 2 ? (uint16_t)((e->time_s >> 16 & 0xFF) | e->id << 8) : low(e->time_s);
}

static uint16_t setting(const struct nh_sim_board *b, uint16_t address)
{
    if (address == NH_SIM_HEALTH)
        return b->pack.is_health_written ? 0xFFFF : (uint16_t)lround(b->pack.health * 50000);
    if (address == NH_SIM_CHARGE)
        return (uint16_t)lround(nh_sim_pack_soc_pct(&b->pack) * 500);
    return b->pack.settings[address - NH_SIM_SETTING_FIRST];
}

static uint16_t version(const struct nh_sim_board *b, uint16_t address)
{
    struct nh_sim_random serial = {b->pack.cfg.seed ^ 0x5E7A1u};
    uint16_t type = b->pack.cfg.is_low_power ? 0 : 1u << 8;
    const uint16_t words[] = {0x0005, (uint16_t)(10 | type), 1234, 0x0603};
    size_t index = address - VERSION_FIRST;
    if (index < NH_ARRAY_LEN(words))
        return words[index];
    if (index >= 10)
        return 0;
    uint16_t word = 0;
    for (size_t i = NH_ARRAY_LEN(words); i <= index; i++)
        word = (uint16_t)nh_sim_random_next(&serial);
    return word;
}

uint16_t nh_sim_board_register(const struct nh_sim_board *b, uint16_t address)
{
    for (uint32_t i = 0; i < b->set_count; i++)
        if (b->set[i].address == address)
            return b->set[i].value;
    if (address < STATISTICS_FIRST)
        return live(b, address);
    if (address < EVENTS_FIRST)
        return statistic(b, address);
    if (address < NH_SIM_SETTING_FIRST)
        return event(b, address);
    if (address < NH_SIM_SETTING_FIRST + NH_SIM_SETTING_COUNT)
        return setting(b, address);
    return address >= VERSION_FIRST && address < 600 ? version(b, address) : 0;
}

// ---- writes -------------------------------------------------------------------------------------

// The pack holds what it held: its gauge goes on by its percentage.
static void set_capacity(struct nh_sim_pack *p, uint16_t value)
{
    double pct = nh_sim_pack_soc_pct(p);
    *nh_sim_pack_setting(p, NH_SIM_CAPACITY) = value;
    nh_sim_pack_soc_set(p, pct);
}

bool nh_sim_board__write(struct nh_sim_board *b, uint16_t address, uint16_t value)
{
    struct nh_sim_pack *p = &b->pack;
    uint16_t *word = nh_sim_pack_setting(p, address);
    bool restarts = address == NH_SIM_SINGLE_PORT && *word != value;
    if (nh_sim_setting_is_reserved(address))
        return false;
    if (address == NH_SIM_HEALTH) {
        p->health = value / 50000.0;
        p->is_health_written = true;
    } else if (address == NH_SIM_CHARGE) {
        nh_sim_pack_soc_set(p, value / 500.0);
    } else if (address == NH_SIM_CAPACITY) {
        set_capacity(p, value);
    } else {
        *word = value;
    }
    if (restarts)
        nh_sim_pack_log(p, value ? 0x67 : 0x66);
    return restarts;
}
