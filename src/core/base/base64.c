#include "core/base/base64.h"

#include <limits.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int nh_base64_encode(const void *bytes, size_t len, char *out, size_t cap)
{
    if (len > INT_MAX / 2 || cap < NH_BASE64_TEXT_BYTES(len))
        return NH_ERR_TOO_LONG;
    const uint8_t *p = bytes;
    size_t n = 0;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t v = (uint32_t)p[i] << 16;
        v |= left > 1 ? (uint32_t)p[i + 1] << 8 : 0;
        v |= left > 2 ? p[i + 2] : 0;
        out[n++] = digits[v >> 18];
        out[n++] = digits[v >> 12 & 63];
        out[n++] = '=';
        out[n++] = '=';
        if (left > 1)
            out[n - 2] = digits[v >> 6 & 63];
        if (left > 2)
            out[n - 1] = digits[v & 63];
    }
    out[n] = '\0';
    return (int)n;
}

static int digit_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

// Decodes one group of 4 characters of which the last `pad` are '='. Returns the 24 bits or an
// error.
static int decode_group(const char *text, size_t pad)
{
    uint32_t v = 0;
    for (size_t i = 0; i < 4; i++) {
        int d = i < 4 - pad ? digit_value(text[i]) : 0;
        if (d < 0)
            return NH_ERR_SYNTAX;
        v = v << 6 | (uint32_t)d;
    }
    uint32_t unused = pad == 2 ? 0xFFFF : pad == 1 ? 0xFF : 0;
    return v & unused ? NH_ERR_SYNTAX : (int)v;
}

int nh_base64_decode(const char *text, size_t len, void *out, size_t cap)
{
    if (len % 4 || len > INT_MAX)
        return NH_ERR_SYNTAX;
    uint8_t *p = out;
    size_t n = 0;
    for (size_t i = 0; i < len; i += 4) {
        bool last = i + 4 == len;
        size_t pad = !last || text[i + 3] != '=' ? 0 : text[i + 2] != '=' ? 1 : 2;
        int v = decode_group(text + i, pad);
        if (v < 0)
            return v;
        for (size_t k = 0; k < 3 - pad; k++) {
            if (n == cap)
                return NH_ERR_TOO_LONG;
            p[n++] = (uint8_t)((uint32_t)v >> (16 - 8 * k));
        }
    }
    return (int)n;
}
