// words.h - texts of a configuration: what each class may have, and words that look alike. Shared
// in this folder only.

#ifndef NH_DEVICES_WORDS_H
#define NH_DEVICES_WORDS_H

#include "components/devices/set.h"

// ---- JSON pointers, cut at their end
// -------------------------------------------------------------

struct nh_pointer {
    char text[sizeof((struct nh_device_finding *)0)->pointer];
    size_t len;
    bool is_cut;
};
void nh_pointer__init(struct nh_pointer *p);
void nh_pointer__name(struct nh_pointer *p, const char *name, size_t len); // SIZE_MAX: to its NUL
void nh_pointer__index(struct nh_pointer *p, uint32_t index);

// ---- texts --------------------------------------------------------------------------------------

bool nh_words__equal(nh_span_t text, const char *word);
uint8_t nh_words__lower(uint8_t c);                  // of A to Z
bool nh_words__equal_word(nh_span_t a, nh_span_t b); // ignoring the case of A to Z

// 0, or NH_ERR_INVAL and in `why` what is wrong with a text of that class. Empty is allowed unless
// it `is_needed`, or its class wants more.
NH_MUST_USE int nh_words__text(enum nh_text_class class, nh_span_t text, bool is_needed,
                               const struct nh_device_limits *limits, char *why, size_t cap);

// The number of a whole text: at most 53 bits. NH_ERR_INVAL.
NH_MUST_USE int nh_words__int(nh_span_t text, int64_t *out);
bool nh_words__is_number(nh_span_t text); // as JSON has them
// "18:30" or "18:30:15" as seconds from midnight; NH_ERR_INVAL.
NH_MUST_USE int nh_words__time(nh_span_t text);

// ---- for messages -------------------------------------------------------------------------------

// "a, b, c", with the one most like `text` alone when it is very like.
void nh_words__list(const char *const *words, nh_span_t text, char *out, size_t cap);
// The field of an object that `name` may be meant for; NULL: none is like it.
const char *nh_words__like_row(const struct nh_field_object *o, nh_span_t name);

#endif
