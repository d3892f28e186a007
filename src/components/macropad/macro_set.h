// macro_set.h - a macro pad's document in compact form: 8 screens of 16 buttons, read in place.
//
// A button takes what its texts need and an empty one nothing, so a usual pad is 2 to 8 KiB and the
// fullest one 65 KiB. All of it is bulk memory. A set is filled by its maker, then shared and read
// only: whoever shows or runs it holds a reference, and a new document is a new set.

#ifndef NH_MACRO_SET_H
#define NH_MACRO_SET_H

#include "core/mem/mem.h"

#define NH_MACROPAD_SCREEN_COUNT 8u
#define NH_MACROPAD_SLOT_COUNT 16u
#define NH_MACROPAD_DOCUMENT_VERSION 9u

// With the NUL. Longer text is cut before the first character that does not fit.
#define NH_MACROPAD_LABEL_MAX_BYTES 16u
#define NH_MACROPAD_PAYLOAD_MAX_BYTES 256u
#define NH_MACROPAD_TOPIC_MAX_BYTES 128u
#define NH_MACROPAD_ICON_ID_MAX_BYTES 32u
#define NH_MACROPAD_ICON_TEXT_MAX_BYTES 64u

#define NH_MACROPAD_COLOR_UNSET 0xFFFFFFFFu // the pad's default is meant

// Stored by name, so the order may change. What a payload is to each: README.md.
enum nh_macropad_action {
    NH_MACROPAD_NONE,
    NH_MACROPAD_SEND_KEYS,
    NH_MACROPAD_NAV_PREV,
    NH_MACROPAD_NAV_NEXT,
    NH_MACROPAD_NAV_TO,
    NH_MACROPAD_GO_BACK,
    NH_MACROPAD_MQTT_SEND,
    NH_MACROPAD_RUN_SCENARIO,
    NH_MACROPAD_LAMP_EFFECT,
    NH_MACROPAD_ACTION_COUNT,
};

enum nh_macropad_icon_type {
    NH_MACROPAD_ICON_NONE,
    NH_MACROPAD_ICON_BUILTIN,
    NH_MACROPAD_ICON_EMOJI,
    NH_MACROPAD_ICON_ASSET,
    NH_MACROPAD_ICON_TYPE_COUNT,
};

// How a screen places its slots. In the order of the document; geometry is the display's.
enum nh_macropad_template {
    NH_MACROPAD_RING_9,
    NH_MACROPAD_PIE_8,
    NH_MACROPAD_STACK_SIDES_5,
    NH_MACROPAD_WIDE_SIDES_3,
    NH_MACROPAD_SPLIT_SIDES_4,
    NH_MACROPAD_TEMPLATE_COUNT,
};

#define NH_MACROPAD_CELL_NONE 0xFFu
struct nh_macropad_template_info {
    const char *id, *name;
    uint8_t columns, cell_count;
    uint8_t cells[9]; // row by row for a selector: a slot, or NH_MACROPAD_CELL_NONE
    uint16_t slots;   // bit n: slot n is shown
};
extern const struct nh_macropad_template_info nh_macropad_templates[NH_MACROPAD_TEMPLATE_COUNT];

// The names of the document; NULL past the last. find: without regard to case, -1: none.
const char *nh_macropad_action_name(enum nh_macropad_action a);
const char *nh_macropad_icon_type_name(enum nh_macropad_icon_type t);
int nh_macropad_action_find(nh_span_t name);
int nh_macropad_icon_type_find(nh_span_t name);
int nh_macropad_template_find(nh_span_t id);

struct nh_macropad_colors {
    uint32_t screen_bg, button_bg, icon, label; // 0xRRGGBB
};

// A button spelled out, to fill one in.
struct nh_macropad_button {
    uint8_t action;                              // enum nh_macropad_action
    uint8_t icon_type;                           // enum nh_macropad_icon_type
    uint32_t button_bg, icon_color, label_color; // or NH_MACROPAD_COLOR_UNSET
    char label[NH_MACROPAD_LABEL_MAX_BYTES];
    char payload[NH_MACROPAD_PAYLOAD_MAX_BYTES];
    char topic[NH_MACROPAD_TOPIC_MAX_BYTES];
    char icon_id[NH_MACROPAD_ICON_ID_MAX_BYTES];
    char icon_text[NH_MACROPAD_ICON_TEXT_MAX_BYTES];
};
void nh_macropad_button_clear(struct nh_macropad_button *b); // as an empty one

// One as it stands in the set; the spans live as long as the set.
struct nh_macropad_button_view {
    uint8_t action, icon_type;
    uint32_t button_bg, icon_color, label_color;
    nh_span_t label, payload, topic, icon_id, icon_text;
};

typedef struct nh_macro_set nh_macro_set_t;

// An empty pad with one reference. NH_ERR_NOMEM.
NH_MUST_USE int nh_macro_set_create(nh_mem_t *mem, nh_macro_set_t **out);
nh_macro_set_t *nh_macro_set_ref(nh_macro_set_t *s); // any task
void nh_macro_set_unref(nh_macro_set_t *s);          // any task; NULL: nothing

// ---- filling: by its maker, before it is shared

void nh_macro_set_colors(nh_macro_set_t *s, const struct nh_macropad_colors *c);
// `background` may be NH_MACROPAD_COLOR_UNSET. `screen` is below NH_MACROPAD_SCREEN_COUNT.
void nh_macro_set_screen(nh_macro_set_t *s, unsigned screen, enum nh_macropad_template t,
                         uint32_t background);
// Copies the button. One that was there before still takes its room. NH_ERR_NOMEM: as before.
NH_MUST_USE int nh_macro_set_put(nh_macro_set_t *s, unsigned screen, unsigned slot,
                                 const struct nh_macropad_button *b);
// Gives back the room that was taken ahead.
void nh_macro_set_trim(nh_macro_set_t *s);

// ---- reading: any task

const struct nh_macropad_colors *nh_macro_set_get_colors(const nh_macro_set_t *s);
enum nh_macropad_template nh_macro_set_template(const nh_macro_set_t *s, unsigned screen);
uint32_t nh_macro_set_background(const nh_macro_set_t *s, unsigned screen); // may be _UNSET
void nh_macro_set_button(const nh_macro_set_t *s, unsigned screen, unsigned slot,
                         struct nh_macropad_button_view *out);
size_t nh_macro_set_bytes(const nh_macro_set_t *s); // of memory
// Whether a button of type emoji or asset names this icon, after nh_icon_id_normalize().
bool nh_macro_set_uses_icon(const nh_macro_set_t *s, const char *id);

// Writes an icon's id as it is looked up: trimmed, lower case, '-' as '_'; cut to the limit.
void nh_icon_id_normalize(nh_span_t id, char out[NH_MACROPAD_ICON_ID_MAX_BYTES]);

#endif
