#include "components/automation/expr_private.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum token {
    TOKEN_END = 256,
    TOKEN_CLOSE, // "}}"
    TOKEN_NUMBER,
    TOKEN_TEXT,
    TOKEN_NAME,
    TOKEN_TRUE,
    TOKEN_FALSE,
    TOKEN_NOT,
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_EQUAL,
    TOKEN_NOT_EQUAL,
    TOKEN_LESS_EQUAL,
    TOKEN_GREATER_EQUAL,
    TOKEN_WRONG, // the error is told
};

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

// What is wrong with the text, and the character it is at, from 1. Always false.
NH_PRINTF(4, 5)
static bool refuse(struct nh_expr__parser *p, const uint8_t *at, int err, const char *fmt, ...)
{
    char text[96];
    va_list args;
    if (p->syntax_err)
        return false;
    p->syntax_err = err;
    p->token = TOKEN_WRONG;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (p->why && p->why_bytes > 0)
        snprintf(p->why, p->why_bytes, "%s (character %u)", text, (unsigned)(at - p->begin) + 1);
    return false;
}

static bool is_evaluating(const struct nh_expr__parser *p)
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
    } words[] = {{"and", TOKEN_AND},
                 {"or", TOKEN_OR},
                 {"not", TOKEN_NOT},
                 {"true", TOKEN_TRUE},
                 {"false", TOKEN_FALSE}};
    while (p->at < p->end && is_name(*p->at))
        p->at++;
    p->word = (nh_span_t){p->token_at, (size_t)(p->at - p->token_at)};
    p->token = TOKEN_NAME;
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
    p->token = TOKEN_NUMBER;
    v = nh_value_of_text(p->word);
    if ((p->at < p->end && is_name(*p->at)) || !nh_value_number(&v, &number))
        refuse(p, p->token_at, NH_ERR_SYNTAX, "this is no number");
}

static bool is_escape(uint8_t c)
{
    return c == '\\' || c == '\'' || c == '"' || c == 'n' || c == 't';
}

static void take_text(struct nh_expr__parser *p)
{
    uint8_t quote = *p->token_at;
    p->has_escape = false;
    p->token = TOKEN_TEXT;
    for (p->at++; p->at < p->end && *p->at != quote; p->at++) {
        if (*p->at != '\\')
            continue;
        p->has_escape = true;
        if (++p->at == p->end)
            break;
        if (!is_escape(*p->at)) {
            refuse(p, p->at - 1, NH_ERR_SYNTAX, "after a \\ come only \\ ' \" n and t");
            return;
        }
    }
    if (p->at == p->end) {
        refuse(p, p->token_at, NH_ERR_SYNTAX, "this text does not end");
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
    } pairs[] = {{"&&", TOKEN_AND},       {"||", TOKEN_OR},         {"==", TOKEN_EQUAL},
                 {"!=", TOKEN_NOT_EQUAL}, {"<=", TOKEN_LESS_EQUAL}, {">=", TOKEN_GREATER_EQUAL},
                 {"}}", TOKEN_CLOSE}};
    for (size_t i = 0; i < NH_ARRAY_LEN(pairs) && p->end - p->at >= 2; i++) {
        if (memcmp(p->at, pairs[i].text, 2) != 0 ||
            (pairs[i].token == TOKEN_CLOSE && !p->in_braces))
            continue;
        p->at += 2;
        p->token = pairs[i].token;
        return;
    }
    p->token = *p->at++;
    if (p->token == '=')
        refuse(p, p->token_at, NH_ERR_SYNTAX, "to compare write ==");
    else if (p->token == 0 || !strchr("+-*/%<>!?:(),", p->token))
        refuse(p, p->token_at, NH_ERR_SYNTAX, "nothing begins like this");
}

