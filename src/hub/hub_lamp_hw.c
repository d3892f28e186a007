// The lamp's LEDs as a part of the hub: the port that the configuration names.

#include "hub/hub_lamp_hw.h"
#include "core/base/log.h"

static int open_switch(const struct nh_hub_config *c, nh_mem_t *mem, nh_gpio_out_t **out)
{
    const struct nh_gpio_out_config cfg = {.mem = mem,
                                           .chip = c->lamp_hardware.power_chip,
                                           .line = c->lamp_hardware.power_line,
                                           .is_active_low = c->lamp_hardware.power_active_low};
    *out = NULL;
    if (!cfg.chip[0])
        return NH_OK;
    int err = nh_gpio_out_open(&cfg, out);
    if (err < 0)
        NH_LOG_E("lamp", "the switch of the panels, %s line %u: %s", cfg.chip, (unsigned)cfg.line,
                 nh_err_text(err));
    return err;
}

static int open_spi(const struct nh_hub_config *c, nh_mem_t *mem, const char *path,
                    struct nh_pixels *out)
{
    struct nh_pixels_spi_config cfg = {
        .mem = mem,
        .path = path,
        .chip = (enum nh_pixels_chip)c->lamp_hardware.chip,
        .order = (enum nh_pixels_order)c->lamp_hardware.order,
    };
    int err = open_switch(c, mem, &cfg.power);
    if (err < 0)
        return err;
    err = nh_pixels_spi(&cfg, out);
    if (err < 0) {
        NH_LOG_E("lamp", "the LEDs at %s: %s", path, nh_err_text(err));
        nh_gpio_out_close(cfg.power);
    }
    return err;
}

int nh_hub__lamp_pixels(const struct nh_hub_config *c, nh_mem_t *mem, struct nh_pixels *out)
{
    const char *path = nh_hub__lamp_spi(c);
    *out = (struct nh_pixels){0};
    return path ? open_spi(c, mem, path, out) : NH_OK;
}
