// macro_codec.h - the document of a macro pad as JSON: read piece by piece straight into a set, and
// written piece by piece from one. No tree, no copy of the text. Sans-IO.
//
// The document, its limits and what becomes of what does not fit: README.md. Reading is generous
// as the firmware's is: names without regard to case, unknown ones take the default, what is left
// out is empty. It is strict where something would be lost: the numbers of screens and buttons.

#ifndef NH_MACRO_CODEC_H
#define NH_MACRO_CODEC_H

#include "components/macropad/macro_set.h"
#include "core/json/json.h"

// What is wrong with a document. When it has several faults the first of this list is told.
enum nh_macro_fault {
    NH_MACRO_OK,
    NH_MACRO_NO_MEMORY,
    NH_MACRO_NOT_JSON, // or a `screens`, or a `buttons` of a screen, that is there twice
    NH_MACRO_TOO_LARGE,
    NH_MACRO_NO_SCREENS,
    NH_MACRO_SCREEN_COUNT,
    NH_MACRO_SCREEN_NO_OBJECT,
    NH_MACRO_NO_BUTTONS,
    NH_MACRO_BUTTON_COUNT,
    NH_MACRO_BUTTON_NO_OBJECT,
    NH_MACRO_NO_TOPIC,
    NH_MACRO_FAULT_COUNT,
};
// As clients of the firmware know it: "Missing screens[]".
const char *nh_macro_fault_text(enum nh_macro_fault f);

struct nh_macro_finding {
    enum nh_macro_fault fault;
    char pointer[48];      // RFC 6901, of what is at fault
    uint32_t line, column; // of it, from 1
    uint32_t value, limit; // a count and what it must be; 0: none
    char text[96];         // of JSON that is not well formed: what was expected there
};

// Where in the document a decoder is.
enum nh_macro__place {
    NH_MACRO__START,
    NH_MACRO__TOP,
    NH_MACRO__DEFAULTS,
    NH_MACRO__SCREENS,
    NH_MACRO__SCREEN,
    NH_MACRO__BUTTONS,
    NH_MACRO__BUTTON,
    NH_MACRO__ICON,
    NH_MACRO__END,
};

// Embedded by its user, about 1.6 KiB: not on a small stack. Fields are private but `cut_count`.
typedef struct nh_macro_decoder {
    uint32_t cut_count; // texts that were longer than their limit
    nh_mem_t *mem;
    nh_macro_set_t *set;
    struct nh_macro_finding finding;
    uint32_t byte_max, byte_count;
    enum nh_macro__place place;
    bool is_skipping, has_screens, has_buttons;
    uint8_t key; // enum of the .c file: the member at hand
    uint32_t screen, slot, screen_count;
    uint32_t screen_bg;
    uint8_t layout;
    struct nh_json_pos screen_pos, button_pos, buttons_pos;
    struct nh_macropad_colors colors;
    struct nh_macropad_button button;
    nh_json_reader_t reader;
    char text[NH_MACROPAD_PAYLOAD_MAX_BYTES];
} nh_macro_decoder_t;

// `byte_max`: of the document; 0: 512 KiB. NH_ERR_NOMEM: deinit is not needed, and allowed.
NH_MUST_USE int nh_macro_decoder_init(nh_macro_decoder_t *d, nh_mem_t *mem, uint32_t byte_max);
void nh_macro_decoder_deinit(nh_macro_decoder_t *d);

// The next piece, borrowed for the call. What is wrong is told at the end, so that a client that
// still sends is heard out; after NH_ERR_NOMEM, also returned by end, nothing more is looked at.
NH_MUST_USE int nh_macro_decoder_feed(nh_macro_decoder_t *d, const void *bytes, size_t len);

// The document has ended. 0: `*out` is the set, with one reference, the caller's. NH_ERR_INVAL:
// nh_macro_decoder_finding() tells why; NH_ERR_TOO_LONG: it is over byte_max; NH_ERR_NOMEM.
NH_MUST_USE int nh_macro_decoder_end(nh_macro_decoder_t *d, nh_macro_set_t **out);
const struct nh_macro_finding *nh_macro_decoder_finding(const nh_macro_decoder_t *d);

// ---- writing

enum nh_macro_form {
    NH_MACRO_WHOLE,  // as GET gives it: every member of all buttons, and the templates
    NH_MACRO_SPARSE, // as it is stored: members that are at their default are left out
};

// Embedded; fields are private.
typedef struct nh_macro_encoder {
    nh_macro_set_t *set; // a reference
    enum nh_macro_form form;
    nh_json_writer_t w;
    uint32_t step;   // of the document
    uint32_t button; // 0 to 127: screen and slot
    uint32_t part;   // of that button
    bool is_ended;
} nh_macro_encoder_t;

void nh_macro_encoder_init(nh_macro_encoder_t *e, nh_macro_set_t *set, enum nh_macro_form form);
void nh_macro_encoder_deinit(nh_macro_encoder_t *e);

// Fills `buf` with the next part. Returns its length, 0 at the end. `cap` is at least
// NH_MACRO_PART_MAX_BYTES, or NH_ERR_FULL may come: no part of the document is longer.
#define NH_MACRO_PART_MAX_BYTES 1600u
NH_MUST_USE int nh_macro_encoder_read(nh_macro_encoder_t *e, char *buf, size_t cap);

#endif