static void next_token(struct nh_expr__parser *p)
{
    if (p->syntax_err)
        return;
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
        p->at++;
    p->token_at = p->at;
    if (p->at == p->end)
        p->token = TOKEN_END;
    else if (is_name_first(*p->at))
        take_name(p);
    else if (is_digit(*p->at))
        take_number(p);
    else if (*p->at == '\'' || *p->at == '"')
        take_text(p);
    else
        take_sign(p);
}

static bool expect(struct nh_expr__parser *p, int token, const char *what)
{
    if (p->token != token)
        return refuse(p, p->token_at, NH_ERR_SYNTAX, "here %s is missing", what);
    next_token(p);
    return true;
}

// ---- values -------------------------------------------------------------------------------------

static bool parse(struct nh_expr__parser *p, struct nh_value *out);
static bool parse_binary(struct nh_expr__parser *p, int binds_min, struct nh_value *out);

// A text as it stands, or into scratch without its escapes.
static void give_text(struct nh_expr__parser *p, struct nh_value *out)
{
    if (!is_evaluating(p))
        return;
    *out = nh_value_of_text(p->word);
    char *room = p->has_escape ? nh_expr__room(p, p->word.len) : NULL;
    if (!room)
        return;
    size_t len = 0;
    for (size_t i = 0; i < p->word.len; i++) {
        uint8_t c = p->word.ptr[i];
        if (c == '\\') {
            c = p->word.ptr[++i];
            c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
        }
        room[len++] = (char)c;
    }
    *out = nh_value_of_text(nh_expr__put(p, len));
}

static void give_name(struct nh_expr__parser *p, nh_span_t name, struct nh_value *out)
{
    if (is_evaluating(p) && !(p->env->lookup && p->env->lookup(p->env->ctx, name, out)))
        *out = (struct nh_value){.kind = NH_VALUE_NONE, .text = name};
}

static bool parse_call(struct nh_expr__parser *p, nh_span_t name, const uint8_t *at,
                       struct nh_value *out)
{
    struct nh_value arg[NH_EXPR_ARGUMENT_MAX_COUNT] = {0};
    uint32_t count = 0;
    const struct nh_expr__function *f = nh_expr__function_find(name);
    if (!f)
        return refuse(p, at, NH_ERR_SYNTAX, "there is no function %.*s()",
                      (int)(name.len < 40 ? name.len : 40), (const char *)name.ptr);
    next_token(p);
    while (p->token != ')') {
        if (count > 0 && !expect(p, ',', "',' or ')'"))
            return false;
        if (count == f->max_count)
            return refuse(p, p->token_at, NH_ERR_SYNTAX, "%s() has at most %u arguments", f->name,
                          f->max_count);
        if (!parse(p, &arg[count++]))
            return false;
    }
    if (count < f->min_count)
        return refuse(p, p->token_at, NH_ERR_SYNTAX, "%s() wants %u arguments", f->name,
                      f->min_count);
    next_token(p);
    if (is_evaluating(p))
        NH_IGNORE(f->call(p, arg, count, out)); // an error is kept in the parser
    return p->syntax_err == 0;
}

static bool parse_named(struct nh_expr__parser *p, struct nh_value *out)
{
    nh_span_t name = p->word;
    const uint8_t *at = p->token_at;
    next_token(p);
    if (p->token == '(')
        return parse_call(p, name, at, out);
    give_name(p, name, out);
    return p->syntax_err == 0;
}

static bool parse_signed(struct nh_expr__parser *p, struct nh_value *out);

static bool parse_value(struct nh_expr__parser *p, struct nh_value *out)
{
    double number;
    struct nh_value text;
    switch (p->token) {
    case TOKEN_NUMBER:
        text = nh_value_of_text(p->word);
        if (nh_value_number(&text, &number))
            *out = nh_value_of_number(number);
        break;
    case TOKEN_TEXT:
        give_text(p, out);
        break;
    case TOKEN_TRUE:
    case TOKEN_FALSE:
        *out = nh_value_bool(p->token == TOKEN_TRUE);
        break;
    case TOKEN_NAME:
        return parse_named(p, out);
    case '(':
        next_token(p);
        return parse(p, out) && expect(p, ')', "')'");
    case '-':
    case '!':
        return parse_signed(p, out);
    case TOKEN_END:
    case TOKEN_CLOSE:
        return refuse(p, p->token_at, NH_ERR_SYNTAX, "something is missing at the end");
    default:
        return refuse(p, p->token_at, NH_ERR_SYNTAX, "here a value is missing");
    }
    next_token(p);
    return true;
}

