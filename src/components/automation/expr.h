// expr.h - expressions, and texts with {{ expressions }} in them. No allocation, no clock; the text
// is read once from left to right, nested NH_EXPR_DEPTH_MAX levels at most.
//
//   what                                       binds, from loosest to tightest
//   a ? b : c                                  only one of b and c is evaluated
//   or  ||                                     the right side only if the left is not true
//   and &&                                     the right side only if the left is true
//   not                                        not a == b is not (a == b)
//   == != < <= > >=                            do not chain
//   + -                                        + joins if one side is a text
//   * / %
//   - !                                        before a value
//   12.5  'text'  "text"  true  false  name  f(x, ...)  ( ... )
//
// In a text \\ \' \" \n and \t stand for what they do elsewhere. A name has letters, digits, '_'
// and '.', no digit first. A name that is not known has the value NONE, which equals nothing, is
// not true, and is an error in arithmetic; default(x, y) is y then. Calculating wants numbers:
// number(x) makes one of a text, or NONE. Comparing takes numbers as numbers when both sides are,
// as texts or not; see value.h.
//
//   min(a, ...) max(a, ...) abs(x) floor(x) ceil(x) round(x) round(x, places)
//   random(a, b)            a whole number from a to b, both included
//   len(t) upper(t) lower(t) contains(t, part) starts_with(t, part) ends_with(t, part)
//   number(x) text(x) default(x, y)
//   json(payload, '/pointer')  what stands there, NONE if nothing does
//   quote(x)                   the text as JSON writes it, with its quotes
//   flag('name')               whether the flag is set

#ifndef NH_AUTOMATION_EXPR_H
#define NH_AUTOMATION_EXPR_H

#include "components/automation/value.h"

#define NH_EXPR_DEPTH_MAX 20

// What an expression may ask, of whoever evaluates it. All functions may be NULL: no name is known,
// no flag is set, there is no random.
struct nh_expr_env {
    bool (*lookup)(void *ctx, nh_span_t name, struct nh_value *out); // false: not known
    bool (*flag)(void *ctx, nh_span_t name);
    uint32_t (*random)(void *ctx);
    void *ctx;
    char *scratch; // texts that are made stand here until the next call with it
    size_t scratch_bytes;
    char *why; // receives what was wrong, with a NUL, when a call fails; NULL: nowhere
    size_t why_bytes;
};

// Whether a text is an expression: 0, or NH_ERR_SYNTAX, NH_ERR_TOO_DEEP and in `why` what is wrong
// and where. nh_expr_eval() gives these two errors for the same texts and no others.
NH_MUST_USE int nh_expr_check(nh_span_t text, char *why, size_t cap);

// The value of an expression; its text is borrowed from the text, from `env`'s scratch or from what
// lookup() gave. NH_ERR_TYPE: a value of the wrong kind; NH_ERR_RANGE: a division by zero, a number
// too large, random() from more to less; NH_ERR_TOO_LONG: scratch is too small for a text that is
// made; NH_ERR_UNSUPPORTED: random() without a source. `*out` is then NONE.
NH_MUST_USE int nh_expr_eval(nh_span_t text, struct nh_expr_env *env, struct nh_value *out);

// Writes `text` to `out`, without a NUL, with the values in place of {{ expressions }}. What is no
// expression, or has no value, is left as it stands, braces and all, as the older firmware did and
// so that templates of others pass. Returns the length; NH_ERR_TOO_LONG: it does not fit, it is
// never cut; or the error of an expression. The content of `out` is then not defined. `out` may be
// neither `text` nor scratch.
NH_MUST_USE int nh_expr_substitute(nh_span_t text, struct nh_expr_env *env, char *out, size_t cap);

#endif
