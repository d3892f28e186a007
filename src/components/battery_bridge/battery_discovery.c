// battery_discovery.c - every value of the pack as an entity of Home Assistant. Object ids and
// classes: battery_values.c; keys and abbreviations: docs/homeassistant.md.

#include "components/battery_bridge/battery_bridge_private.h"

#include <stdio.h>

static void entity(void *ctx, size_t at, struct nh_homeassistant_entity *out)
{
    nh_battery_bridge_t *b = ctx;
    struct nh_battery_value_info *info = &b->entity;
    uint8_t presence = nh_battery_value_presence(at, &b->s);
    nh_battery_value_info(at, info);
    *out = (struct nh_homeassistant_entity){
        .component = presence == NH_BATTERY_UNSEEN   ? NULL
                     : info->kind == NH_BATTERY_FLAG ? "binary_sensor"
                                                     : "sensor",
        .object = info->object,
        .name = info->name,
        .is_gone = presence == NH_BATTERY_ABSENT,
    };
}

static void kv_if(nh_json_writer_t *w, const char *key, const char *text)
{
    if (text)
        nh_json_kv_string(w, key, text);
}

// Three messages may be missed, or 20 s go by; a meter moves too slowly for that.
static uint32_t expire_s(const nh_battery_bridge_t *b, uint8_t group)
{
    uint32_t ms = group == NH_BATTERY_IN_CELLS ? b->cfg.cells_ms : b->cfg.state_ms;
    uint32_t s = (3 * ms + 999) / 1000;
    if (group == NH_BATTERY_IN_METERS)
        return 7200;
    return s < 20 ? 20 : s;
}

static void entity_write(void *ctx, size_t at, nh_json_writer_t *w)
{
    const nh_battery_bridge_t *b = ctx;
    struct nh_battery_value_info info;
    char text[80];
    nh_battery_value_info(at, &info);
    snprintf(text, sizeof text, "~/battery/%s", nh_battery_group_text(info.group));
    nh_json_kv_string(w, "stat_t", text);
    snprintf(text, sizeof text, "{{ value_json.%s }}", info.object);
    nh_json_kv_string(w, "val_tpl", text);
    kv_if(w, "unit_of_meas", info.unit);
    kv_if(w, "dev_cla", info.device_class);
    kv_if(w, "stat_cla", info.state_class);
    kv_if(w, "icon", info.icon);
    if (info.kind == NH_BATTERY_NUMBER)
        nh_json_kv_uint(w, "suggested_display_precision", info.decimals);
    if (info.is_diagnostic)
        nh_json_kv_string(w, "entity_category", "diagnostic");
    nh_json_kv_uint(w, "expire_after", expire_s(b, info.group));
}

static void write_link(const nh_battery_bridge_t *b, nh_json_writer_t *w)
{
    nh_json_object_begin(w);
    nh_json_kv_string(w, "state", b->is_online ? "online" : "offline");
    nh_json_object_end(w);
}

static const char *state_write(void *ctx, size_t at, nh_json_writer_t *w)
{
    const nh_battery_bridge_t *b = ctx;
    if (at == NH_BATTERY_BRIDGE__LINK) {
        write_link(b, w);
        return "link";
    }
    if (!b->is_online) // what is old is not said again
        return NULL;
    const struct nh_battery_view v = nh_battery_bridge__view(b);
    uint8_t group = (uint8_t)(at - NH_BATTERY_BRIDGE__LINK - 1);
    nh_battery_group_write(group, &v, w);
    return nh_battery_group_text(group);
}

struct nh_homeassistant_part nh_battery_bridge_part(nh_battery_bridge_t *b)
{
    return (struct nh_homeassistant_part){.ctx = b,
                                          .name = "battery",
                                          .availability = "link",
                                          .entity_count = nh_battery_value_count(),
                                          .state_count = NH_BATTERY_BRIDGE__STATE_COUNT,
                                          .entity = entity,
                                          .entity_write = entity_write,
                                          .state_write = state_write};
}