static bool enter(struct nh_expr__parser *p)
{
    if (p->syntax_err)
        return false;
    if (p->depth == NH_EXPR_DEPTH_MAX)
        return refuse(p, p->token_at, NH_ERR_TOO_DEEP, "nested deeper than %d levels",
                      NH_EXPR_DEPTH_MAX);
    p->depth++;
    return true;
}

static bool parse_signed(struct nh_expr__parser *p, struct nh_value *out)
{
    bool is_minus = p->token == '-';
    double v;
    if (!enter(p))
        return false;
    next_token(p);
    bool is_read = parse_value(p, out);
    p->depth--;
    if (!is_read || !is_evaluating(p))
        return is_read;
    if (!is_minus)
        *out = nh_value_bool(!nh_value_truth(out));
    else if (nh_expr__number(p, "'-'", out, &v))
        *out = nh_value_of_number(-v);
    return true;
}

// ---- operators ----------------------------------------------------------------------------------

enum binds { BINDS_OR = 1, BINDS_AND, BINDS_NOT, BINDS_COMPARE, BINDS_ADD, BINDS_MULTIPLY };

static int binds(int token)
{
    switch (token) {
    case TOKEN_OR:
        return BINDS_OR;
    case TOKEN_AND:
        return BINDS_AND;
    case TOKEN_EQUAL:
    case TOKEN_NOT_EQUAL:
    case TOKEN_LESS_EQUAL:
    case TOKEN_GREATER_EQUAL:
    case '<':
    case '>':
        return BINDS_COMPARE;
    case '+':
    case '-':
        return BINDS_ADD;
    case '*':
    case '/':
    case '%':
        return BINDS_MULTIPLY;
    default:
        return 0;
    }
}

static void join(struct nh_expr__parser *p, const struct nh_value *left,
                 const struct nh_value *right, struct nh_value *out)
{
    char buf[2][NH_VALUE_TEXT_MAX_BYTES];
    nh_span_t a = nh_value_text(left, buf[0]), b = nh_value_text(right, buf[1]);
    const uint8_t *top = (const uint8_t *)p->env->scratch;
    if (a.len + b.len == 0)
        return; // `out` is `left`: an empty text, or a value whose text is empty
    // A text that was made last goes on where it ends, so a long chain of + is not copied each
    // time.
    bool goes_on = p->scratch_used > 0 && a.len > 0 && a.ptr + a.len == top + p->scratch_used &&
                   a.len <= p->scratch_used;
    size_t more = goes_on ? b.len : a.len + b.len;
    char *room = nh_expr__room(p, more);
    if (!room)
        return;
    if (!goes_on && a.len)
        memcpy(room, a.ptr, a.len);
    if (b.len)
        memcpy(room + (goes_on ? 0 : a.len), b.ptr, b.len);
    nh_span_t t = nh_expr__put(p, more);
    *out = nh_value_of_text(goes_on ? (nh_span_t){a.ptr, a.len + b.len} : t);
}

static void add(struct nh_expr__parser *p, struct nh_value *left, const struct nh_value *right)
{
    double a, b;
    bool has_text = left->kind == NH_VALUE_TEXT || right->kind == NH_VALUE_TEXT;
    bool is_known = left->kind != NH_VALUE_NONE && right->kind != NH_VALUE_NONE;
    if (has_text && is_known)
        join(p, left, right, left);
    else if (nh_expr__number(p, "'+'", left, &a) && nh_expr__number(p, "'+'", right, &b))
        nh_expr__give_number(p, a + b, left);
}

