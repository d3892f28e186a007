// battery_private.h - the owner, shared by the files of this folder.

#ifndef NH_BATTERY_PRIVATE_H
#define NH_BATTERY_PRIVATE_H

#include "components/battery/battery.h"
#include "components/battery/battery_pack.h"
#include "components/battery/battery_worker.h"

#define NH_BATTERY__SETTING_COUNT 100 // registers 300 to 399

struct nh_battery {
    struct nh_battery_config cfg; // defaults filled in; `path` is the worker's copy
    nh_battery_worker_t *worker;  // NULL: no local board
    nh_battery__pack_t *pack;
    struct nh_battery__settings *board_settings;
    nh_loop_post_t news_post;
    nh_timer_t second;
    nh_timer_t kick;     // the task `serial` is woken when the loop's has done what it is at
    const char *loop_id; // of the loop's task: this_task of battery.c
    bool is_started;
    uint32_t generation;  // of the pack, when what comes next began to be collected
    bool wants_all;       // it has changed since: what is known of the board is offered anew
    uint32_t implausible; // atomic: statistics are any task's
    bool is_order_told;
    // The board's log: asked for when its counters or its status changed, and each minute.
    bool is_log_asked;
    uint64_t log_at_ms;
    uint16_t log_status, log_counters[5]; // registers 50, 105 to 109, as of then
    // Settings as they were told: a register is told when it is another one, or was written.
    uint16_t settings[NH_BATTERY__SETTING_COUNT];
    bool is_setting_known[NH_BATTERY__SETTING_COUNT];
    struct nh_battery_statistics told; // in the event before
};

// battery_decode.c: registers to a candidate; `mask` and `values` alone are set. What cannot be is
// left to the model, which refuses and counts it.
void nh_battery__decode_live(const uint16_t words[NH_TINYBMS_LIVE_COUNT], bool is_descending,
                             struct nh_battery_candidate *c);
void nh_battery__decode_statistics(const uint16_t words[NH_TINYBMS_STATISTICS_COUNT],
                                   struct nh_battery_candidate *c);
void nh_battery__decode_settings(const uint16_t words[NH_TINYBMS_SETTINGS_COUNT],
                                 struct nh_battery_candidate *c);
void nh_battery__decode_version(const uint16_t words[NH_TINYBMS_VERSION_COUNT],
                                struct nh_battery_candidate *c);
// Whether the cells stand where the other order has them.
bool nh_battery__is_other_order(const uint16_t words[NH_TINYBMS_LIVE_COUNT], bool is_descending);

// battery_line_api.c: "line" of /api/battery, and the registers for tools.
void nh_battery__write_line(nh_battery_t *b, nh_json_writer_t *w);
int nh_battery__api_line(nh_request_t *req);
int nh_battery__api_registers(nh_request_t *req);

#endif
