// battery_api.h - handlers of the routes about the pack, for the table in battery_routes.c, and the
// pieces of what /api/battery tells. Shared in this folder only.

#ifndef NH_BATTERY_API_H
#define NH_BATTERY_API_H

#include "components/battery/battery_pack_state.h"

int nh_battery__api_get(nh_request_t *req);
int nh_battery__api_mode(nh_request_t *req);
int nh_battery__api_alarms(nh_request_t *req);
int nh_battery__api_acknowledge(nh_request_t *req);
int nh_battery__api_events(nh_request_t *req);
int nh_battery__api_history(nh_request_t *req);
int nh_battery__api_hours(nh_request_t *req);
int nh_battery__api_days(nh_request_t *req);
#define NH_BATTERY__MODE_BODY_MAX_BYTES 128

// battery_json.c: members of the object. Each of them fits into NH_PRODUCE_MIN_BYTES.
void nh_battery__json_head(nh_json_writer_t *w, const struct nh_battery_snapshot *s,
                           struct nh_battery__time t); // mode to connected, pack, alarms
void nh_battery__json_cells(nh_json_writer_t *w, const struct nh_battery_snapshot *s);
void nh_battery__json_slow(nh_json_writer_t *w, const struct nh_battery_snapshot *s);
void nh_battery__json_fields(nh_json_writer_t *w, const struct nh_battery_snapshot *s,
                             struct nh_battery__time t);
void nh_battery__json_model(nh_json_writer_t *w,
                            const nh_battery__pack_t *p); // figures of its work
const char *nh_battery__source_name(unsigned source);
const char *nh_battery__severity_name(unsigned severity);
const char *nh_battery__mode_name(unsigned mode);
extern const char *const nh_battery__mode_names[]; // NULL at the end

#endif
