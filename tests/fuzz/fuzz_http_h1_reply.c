// A server's reply: the head in a block of exact size, then the body, whole and byte by byte with
// the same content and the same end.

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "platform/linux/http/h1_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Gathers the content; returns the error, or how many bytes were taken.
static int take(struct nh_h1_body b, const uint8_t *bytes, size_t len, size_t step, uint8_t *out,
                size_t *have)
{
    size_t at = 0;
    *have = 0;
    while (at < len && !b.is_whole) {
        nh_span_t run;
        int n = nh_h1_body_take(&b, bytes + at, len - at < step ? len - at : step, &run);
        if (n < 0)
            return n;
        if (n == 0 || run.len > (size_t)n)
            abort();
        if (run.len > 0)
            memcpy(out + *have, run.ptr, run.len);
        *have += run.len;
        at += (size_t)n;
    }
    return (int)at;
}

static void check_body(const struct nh_h1_answer *a, const uint8_t *bytes, size_t len)
{
    struct nh_h1_body b;
    uint8_t *whole = malloc(len + 1), *single = malloc(len + 1);
    size_t whole_len, single_len;
    nh_h1_body_begin(&b, a, false);
    int n = take(b, bytes, len, len, whole, &whole_len);
    int m = take(b, bytes, len, 1, single, &single_len);
    if (n != m || whole_len != single_len || memcmp(whole, single, whole_len) != 0)
        abort();
    free(whole);
    free(single);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t scanned = 0;
    int end = nh_h1_find_end((const char *)data, size, &scanned);
    if (end <= 0)
        return 0;
    size_t len = (size_t)end;
    char *buf = malloc(len);
    memcpy(buf, data, len);
    static struct nh_h1_answer a;
    if (nh_h1_answer_parse(buf, len, &a) == NH_OK) {
        if (a.status < 100 || a.status > 999)
            abort();
        for (size_t i = 0; i < a.header_count; i++) {
            const char *v = a.header[i].value;
            if (v < buf || v + strlen(v) >= buf + len)
                abort();
        }
        check_body(&a, data + len, size - len);
    }
    free(buf);
    return 0;
}
