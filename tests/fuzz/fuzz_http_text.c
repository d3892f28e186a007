// The small grammars of requests: the first byte chooses, the rest is the text.

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/http/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_percent(nh_span_t in)
{
    char *out = malloc(in.len + 1);
    int n = nh_http_percent_decode(in, true, out, in.len + 1);
    if (n >= 0 && ((size_t)n > in.len || strlen(out) != (size_t)n))
        abort();
    free(out);
}

static void check_span(const char *text, nh_span_t s)
{
    const char *p = (const char *)s.ptr;
    if (p < text || p + s.len > text + strlen(text))
        abort();
}

static void check_text(uint8_t kind, const char *text)
{
    nh_span_t a, b;
    char out[64];
    switch (kind % 6) {
    case 0:
        if (nh_http_query_find(text, "path", &a)) {
            check_span(text, a);
            check_percent(a);
        }
        break;
    case 1:
        if (nh_http_cookie_find(text, "nh_session", &a))
            check_span(text, a);
        break;
    case 2: {
        int n = nh_http_basic_decode(text, out, sizeof out);
        if (n >= (int)sizeof out || (n >= 0 && (n == 0 || strlen(out) + 1 != (size_t)n)))
            abort();
        break;
    }
    case 3:
        (void)nh_http_etag_matches(text, "\"x\"");
        (void)nh_http_accepts(text, "gzip");
        break;
    case 4:
        if (nh_http_host_split(text, &a, &b)) {
            check_span(text, a);
            check_span(text, b);
            (void)nh_http_host_is_literal(a);
        }
        break;
    default:
        (void)nh_http_origin_is_host(text, "hub:80");
        (void)nh_http_origin_is_host("http://hub", text);
        (void)nh_http_referer_is_host(text, "hub:80");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    check_percent((nh_span_t){data + 1, size - 1});
    char *text = malloc(size); // exact: one byte too far is seen
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    check_text(data[0], text);
    free(text);
    return 0;
}
