#include "components/automation/expr_private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// ---- values -------------------------------------------------------------------------------------

static bool parse(struct nh_expr__parser *p, struct nh_value *out);
static bool parse_binary(struct nh_expr__parser *p, int binds_min, struct nh_value *out);

// A text as it stands, or into scratch without its escapes.
static void give_text(struct nh_expr__parser *p, struct nh_value *out)
{
    if (!nh_expr__is_evaluating(p))
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
    if (nh_expr__is_evaluating(p) && !(p->env->lookup && p->env->lookup(p->env->ctx, name, out)))
        *out = (struct nh_value){.kind = NH_VALUE_NONE, .text = name};
}

static bool parse_call(struct nh_expr__parser *p, nh_span_t name, const uint8_t *at,
                       struct nh_value *out)
{
    struct nh_value arg[NH_EXPR_ARGUMENT_MAX_COUNT] = {0};
    uint32_t count = 0;
    const struct nh_expr__function *f = nh_expr__function_find(name);
    if (!f)
        return nh_expr__refuse(p, at, NH_ERR_SYNTAX, "there is no function %.*s()",
                               (int)(name.len < 40 ? name.len : 40), (const char *)name.ptr);
    nh_expr__next(p);
    while (p->token != ')') {
        if (count > 0 && !nh_expr__expect(p, ',', "',' or ')'"))
            return false;
        if (count == f->max_count)
            return nh_expr__refuse(p, p->token_at, NH_ERR_SYNTAX, "%s() has at most %u arguments",
                                   f->name, f->max_count);
        if (!parse(p, &arg[count++]))
            return false;
    }
    if (count < f->min_count)
        return nh_expr__refuse(p, p->token_at, NH_ERR_SYNTAX, "%s() wants %u arguments", f->name,
                               f->min_count);
    nh_expr__next(p);
    if (nh_expr__is_evaluating(p))
        NH_IGNORE(f->call(p, arg, count, out)); // an error is kept in the parser
    return p->syntax_err == 0;
}

static bool parse_named(struct nh_expr__parser *p, struct nh_value *out)
{
    nh_span_t name = p->word;
    const uint8_t *at = p->token_at;
    nh_expr__next(p);
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
    case NH_EXPR_NUMBER:
        text = nh_value_of_text(p->word);
        if (nh_value_number(&text, &number))
            *out = nh_value_of_number(number);
        break;
    case NH_EXPR_TEXT:
        give_text(p, out);
        break;
    case NH_EXPR_TRUE:
    case NH_EXPR_FALSE:
        *out = nh_value_bool(p->token == NH_EXPR_TRUE);
        break;
    case NH_EXPR_NAME:
        return parse_named(p, out);
    case '(':
        nh_expr__next(p);
        return parse(p, out) && nh_expr__expect(p, ')', "')'");
    case '-':
    case '!':
        return parse_signed(p, out);
    case NH_EXPR_END:
    case NH_EXPR_CLOSE:
        return nh_expr__refuse(p, p->token_at, NH_ERR_SYNTAX, "something is missing at the end");
    default:
        return nh_expr__refuse(p, p->token_at, NH_ERR_SYNTAX, "here a value is missing");
    }
    nh_expr__next(p);
    return true;
}

static bool enter(struct nh_expr__parser *p)
{
    if (p->syntax_err)
        return false;
    if (p->depth == NH_EXPR_DEPTH_MAX)
        return nh_expr__refuse(p, p->token_at, NH_ERR_TOO_DEEP, "nested deeper than %d levels",
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
    nh_expr__next(p);
    bool is_read = parse_value(p, out);
    p->depth--;
    if (!is_read || !nh_expr__is_evaluating(p))
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
    case NH_EXPR_OR:
        return BINDS_OR;
    case NH_EXPR_AND:
        return BINDS_AND;
    case NH_EXPR_EQUAL:
    case NH_EXPR_NOT_EQUAL:
    case NH_EXPR_LESS_EQUAL:
    case NH_EXPR_GREATER_EQUAL:
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
    if (token == NH_EXPR_EQUAL || token == NH_EXPR_NOT_EQUAL) {
        *left = nh_value_bool(nh_value_equal(left, right) == (token == NH_EXPR_EQUAL));
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
        is_true = token == NH_EXPR_LESS_EQUAL ? order <= 0 : order >= 0;
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
    bool is_decided = is_left == (token == NH_EXPR_OR);
    struct nh_value right = {.kind = NH_VALUE_NONE};
    p->skip_depth += is_decided;
    bool is_read = parse_binary(p, binds(token) + 1, &right);
    p->skip_depth -= is_decided;
    if (is_read && nh_expr__is_evaluating(p))
        *left = nh_value_bool(is_decided ? is_left : nh_value_truth(&right));
    return is_read;
}

static bool parse_first(struct nh_expr__parser *p, struct nh_value *out)
{
    if (p->token != NH_EXPR_NOT)
        return parse_value(p, out);
    nh_expr__next(p);
    if (!parse_binary(p, BINDS_NOT, out))
        return false;
    if (nh_expr__is_evaluating(p))
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
    if (nh_expr__is_evaluating(p))
        apply(p, token, left, &right);
    if (binds(token) == BINDS_COMPARE && binds(p->token) == BINDS_COMPARE)
        return nh_expr__refuse(p, at, NH_ERR_SYNTAX,
                               "comparisons do not chain: join them with and");
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
        nh_expr__next(p);
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
    nh_expr__next(p);
    bool is_read = parse_branch(p, truth, out) && nh_expr__expect(p, ':', "':'") &&
                   parse_branch(p, !truth, out);
    p->depth--;
    return is_read;
}

// ---- the whole ----------------------------------------------------------------------------------

static int run(struct nh_expr__parser *p, int end_token, struct nh_value *out)
{
    *out = (struct nh_value){.kind = NH_VALUE_NONE};
    nh_expr__next(p);
    if (parse(p, out) && p->token != end_token)
        nh_expr__refuse(p, p->token_at, NH_ERR_SYNTAX, "here an operator is missing");
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
    return run(&p, NH_EXPR_END, &v);
}

int nh_expr_eval(nh_span_t text, struct nh_expr_env *env, struct nh_value *out)
{
    struct nh_expr__parser p = {.begin = text.ptr,
                                .at = text.ptr,
                                .end = text.ptr + text.len,
                                .env = env,
                                .why = env->why,
                                .why_bytes = env->why_bytes};
    return run(&p, NH_EXPR_END, out);
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
    int err = run(&p, NH_EXPR_CLOSE, &v);
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
