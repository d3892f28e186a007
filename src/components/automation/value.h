// value.h - what variables, payloads and expressions have as their value, and how values compare.
//
// As a text: true and false, the shortest number that reads back, a text itself. As a number: a
// number, or a text that is one as JSON has them, blanks around it allowed. Texts come from
// payloads and settings alike, so "5" and 5 are the same value wherever values are compared.

#ifndef NH_AUTOMATION_VALUE_H
#define NH_AUTOMATION_VALUE_H

#include "components/devices/devices.h"

enum nh_value_kind { NH_VALUE_NONE, NH_VALUE_BOOL, NH_VALUE_NUMBER, NH_VALUE_TEXT };

// Which member is valid is said by `kind`. A number is finite. `text` is borrowed; of NONE it may
// be the name of what is not known, for messages.
struct nh_value {
    enum nh_value_kind kind;
    bool truth;
    double number;
    nh_span_t text;
};

static inline nh_span_t nh_span_of(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, __builtin_strlen(text)};
}

static inline struct nh_value nh_value_bool(bool truth)
{
    return (struct nh_value){.kind = NH_VALUE_BOOL, .truth = truth};
}

static inline struct nh_value nh_value_of_number(double number)
{
    return (struct nh_value){.kind = NH_VALUE_NUMBER, .number = number};
}

static inline struct nh_value nh_value_of_text(nh_span_t text)
{
    return (struct nh_value){.kind = NH_VALUE_TEXT, .text = text};
}

// Of a setting; its text is borrowed from the set.
struct nh_value nh_value_from_scalar(struct nh_scalar s);

// NONE, false, 0, and the texts "", "0" and "false" are not true; everything else is.
bool nh_value_truth(const struct nh_value *v);

// The value as a text; of NONE empty. It stands in the value, or in `buf` until that is used again.
#define NH_VALUE_TEXT_MAX_BYTES 32
nh_span_t nh_value_text(const struct nh_value *v, char buf[NH_VALUE_TEXT_MAX_BYTES]);

// The value as a number; false: it is none, and `*out` is as before.
bool nh_value_number(const struct nh_value *v, double *out);

// Numbers as numbers when both are, otherwise by their texts. NONE is equal to NONE alone.
bool nh_value_equal(const struct nh_value *a, const struct nh_value *b);

// `*order` < 0, 0, > 0. False: neither are both numbers nor both texts, so neither comes first.
bool nh_value_order(const struct nh_value *a, const struct nh_value *b, int *order);

// One of the comparisons of the configuration. NONE matches nothing but ANY.
bool nh_match_value(enum nh_match_op op, const struct nh_value *have, const struct nh_value *want);

// What a JSON pointer leads to in a JSON text: a scalar as its value (null: NONE), an object or an
// array as the text it stands in. A text with escapes is put into `buf`. NH_ERR_NOT_FOUND: it leads
// nowhere, or the text is no JSON up to there; NH_ERR_TOO_LONG: `buf` is too small. `*out` is then
// NONE. What follows the value in the text is not looked at.
NH_MUST_USE int nh_value_from_json(nh_span_t json, nh_span_t pointer, char *buf, size_t cap,
                                   struct nh_value *out);

// Whether a payload is as a record `match` wants it; no record: it is. The default of `op` is
// equal. With `json` it is the value there that must match: if there is none, only ANY matches.
#define NH_MATCH_TEXT_MAX_BYTES 1024 // of a JSON text with escapes; a longer one matches nothing
bool nh_match_payload(nh_rec_t match, nh_span_t payload);

#endif
