// json_text.h - short texts for people in a fixed buffer: what does not fit is cut before a whole
// character and ends in "...". Shared in this folder only.

#ifndef NH_JSON_TEXT_H
#define NH_JSON_TEXT_H

#include "core/base/base.h"

struct nh__text {
    char *out;
    size_t size, len;
    bool is_cut;
};

// `size` is at least 4; the text has its NUL after nh__text_end().
void nh__text_init(struct nh__text *t, char *out, size_t size);
void nh__text_put_n(struct nh__text *t, const char *s, size_t len);
void nh__text_put(struct nh__text *t, const char *s);
void nh__text_put_uint(struct nh__text *t, uint64_t v);
void nh__text_put_int(struct nh__text *t, int64_t v);
void nh__text_put_double(struct nh__text *t, double v);
void nh__text_end(struct nh__text *t);

#endif
