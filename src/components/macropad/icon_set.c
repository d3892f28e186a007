#include "components/macropad/icon_set.h"

#include <string.h>

const struct nh_icon_builtin *nh_icon_set_find(const char *id)
{
    size_t low = 0, high = nh_icon_set_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(id, nh_icon_set[middle].id);
        if (order == 0)
            return &nh_icon_set[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static uint8_t level(const uint8_t *packed, size_t index)
{
    uint8_t pair = packed[index / 2];
    return (uint8_t)((index % 2 ? pair & 0xF : pair >> 4) * 17);
}

void nh_icon_unpack(const struct nh_icon_builtin *icon, uint8_t out[NH_ICON_MASK_BYTES])
{
    const uint8_t *p = icon->packed, *end = p + icon->len;
    size_t at = 0;
    memset(out, 0, NH_ICON_MASK_BYTES);
    while (p < end) {
        uint8_t token = *p++;
        size_t count = token < 0x80 ? token + 1u : (token & 0x3Fu) + 1u;
        if (count > NH_ICON_MASK_BYTES - at)
            return;
        if (token >= 0xC0) {
            if ((count + 1) / 2 > (size_t)(end - p))
                return;
            for (size_t i = 0; i < count; i++)
                out[at + i] = level(p, i);
            p += (count + 1) / 2;
        } else if (token >= 0x80) {
            memset(out + at, 0xFF, count);
        }
        at += count;
    }
}
