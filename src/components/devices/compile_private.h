// compile_private.h - the compiler's state, shared by compile*.c only.

#ifndef NH_DEVICES_COMPILE_PRIVATE_H
#define NH_DEVICES_COMPILE_PRIVATE_H

#include "components/devices/set_private.h"

#define NH_COMPILE_LEVEL_MAX_COUNT NH_JSON_DEPTH_MAX

struct nh_compile__level {
    const struct nh_field_object *object; // of an object, or of a list's elements
    const struct nh_field_row *row; // an object's field at hand, NULL: none; or the list's own
    bool is_list;
    uint8_t depth;     // of steps within steps, or of conditions within conditions
    int type;          // of a typed object
    uint32_t count_at; // of a list: where its count is written
    uint32_t index;    // of a list: of the next element
    uint64_t seen;     // bit n: row n of the object
    struct nh_json_pos pos;
};

struct nh_compile__buffer {
    uint8_t *ptr;
    uint32_t len, cap;
};

struct nh_device_compiler {
    struct nh_device_compiler_config cfg;
    nh_json_reader_t reader;
    bool is_reading; // the reader has a chunk that is not used up
    uint64_t in_bytes;
    int err;                           // that ends it
    uint32_t error_count, part_errors; // part_errors: before the whole was looked at
    uint32_t depth;
    uint32_t skip_depth; // containers open in a value that is not taken
    bool skip_value, is_whole;
    bool is_long;  // the document is over its limit: told, and looked at to its end
    bool is_full;  // so is what it compiles to: looked at, and no longer kept
    bool is_lossy; // a name, a type, a list or an object was refused: others may look in vain
    struct nh_compile__buffer records, texts, devices, scenarios;
    uint32_t *slot; // the texts by their hash: offset + 1
    uint32_t slot_count, text_count;
    struct nh_compile__level level[NH_COMPILE_LEVEL_MAX_COUNT];
    char text[NH_DEVICE_TEXT_MAX_BYTES + 1];
};

// compile_texts.c: what becomes the set. A fault (out of memory, syntax) ends the compiler; what is
// added after it, or when the set is full, is not kept. add_text(): where the text stands; the same
// text stands once.
void nh_compile__fail(nh_device_compiler_t *c, int err);
void nh_compile__append(nh_device_compiler_t *c, struct nh_compile__buffer *b, const void *bytes,
                        uint32_t len);
void nh_compile__put_byte(nh_device_compiler_t *c, uint8_t byte);
void nh_compile__put_number(nh_device_compiler_t *c, uint64_t v);
uint32_t nh_compile__add_text(nh_device_compiler_t *c, nh_span_t text);

struct nh_compile__told {
    const char *code;
    const char *name; // one more step of the pointer; NULL: none
    size_t name_len;
};

// compile.c: a finding at the place at hand; the compiler goes on.
void nh_compile__tell(nh_device_compiler_t *c, const struct nh_json_pos *pos,
                      struct nh_compile__told what, const char *fmt, ...) NH_PRINTF(4, 5);
// The object or list that is open; NULL: none.
struct nh_compile__level *nh_compile__top(nh_device_compiler_t *c);
// Whether the list at hand may have one more element; told once.
bool nh_compile__element_fits(nh_device_compiler_t *c, const struct nh_json_pos *pos);
// An element of the list at hand that is refused stands there empty: those behind it keep their
// places.
void nh_compile__put_nothing(nh_device_compiler_t *c);
// Whether others may refer to what the field holds, or find other parts by it.
bool nh_compile__is_name(const struct nh_field_row *row);

struct nh_compile__value {
    enum nh_json_event event;
    nh_span_t text;
    struct nh_json_pos pos;
    bool is_plain; // a YAML scalar without quotes
};

// compile_values.c: a value that is no object and no list, of the field or list at hand.
void nh_compile__take_scalar(nh_device_compiler_t *c, const struct nh_compile__value *v);
void nh_compile__wrong_type(nh_device_compiler_t *c, const struct nh_compile__value *v,
                            const char *want);

#endif
