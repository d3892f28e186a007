// The bridges as a part of the hub: what the file says of them, their memory, their connections.

#include "hub/hub_parts.h"

#include <stdio.h>

static int start_bridges(struct nh_hub *hub, const struct nh_hub_bridges *bridges)
{
    char why[256];
    nh_mem_t *mem;
    int err = nh_hub__owner(hub, "bridge", &mem);
    if (err < 0)
        return err;
    const struct nh_bridges_config cfg = {.mem = mem,
                                          .broker = hub->broker,
                                          .set = hub->mqtt.set,
                                          .loop = hub->loop,
                                          .bridges = bridges};
    err = nh_bridges_start(&cfg, why, sizeof why, &hub->mqtt.bridges);
    if (err < 0)
        fprintf(stderr, "nuthatch: mqtt.bridges: %s\n", why);
    return err;
}

// Reads what the file says of bridges into memory that is given back: a bridge keeps what it needs.
int nh_hub__start_bridges(struct nh_hub *hub)
{
    nh_mem_t *mem;
    if (!hub->options.config_file)
        return NH_OK;
    int err = nh_hub__owner(hub, "hub", &mem);
    struct nh_hub_bridges *bridges =
        err < 0 ? NULL : nh_mem_alloc(mem, sizeof *bridges, NH_MEM_BULK);
    if (!bridges)
        return err < 0 ? err : NH_ERR_NOMEM;
    err = nh_hub_bridges_read_file(hub->options.config_file, bridges, nh_hub__print_finding, NULL);
    if (err == NH_OK && bridges->count)
        err = start_bridges(hub, bridges);
    else if (err == NH_OK)
        nh_mqtt_broker_own_sweep(hub->broker); // of bridges that there were once
    nh_mem_free(mem, bridges);
    return err;
}
