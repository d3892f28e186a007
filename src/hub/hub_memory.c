// The memory of the hub: regions of the board, what the chip takes before us, owners, budgets.

#include "hub/hub_parts.h"

#include <stdio.h>
#include <string.h>

// Built-in budgets in KiB for `esp32-s3`; other boards scale with their tiers. 0: the tier's size
// is the only limit. Sum of internal budgets, radio and stacks: below the tier minus its reserve.
static const struct {
    const char *owner;
    uint32_t internal_kib, psram_kib;
} budgets[] = {
    {"loop", 8, 128},
    {"libuv", 8, 256},
    {"http", 16, 1024},
    {"portal", 16, 512},
    {"mqtt", 40, 4608},
    {"health", 8, 256},
    {"store", 8, 64},
    {"bus", 4, 64},
    {"hub", 8, 128},
    {"bridge", 8, 512},
    {"devices", 4, 1024},
    {"audio", 8, 512},
    {"automation", 8, 1024},
    {"macropad", 4, 1024},
    {"display", 4, 2560},
    {"homeassistant", 4, 64},
    {"lamp", 8, 1024},
    {"ota", 4, 64},
    {"lamp_radio", 4, 64},
    {"battery", 4, 256},
    {"battery_publish", 4, 1536},
    {"battery_remote", 8, 256},
    {"battery_bridge", 4, 64},
};

bool nh_hub_is_owner(const char *name)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(budgets); i++)
        if (strcmp(budgets[i].owner, name) == 0)
            return true;
    return false;
}

static void standard_budget(const struct nh_hub *hub, const char *name, struct nh_mem_budget *b)
{
    const struct nh_mem_board *standard = nh_mem_board_find(NH_MEM_BOARD_DEFAULT);
    for (size_t i = 0; i < NH_ARRAY_LEN(budgets); i++) {
        if (strcmp(budgets[i].owner, name) != 0)
            continue;
        // Without PSRAM everything lives in internal memory, and only its own size is the limit.
        if (hub->board->psram_bytes == 0)
            return;
        b->tier_bytes[NH_MEM_INTERNAL] =
            (size_t)((uint64_t)NH_KIB(budgets[i].internal_kib) * hub->board->internal_bytes /
                     standard->internal_bytes);
        b->tier_bytes[NH_MEM_PSRAM] = (size_t)((uint64_t)NH_KIB(budgets[i].psram_kib) *
                                               hub->board->psram_bytes / standard->psram_bytes);
    }
}

int nh_hub__owner(struct nh_hub *hub, const char *name, nh_mem_t **out)
{
    struct nh_mem_budget b = {0};
    standard_budget(hub, name, &b);
    for (uint32_t i = 0; i < hub->cfg.budget_count; i++) {
        if (strcmp(hub->cfg.budgets[i].owner, name) != 0)
            continue;
        b.tier_bytes[NH_MEM_INTERNAL] = hub->cfg.budgets[i].internal_bytes;
        b.tier_bytes[NH_MEM_PSRAM] = hub->cfg.budgets[i].psram_bytes;
    }
    return nh_mem_owner_add(hub->sys, name, &b, out);
}

// On a chip the macro pad's keyboard is one by Bluetooth.
static bool has_keyboard(const struct nh_hub *hub)
{
    return hub->cfg.macropad.enabled && hub->cfg.macropad.keyboard != NH_HUB_KEYBOARD_OFF &&
           hub->board->psram_bytes > 0 && !hub->options.mosquitto;
}

static int charge_radio(struct nh_hub *hub)
{
    nh_mem_t *radio;
    if (hub->board->radio_bytes == 0)
        return 0;
    size_t bytes = hub->board->radio_bytes + (has_keyboard(hub) ? hub->board->radio_ble_bytes : 0);
    int err = nh_hub__owner(hub, "radio", &radio);
    return err < 0 ? err : nh_mem_charge(radio, NH_MEM_INTERNAL, bytes);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1 // its tables stand in .data and .bss, and are no part of the program
#else
#define HAS_SANITIZER 0
#endif

// The program's own variables, which on the chip stand in internal RAM before any heap does.
static int charge_static(struct nh_hub *hub)
{
    extern char __data_start[], _end[]; // the linker's names for where .data begins and .bss ends
    nh_mem_t *owner;
    if (HAS_SANITIZER)
        return 0;
    int err = nh_hub__owner(hub, "static", &owner);
    return err < 0 ? err
                   : nh_mem_charge(owner, NH_MEM_INTERNAL,
                                   (size_t)((uintptr_t)_end - (uintptr_t)__data_start));
}

static int set_faults(struct nh_hub *hub)
{
    struct nh_mem_fault fault = {.fail_nth = hub->cfg.faults.fail_nth,
                                 .fail_per_million = hub->cfg.faults.fail_per_million,
                                 .seed = hub->cfg.faults.seed};
    nh_mem_t *owner = NULL;
    if (fault.fail_nth == 0 && fault.fail_per_million == 0)
        return 0;
    if (hub->cfg.faults.owner[0]) {
        int err = nh_hub__owner(hub, hub->cfg.faults.owner, &owner);
        if (err < 0)
            return err;
    }
    fault.only_owner = owner;
    nh_mem_fault_set(hub->sys, &fault);
    return 0;
}

int nh_hub__start_memory(struct nh_hub *hub)
{
    // The loop's task declares what the chip's one would need: the broker, the portal and the
    // components run on it, each with buffers of their own and no deep call chains.
    static const struct nh_task_config loop_task = {
        .name = "loop", .priority = 5, .chip_stack_bytes = NH_KIB(8)};
    int err = nh_regions_map(hub->board->internal_bytes, hub->board->psram_bytes, &hub->regions);
    if (err == 0)
        err = nh_lock_create(&hub->mem_lock);
    if (err < 0)
        return err;
    const struct nh_mem_system_config cfg = {
        .region = {[NH_MEM_INTERNAL] = {hub->regions.internal, hub->board->internal_bytes},
                   [NH_MEM_PSRAM] = {hub->regions.psram, hub->board->psram_bytes}},
        .internal_reserve_bytes = hub->board->reserve_bytes,
        .tripwire_bytes = hub->cfg.health.tripwire_bytes,
        .lock = hub->mem_lock,
    };
    err = nh_mem_system_create(&cfg, &hub->sys);
    if (err == 0)
        err = charge_radio(hub);
    if (err == 0)
        err = charge_static(hub);
    if (err == 0)
        err = nh_task_adopt(hub->sys, &loop_task);
    if (err == 0)
        err = set_faults(hub);
    return err;
}
