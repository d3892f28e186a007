// lamp_tool.h - the verbs under `nuthatch lamp`.

#ifndef NH_LAMP_TOOL_H
#define NH_LAMP_TOOL_H

#include "lamp/stage.h"
#include "lamp/term.h"

// ---- preview

struct nh_preview_options {
    struct nh_stage_options stage;
    enum nh_term_colors colors;
    bool is_once;
    double seconds, start_s; // 0: until a key says so
    const char *url;         // of a running hub, whose lamp is followed; NULL: none
    const char *basic;       // who signs in there, user:password in Base64; NULL: nobody
};
// Plays on standard output, a terminal unless `is_once`. Returns an exit code.
int nh_lamp_preview(const struct nh_preview_options *o, nh_mem_t *mem);
// The same of a running hub's lamp, `o->url`. Says on standard error why it ends, if not by a key.
int nh_lamp_follow(const struct nh_preview_options *o, nh_mem_t *mem);

// ---- record

#define NH_RECORD_FRAME_MAX_COUNT 6000
#define NH_RECORD_SCALE_MAX 16
#define NH_RECORD_GIF_FPS_MAX 50 // viewers slow down what is quicker

struct nh_record_options {
    struct nh_stage_options stage;
    const char *file; // .gif; .png: one frame, or one a frame where it has a %d, %04d
    double seconds, start_s;
    uint16_t scale, gap; // pixels of the picture a pixel of the lamp; of these, dark ones
    uint16_t color_count;
};
// Writes the file or files; says on standard output what was written, on standard error what went
// wrong. Returns an exit code.
int nh_lamp_record(const struct nh_record_options *o, nh_mem_t *mem);
// Whether a file's name is one that record writes. NULL: yes; else what is wrong with it. Static.
const char *nh_lamp_record_fault(const struct nh_record_options *o);

#endif
