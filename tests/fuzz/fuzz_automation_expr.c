// Expressions: never out of bounds; the check says of a text what evaluation says; a text without
// braces comes out of substitution as it went in. The first byte is how much scratch there is.

#include <stdlib.h>
#include <string.h>

#include "components/automation/expr.h"

static nh_span_t payload;

static bool lookup(void *ctx, nh_span_t name, struct nh_value *out)
{
    (void)ctx;
    if (name.len == 1 && name.ptr[0] == 'p')
        *out = nh_value_of_text(payload);
    else if (name.len == 1 && name.ptr[0] == 'n')
        *out = nh_value_of_number(-2.5);
    else
        return false;
    return true;
}

static bool flag(void *ctx, nh_span_t name)
{
    (void)ctx;
    return name.len % 2;
}

static uint32_t number(void *ctx)
{
    (void)ctx;
    return 0xDEADBEEF;
}

static void *exact(const void *bytes, size_t len)
{
    void *copy = malloc(len ? len : 1);
    memcpy(copy, bytes, len);
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[96], buf[NH_VALUE_TEXT_MAX_BYTES];
    static char out[8192];
    struct nh_value v;
    if (size < 1 || size > 4096)
        return 0;
    uint8_t *text = exact(data + 1, size - 1);
    nh_span_t span = {text, size - 1};
    struct nh_expr_env env = {.lookup = lookup,
                              .flag = flag,
                              .random = number,
                              .scratch = malloc(data[0] + 1u),
                              .scratch_bytes = data[0],
                              .why = why,
                              .why_bytes = sizeof why};
    payload = span; // also read as JSON

    int check = nh_expr_check(span, why, sizeof why);
    int eval = nh_expr_eval(span, &env, &v);
    bool is_form = eval == NH_ERR_SYNTAX || eval == NH_ERR_TOO_DEEP;
    if (check != (is_form ? eval : 0))
        abort();
    nh_span_t made = nh_value_text(&v, buf);
    free(exact(made.ptr, made.len)); // all of it can be read
    if (v.kind == NH_VALUE_NUMBER && v.number - v.number != 0)
        abort();

    int len = nh_expr_substitute(span, &env, out, sizeof out);
    if (!memmem(span.ptr, span.len, "{{", 2) &&
        (len != (int)span.len || memcmp(out, span.ptr, span.len) != 0))
        abort();
    free(text);
    free(env.scratch);
    return 0;
}
