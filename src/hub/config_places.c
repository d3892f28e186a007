// Where the values of a YAML file stand, for who finds fault with them after the reading.

#include "hub/config_private.h"

#include "core/base/hash.h"

#include <stdio.h>
#include <string.h>

static uint32_t hash_of(const char *pointer)
{
    return nh_hash32(pointer, strlen(pointer), 0);
}

static void push(struct nh_hub_path *p, bool is_list)
{
    if (p->depth < NH_HUB_PATH_MAX_DEPTH)
        p->step[p->depth] = (struct nh_hub_path_step){.is_list = is_list};
    p->depth++;
}

// A value has ended: in a list the next one is the next element.
static void next(struct nh_hub_path *p)
{
    if (p->depth >= 1 && p->depth <= NH_HUB_PATH_MAX_DEPTH && p->step[p->depth - 1].is_list)
        p->step[p->depth - 1].index++;
}

void nh_hub_path__walk(struct nh_hub_path *p, const struct nh_yaml_event *e)
{
    switch (e->kind) {
    case NH_YAML_MAP_BEGIN:
    case NH_YAML_LIST_BEGIN:
        push(p, e->kind == NH_YAML_LIST_BEGIN);
        break;
    case NH_YAML_MAP_END:
    case NH_YAML_LIST_END:
        p->depth--;
        next(p);
        break;
    case NH_YAML_KEY:
        if (p->depth >= 1 && p->depth <= NH_HUB_PATH_MAX_DEPTH)
            snprintf(p->step[p->depth - 1].key, sizeof p->step[0].key, "%.23s", e->text);
        break;
    case NH_YAML_SCALAR:
        next(p);
        break;
    }
}

struct nh_hub_place nh_hub_path__place(const struct nh_hub_path *p, const char *top,
                                       const struct nh_yaml_event *e)
{
    char pointer[NH_HUB_PATH_MAX_DEPTH * sizeof p->step[0].key + 16];
    size_t at = (size_t)snprintf(pointer, sizeof pointer, "%.15s", top);
    for (uint32_t i = 0; i < p->depth && i < NH_HUB_PATH_MAX_DEPTH && at < sizeof pointer; i++) {
        const struct nh_hub_path_step *s = &p->step[i];
        int n = s->is_list ? snprintf(pointer + at, sizeof pointer - at, "/%u", (unsigned)s->index)
                           : snprintf(pointer + at, sizeof pointer - at, "/%s", s->key);
        at += (size_t)n;
    }
    return (struct nh_hub_place){.pointer_hash = hash_of(pointer),
                                 .line = (uint16_t)(e->line < UINT16_MAX ? e->line : UINT16_MAX),
                                 .column =
                                     (uint16_t)(e->column < UINT16_MAX ? e->column : UINT16_MAX)};
}

static const struct nh_hub_place *find(const struct nh_hub_place *place, uint32_t count,
                                       const char *pointer)
{
    uint32_t hash = hash_of(pointer);
    for (uint32_t i = 0; i < count; i++)
        if (place[i].pointer_hash == hash)
            return &place[i];
    return NULL;
}

const struct nh_hub_place *nh_hub_place__find(const struct nh_hub_place *place, uint32_t count,
                                              const char *pointer)
{
    char above[NH_JSON_POINTER_MAX];
    const struct nh_hub_place *p = find(place, count, pointer);
    snprintf(above, sizeof above, "%s", pointer);
    char *slash = strrchr(above, '/');
    if (p || !slash)
        return p;
    *slash = '\0';
    return find(place, count, above);
}
