// Fields of the updates by the hub itself.
#include "hub/config_fields.h"

#include <string.h>

const nh_json_field_t nh_hub__ota_fields[] = {
    BOOL("enabled", ota.enabled, "Whether the hub updates itself; else its host does"),
    STRING("key", ota.key, "Key of who signs its images: a line of nuthatch ota keygen"),
    UINT("image_max_bytes", ota.image_max_bytes, 65536, 268435456, "bytes",
         "Largest program that is taken"),
    UINT("idle_timeout_ms", ota.idle_timeout_ms, 1000, 600000, "ms",
         "An upload that stands still so long is given up"),
    UINT("confirm_after_ms", ota.confirm_after_ms, 1, 600000, "ms",
         "A new version that has run well so long stays"),
    UINT("confirm_before_ms", ota.confirm_before_ms, 1000, 3600000, "ms",
         "One that is not well by then gives way to the one before"),
    {0},
};

void nh_hub__ota_defaults(struct nh_hub_config *c)
{
    c->ota.image_max_bytes = 16777216;
    c->ota.idle_timeout_ms = 15000;
    c->ota.confirm_after_ms = 5000;
    c->ota.confirm_before_ms = 120000;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool nh_hub_config_ota_key(const struct nh_hub_config *c, uint8_t out[32])
{
    if (strlen(c->ota.key) != 64)
        return false;
    for (size_t i = 0; i < 32; i++) {
        int high = digit(c->ota.key[2 * i]), low = digit(c->ota.key[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}
