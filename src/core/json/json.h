// json.h - JSON without a tree: a pull reader over chunks, a table-driven decoder into structs, a
// writer into a sink. Strict RFC 8259. Allocates nothing.

#ifndef NH_JSON_H
#define NH_JSON_H

#include "core/base/base.h"
#include "core/json/json_reader.h"

// ---- reader
// --------------------------------------------------------------------------------------
//
// The text is UTF-8 without a byte order mark; lone surrogates are refused, raw or escaped. The
// reader passes equal keys of one object on as they come; the decoder calls the second an error.
// A line ends with a line feed. The answers do not depend on how the text is cut into chunks.

enum nh_json_event {
    NH_JSON_OBJECT_BEGIN = 1,
    NH_JSON_OBJECT_END,
    NH_JSON_ARRAY_BEGIN,
    NH_JSON_ARRAY_END,
    NH_JSON_KEY,
    NH_JSON_STRING,
    NH_JSON_NUMBER,
    NH_JSON_TRUE,
    NH_JSON_FALSE,
    NH_JSON_NULL,
    NH_JSON_DONE, // the document is whole
};

// Where in the text something stands: line and column from 1 (column in bytes), offset from 0.
struct nh_json_pos {
    uint64_t offset;
    uint32_t line, column;
};

struct nh_json_reader_config {
    char *text;            // borrowed; keys, strings and numbers are gathered here, unescaped
    size_t text_max_bytes; // with a NUL; a longer key or string is NH_ERR_TOO_LONG at its position
    uint32_t depth_max;    // 0: NH_JSON_DEPTH_MAX, also the most
    bool cut_long;         // cut a longer text instead, and nh_json_is_cut() says so
};

// The caller embeds it; its fields (json_reader.h) are private. Copied by value it is a saved
// position.
typedef struct nh_json_reader nh_json_reader_t;

void nh_json_reader_init(nh_json_reader_t *r, const struct nh_json_reader_config *cfg);

// Gives the next chunk, before the first nh_json_next() or after it answered NH_ERR_AGAIN; `bytes`
// is borrowed until it answers that again. `last`: no chunk follows. `len` may be 0.
void nh_json_feed(nh_json_reader_t *r, const void *bytes, size_t len, bool last);

// The next event (> 0), or NH_ERR_AGAIN: feed more, or an error, which stays.
// NH_ERR_SYNTAX, NH_ERR_TOO_DEEP, NH_ERR_TOO_LONG: nh_json_error() tells where and what.
NH_MUST_USE int nh_json_next(nh_json_reader_t *r);

// Skips the value whose first event was just returned (an OBJECT_BEGIN or ARRAY_BEGIN; for others
// nothing to do). What is skipped is checked as strictly as what is read, but may have texts of any
// length. Returns 0, NH_ERR_AGAIN (call again after feeding) or an error.
NH_MUST_USE int nh_json_skip(nh_json_reader_t *r);

// After KEY, STRING, NUMBER: the text, NUL-terminated, and its length (may contain NUL;
// `len` may be NULL). It stands in the caller's buffer until the next nh_json_next().
const char *nh_json_text(const nh_json_reader_t *r, size_t *len);

// The same without a copy and without a NUL: often it stands in the chunk.
nh_span_t nh_json_view(const nh_json_reader_t *r);

// After KEY, STRING or NUMBER with cut_long: the text was longer.
bool nh_json_is_cut(const nh_json_reader_t *r);

// After NUMBER; after anything else NH_ERR_TYPE. Integers: NH_ERR_TYPE if it is written with a
// fraction or an exponent, NH_ERR_RANGE if it does not fit. Double: correctly rounded;
// NH_ERR_RANGE, and an infinite `*out`, if it is too large. NH_ERR_TOO_LONG: it was cut.
NH_MUST_USE int nh_json_int64(const nh_json_reader_t *r, int64_t *out);
NH_MUST_USE int nh_json_uint64(const nh_json_reader_t *r, uint64_t *out);
NH_MUST_USE int nh_json_double(const nh_json_reader_t *r, double *out);

// How many containers are open: 1 after the BEGIN of the outermost, 0 after its END.
uint32_t nh_json_depth(const nh_json_reader_t *r);

// Where the token of the last event begins.
struct nh_json_pos nh_json_pos(const nh_json_reader_t *r);

// Offsets of the value last begun. `begin`: after a scalar or a BEGIN its first byte. `end`: after
// a scalar, an END or a skip one past its last byte.
uint64_t nh_json_value_begin(const nh_json_reader_t *r);
uint64_t nh_json_value_end(const nh_json_reader_t *r);

struct nh_json_error {
    int code; // enum nh_err
    struct nh_json_pos pos;
    char pointer[NH_JSON_POINTER_MAX]; // RFC 6901: the value the error is in; control bytes: '?'
    char text[96];                     // "expected ':' after the key, found '1'"
};
// The error that stopped the reader, or (code 0) the position and pointer of the last event.
void nh_json_error(const nh_json_reader_t *r, struct nh_json_error *out);

// ---- decoder: a struct from a field table
// ---------------------------------------------------------