static void calculate(struct nh_expr__parser *p, int token, struct nh_value *left,
                      const struct nh_value *right)
{
    char what[4] = {'\'', (char)token, '\'', '\0'};
    double a, b;
    if (!nh_expr__number(p, what, left, &a) || !nh_expr__number(p, what, right, &b))
        return;
    if (b == 0 && (token == '/' || token == '%'))
        nh_expr__fail(p, NH_ERR_RANGE, "%s by zero", what);
    else if (token == '-')
        nh_expr__give_number(p, a - b, left);
    else if (token == '*')
        nh_expr__give_number(p, a * b, left);
    else
        nh_expr__give_number(p, token == '/' ? a / b : fmod(a, b), left);
}

static void compare(struct nh_expr__parser *p, int token, struct nh_value *left,
                    const struct nh_value *right)
{
    int order;
    bool is_true;
    if (token == TOKEN_EQUAL || token == TOKEN_NOT_EQUAL) {
        *left = nh_value_bool(nh_value_equal(left, right) == (token == TOKEN_EQUAL));
        return;
    }
    if (!nh_value_order(left, right, &order)) {
        nh_expr__fail(p, NH_ERR_TYPE, "these two cannot be put in an order");
        return;
    }
    if (token == '<')
        is_true = order < 0;
    else if (token == '>')
        is_true = order > 0;
    else
        is_true = token == TOKEN_LESS_EQUAL ? order <= 0 : order >= 0;
    *left = nh_value_bool(is_true);
}

static void apply(struct nh_expr__parser *p, int token, struct nh_value *left,
                  const struct nh_value *right)
{
    if (binds(token) == BINDS_COMPARE)
        compare(p, token, left, right);
    else if (token == '+')
        add(p, left, right);
    else
        calculate(p, token, left, right);
}

// The right side of `and` and `or` counts only if the left does not decide.
static bool parse_logic(struct nh_expr__parser *p, int token, struct nh_value *left)
{
    bool is_left = nh_value_truth(left);
    bool is_decided = is_left == (token == TOKEN_OR);
    struct nh_value right = {.kind = NH_VALUE_NONE};
    p->skip_depth += is_decided;
    bool is_read = parse_binary(p, binds(token) + 1, &right);
    p->skip_depth -= is_decided;
    if (is_read && is_evaluating(p))
        *left = nh_value_bool(is_decided ? is_left : nh_value_truth(&right));
    return is_read;
}

static bool parse_first(struct nh_expr__parser *p, struct nh_value *out)
{
    if (p->token != TOKEN_NOT)
        return parse_value(p, out);
    next_token(p);
    if (!parse_binary(p, BINDS_NOT, out))
        return false;
    if (is_evaluating(p))
        *out = nh_value_bool(!nh_value_truth(out));
    return true;
}

static bool parse_right(struct nh_expr__parser *p, int token, struct nh_value *left)
{
    struct nh_value right = {.kind = NH_VALUE_NONE};
    const uint8_t *at;
    if (binds(token) <= BINDS_AND)
        return parse_logic(p, token, left);
    if (!parse_binary(p, binds(token) + 1, &right))
        return false;
    at = p->token_at;
    if (is_evaluating(p))
        apply(p, token, left, &right);
    if (binds(token) == BINDS_COMPARE && binds(p->token) == BINDS_COMPARE)
        return refuse(p, at, NH_ERR_SYNTAX, "comparisons do not chain: join them with and");
    return true;
}

// A row of operators that bind at least that tightly.
static bool parse_binary(struct nh_expr__parser *p, int binds_min, struct nh_value *out)
{
    if (!enter(p))
        return false;
    bool is_read = parse_first(p, out);
    while (is_read && binds(p->token) >= binds_min) {
        int token = p->token;
        next_token(p);
        is_read = parse_right(p, token, out);
    }
    p->depth--;
    return is_read;
}

