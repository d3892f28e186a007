// battery.h - a pack of cells behind a Tiny BMS: its line, its requests, its one model, its alarms.
//
// Two tasks. `serial` owns the line, the parser and the queue of requests: it is the only one that
// waits for the board. The loop's task owns the model; readers on any task get whole snapshots.
// README.md: memory, events, limits. docs/battery.md: for people.

#ifndef NH_BATTERY_H
#define NH_BATTERY_H

#include "components/battery/battery_client.h"
#include "components/battery/battery_model.h"
#include "core/bus/events.h"
#include "core/http/http.h"
#include "core/sched/sched.h"
#include "core/store/store.h"
#include "platform/platform.h"

typedef struct nh_battery nh_battery_t;

// ---- life: the loop's task

struct nh_battery_config {
    nh_mem_t *mem;        // borrowed as all below; the owner "battery"
    nh_mem_system_t *sys; // of the task `serial`
    nh_loop_t *loop;
    nh_sched_t *sched;
    nh_bus_t *bus;       // NULL: no events
    nh_store_t *backups; // of settings before a change, "battery_backup"; NULL: in `store`
    nh_store_t *store;   // NULL: nothing is kept. Documents "battery" (energy, alarms' history)
    const char *path;    // of the serial device; "": no local board
    bool has_gateway;    // one is configured: not to hear it is told
    uint32_t baud;       // 0: 115200
    uint8_t mode;        // enum nh_battery_mode
    bool is_descending;  // cell order: register 15 is cell 1, 16 - n is cell n; else 0 is cell 1
    uint32_t poll_ms, slow_ms; // 0: 500 and 60000: live image; statistics, settings, version
    uint32_t queue_max;        // 0: 16
    uint32_t first_byte_ms, inside_ms, deadline_ms, retry_count; // 0: 150, 20, 2000, 2
    uint32_t stale_ms;                                           // 0: 2000
    uint32_t history_count;                                      // samples kept; 0: 2048
    void *ctx;
    void (*changed)(void *ctx, uint32_t dirty,
                    const struct nh_battery_snapshot *s); // loop's task; bits of fields
};
NH_MUST_USE int nh_battery_create(const struct nh_battery_config *cfg, nh_battery_t **out);
NH_MUST_USE int
nh_battery_start(nh_battery_t *b); // the task; a device that is not there is looked for each second
void nh_battery_stop(nh_battery_t *b); // requests end as cancelled; joins. NULL: nothing
void nh_battery_destroy(nh_battery_t *b);

// ---- requests: any task

// Copies the request into the queue; never blocks. Returns the ticket (> 0) by `ticket`.
// NH_ERR_FULL: queue_max waiting (counted). NH_ERR_RANGE, NH_ERR_INVAL. NH_ERR_CLOSED: stopping or
// no device configured. Equal waiting reads become one exchange, neighbouring ones one block; each
// is answered. `done` runs on the loop's task, exactly once.
NH_MUST_USE int nh_battery_post(nh_battery_t *b, const struct nh_battery_request *r,
                                uint32_t *ticket);
// For tasks with a stack of their own: posts and waits up to `wait_ms` for the answer.
// NH_ERR_TIMEOUT: it comes later, is counted as late and dropped. Never from the loop's task.
NH_MUST_USE int nh_battery_ask(nh_battery_t *b, const struct nh_battery_request *r,
                               uint32_t wait_ms, struct nh_battery_reply *out);
// From the image of registers, without the line. NH_ERR_NOT_FOUND: not known. NH_ERR_AGAIN: older
// than `max_age_ms`.
NH_MUST_USE int nh_battery_cached(nh_battery_t *b, uint16_t address, uint16_t count,
                                  uint32_t max_age_ms, uint16_t *out);
void nh_battery_statistics(nh_battery_t *b, struct nh_battery_statistics *out);

// ---- one setting: the loop's task

struct nh_battery_setting_result {
    int err;               // NH_OK: the board has it. NH_ERR_RANGE: limits or rules
    uint8_t outcome, code; // enum nh_battery_outcome; code: of a refusal
    double value;          // what the board has now; NAN: not known
    char text[160];        // of NH_ERR_RANGE: what is wrong, for people
};
// Writes a setting in its unit as PUT /api/battery/settings does: checked, kept before, read back.
// NH_ERR_DENIED: read only, or dangerous, which needs a second look. NH_ERR_FULL: too many wait.
// NH_ERR_CLOSED: no board. NH_OK: `done` is called once, later; not if the battery is destroyed
// before.
NH_MUST_USE int
nh_battery_setting_write(nh_battery_t *b, const struct nh_tinybms_register *r, double value,
                         void (*done)(void *ctx, const struct nh_battery_setting_result *res),
                         void *ctx);

// ---- the model

void nh_battery_read(const nh_battery_t *b,
                     struct nh_battery_snapshot *out); // any task, never waits
void nh_battery_offer(nh_battery_t *b,
                      const struct nh_battery_candidate *c); // loop's task: another source
void nh_battery_remote_link(nh_battery_t *b, bool is_up);    // loop's task
NH_MUST_USE int nh_battery_mode_set(nh_battery_t *b, enum nh_battery_mode mode); // loop's task

// ---- alarms: the loop's task

size_t nh_battery_alarms(const nh_battery_t *b, struct nh_battery_alarm *out,
                         size_t max); // active ones, worst first
size_t nh_battery_alarm_history(const nh_battery_t *b, size_t skip, struct nh_battery_alarm *out,
                                size_t max);                          // newest first
NH_MUST_USE int nh_battery_acknowledge(nh_battery_t *b, uint32_t id); // 0: all. NH_ERR_NOT_FOUND

// ---- history: the loop's task

// Samples with a time in [from, to), oldest first, thinned to at most `max`. Returns how many.
size_t nh_battery_history(const nh_battery_t *b, int64_t from_unix_ms, int64_t to_unix_ms,
                          struct nh_battery_sample *out, size_t max);

// Minima, maxima and means of whole hours and days (UTC), oldest first; the last is under way.
#define NH_BATTERY_HOURS_COUNT 24
#define NH_BATTERY_DAYS_COUNT 7
enum nh_battery_quantity {
    NH_BATTERY_Q_VOLTAGE_MV,
    NH_BATTERY_Q_CURRENT_MA,
    NH_BATTERY_Q_TEMPERATURE_MC,
    NH_BATTERY_Q_SOC_MPCT,
    NH_BATTERY_Q_CELL_MIN_DMV,
    NH_BATTERY_Q_CELL_MAX_DMV,
    NH_BATTERY_Q_CELL_DELTA_DMV,
    NH_BATTERY_Q_COUNT,
};
struct nh_battery_aggregate {
    int64_t start_unix_ms, end_unix_ms;
    uint32_t count[NH_BATTERY_Q_COUNT]; // of samples; 0: not known then
    int32_t min[NH_BATTERY_Q_COUNT], max[NH_BATTERY_Q_COUNT], avg[NH_BATTERY_Q_COUNT];
    uint32_t cycles_milli;     // within the period
    uint32_t balancing_events; // times that balancing began
    uint32_t comm_errors;      // times that values became stale
};
size_t nh_battery_hours(const nh_battery_t *b, struct nh_battery_aggregate *out, size_t max);
size_t nh_battery_days(const nh_battery_t *b, struct nh_battery_aggregate *out, size_t max);

struct nh_route_table nh_battery_routes(nh_battery_t *b);        // /api/battery
void nh_battery_feed_part(nh_battery_t *b, nh_feed_part_t *out); // "battery"

#endif
