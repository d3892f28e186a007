// An icon's file from a stranger: the answer is the same in any pieces, and what is taken has as
// many pixels as its head says.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "components/macropad/icon_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum nh_icon_fault judge(struct nh_icon_reading *r, const uint8_t *data, size_t size,
                                size_t piece)
{
    enum nh_icon_fault f = NH_ICON_OK;
    nh_icon_reading_init(r);
    for (size_t at = 0; at < size && f == NH_ICON_OK; at += piece) {
        size_t n = piece < size - at ? piece : size - at;
        uint8_t *copy = malloc(n);
        memcpy(copy, data + at, n);
        f = nh_icon_reading_take(r, copy, n);
        free(copy);
    }
    return f == NH_ICON_OK ? nh_icon_reading_end(r) : f;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nh_icon_reading whole, pieces;
    enum nh_icon_fault f = judge(&whole, data, size, size ? size : 1);
    if (judge(&pieces, data, size, 1) != f || judge(&pieces, data, size, 1 + size % 15) != f)
        abort();
    if (f != NH_ICON_OK)
        return 0;
    uint8_t head[NH_ICON_HEAD_BYTES];
    if (whole.head.pixel_bytes + NH_ICON_HEAD_BYTES != size || whole.head.width == 0 ||
        whole.head.width > NH_ICON_SIDE_MAX || whole.head.height == 0 ||
        whole.head.height > NH_ICON_SIDE_MAX)
        abort();
    nh_icon_head_write(head, whole.head.width, whole.head.height, NH_ICON_COLOR,
                       whole.head.pixel_bytes);
    if (memcmp(head, data, 8) != 0)
        abort();
    return 0;
}
