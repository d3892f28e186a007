#include "components/homeassistant/homeassistant_discovery.h"

#include <stdio.h>
#include <string.h>

// A figure of the health object. Texts NULL: it has none.
struct sensor {
    const char *object, *name, *unit, *class, *state_class;
};

static const struct sensor sensors[] = {
    {"uptime", "Uptime", "s", "duration", "measurement"},
    {"reset_reason", "Reset Reason", NULL, NULL, NULL},
    {"cpu_usage", "CPU Usage", "%", NULL, "measurement"},
    {"cpu_temperature", "Core Temp", "°C", "temperature", "measurement"},
    {"heap_free", "Free Heap", "B", NULL, "measurement"},
    {"heap_min", "Min Free Heap", "B", NULL, "measurement"},
    {"heap_fragmentation", "Heap Fragmentation", "%", NULL, "measurement"},
    {"flash_used", "Flash Used", "B", NULL, "measurement"},
    {"flash_total", "Flash Total", "B", NULL, "measurement"},
    {"wifi_rssi", "WiFi RSSI", "dBm", "signal_strength", "measurement"},
    {"psram_free", "Free PSRAM", "B", NULL, "measurement"},
    {"psram_min", "Min Free PSRAM", "B", NULL, "measurement"},
    {"fs_used_bytes", "Storage Used", "B", NULL, "measurement"},
};

size_t nh_homeassistant__entity_count(const struct nh_homeassistant__device *d)
{
    return NH_ARRAY_LEN(sensors) + d->has_buttons;
}

void nh_homeassistant__entity_topic(const struct nh_homeassistant__device *d, size_t at, char *out,
                                    size_t cap)
{
    if (at < NH_ARRAY_LEN(sensors))
        snprintf(out, cap, "%s/sensor/%s/%s/config", d->prefix, d->name, sensors[at].object);
    else
        snprintf(out, cap, "%s/event/%s/button/config", d->prefix, d->name);
}

static void kv_if(nh_json_writer_t *w, const char *key, const char *text)
{
    if (text)
        nh_json_kv_string(w, key, text);
}

static void write_ids(const struct nh_homeassistant__device *d, const char *object,
                      const char *name, nh_json_writer_t *w)
{
    char text[96];
    snprintf(text, sizeof text, "devices/%s", d->name);
    nh_json_kv_string(w, "~", text);
    nh_json_kv_string(w, "name", name);
    snprintf(text, sizeof text, "%s_%s", d->name, object);
    nh_json_kv_string(w, "object_id", text);
    nh_json_kv_string(w, "uniq_id", text);
}

static void write_availability(nh_json_writer_t *w)
{
    nh_json_kv_string(w, "avty_t", "~/availability");
    nh_json_kv_string(w, "pl_avail", "online");
    nh_json_kv_string(w, "pl_not_avail", "offline");
}

// The same for every entity: by it Home Assistant puts them under one device.
static void write_device(const struct nh_homeassistant__device *d, nh_json_writer_t *w)
{
    nh_json_key(w, "dev");
    nh_json_object_begin(w);
    nh_json_key(w, "ids");
    nh_json_array_begin(w);
    nh_json_string(w, d->name);
    nh_json_array_end(w);
    nh_json_kv_string(w, "name", d->device_name);
    nh_json_kv_string(w, "mdl", d->model);
    nh_json_kv_string(w, "sw", d->version);
    nh_json_object_end(w);
}

static void write_sensor(const struct nh_homeassistant__device *d, const struct sensor *s,
                         nh_json_writer_t *w)
{
    char text[64];
    // The one object that is not called as its field is.
    const char *field = s == &sensors[0] ? "uptime_seconds" : s->object;
    write_ids(d, s->object, s->name, w);
    nh_json_kv_string(w, "entity_category", "diagnostic");
    nh_json_kv_string(w, "stat_t", "~/health/state");
    snprintf(text, sizeof text, "{{ value_json.%s }}", field);
    nh_json_kv_string(w, "val_tpl", text);
    kv_if(w, "unit_of_meas", s->unit);
    kv_if(w, "dev_cla", s->class);
    kv_if(w, "stat_cla", s->state_class);
}

static void write_buttons(const struct nh_homeassistant__device *d, nh_json_writer_t *w)
{
    write_ids(d, "button", "Button", w);
    nh_json_kv_string(w, "stat_t", "~/event");
    nh_json_kv_string(w, "dev_cla", "button");
    nh_json_key(w, "event_types");
    nh_json_array_begin(w);
    nh_json_string(w, "press");
    nh_json_string(w, "hold");
    nh_json_array_end(w);
}

void nh_homeassistant__entity_write(const struct nh_homeassistant__device *d, size_t at,
                                    nh_json_writer_t *w)
{
    nh_json_object_begin(w);
    if (at < NH_ARRAY_LEN(sensors))
        write_sensor(d, &sensors[at], w);
    else
        write_buttons(d, w);
    write_availability(w);
    write_device(d, w);
    nh_json_object_end(w);
}

// ---- another part -------------------------------------------------------------------------------

void nh_homeassistant__part_topic(const struct nh_homeassistant__device *d,
                                  const struct nh_homeassistant_entity *e, char *out, size_t cap)
{
    snprintf(out, cap, "%s/%s/%s/%s/config", d->prefix, e->component, d->name, e->object);
}

// Both have to say "online", which is what Home Assistant looks for where nothing else is named.
static void write_part_availability(const struct nh_homeassistant_part *part, nh_json_writer_t *w)
{
    char text[96];
    if (!part->availability) {
        write_availability(w);
        return;
    }
    nh_json_key(w, "avty");
    nh_json_array_begin(w);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "t", "~/availability");
    nh_json_object_end(w);
    nh_json_object_begin(w);
    snprintf(text, sizeof text, "~/%s/%s", part->name, part->availability);
    nh_json_kv_string(w, "t", text);
    nh_json_kv_string(w, "val_tpl", "{{ value_json.state }}");
    nh_json_object_end(w);
    nh_json_array_end(w);
    nh_json_kv_string(w, "avty_mode", "all");
}

// Newer names of the keys than the sensors have: "default_entity_id" stands for "object_id" since
// 2025.10; an older Home Assistant passes it over and makes the id from the name.
void nh_homeassistant__part_write(const struct nh_homeassistant__device *d,
                                  const struct nh_homeassistant_part *part,
                                  const struct nh_homeassistant_entity *e, size_t at,
                                  nh_json_writer_t *w)
{
    char text[128];
    nh_json_object_begin(w);
    snprintf(text, sizeof text, "devices/%s", d->name);
    nh_json_kv_string(w, "~", text);
    nh_json_kv_string(w, "name", e->name);
    snprintf(text, sizeof text, "%s.%s_%s", e->component, d->name, e->object);
    nh_json_kv_string(w, "default_entity_id", text);
    nh_json_kv_string(w, "uniq_id", strchr(text, '.') + 1);
    part->entity_write(part->ctx, at, w);
    write_part_availability(part, w);
    write_device(d, w);
    nh_json_key(w, "o");
    nh_json_object_begin(w);
    nh_json_kv_string(w, "name", "nuthatch");
    nh_json_kv_string(w, "sw", d->version);
    nh_json_object_end(w);
    nh_json_object_end(w);
}
