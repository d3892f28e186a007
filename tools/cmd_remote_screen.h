// cmd_remote_screen.h - the remote's screen: what it shows, shared by the file that draws it.

#ifndef NH_CMD_REMOTE_SCREEN_H
#define NH_CMD_REMOTE_SCREEN_H

#include "cmd_remote.h"

#include <uv.h>

#define NH_REMOTE_FILTER_MAX_BYTES 16

enum nh_remote_row {
    NH_REMOTE_ROW_POWER,
    NH_REMOTE_ROW_PAUSE,
    NH_REMOTE_ROW_BRIGHTNESS,
    NH_REMOTE_ROW_SPEED,
    NH_REMOTE_ROW_INTENSITY,
    NH_REMOTE_ROW_PALETTE,
    NH_REMOTE_ROW_OVERLAY,
    NH_REMOTE_ROW_MODE,
    NH_REMOTE_ROW_BLEND,
    NH_REMOTE_ROW_VOLUME,
    NH_REMOTE_ROW_COUNT,
};

enum nh_remote_dialog {
    NH_REMOTE_NO_DIALOG,
    NH_REMOTE_ASK_OTA,
    NH_REMOTE_SEARCH, // for a lamp with an open window
    NH_REMOTE_CODE,   // the digits are compared
    NH_REMOTE_WAIT,   // for the lamp's person
    NH_REMOTE_HELP,
};

struct nh_remote_screen {
    struct nh_remote_link link;
    bool is_utf8, has_colors, is_open;
    bool in_controls; // else in the list
    char filter[NH_REMOTE_FILTER_MAX_BYTES];
    uint16_t chosen, top;        // of the effects that the filter leaves
    int row;                     // enum nh_remote_row
    struct nh_radio_state shown; // as the lamp told it, with what was asked for on top
    bool has_shown;
    int volume; // -1: not told
    enum nh_remote_dialog dialog;
    uint32_t code;
    char lamp_name[NH_RADIO_NAME_BYTES];
    char message[96];
    bool is_bad;       // the message
    uint64_t asked_ms; // when all was asked for by itself; 0: not yet
    nh_loop_post_t redraw;
    uv_poll_t input;
    uv_signal_t resized;
    bool has_input, has_resized;
};

// Of the effects that the filter leaves the n-th; false: there is none.
bool nh_remote_screen_effect(const struct nh_remote_screen *s, uint16_t n,
                             struct nh_radio_record *out);

// cmd_remote_draw.c
void nh_remote_draw_init(struct nh_remote_screen *s);
void nh_remote_draw(struct nh_remote_screen *s);
int nh_remote_draw_page(void); // how many effects are seen at once

#endif