enum nh_json_type {
    NH_JSON_T_BOOL,   // bool
    NH_JSON_T_INT,    // int8..int64, uint8..uint64 by `size`; sign by `is_signed`
    NH_JSON_T_DOUBLE, // double
    NH_JSON_T_STRING, // char[size], NUL-terminated; longer is an error, never cut
    NH_JSON_T_ENUM,   // int from names[]
    NH_JSON_T_OBJECT, // nested: `fields`
    NH_JSON_T_ARRAY,  // `element` (of any type but ARRAY), at most `count_max`; count in a uint32_t
};

typedef struct nh_json_field {
    const char *name;
    enum nh_json_type type;
    bool is_signed, required;
    size_t offset, size;      // in the struct; for an array the offset of its first element
    int64_t min, max;         // T_INT; both 0: the range of the type
    double dmin, dmax;        // T_DOUBLE; both 0: any finite
    const char *const *names; // T_ENUM, NULL-terminated
    const struct nh_json_field *fields;  // T_OBJECT, ends with a zeroed row
    const struct nh_json_field *element; // T_ARRAY; offset 0, size of one element
    size_t count_offset;                 // T_ARRAY: of its uint32_t count
    uint32_t count_max;
    const void
        *element_default; // T_ARRAY: copied to each element before it is decoded; NULL: zeros
    bool is_secret;       // never shown in findings; hidden on request when written
    bool is_streamed;     // T_ARRAY: its elements are given to who asked for them and not kept
    const char *text;     // one line for people: what it is; with it the table documents itself
    const char *unit;     // "ms", "bytes", or NULL
} nh_json_field_t;

// For rows of a table: where a member is and how large; and the row that ends the table.
#define NH_JSON_AT(type, member)                                                                   \
    .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define NH_JSON_FIELDS_END                                                                         \
    {                                                                                              \
        .name = NULL                                                                               \
    }

// One finding of a decode or a validator. `field` is a JSON pointer; `line` 0: not known.
struct nh_finding {
    int code; // enum nh_err
    bool is_warning;
    uint32_t line, column;
    char pointer[NH_JSON_POINTER_MAX];
    char value[48]; // what stands there, cut with "..."
    char limit[64]; // what is allowed: "1 to 65535", "at most 32 bytes", "one of stdout, pty"
    char text[96];
};
typedef void (*nh_finding_fn)(void *ctx, const struct nh_finding *f);

// The decoder takes events, so the same tables decode JSON and YAML. See decode.h.

// ---- writer
// ---------------------------------------------------------------------------------------
//
// Calls return nothing: the first error is kept, later calls do nothing, nh_json_writer_end()
// tells. A value without its key, a second value at the top, an end that closes nothing:
// NH_ERR_INVAL. Nested deeper than NH_JSON_DEPTH_MAX: NH_ERR_TOO_DEEP. A key or value of up to 90
// bytes is one call of the sink.

// Takes `len` bytes; returns 0, or an error that the writer keeps and gives at the end.
typedef int (*nh_sink_fn)(void *ctx, const char *bytes, size_t len);

typedef struct nh_json_writer {
    nh_sink_fn sink;
    void *ctx;
    uint64_t written_bytes;
    uint32_t depth;
    uint32_t comma_bits;  // one bit a level: something was written there
    uint32_t object_bits; // one bit a level: it is an object
    bool after_key;
    bool is_whole; // the value at the top was begun
    int err;
} nh_json_writer_t;

void nh_json_writer_init(nh_json_writer_t *w, nh_sink_fn sink, void *ctx);
void nh_json_object_begin(nh_json_writer_t *w);
void nh_json_object_end(nh_json_writer_t *w);
void nh_json_array_begin(nh_json_writer_t *w);
void nh_json_array_end(nh_json_writer_t *w);
void nh_json_key(nh_json_writer_t *w, const char *key);
void nh_json_string(nh_json_writer_t *w, const char *s); // NULL: null. Invalid UTF-8 becomes U+FFFD
void nh_json_string_n(nh_json_writer_t *w, const char *text, size_t len);
void nh_json_int(nh_json_writer_t *w, int64_t v);
void nh_json_uint(nh_json_writer_t *w, uint64_t v);
void nh_json_double_value(nh_json_writer_t *w,
                          double v); // shortest that reads back; not finite: null
void nh_json_bool(nh_json_writer_t *w, bool v);
void nh_json_null(nh_json_writer_t *w);
void nh_json_raw(nh_json_writer_t *w, const char *s, size_t len); // a value that is JSON already
int nh_json_writer_end(nh_json_writer_t *w); // 0, the sink's first error, NH_ERR_INVAL: not closed

// key and value in one
void nh_json_kv_string(nh_json_writer_t *w, const char *key, const char *s);
void nh_json_kv_int(nh_json_writer_t *w, const char *key, int64_t v);
void nh_json_kv_uint(nh_json_writer_t *w, const char *key, uint64_t v);
void nh_json_kv_double(nh_json_writer_t *w, const char *key, double v);
void nh_json_kv_bool(nh_json_writer_t *w, const char *key, bool v);
void nh_json_kv_null(nh_json_writer_t *w, const char *key);

// A sink into a fixed buffer, `ctx` a struct nh_json_buf: NH_ERR_FULL (and nothing of that piece
// written) when it does not fit.
struct nh_json_buf {
    char *ptr;
    size_t cap, len;
};
int nh_json_buf_sink(void *ctx, const char *bytes, size_t len);

#endif
