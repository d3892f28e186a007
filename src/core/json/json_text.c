#include "core/json/json_text.h"

#include <string.h>

#include "core/json/json_num.h"
#include "core/json/json_utf8.h"

void nh__text_init(struct nh__text *t, char *out, size_t size)
{
    *t = (struct nh__text){.out = out, .size = size};
}

void nh__text_put_n(struct nh__text *t, const char *s, size_t len)
{
    size_t room = t->size - 1 - t->len;
    if (len > room) {
        len = room;
        t->is_cut = true;
    }
    memcpy(t->out + t->len, s, len);
    t->len += len;
}

void nh__text_put(struct nh__text *t, const char *s)
{
    nh__text_put_n(t, s, strlen(s));
}

void nh__text_put_uint(struct nh__text *t, uint64_t v)
{
    char digits[20];
    nh__text_put_n(t, digits, nh__json_uint_print(v, digits));
}

void nh__text_put_int(struct nh__text *t, int64_t v)
{
    if (v < 0)
        nh__text_put(t, "-");
    nh__text_put_uint(t, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void nh__text_put_double(struct nh__text *t, double v)
{
    char digits[NH_JSON_DOUBLE_TEXT_MAX];
    nh__text_put_n(t, digits, nh__json_double_print(v, digits));
}

void nh__text_end(struct nh__text *t)
{
    if (t->is_cut) {
        t->len = t->size - 4;
        while (t->len > 0 && nh__utf8_is_tail((uint8_t)t->out[t->len]))
            t->len--;
        memcpy(t->out + t->len, "...", 3);
        t->len += 3;
    }
    t->out[t->len] = '\0';
}
