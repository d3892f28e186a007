// compile_yaml.c - a YAML reader's events for the compiler.

#include "components/devices/set.h"
#include "platform/yaml.h"

int nh_device_compiler_yaml(void *compiler, const struct nh_yaml_event *e)
{
    static const enum nh_json_event events[] = {
        [NH_YAML_MAP_BEGIN] = NH_JSON_OBJECT_BEGIN,
        [NH_YAML_MAP_END] = NH_JSON_OBJECT_END,
        [NH_YAML_LIST_BEGIN] = NH_JSON_ARRAY_BEGIN,
        [NH_YAML_LIST_END] = NH_JSON_ARRAY_END,
        [NH_YAML_KEY] = NH_JSON_KEY,
        [NH_YAML_SCALAR] = NH_JSON_STRING,
    };
    const struct nh_json_pos pos = {0, e->line, e->column};
    return nh_device_compiler_event(compiler, events[e->kind],
                                    (nh_span_t){(const uint8_t *)e->text, e->len}, &pos,
                                    e->is_plain);
}
