// window.h - a window of the desktop that is the panel: what is painted there is seen, clicks are
// touches. By SDL 2, which is looked for when the window is asked for: a hub without one needs
// nothing of it.

#ifndef NH_LINUX_WINDOW_H
#define NH_LINUX_WINDOW_H

#include "platform/panel.h"

struct nh_window_config {
    struct nh_mem *mem;
    struct nh_mem_system *sys; // where its task `window` is registered
    const char *title;         // copied
    uint16_t width, height;
    bool is_round;
    void (*closed)(void *ctx); // somebody closed it; task `window`
    void *ctx;
};
// Opens it and fills in the panel, whose close() ends it. On an error `why` says what is the
// matter, for people. NH_ERR_UNSUPPORTED: no SDL 2; NH_ERR_IO: no desktop, or it refuses;
// NH_ERR_NOMEM.
NH_MUST_USE int nh_window_open(const struct nh_window_config *cfg, struct nh_panel *out, char *why,
                               size_t cap);

#endif
