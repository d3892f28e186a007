// expr_private.h - what the parser of expressions shares with their functions. This folder only.

#ifndef NH_AUTOMATION_EXPR_PRIVATE_H
#define NH_AUTOMATION_EXPR_PRIVATE_H

#include "components/automation/expr.h"

#define NH_EXPR_ARGUMENT_MAX_COUNT 4

enum nh_expr__token {
    NH_EXPR_END = 256,
    NH_EXPR_CLOSE, // "}}"
    NH_EXPR_NUMBER,
    NH_EXPR_TEXT,
    NH_EXPR_NAME,
    NH_EXPR_TRUE,
    NH_EXPR_FALSE,
    NH_EXPR_NOT,
    NH_EXPR_AND,
    NH_EXPR_OR,
    NH_EXPR_EQUAL,
    NH_EXPR_NOT_EQUAL,
    NH_EXPR_LESS_EQUAL,
    NH_EXPR_GREATER_EQUAL,
    NH_EXPR_WRONG, // the error is told
};

// Reads and evaluates in one pass. An error of evaluation is kept, and the rest is only read, so
// that a text is well formed or not whatever its values are.
struct nh_expr__parser {
    const uint8_t *begin, *at, *end; // `at`: behind the token at hand
    const uint8_t *token_at;
    int token;               // a character, or one of enum nh_expr__token
    nh_span_t word;          // of a name, a number, a text (without its quotes)
    bool has_escape;         // of a text
    bool in_braces;          // "}}" ends it
    struct nh_expr_env *env; // NULL: it is only read
    uint32_t depth;
    uint32_t skip_depth; // > 0: in a part that is not evaluated
    size_t scratch_used;
    int err;        // of evaluation
    int syntax_err; // ends it
    char *why;
    size_t why_bytes;
};

// Keeps the first error of evaluation. Returns it, always < 0.
int nh_expr__fail(struct nh_expr__parser *p, int err, const char *fmt, ...) NH_PRINTF(3, 4);

// What is wrong with the text, and the character it is at, from 1. Always false.
bool nh_expr__refuse(struct nh_expr__parser *p, const uint8_t *at, int err, const char *fmt, ...)
    NH_PRINTF(4, 5);
bool nh_expr__is_evaluating(const struct nh_expr__parser *p);

void nh_expr__next(struct nh_expr__parser *p); // the next token
// Passes over a token. False: another one is there, and that `what` is missing is told.
bool nh_expr__expect(struct nh_expr__parser *p, int token, const char *what);

// Room for a text that is made; NULL: the error is kept. It is used when it is put.
char *nh_expr__room(struct nh_expr__parser *p, size_t bytes);
nh_span_t nh_expr__put(struct nh_expr__parser *p, size_t bytes);

struct nh_expr__function {
    const char *name;
    uint8_t min_count, max_count; // of its arguments
    int (*call)(struct nh_expr__parser *p, const struct nh_value *arg, uint32_t count,
                struct nh_value *out);
};
const struct nh_expr__function *nh_expr__function_find(nh_span_t name); // NULL: none

// Of an argument or operand; the error names `what` wants it.
bool nh_expr__number(struct nh_expr__parser *p, const char *what, const struct nh_value *v,
                     double *out);
// Gives a result that is finite, or keeps an error.
int nh_expr__give_number(struct nh_expr__parser *p, double v, struct nh_value *out);

#endif
