#include "components/ota/ota_image.h"

#include "core/base/bytes.h"

#include <string.h>

static const uint8_t magic[8] = {'N', 'U', 'T', 'H', 'A', 'T', 'C', 'H'};
#define FORMAT 1

#if defined(__x86_64__)
#define MACHINE "x86_64"
#elif defined(__aarch64__)
#define MACHINE "aarch64"
#elif defined(__arm__)
#define MACHINE "arm"
#elif defined(__riscv)
#define MACHINE "riscv"
#else
#define MACHINE "unknown"
#endif

const char *nh_ota_target(void)
{
    return "linux-" MACHINE;
}

static void put_text(uint8_t *p, const char *text)
{
    size_t len = strnlen(text, NH_OTA_TEXT_MAX_BYTES - 1);
    memcpy(p, text, len);
}

void nh_ota_head_encode(const struct nh_ota_head *h, const uint8_t secret[NH_SIGN_SECRET_BYTES],
                        uint8_t out[NH_OTA_HEAD_BYTES])
{
    memset(out, 0, NH_OTA_HEAD_BYTES);
    memcpy(out, magic, sizeof magic);
    nh_put_le16(out + 8, FORMAT);
    nh_put_le16(out + 10, NH_OTA_HEAD_BYTES);
    nh_put_le64(out + 16, h->payload_bytes);
    memcpy(out + 24, h->sha256, sizeof h->sha256);
    put_text(out + 56, h->version);
    put_text(out + 88, h->target);
    nh_sign(secret, out, NH_OTA_SIGNED_BYTES, out + NH_OTA_SIGNED_BYTES);
}

// Printable ASCII with its NUL: it is shown to people and stands in JSON.
static bool take_text(char out[NH_OTA_TEXT_MAX_BYTES], const uint8_t *p)
{
    memcpy(out, p, NH_OTA_TEXT_MAX_BYTES);
    size_t len = strnlen(out, NH_OTA_TEXT_MAX_BYTES);
    for (size_t i = 0; i < len; i++)
        if (out[i] < ' ' || out[i] > '~' || out[i] == '"' || out[i] == '\\')
            return false;
    return len > 0 && len < NH_OTA_TEXT_MAX_BYTES;
}

int nh_ota_head_decode(const uint8_t bytes[NH_OTA_HEAD_BYTES], struct nh_ota_head *out)
{
    if (memcmp(bytes, magic, sizeof magic) != 0 || nh_get_le16(bytes + 8) != FORMAT ||
        nh_get_le16(bytes + 10) != NH_OTA_HEAD_BYTES)
        return NH_ERR_SYNTAX;
    out->payload_bytes = nh_get_le64(bytes + 16);
    memcpy(out->sha256, bytes + 24, sizeof out->sha256);
    bool is_good = take_text(out->version, bytes + 56) && take_text(out->target, bytes + 88);
    return is_good && out->payload_bytes > 0 ? NH_OK : NH_ERR_SYNTAX;
}

int nh_ota_head_verify(const uint8_t bytes[NH_OTA_HEAD_BYTES], const uint8_t key[NH_SIGN_KEY_BYTES])
{
    return nh_sign_verify(key, bytes, NH_OTA_SIGNED_BYTES, bytes + NH_OTA_SIGNED_BYTES);
}
