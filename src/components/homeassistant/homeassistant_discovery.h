// homeassistant_discovery.h - the documents by which Home Assistant learns of the device's
// entities. Pure: texts in, a topic and a JSON document out.

#ifndef NH_HOMEASSISTANT_DISCOVERY_H
#define NH_HOMEASSISTANT_DISCOVERY_H

#include "components/homeassistant/homeassistant.h"
#include "core/json/json.h"

struct nh_homeassistant__device {
    const char *prefix, *name, *device_name, *model, *version;
    bool has_buttons;
};

// How many entities the device has, and for each its topic (cut to `cap`) and its document.
size_t nh_homeassistant__entity_count(const struct nh_homeassistant__device *d);
void nh_homeassistant__entity_topic(const struct nh_homeassistant__device *d, size_t at, char *out,
                                    size_t cap);
void nh_homeassistant__entity_write(const struct nh_homeassistant__device *d, size_t at,
                                    nh_json_writer_t *w);
// The same of entity `at` of another part, which is `e`.
void nh_homeassistant__part_topic(const struct nh_homeassistant__device *d,
                                  const struct nh_homeassistant_entity *e, char *out, size_t cap);
void nh_homeassistant__part_write(const struct nh_homeassistant__device *d,
                                  const struct nh_homeassistant_part *part,
                                  const struct nh_homeassistant_entity *e, size_t at,
                                  nh_json_writer_t *w);

#endif
