// Any bytes as the head of an image.

#include "components/display/jpeg_head.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nh_display__jpeg_head h;
    char why[120] = "";
    if (nh_display__jpeg_head(data, size, &h) == 0 &&
        !nh_display__jpeg_suits(&h, 360, 360, size % 2, why, sizeof why) && !why[0])
        abort(); // who is refused is told why
    return 0;
}
