// The document of the macro pad from a stranger: whole and in pieces the answer is the same, and
// what is taken comes out as a document that is taken again, the same.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "components/macropad/macro_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char text[2][NH_KIB(512)];

static size_t write(nh_macro_set_t *set, enum nh_macro_form form, char *out, size_t part)
{
    nh_macro_encoder_t e;
    size_t len = 0;
    int n;
    nh_macro_encoder_init(&e, set, form);
    while ((n = nh_macro_encoder_read(&e, out + len, part)) > 0)
        len += (size_t)n;
    nh_macro_encoder_deinit(&e);
    if (n < 0)
        abort();
    return len;
}

static nh_macro_set_t *read(nh_mem_t *mem, nh_macro_decoder_t *d, const void *bytes, size_t len,
                            size_t piece)
{
    nh_macro_set_t *set = NULL;
    int err = nh_macro_decoder_init(d, mem, 0);
    for (size_t at = 0; err == 0 && at < len; at += piece)
        err =
            nh_macro_decoder_feed(d, (const char *)bytes + at, piece < len - at ? piece : len - at);
    if (err == 0)
        err = nh_macro_decoder_end(d, &set);
    if (err == NH_ERR_NOMEM || (err == 0) != (set != NULL))
        abort();
    nh_macro_decoder_deinit(d);
    return set;
}

static void check(nh_mem_t *mem, const uint8_t *data, size_t size)
{
    nh_macro_decoder_t whole, pieces;
    nh_macro_set_t *a = read(mem, &whole, data, size, size ? size : 1);
    nh_macro_set_t *b = read(mem, &pieces, data, size, 1 + size % 7);
    if ((a == NULL) != (b == NULL) || whole.finding.fault != pieces.finding.fault ||
        strcmp(whole.finding.pointer, pieces.finding.pointer) != 0)
        abort();
    if (a) {
        size_t len = write(a, NH_MACRO_SPARSE, text[0], NH_MACRO_PART_MAX_BYTES);
        nh_macro_set_unref(b);
        b = read(mem, &pieces, text[0], len, len);
        if (!b || pieces.cut_count)
            abort();
        len = write(a, NH_MACRO_WHOLE, text[0], 4096);
        if (write(b, NH_MACRO_WHOLE, text[1], 2048) != len || memcmp(text[0], text[1], len) != 0)
            abort();
    }
    nh_macro_set_unref(a);
    nh_macro_set_unref(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static _Alignas(16) uint8_t internal[32 * 1024], psram[512 * 1024];
    const struct nh_mem_system_config cfg = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    if (nh_mem_system_create(&cfg, &sys) != 0 || nh_mem_owner_add(sys, "macropad", NULL, &mem) != 0)
        abort();
    check(mem, data, size);
    if (nh_mem_system_destroy(sys, NULL, NULL) != 0)
        abort();
    return 0;
}
