// screen.h - this terminal: a page of its own, single keys, and as it was afterwards.

#ifndef NH_LAMP_TOOL_SCREEN_H
#define NH_LAMP_TOOL_SCREEN_H

#include "lamp/term.h"

#include <termios.h>

// The caller embeds it; private.
struct nh_screen {
    struct termios before;
    bool has_keys, is_open;
};

uint64_t nh_screen_now_ms(void); // monotonic
// Whether pixels of this size have room; says on standard error what is missing.
bool nh_screen_fits(uint16_t width, uint16_t height, enum nh_term_colors colors);
void nh_screen_open(struct nh_screen *s);
void nh_screen_close(struct nh_screen *s); // not open: nothing
bool nh_screen_is_stopped(void);           // by a signal
// Waits until `until_ms` at most for a key, or for bytes on `fd` (-1: none). Returns the key, 0:
// there is none.
char nh_screen_key(struct nh_screen *s, uint64_t until_ms, int fd, bool *fd_is_ready);
bool nh_screen_write(const char *bytes, size_t len);
// The frame and a line below it. `out`: nh_term_frame_max_bytes() and NH_SCREEN_MORE_BYTES.
#define NH_SCREEN_MORE_BYTES 8
bool nh_screen_show(char *out, const struct nh_fx_canvas *c, enum nh_term_colors colors,
                    const char *status);

#endif
