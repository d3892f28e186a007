// set.h - a device configuration, compiled: immutable, counted, one block of memory.
//
//   head | devices[] | scenarios[] | records | texts
//
// A record is an object: its fields in the order they were written, each the byte of its name and a
// value by its kind, and a 0. Numbers are varints, texts are offsets to where each different text
// stands once. A record knows nothing of its length: it is passed over by reading it, which for the
// records of a room is quicker than another word in each.
//
// One task owns a set and its references (the loop's).

#ifndef NH_DEVICES_SET_H
#define NH_DEVICES_SET_H

#include "components/devices/schema.h"
#include "core/json/json.h"
#include "core/mem/mem.h"

// Of the configuration `devices.*`; each is told when it is broken, with its number.
struct nh_device_limits {
    uint32_t device_max_count;   // in a set
    uint32_t scenario_max_count; // of a device
    uint32_t step_max_count;     // of a list of steps
    uint32_t item_max_count;     // of any other list: rules, slots, triggers, parameters, ...
    uint32_t depth_max;          // of steps within steps, and of conditions within conditions
    uint32_t id_max_bytes, name_max_bytes, topic_max_bytes, payload_max_bytes, flag_max_bytes,
        track_max_bytes, expression_max_bytes; // without a NUL
    uint32_t document_max_bytes;
    uint32_t compiled_max_bytes; // of a set in memory
};
extern const struct nh_device_limits nh_device_limits_standard;
// How many elements a list, or texts, may have.
uint32_t nh_device_list_limit(const struct nh_device_limits *l, const struct nh_field_row *row);
#define NH_DEVICE_TEXT_MAX_BYTES 4096 // no limit of a text is above it
#define NH_DEVICE_DEPTH_MAX 4         // nor depth_max above this

// ---- findings -----------------------------------------------------------------------------------

// What is wrong with a configuration, or odd in it. Warnings stop nothing.
struct nh_device_finding {
    bool is_warning;
    const char *code;      // "required", "unknown_type", "no_scenario", ...; static
    uint32_t line, column; // from 1; 0: not known
    char pointer[160];     // JSON pointer; one that is longer ends in "..."
    char text[160];
};
typedef void (*nh_device_finding_fn)(void *ctx, const struct nh_device_finding *f);

// ---- sets ---------------------------------------------------------------------------------------

typedef struct nh_device_set nh_device_set_t;

nh_device_set_t *nh_device_set_ref(nh_device_set_t *s);
void nh_device_set_unref(nh_device_set_t *s); // NULL: nothing. The last one frees.

struct nh_device_set_info {
    uint32_t device_count, scenario_count;
    uint32_t bytes; // in memory, all
    uint32_t record_bytes, text_bytes;
};
void nh_device_set_info(const nh_device_set_t *s, struct nh_device_set_info *out);

// ---- records ------------------------------------------------------------------------------------

// An object of a set; `at` NULL: none, and every question is answered as if all fields were absent.
typedef struct nh_rec {
    const nh_device_set_t *set;
    const uint8_t *at; // its first field
} nh_rec_t;

nh_rec_t nh_device_set_root(const nh_device_set_t *s);
nh_rec_t nh_device_set_device(const nh_device_set_t *s, uint32_t index);
// Of all devices, in order; a device's stand together.
nh_rec_t nh_device_set_scenario(const nh_device_set_t *s, uint32_t index);
uint32_t nh_device_set_scenario_device(const nh_device_set_t *s, uint32_t index);
// The first scenario of a device, and how many it has.
uint32_t nh_device_set_scenarios_of(const nh_device_set_t *s, uint32_t device, uint32_t *count);

// NH_ERR_NOT_FOUND. A scenario also by its name, ignoring case, as the older generations did.
NH_MUST_USE int nh_device_set_find_device(const nh_device_set_t *s, nh_span_t id);
NH_MUST_USE int nh_device_set_find_scenario(const nh_device_set_t *s, uint32_t device,
                                            nh_span_t id_or_name);

// A record is known within its set by this number, as long as the set lives; 0: none.
uint32_t nh_rec_place(nh_rec_t r);
nh_rec_t nh_rec_at(const nh_device_set_t *s, uint32_t place);

bool nh_rec_has(nh_rec_t r, enum nh_field f);
bool nh_rec_bool(nh_rec_t r, enum nh_field f, bool standard);
int64_t nh_rec_int(nh_rec_t r, enum nh_field f, int64_t standard); // INT, ENUM
int nh_rec_enum(nh_rec_t r, enum nh_field f, int standard);
// TEXT; a NUL follows it. Absent: empty.
nh_span_t nh_rec_text(nh_rec_t r, enum nh_field f);
const char *nh_rec_string(nh_rec_t r, enum nh_field f); // the same up to a NUL within it
nh_rec_t nh_rec_object(nh_rec_t r, enum nh_field f);

enum nh_scalar_kind {
    NH_SCALAR_NONE,
    NH_SCALAR_FALSE,
    NH_SCALAR_TRUE,
    NH_SCALAR_NUMBER,
    NH_SCALAR_TEXT
};
struct nh_scalar {
    enum nh_scalar_kind kind;
    nh_span_t text; // NUMBER: as it was written; TEXT
};
struct nh_scalar nh_rec_scalar(nh_rec_t r, enum nh_field f);

