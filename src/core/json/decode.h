// decode.h - structs from events by a table, and back. The events come from the JSON reader or, for
// YAML, from whoever parses that; the same table serves both, the encoder, and the settings page.
//
// Nothing is allocated. All findings are reported, not the first alone: after a bad value decoding
// goes on. The struct starts with the defaults that the caller put there; after an error the caller
// throws it away. How to write a table: docs/json.md.

#ifndef NH_JSON_DECODE_H
#define NH_JSON_DECODE_H

#include "core/json/json.h"

#define NH_DECODE_DEPTH_MAX 10     // nesting of tables: an object is one level, an array another
#define NH_DECODE_FIELDS_MAX 64    // rows of one table
#define NH_DECODE_TEXT_MAX 512     // size of the longest string field that nh_json_decode() takes
#define NH_DECODE_FINDINGS_MAX 100 // reported; more are counted only

enum nh_decode_flag {
    NH_DECODE_UNKNOWN_IS_ERROR = 1, // an unknown key is an error, not a warning
};

enum nh_decode_text {
    NH_DECODE_TEXT_PLAIN = 1, // a YAML scalar without quotes: its field's type decides what it is
    NH_DECODE_TEXT_CUT = 2,   // the text was longer than its buffer
};

// One container being decoded.
struct nh__decode_level {
    const nh_json_field_t *fields; // an object's rows; NULL: an array
    const nh_json_field_t *field;  // an object's row at hand, NULL: none; or the array's own row
    uint8_t *base;                 // the object; for an array the object that has it
    uint64_t seen;                 // bit n: row n had a key
    uint32_t index;                // of an array: of the next element
    uint32_t line, column;         // where it begins
};

// Who takes the elements of streamed arrays: a list may be long, and need not be kept whole.
struct nh_decode_elements {
    void *ctx;
    void *scratch;        // each element is decoded here
    size_t scratch_bytes; // a larger element is skipped
    // An element without a fault, `array` its row; `pos` is where it begins. Both, and the element,
    // are borrowed for the call.
    void (*take)(void *ctx, const nh_json_field_t *array, uint32_t index, const void *element,
                 const struct nh_json_pos *pos);
};

// The caller embeds it; its fields are private but for the counts.
typedef struct nh_decoder {
    uint32_t error_count, warning_count, unknown_count;
    int first_error;

    nh_finding_fn findings;
    void *ctx;
    uint32_t flags;
    uint32_t depth;
    uint32_t skip_depth; // containers open in a value that is not decoded
    bool skip_value;     // the value of the key at hand is not decoded
    bool is_done;        // the outermost object has ended
    const nh_json_field_t *root;
    uint8_t *out;
    const struct nh_decode_elements *elements;
    bool has_element;       // one is being decoded
    uint32_t errors_before; // it
    struct nh_json_pos element_pos;
    struct nh__decode_level levels[NH_DECODE_DEPTH_MAX];
} nh_decoder_t;

// Decodes into `out`, laid out as `fields` says (ends with a zeroed row; borrowed until the end).
// `findings` may be NULL. `flags`: enum nh_decode_flag.
void nh_decoder_init(nh_decoder_t *d, const nh_json_field_t *fields, void *out,
                     nh_finding_fn findings, void *ctx, uint32_t flags);

// From now on `e` (borrowed until the end) takes the elements of streamed arrays; without it, or
// with NULL, they are skipped.
void nh_decoder_elements(nh_decoder_t *d, const struct nh_decode_elements *e);

// One event of a well-formed document, in order. `text` (borrowed for the call; KEY, STRING and
// NUMBER only) needs no NUL; `pos` is where the event begins; `text_flags`: enum nh_decode_text. A
// plain YAML scalar comes as NH_JSON_STRING with NH_DECODE_TEXT_PLAIN.
void nh_decoder_event(nh_decoder_t *d, enum nh_json_event event, const char *text, size_t len,
                      const struct nh_json_pos *pos, uint32_t text_flags);

// Reports that the document itself is broken at `pos`: one finding with `code` and `text`.
// `pointer` NULL: not known.
void nh_decoder_broken(nh_decoder_t *d, int code, const struct nh_json_pos *pos,
                       const char *pointer, const char *text);

// The end of the document: looks for what is missing if there was no object at all. Returns 0 or
// the first error found. Warnings are no errors.
NH_MUST_USE int nh_decoder_end(nh_decoder_t *d);

// Takes events from `r` (best with .cut_long, so that a long text is a finding and not the end)
// until it wants more. NH_ERR_AGAIN: feed it and call again. Else what nh_decoder_end() said;
// a syntax error is a finding too.
NH_MUST_USE int nh_decoder_pull(nh_decoder_t *d, nh_json_reader_t *r);

// All of it for a text in memory. Strings of up to NH_DECODE_TEXT_MAX bytes.
NH_MUST_USE int nh_json_decode(const char *text, size_t len, const nh_json_field_t *fields,
                               void *out, nh_finding_fn findings, void *ctx, uint32_t flags);

// ---- the other uses of a table
// ----------------------------------------------------------------

enum nh_encode_flag {
    NH_ENCODE_HIDE_SECRETS = 1, // is_secret fields become "***", or "" if they are empty
};

// Writes the struct as one JSON object. What it writes decodes to the same struct.
void nh_json_encode_struct(nh_json_writer_t *w, const nh_json_field_t *fields, const void *s,
                           uint32_t flags);

// Writes the value of one row, which is not an array, at `value`.
void nh_json_encode_field(nh_json_writer_t *w, const nh_json_field_t *field, const void *value,
                          uint32_t flags);

// Calls `visit` for each row, nested ones after the one that has them. `pointer`: as in findings,
// with "*" for the index in an array ("/sensors/*/name"); borrowed for the call. `offset`: from the
// outermost struct, in an array of its first element. Stops when `visit` returns other than 0 and
// returns that.
typedef int (*nh_json_field_fn)(void *ctx, const char *pointer, const nh_json_field_t *field,
                                size_t offset);
int nh_json_field_each(const nh_json_field_t *fields, nh_json_field_fn visit, void *ctx);

// Writes what a field allows, for people: "1 to 65535", "at most 31 bytes", "one of stdout, pty".
// Cut to `size` (at least 4) with "...".
void nh_json_field_limit(const nh_json_field_t *field, char *out, size_t size);

// For tests: NULL, or what is wrong with the table (a name twice, a size that no type has, a range
// that is empty, nested too deep ...) and in `*bad` the row.
const char *nh_json_fields_check(const nh_json_field_t *fields, const nh_json_field_t **bad);

#endif
