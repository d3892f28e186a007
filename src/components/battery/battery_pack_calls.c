// The calls of battery.h that are about the pack: each is the pack's, with the clock of now.

#include "components/battery/battery_pack_state.h"

static struct nh_battery__time time_now(void)
{
    return (struct nh_battery__time){.now_ms = nh_clock_ms(), .unix_ms = nh_clock_unix_ms()};
}

void nh_battery_read(const nh_battery_t *b, struct nh_battery_snapshot *out)
{
    nh_battery__pack_read(nh_battery__pack_of(b), out);
}

void nh_battery_offer(nh_battery_t *b, const struct nh_battery_candidate *c)
{
    NH_IGNORE(nh_battery__pack_offer(nh_battery__pack_of(b), c, time_now())); // counted there
}

void nh_battery_remote_link(nh_battery_t *b, bool is_up)
{
    nh_battery__pack_link(nh_battery__pack_of(b), NH_BATTERY_FROM_REMOTE, is_up, time_now());
}

int nh_battery_mode_set(nh_battery_t *b, enum nh_battery_mode mode)
{
    return nh_battery__pack_mode_set(nh_battery__pack_of(b), mode, time_now());
}

size_t nh_battery_alarms(const nh_battery_t *b, struct nh_battery_alarm *out, size_t max)
{
    return nh_battery__alarms_active(&nh_battery__pack_of(b)->alarms, out, max);
}

size_t nh_battery_alarm_history(const nh_battery_t *b, size_t skip, struct nh_battery_alarm *out,
                                size_t max)
{
    return nh_battery__alarms_history(&nh_battery__pack_of(b)->alarms, skip, out, max);
}

int nh_battery_acknowledge(nh_battery_t *b, uint32_t id)
{
    return nh_battery__pack_acknowledge(nh_battery__pack_of(b), id, time_now());
}

size_t nh_battery_history(const nh_battery_t *b, int64_t from_unix_ms, int64_t to_unix_ms,
                          struct nh_battery_sample *out, size_t max)
{
    struct nh_battery__time t = time_now();
    return nh_battery__history_read(&nh_battery__pack_of(b)->history, from_unix_ms, to_unix_ms,
                                    t.now_ms, t.unix_ms, out, max);
}

size_t nh_battery_hours(const nh_battery_t *b, struct nh_battery_aggregate *out, size_t max)
{
    return nh_battery__history_hours(&nh_battery__pack_of(b)->history, out, max);
}

size_t nh_battery_days(const nh_battery_t *b, struct nh_battery_aggregate *out, size_t max)
{
    return nh_battery__history_days(&nh_battery__pack_of(b)->history, out, max);
}
