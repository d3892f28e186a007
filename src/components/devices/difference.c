// difference.c - what differs between two sets, so that who listens can keep what did not change.

#include "components/devices/devices_state.h"

#include "core/bus/events.h"

static bool is_same_field(nh_rec_t a, nh_rec_t b, enum nh_field list)
{
    uint32_t count = nh_rec_count(a, list);
    if (count != nh_rec_count(b, list))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!nh_rec_equal(nh_rec_element(a, list, i), nh_rec_element(b, list, i)))
            return false;
    return true;
}

static bool is_same_text(nh_rec_t a, nh_rec_t b, enum nh_field f)
{
    nh_span_t x = nh_rec_text(a, f), y = nh_rec_text(b, f);
    if (x.len != y.len)
        return false;
    for (size_t i = 0; i < x.len; i++)
        if (x.ptr[i] != y.ptr[i])
            return false;
    return true;
}

static uint32_t difference_of_device(nh_rec_t a, nh_rec_t b)
{
    uint32_t mask = 0;
    if (!is_same_text(a, b, NH_FIELD_DISPLAY_NAME) || !is_same_field(a, b, NH_FIELD_TABS) ||
        !is_same_field(a, b, NH_FIELD_COMMANDS) || !is_same_field(a, b, NH_FIELD_SAFE_OFF) ||
        !nh_rec_equal(nh_rec_object(a, NH_FIELD_STATUS), nh_rec_object(b, NH_FIELD_STATUS)))
        mask |= NH_DEVICES_CHANGED_HEADS;
    if (!is_same_field(a, b, NH_FIELD_SCENARIOS) || !is_same_field(a, b, NH_FIELD_TOPICS))
        mask |= NH_DEVICES_CHANGED_SCENARIOS;
    if (!nh_rec_equal(nh_rec_object(a, NH_FIELD_TEMPLATE), nh_rec_object(b, NH_FIELD_TEMPLATE)))
        mask |= NH_DEVICES_CHANGED_TEMPLATES;
    return mask;
}

uint32_t nh_devices__difference(const nh_device_set_t *a, const nh_device_set_t *b)
{
    nh_rec_t ra = nh_device_set_root(a), rb = nh_device_set_root(b);
    struct nh_device_set_info ia, ib;
    uint32_t mask = 0;
    nh_device_set_info(a, &ia);
    nh_device_set_info(b, &ib);
    if (!is_same_field(ra, rb, NH_FIELD_VARIABLES) ||
        !nh_rec_equal(nh_rec_object(ra, NH_FIELD_GAME), nh_rec_object(rb, NH_FIELD_GAME)))
        mask |= NH_DEVICES_CHANGED_GAME;
    if (ia.device_count != ib.device_count)
        return mask | NH_DEVICES_CHANGED_DEVICES | NH_DEVICES_CHANGED_HEADS |
               NH_DEVICES_CHANGED_SCENARIOS | NH_DEVICES_CHANGED_TEMPLATES;
    for (uint32_t i = 0; i < ia.device_count; i++) {
        nh_rec_t da = nh_device_set_device(a, i), db = nh_device_set_device(b, i);
        if (!is_same_text(da, db, NH_FIELD_ID))
            mask |= NH_DEVICES_CHANGED_DEVICES;
        mask |= difference_of_device(da, db);
    }
    return mask;
}
