// A form from a stranger, in pieces of the first byte's size: the same data as in one piece.

#include <stdlib.h>
#include <string.h>

#include "core/http/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct taken {
    uint8_t *bytes;
    size_t len, max;
};

static int on_data(void *ctx, const uint8_t *bytes, size_t len)
{
    struct taken *t = ctx;
    if (len == 0 || len > t->max - t->len)
        abort(); // more came out than went in
    memcpy(t->bytes + t->len, bytes, len);
    t->len += len;
    return 0;
}

static int run(const uint8_t *data, size_t size, size_t step, struct taken *t, bool *is_whole)
{
    const struct nh_multipart_handler handler = {.ctx = t, .data = on_data};
    nh_multipart_t m;
    int err = nh_multipart_init(&m, "multipart/form-data; boundary=b", &handler);
    for (size_t at = 0; at < size && err == 0; at += step) {
        size_t n = size - at < step ? size - at : step;
        uint8_t *piece = malloc(n);
        memcpy(piece, data + at, n);
        err = nh_multipart_feed(&m, piece, n);
        free(piece);
    }
    *is_whole = nh_multipart_is_whole(&m);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct taken a = {.bytes = malloc(size), .max = size}, b = {.bytes = malloc(size), .max = size};
    bool whole[2];
    int err_a = run(data + 1, size - 1, size, &a, &whole[0]);
    int err_b = run(data + 1, size - 1, 1 + data[0] % 17, &b, &whole[1]);
    if (err_a != err_b || whole[0] != whole[1] || a.len != b.len ||
        memcmp(a.bytes, b.bytes, a.len) != 0)
        abort();
    free(a.bytes);
    free(b.bytes);
    return 0;
}
