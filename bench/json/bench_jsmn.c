#include "bench_json.h"

#ifdef HAVE_JSMN
#define JSMN_STATIC
#define JSMN_PARENT_LINKS // its faster way
#include <jsmn.h>
#include <stdlib.h>
#include <string.h>

// More than any of the texts has: jsmn is not charged for making room.
#define TOKENS 400000
static jsmntok_t tokens[TOKENS];

static int parse(const struct bench_text *t)
{
    jsmn_parser p;
    jsmn_init(&p);
    return jsmn_parse(&p, t->bytes, t->len, tokens, TOKENS);
}

// jsmn leaves the escapes to its user. The texts have no surrogate pairs.
static size_t unescape(const char *s, size_t len, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (s[i] != '\\') {
            out[n++] = s[i];
        } else if (s[++i] == 'u') {
            char hex[5] = {s[i + 1], s[i + 2], s[i + 3], s[i + 4], 0};
            unsigned long c = strtoul(hex, NULL, 16);
            i += 4;
            if (c >= 0x80)
                out[n++] = (char)(0xc0 | c >> 6);
            out[n++] = (char)(c < 0x80 ? c : 0x80 | (c & 0x3f));
        } else {
            out[n++] = s[i] == 'n' ? '\n' : s[i];
        }
    }
    return n;
}

static size_t get_text(const struct bench_text *t, const jsmntok_t *token)
{
    static char text[4096];
    const char *s = t->bytes + token->start;
    size_t len = (size_t)(token->end - token->start);
    if (memchr(s, '\\', len))
        return unescape(s, len, text);
    memcpy(text, s, len);
    return len;
}

static bool decode(const struct bench_text *t, struct bench_sum *sum)
{
    int count = parse(t);
    for (int i = 0; i < count; i++) {
        const jsmntok_t *token = &tokens[i];
        char c = t->bytes[token->start];
        if (token->type == JSMN_STRING && token->size > 0)
            sum->key_bytes += get_text(t, token);
        else if (token->type == JSMN_STRING)
            sum->text_bytes += get_text(t, token);
        else if (token->type == JSMN_PRIMITIVE && (c == '-' || (c >= '0' && c <= '9')))
            sum->number_sum += strtod(t->bytes + token->start, NULL);
        else if (token->type == JSMN_PRIMITIVE)
            sum->word_count++;
    }
    return count > 0;
}

static bool token_is(const struct bench_text *t, const jsmntok_t *token, const char *want)
{
    size_t len = (size_t)(token->end - token->start);
    return len == strlen(want) && memcmp(t->bytes + token->start, want, len) == 0;
}

static bool find(const struct bench_text *t)
{
    int count = parse(t);
    for (int i = 0; i + 1 < count; i++) {
        const jsmntok_t *key = &tokens[i], *value = &tokens[i + 1];
        if (key->type != JSMN_STRING || key->size == 0 || !token_is(t, key, t->wanted.key))
            continue;
        bool hit = t->wanted.text
                       ? value->type == JSMN_STRING && token_is(t, value, t->wanted.text)
                       : value->type == JSMN_PRIMITIVE &&
                             strtoll(t->bytes + value->start, NULL, 10) == t->wanted.number;
        if (hit)
            return tokens[key->parent].end > 0;
    }
    return false;
}

const struct bench_library bench_jsmn = {"jsmn", decode, find};
#else
const struct bench_library bench_jsmn = {"jsmn", 0, 0};
#endif
