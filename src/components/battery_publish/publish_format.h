// publish_format.h - a point as its sinks read it. Every form: docs/battery-publish.md.
//
// Numbers are written from the point's own integers, rounded half away from zero: no floating
// point. What is not valid in a point is null (JSON) or left out (text, line protocol).

#ifndef NH_PUBLISH_FORMAT_H
#define NH_PUBLISH_FORMAT_H

#include "components/battery_publish/publish_point.h"

#define NH_PUBLISH_JSON_MAX_BYTES 800
#define NH_PUBLISH_TEXT_MAX_BYTES 256
#define NH_PUBLISH_LINE_MAX_BYTES 640  // of one point
#define NH_PUBLISH_DEVICE_MAX_BYTES 64 // with the NUL
#define NH_PUBLISH_URL_MAX_BYTES 256

// `value` in thousandths with `decimals` (0 to 3): 12345 with 1 is "12.3". Returns `out`.
#define NH_PUBLISH_NUMBER_MAX_BYTES 32
const char *nh_publish_number(int64_t value, unsigned decimals,
                              char out[NH_PUBLISH_NUMBER_MAX_BYTES]);

// The values of a snapshot that are fresh, and their bits. False: none is.
bool nh_publish_point_from(const struct nh_battery_snapshot *s, struct nh_battery_point *out);

// Each writes to `cap` bytes at `out` (those of its limit are always enough for a device of its
// limit) and returns the length, without a NUL.
// The object of a POST.
NH_MUST_USE int nh_publish_json(const struct nh_battery_point *p, const char *device, char *out,
                                size_t cap);
// The text of an MQTT message.
NH_MUST_USE int nh_publish_text(const struct nh_battery_point *p, char *out, size_t cap);
// A line of InfluxDB's protocol with its line end. 0: the point has no value or no time.
NH_MUST_USE int nh_publish_line(const struct nh_battery_point *p, const char *device, char *out,
                                size_t cap);

// The address that points are posted to: `url` with the path `path` where it has none, and
// `query` behind its own; either may be "". NH_ERR_SYNTAX, NH_ERR_TOO_LONG.
NH_MUST_USE int nh_publish_url(const char *url, const char *path, const char *query, char *out,
                               size_t cap);

// The same address for people: what a query says is "***", but for names that tell no secret. Never
// more than `cap` with the NUL: what does not fit is left out.
void nh_publish_url_shown(const char *url, char *out, size_t cap);

#endif
