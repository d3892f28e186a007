// wled_presets.h - states of the lamp under a number and a name, as WLED's presets. Kept in
// the store as a document of its own; docs/lamp-wled.md tells its form.

#ifndef NH_WLED_PRESETS_H
#define NH_WLED_PRESETS_H

#include "components/wled/wled_request.h"
#include "core/store/store.h"

#define NH_WLED_PRESETS_DOCUMENT "lamp-presets"

struct nh_wled_preset {
    uint8_t id; // 1 to NH_WLED_PRESET_MAX_ID
    char name[NH_WLED_NAME_MAX_BYTES], label[NH_WLED_LABEL_MAX_BYTES];
    uint16_t effect_id, speed_pct;
    uint8_t brightness, intensity, palette;
    bool power, paused;
    nh_px_t color[3];
};

// Ordered by id. The caller embeds it; `at` and `count` are for reading.
typedef struct nh_wled_presets {
    nh_mem_t *mem;
    nh_store_t *store;
    struct nh_wled_preset *at; // max_count
    uint32_t count, max_count;
    int64_t changed_unix_s;
} nh_wled_presets_t;

// Takes the memory for all of them and reads what is kept; a damaged document is told in the log,
// and none are there then. NH_ERR_NOMEM.
NH_MUST_USE int nh_wled_presets_init(nh_wled_presets_t *p, nh_mem_t *mem, nh_store_t *store,
                                     uint32_t max_count);
void nh_wled_presets_deinit(nh_wled_presets_t *p);
const struct nh_wled_preset *nh_wled_presets_find(const nh_wled_presets_t *p, int32_t id); // NULL
// Adds or replaces. NH_ERR_FULL: max_count; NH_ERR_RANGE: the id; an error of the store: it is as
// it was.
NH_MUST_USE int nh_wled_presets_put(nh_wled_presets_t *p, const struct nh_wled_preset *preset,
                                    int64_t unix_s);
NH_MUST_USE int nh_wled_presets_remove(nh_wled_presets_t *p, int32_t id, int64_t unix_s);

// The state's fields of a preset, and back.
void nh_wled_preset_from(struct nh_wled_preset *p, const struct nh_lamp_state *s);
void nh_wled_preset_command(const struct nh_wled_preset *p, struct nh_lamp_command *c);
// As a client reads one in /presets.json; `size` of the lamp. At most 640 bytes.
void nh_wled_preset_write(const struct nh_wled_preset *p, const struct nh_lamp_info *size,
                          nh_json_writer_t *w);

#endif
