// An image's head from a stranger: what is taken, written again, is the same but for the signature
// and the bytes that say nothing.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "components/ota/ota_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t secret[NH_SIGN_SECRET_BYTES] = {1};
    struct nh_ota_head h, again;
    uint8_t bytes[NH_OTA_HEAD_BYTES];
    if (size < NH_OTA_HEAD_BYTES)
        return 0;
    uint8_t *copy = malloc(NH_OTA_HEAD_BYTES); // a byte read behind it is found
    memcpy(copy, data, NH_OTA_HEAD_BYTES);
    if (nh_ota_head_decode(copy, &h) == 0) {
        nh_ota_head_encode(&h, secret, bytes);
        if (nh_ota_head_decode(bytes, &again) < 0 || again.payload_bytes != h.payload_bytes ||
            strcmp(again.version, h.version) != 0 || strcmp(again.target, h.target) != 0)
            abort();
        if (nh_ota_head_verify(copy, secret) == 0)
            abort(); // nobody has that key
    }
    free(copy);
    return 0;
}
