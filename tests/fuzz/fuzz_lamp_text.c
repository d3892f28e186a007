// Texts that a lamp shows: any bytes. The house's UTF-8 check says what a character is; windows on
// a text are parts of the whole.

#include "components/lamp/fx/fx_font.h"
#include "core/base/utf8.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_characters(const char *text, size_t len)
{
    const char *at = text;
    while (nh_fx_utf8_next(&at) != 0)
        NH_ASSERT(at <= text + len);
    NH_ASSERT(at == text + len);
    // Up to the first fault every character is one; at it stands U+FFFD, one byte long.
    size_t valid = nh_utf8_valid_len(text, len, false);
    for (at = text; at < text + valid;) {
        const char *from = at;
        uint32_t code = nh_fx_utf8_next(&at);
        NH_ASSERT(code != 0xfffd || memcmp(from, "\xEF\xBF\xBD", 3) == 0);
    }
    NH_ASSERT(at == text + valid);
    NH_ASSERT(valid == len || (nh_fx_utf8_next(&at) == 0xfffd && at == text + valid + 1));
}

static void check_window(const char *text, enum nh_fx_font font, int32_t from)
{
    uint16_t whole[512], part[40];
    nh_fx_text_raster(whole, 512, text, 0, font);
    nh_fx_text_raster(part, 40, text, from, font);
    for (int32_t i = 0; i < 40; i++)
        NH_ASSERT(part[i] == (from + i < 0 ? 0 : whole[from + i]));
    uint32_t columns = nh_fx_text_columns(text, font);
    for (uint32_t i = columns; i < 512; i++)
        NH_ASSERT(whole[i] == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 1 || len > NH_FX_TEXT_MAX_BYTES)
        return 0;
    int32_t from = (int32_t)(bytes[0] * 2) - 60;
    const uint8_t *end = memchr(bytes + 1, 0, len - 1);
    size_t n = end ? (size_t)(end - bytes) - 1 : len - 1;
    char *text = malloc(n + 1); // exact: a read past the NUL is seen
    memcpy(text, bytes + 1, n);
    text[n] = 0;
    check_characters(text, n);
    check_window(text, NH_FX_FONT_NORMAL, from);
    check_window(text, NH_FX_FONT_TINY, from);
    free(text);
    return 0;
}