static bool parse_branch(struct nh_expr__parser *p, bool is_taken, struct nh_value *out)
{
    struct nh_value other = {.kind = NH_VALUE_NONE};
    p->skip_depth += !is_taken;
    bool is_read = parse(p, is_taken ? out : &other);
    p->skip_depth -= !is_taken;
    return is_read;
}

static bool parse(struct nh_expr__parser *p, struct nh_value *out)
{
    if (!parse_binary(p, BINDS_OR, out))
        return false;
    if (p->token != '?')
        return true;
    if (!enter(p))
        return false;
    bool truth = nh_value_truth(out);
    next_token(p);
    bool is_read =
        parse_branch(p, truth, out) && expect(p, ':', "':'") && parse_branch(p, !truth, out);
    p->depth--;
    return is_read;
}

// ---- the whole ----------------------------------------------------------------------------------

static int run(struct nh_expr__parser *p, int end_token, struct nh_value *out)
{
    *out = (struct nh_value){.kind = NH_VALUE_NONE};
    next_token(p);
    if (parse(p, out) && p->token != end_token)
        refuse(p, p->token_at, NH_ERR_SYNTAX, "here an operator is missing");
    int err = p->syntax_err ? p->syntax_err : p->err;
    if (err)
        *out = (struct nh_value){.kind = NH_VALUE_NONE};
    return err;
}

int nh_expr_check(nh_span_t text, char *why, size_t cap)
{
    struct nh_value v;
    struct nh_expr__parser p = {.begin = text.ptr,
                                .at = text.ptr,
                                .end = text.ptr + text.len,
                                .why = why,
                                .why_bytes = cap};
    return run(&p, TOKEN_END, &v);
}

int nh_expr_eval(nh_span_t text, struct nh_expr_env *env, struct nh_value *out)
{
    struct nh_expr__parser p = {.begin = text.ptr,
                                .at = text.ptr,
                                .end = text.ptr + text.len,
                                .env = env,
                                .why = env->why,
                                .why_bytes = env->why_bytes};
    return run(&p, TOKEN_END, out);
}

struct out {
    char *ptr;
    size_t cap, len;
};

static int append(struct out *o, const void *bytes, size_t len)
{
    if (len > o->cap - o->len)
        return NH_ERR_TOO_LONG;
    if (len)
        memcpy(o->ptr + o->len, bytes, len);
    o->len += len;
    return NH_OK;
}

// At "{{": writes what it comes to, and moves `*at` behind it. Left as it stands: the two braces.
static int substitute(const uint8_t **at, const uint8_t *end, struct nh_expr_env *env,
                      struct out *o)
{
    char buf[NH_VALUE_TEXT_MAX_BYTES];
    struct nh_value v;
    struct nh_expr__parser p = {.begin = *at + 2,
                                .at = *at + 2,
                                .end = end,
                                .in_braces = true,
                                .env = env,
                                .why = env->why,
                                .why_bytes = env->why_bytes};
    int err = run(&p, TOKEN_CLOSE, &v);
    if (err && !p.syntax_err)
        return err;
    const uint8_t *from = *at;
    *at = p.syntax_err ? from + 2 : p.at;
    if (p.syntax_err || v.kind == NH_VALUE_NONE)
        return append(o, from, (size_t)(*at - from));
    nh_span_t text = nh_value_text(&v, buf);
    return append(o, text.ptr, text.len);
}

int nh_expr_substitute(nh_span_t text, struct nh_expr_env *env, char *out, size_t cap)
{
    struct out o = {out, cap < INT32_MAX ? cap : INT32_MAX, 0};
    const uint8_t *at = text.ptr, *end = text.ptr + text.len;
    int err = NH_OK;
    while (err == NH_OK && at < end) {
        const uint8_t *braces = memmem(at, (size_t)(end - at), "{{", 2);
        err = append(&o, at, (size_t)((braces ? braces : end) - at));
        at = braces ? braces : end;
        if (err == NH_OK && braces)
            err = substitute(&at, end, env, &o);
    }
    return err < 0 ? err : (int)o.len;
}
