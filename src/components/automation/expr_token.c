// expr_token.c - what stands in an expression, token by token, and what is told when it is wrong.

#include "components/automation/expr_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// ---- errors -------------------------------------------------------------------------------------

static void tell(struct nh_expr__parser *p, const char *fmt, va_list args)
{
    if (p->why && p->why_bytes > 0)
        vsnprintf(p->why, p->why_bytes, fmt, args);
}

int nh_expr__fail(struct nh_expr__parser *p, int err, const char *fmt, ...)
{
    va_list args;
    if (p->err || p->syntax_err)
        return p->err ? p->err : p->syntax_err;
    p->err = err;
    va_start(args, fmt);
    tell(p, fmt, args);
    va_end(args);
    return err;
}

bool nh_expr__refuse(struct nh_expr__parser *p, const uint8_t *at, int err, const char *fmt, ...)
{
    char text[96];
    va_list args;
    if (p->syntax_err)
        return false;
    p->syntax_err = err;
    p->token = NH_EXPR_WRONG;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (p->why && p->why_bytes > 0)
        snprintf(p->why, p->why_bytes, "%s (character %u)", text, (unsigned)(at - p->begin) + 1);
    return false;
}

bool nh_expr__is_evaluating(const struct nh_expr__parser *p)
{
    return p->env && p->skip_depth == 0 && p->err == 0;
}

// ---- texts that are made ------------------------------------------------------------------------

char *nh_expr__room(struct nh_expr__parser *p, size_t bytes)
{
    if (bytes > p->env->scratch_bytes - p->scratch_used) {
        nh_expr__fail(p, NH_ERR_TOO_LONG, "the texts that are made are over %u bytes",
                      (unsigned)p->env->scratch_bytes);
        return NULL;
    }
    return p->env->scratch + p->scratch_used;
}

nh_span_t nh_expr__put(struct nh_expr__parser *p, size_t bytes)
{
    nh_span_t t = {(const uint8_t *)p->env->scratch + p->scratch_used, bytes};
    p->scratch_used += bytes;
    return t;
}

// ---- tokens -------------------------------------------------------------------------------------

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_first(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(uint8_t c)
{
    return is_name_first(c) || is_digit(c) || c == '.';
}

static bool is_word(nh_span_t t, const char *word)
{
    return t.len == strlen(word) && memcmp(t.ptr, word, t.len) == 0;
}

static void take_name(struct nh_expr__parser *p)
{
    static const struct {
        const char *word;
        int token;
    } words[] = {{"and", NH_EXPR_AND},
                 {"or", NH_EXPR_OR},
                 {"not", NH_EXPR_NOT},
                 {"true", NH_EXPR_TRUE},
                 {"false", NH_EXPR_FALSE}};
    while (p->at < p->end && is_name(*p->at))
        p->at++;
    p->word = (nh_span_t){p->token_at, (size_t)(p->at - p->token_at)};
    p->token = NH_EXPR_NAME;
    for (size_t i = 0; i < NH_ARRAY_LEN(words); i++)
        if (is_word(p->word, words[i].word))
            p->token = words[i].token;
}

static const uint8_t *past_digits(const uint8_t *at, const uint8_t *end)
{
    while (at < end && is_digit(*at))
        at++;
    return at;
}

// As JSON has them, without a sign. What begins like a number and is none is an error here.
static void take_number(struct nh_expr__parser *p)
{
    struct nh_value v;
    double number;
    p->at = past_digits(p->at, p->end);
    if (p->at + 1 < p->end && *p->at == '.' && is_digit(p->at[1]))
        p->at = past_digits(p->at + 1, p->end);
    if (p->at < p->end && (*p->at == 'e' || *p->at == 'E')) {
        const uint8_t *exponent = p->at + 1;
        if (exponent < p->end && (*exponent == '+' || *exponent == '-'))
            exponent++;
        p->at = past_digits(exponent, p->end);
    }
    p->word = (nh_span_t){p->token_at, (size_t)(p->at - p->token_at)};
    p->token = NH_EXPR_NUMBER;
    v = nh_value_of_text(p->word);
    if ((p->at < p->end && is_name(*p->at)) || !nh_value_number(&v, &number))
        nh_expr__refuse(p, p->token_at, NH_ERR_SYNTAX, "this is no number");
}

static bool is_escape(uint8_t c)
{
    return c == '\\' || c == '\'' || c == '"' || c == 'n' || c == 't';
}

static void take_text(struct nh_expr__parser *p)
{
    uint8_t quote = *p->token_at;
    p->has_escape = false;
    p->token = NH_EXPR_TEXT;
    for (p->at++; p->at < p->end && *p->at != quote; p->at++) {
        if (*p->at != '\\')
            continue;
        p->has_escape = true;
        if (++p->at == p->end)
            break;
        if (!is_escape(*p->at)) {
            nh_expr__refuse(p, p->at - 1, NH_ERR_SYNTAX, "after a \\ come only \\ ' \" n and t");
            return;
        }
    }
    if (p->at == p->end) {
        nh_expr__refuse(p, p->token_at, NH_ERR_SYNTAX, "this text does not end");
        return;
    }
    p->word = (nh_span_t){p->token_at + 1, (size_t)(p->at - p->token_at) - 1};
    p->at++;
}

// One or two characters that are no letter.
static void take_sign(struct nh_expr__parser *p)
{
    static const struct {
        char text[3];
        int token;
    } pairs[] = {{"&&", NH_EXPR_AND},        {"||", NH_EXPR_OR},
                 {"==", NH_EXPR_EQUAL},      {"!=", NH_EXPR_NOT_EQUAL},
                 {"<=", NH_EXPR_LESS_EQUAL}, {">=", NH_EXPR_GREATER_EQUAL},
                 {"}}", NH_EXPR_CLOSE}};
    for (size_t i = 0; i < NH_ARRAY_LEN(pairs) && p->end - p->at >= 2; i++) {
        if (memcmp(p->at, pairs[i].text, 2) != 0 ||
            (pairs[i].token == NH_EXPR_CLOSE && !p->in_braces))
            continue;
        p->at += 2;
        p->token = pairs[i].token;
        return;
    }
    p->token = *p->at++;
    if (p->token == '=')
        nh_expr__refuse(p, p->token_at, NH_ERR_SYNTAX, "to compare write ==");
    else if (p->token == 0 || !strchr("+-*/%<>!?:(),", p->token))
        nh_expr__refuse(p, p->token_at, NH_ERR_SYNTAX, "nothing begins like this");
}

void nh_expr__next(struct nh_expr__parser *p)
{
    if (p->syntax_err)
        return;
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
        p->at++;
    p->token_at = p->at;
    if (p->at == p->end)
        p->token = NH_EXPR_END;
    else if (is_name_first(*p->at))
        take_name(p);
    else if (is_digit(*p->at))
        take_number(p);
    else if (*p->at == '\'' || *p->at == '"')
        take_text(p);
    else
        take_sign(p);
}

bool nh_expr__expect(struct nh_expr__parser *p, int token, const char *what)
{
    if (p->token != token)
        return nh_expr__refuse(p, p->token_at, NH_ERR_SYNTAX, "here %s is missing", what);
    nh_expr__next(p);
    return true;
}