// Lists. An element of LIST is a record; of TEXTS a text.
uint32_t nh_rec_count(nh_rec_t r, enum nh_field f);
nh_rec_t nh_rec_first(nh_rec_t r, enum nh_field f); // `at` NULL: it is empty
nh_rec_t nh_rec_next(nh_rec_t r);                   // of an element that is not the last
nh_rec_t nh_rec_element(nh_rec_t r, enum nh_field f, uint32_t index);
nh_span_t nh_rec_text_element(nh_rec_t r, enum nh_field f, uint32_t index);

// Each different text of a set, once.
void nh_device_set_texts_each(const nh_device_set_t *s, void (*visit)(void *ctx, nh_span_t text),
                              void *ctx);

// Whether two records say the same, of one set or of two: the same fields with the same values, in
// any order of the fields. An absent field is not one that has its standard value.
bool nh_rec_equal(nh_rec_t a, nh_rec_t b);
// The same number for records that are equal, and for hardly any others (64 bits; no MAC).
// It does not change while the numbers of fields and words in schema.h do not.
uint64_t nh_rec_digest(nh_rec_t r);

// A step of type lamp as the object that POST /api/lamp takes, with a NUL. `text` makes each text
// what it is now, valid until the next; one that it gives with `ptr` NULL is left out. NULL: they
// are as they stand. Returns its length; an error of `text`; NH_ERR_FULL: over `cap`.
NH_MUST_USE int nh_step_lamp_json(nh_rec_t step,
                                  int (*text)(void *ctx, nh_span_t in, nh_span_t *out), void *ctx,
                                  char *out, size_t cap);

// ---- compiling ----------------------------------------------------------------------------------

typedef struct nh_device_compiler nh_device_compiler_t;

struct nh_device_compiler_config {
    nh_mem_t *mem;
    const struct nh_device_limits *limits; // borrowed for its life
    // Whether an expression can be read: 0, or what is wrong in `why`. NULL: it is not asked.
    int (*expression)(nh_span_t text, char *why, size_t cap);
    // Whether a step's command to the lamp can be read, as nh_step_lamp_json() gives it. Likewise.
    int (*lamp)(nh_span_t json, char *why, size_t cap);
    nh_device_finding_fn finding; // called as they are found, in the order of the document
    void *ctx;
};
// All of it is bulk memory. NH_ERR_NOMEM.
NH_MUST_USE int nh_device_compiler_create(const struct nh_device_compiler_config *cfg,
                                          nh_device_compiler_t **out);
void nh_device_compiler_destroy(nh_device_compiler_t *c); // NULL: nothing

// JSON, piece by piece; `last`: no more follow. 0: go on, also when limits are exceeded: that is
// told, and the rest looked at. NH_ERR_SYNTAX (told), NH_ERR_NOMEM: it ends here.
NH_MUST_USE int nh_device_compiler_json(nh_device_compiler_t *c, const void *bytes, size_t len,
                                        bool last);

// The bytes of a document that another reader reads; json() counts its own. Over the limit is told.
void nh_device_compiler_count(nh_device_compiler_t *c, uint64_t bytes);

// The same from any reader: events in their order. `is_plain`: a YAML scalar without quotes, whose
// field decides what it is. Errors as above.
NH_MUST_USE int nh_device_compiler_event(nh_device_compiler_t *c, enum nh_json_event event,
                                         nh_span_t text, const struct nh_json_pos *pos,
                                         bool is_plain);
// For nh_yaml_read(); `compiler` as its ctx.
struct nh_yaml_event;
NH_MUST_USE int nh_device_compiler_yaml(void *compiler, const struct nh_yaml_event *e);
// The document is no well-formed YAML.
void nh_device_compiler_broken(nh_device_compiler_t *c, const struct nh_json_pos *pos,
                               const char *text);

// At the end: checks what only the whole shows, also when parts had errors as far as those leave it
// to be seen, and gives an owned set with one reference.
// NH_ERR_INVAL: an error was found and told; NH_ERR_NOMEM. Call once.
NH_MUST_USE int nh_device_compiler_end(nh_device_compiler_t *c, nh_device_set_t **out);

uint32_t nh_device_compiler_errors(const nh_device_compiler_t *c);

// ---- writing ------------------------------------------------------------------------------------

enum nh_device_form { NH_DEVICE_FORM_JSON, NH_DEVICE_FORM_YAML };

// What the hub knows better than the set.
struct nh_device_head {
    uint32_t generation;        // 0: as in the set
    const char *active_profile; // NULL: as in the set
    const char *name;           // likewise
};

// A set as text, piece by piece: fields in the order of the schema, two blanks a level, so that it
// can be kept under version control. The caller embeds it; the set must live.
#define NH_DEVICE_WRITER_DEPTH 40
typedef struct nh_device_writer {
    const nh_device_set_t *set;
    enum nh_device_form form;
    struct nh_device_head head;
    uint32_t depth;
    bool is_done;
    nh_span_t text; // the rest of one that did not fit
    uint8_t text_state;
    struct {
        const struct nh_field_object *object;
        nh_rec_t rec;
        uint16_t row;   // the next to write
        uint8_t kind;   // an object, or a list
        uint8_t field;  // of a list
        uint32_t index; // of a list: of the next element
        bool is_first;
    } level[NH_DEVICE_WRITER_DEPTH];
} nh_device_writer_t;
void nh_device_writer_init(nh_device_writer_t *w, const nh_device_set_t *s,
                           enum nh_device_form form, const struct nh_device_head *head);
// Writes what fits; `cap` at least 512. Returns the bytes; 0: the end.
size_t nh_device_writer_next(nh_device_writer_t *w, char *buf, size_t cap);

#endif
