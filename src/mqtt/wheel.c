#include "mqtt/wheel.h"

#define SLOTS NH_MQTT__WHEEL_SLOTS
#define FAR_SHIFT 7 // grains in a far slot: SLOTS
#define GRAIN_MAX (NH_NEVER >> NH_MQTT__WHEEL_SHIFT)

void nh_mqtt__wheel_init(struct nh_mqtt__wheel *w)
{
    for (size_t i = 0; i < SLOTS; i++) {
        nh_list_init(&w->near[i]);
        nh_list_init(&w->far[i]);
    }
    w->grain = 0;
}

void nh_mqtt__wheel_add(struct nh_mqtt__wheel *w, nh_list_t *node, uint64_t deadline_ms)
{
    uint64_t grain = deadline_ms >> NH_MQTT__WHEEL_SHIFT;
    if (deadline_ms & ((1u << NH_MQTT__WHEEL_SHIFT) - 1))
        grain++;
    if (grain <= w->grain)
        grain = w->grain + 1;
    if (grain - w->grain < SLOTS) {
        nh_list_push_back(&w->near[grain % SLOTS], node);
        return;
    }
    uint64_t far = grain >> FAR_SHIFT, far_now = w->grain >> FAR_SHIFT;
    if (far - far_now >= SLOTS)
        far = far_now + SLOTS - 1;
    nh_list_push_back(&w->far[far % SLOTS], node);
}

void nh_mqtt__wheel_due(struct nh_mqtt__wheel *w, uint64_t now_ms, nh_list_t *due)
{
    uint64_t grain = now_ms >> NH_MQTT__WHEEL_SHIFT;
    if (grain <= w->grain)
        return;
    uint64_t near = grain - w->grain, far_from = w->grain >> FAR_SHIFT;
    for (uint64_t i = 1; i <= near && i <= SLOTS; i++)
        nh_list_splice(due, &w->near[(w->grain + i) % SLOTS]);
    for (uint64_t i = 1; i <= (grain >> FAR_SHIFT) - far_from && i <= SLOTS; i++)
        nh_list_splice(due, &w->far[(far_from + i) % SLOTS]);
    w->grain = grain;
}

uint64_t nh_mqtt__wheel_next(const struct nh_mqtt__wheel *w)
{
    uint64_t next = NH_NEVER;
    // No grain is past the last one of the clock: there a deadline would wrap and seem long past.
    for (uint64_t i = 1; i < SLOTS && i <= GRAIN_MAX - w->grain && next == NH_NEVER; i++)
        if (!nh_list_is_empty(&w->near[(w->grain + i) % SLOTS]))
            next = (w->grain + i) << NH_MQTT__WHEEL_SHIFT;
    for (uint64_t i = 1; i < SLOTS; i++) {
        uint64_t far = (w->grain >> FAR_SHIFT) + i;
        if (far > GRAIN_MAX >> FAR_SHIFT)
            break;
        uint64_t at = far << (FAR_SHIFT + NH_MQTT__WHEEL_SHIFT);
        if (at >= next)
            break;
        if (!nh_list_is_empty(&w->far[far % SLOTS]))
            return at;
    }
    return next;
}
