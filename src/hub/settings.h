// settings.h - the settings that the portal changed: a document in the store, laid over hub.yaml.
//
// The document is one flat JSON object, a field's JSON pointer to its value:
// {"/mqtt/inflight_max":20,"/log/level":"debug"}. The file itself is never written. The loop's task
// owns it.

#ifndef NH_HUB_SETTINGS_H
#define NH_HUB_SETTINGS_H

#include "core/http/http.h"
#include "core/store/store.h"
#include "hub/config.h"

typedef struct nh_settings nh_settings_t;

struct nh_settings_config {
    nh_mem_t *mem;
    nh_store_t *store;
    const char *file; // hub.yaml, for the page; may be NULL
    void *ctx;
    // The configuration that stands without the settings (defaults, file).
    int (*base)(void *ctx, struct nh_hub_config *c);
    // The command line laid over `*c`: it wins over settings too.
    int (*options)(void *ctx, struct nh_hub_config *c);
    const struct nh_hub_config *(*current)(void *ctx); // the one in force
    void (*apply)(void *ctx, const struct nh_hub_config *c);
};
NH_MUST_USE int nh_settings_create(const struct nh_settings_config *cfg, nh_settings_t **out);
void nh_settings_destroy(nh_settings_t *s);

// Lays the kept settings over `*c`, then the command line, and validates. Faults go to `finding`
// and give NH_ERR_INVAL: then `*c` is to be thrown away.
NH_MUST_USE int nh_settings_overlay(nh_settings_t *s, struct nh_hub_config *c,
                                    nh_finding_fn finding, void *ctx);

// The hub's parts are being built from `c` (copied): what differs from it later waits for a
// restart.
void nh_settings_started(nh_settings_t *s, const struct nh_hub_config *c);

uint32_t nh_settings_generation(nh_settings_t *s); // 0: nothing was changed yet
// Changes settings as PUT /api/settings does: `values` is an object of JSON pointers and values;
// null takes one back. Works in `arena`. Returns the new generation; NH_ERR_INVAL: `*fault` tells;
// NH_ERR_FULL: too many bytes; NH_ERR_NOMEM, an error of the store. Nothing was changed then.
NH_MUST_USE int nh_settings_change(nh_settings_t *s, nh_arena_t *arena, const char *values,
                                   size_t len, struct nh_finding *fault);
struct nh_route_table nh_settings_routes(nh_settings_t *s);

#endif
