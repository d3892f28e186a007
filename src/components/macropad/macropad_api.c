// The pad's routes.

#include "components/macropad/macropad_state.h"

// A body streams through: the pad's own limit (macropad.document_max_bytes) tells more than this.
#define BODY_MAX_BYTES NH_MIB(16)

static const nh_route_t routes[] = {
    {"GET", "/api/macros", .handle = nh_macropad__get_macros,
     .text = "The macro pad's document: screens, buttons, colors, templates"},
    {"POST", "/api/macros", .body_max_bytes = BODY_MAX_BYTES, .body = nh_macropad__take_macros,
     .handle = nh_macropad__post_macros,
     .text = "Saves a document and puts it in force; base_generation="},
    {"GET", "/api/macros/export", .handle = nh_macropad__get_export,
     .text = "The document as a file, to be sent to POST /api/macros"},
    {0},
};

struct nh_route_table nh_macropad_routes(nh_macropad_t *m)
{
    return (struct nh_route_table){.routes = routes, .ctx = m, .name = "macropad"};
}
