// macro_docs.h - documents of a macro pad for tests, and a memory as a chip with PSRAM has it.
// Include after <cmocka.h>.

#ifndef NH_TEST_MACRO_DOCS_H
#define NH_TEST_MACRO_DOCS_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "components/macropad/macro_codec.h"

struct macro_memory {
    nh_mem_system_t *sys;
    nh_mem_t *mem; // of owner "macropad"
};

static inline void macro_memory_init(struct macro_memory *m)
{
    static _Alignas(16) uint8_t internal[32 * 1024], psram[512 * 1024];
    const struct nh_mem_system_config cfg = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    assert_int_equal(nh_mem_system_create(&cfg, &m->sys), NH_OK);
    assert_int_equal(nh_mem_owner_add(m->sys, "macropad", NULL, &m->mem), NH_OK);
}

static inline void macro_memory_leak(void *ctx, const char *owner, enum nh_mem_tier tier,
                                     size_t bytes, size_t blocks)
{
    (void)ctx;
    fail_msg("%s holds %u bytes in %u blocks of tier %d", owner, (unsigned)bytes, (unsigned)blocks,
             (int)tier);
}

static inline void macro_memory_deinit(struct macro_memory *m)
{
    nh_mem_fault_set(m->sys, NULL);
    assert_int_equal(nh_mem_check(m->sys), NH_OK);
    assert_int_equal(nh_mem_system_destroy(m->sys, macro_memory_leak, NULL), 0);
}

// The most that the owner ever held in a tier.
static inline size_t macro_memory_peak(const struct macro_memory *m, enum nh_mem_tier tier)
{
    struct nh_mem_owner_info info;
    for (size_t i = 0; nh_mem_owner_info(m->sys, i, &info) == 0; i++)
        if (strcmp(info.name, "macropad") == 0)
            return info.tier[tier].peak_bytes;
    fail();
    return 0;
}

#define MACRO_DOC_MAX_BYTES (450 * 1024)

struct macro_doc {
    size_t len;
    char text[MACRO_DOC_MAX_BYTES];
};

static inline void macro_doc_add(struct macro_doc *d, const char *fmt, ...) NH_PRINTF(2, 3);
static inline void macro_doc_add(struct macro_doc *d, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(d->text + d->len, sizeof d->text - d->len, fmt, args);
    va_end(args);
    assert_true(n >= 0 && (size_t)n < sizeof d->text - d->len);
    d->len += (size_t)n;
}

static inline void macro_doc_repeat(struct macro_doc *d, const char *text, unsigned count)
{
    while (count--)
        macro_doc_add(d, "%s", text);
}

// 8 screens of 16 buttons, each the text `button`.
static inline void macro_doc_of(struct macro_doc *d, const char *button)
{
    d->len = 0;
    macro_doc_add(d, "{\"screens\": [");
    for (unsigned s = 0; s < 8; s++) {
        macro_doc_add(d, "%s{\"buttons\": [", s ? ", " : "");
        for (unsigned b = 0; b < 16; b++)
            macro_doc_add(d, "%s%s", b ? ", " : "", button);
        macro_doc_add(d, "]}");
    }
    macro_doc_add(d, "]}");
}

// The longest there is, as python's json.dumps would send it: every text at its limit, every
// character of it escaped, keys in an odd order.
static inline void macro_doc_worst(struct macro_doc *d)
{
    d->len = 0;
    macro_doc_add(d, "{\"screens\": [");
    for (unsigned s = 0; s < 8; s++) {
        macro_doc_add(d, "%s{\"buttons\": [", s ? ", " : "");
        for (unsigned b = 0; b < 16; b++) {
            macro_doc_add(d, "%s{\"payload\": \"", b ? ", " : "");
            macro_doc_repeat(d, "\\u0001", 255);
            macro_doc_add(d, "\", \"icon\": {\"display\": \"");
            macro_doc_repeat(d, "\\u0002", 63);
            macro_doc_add(d, "\", \"id\": \"");
            macro_doc_repeat(d, "\\u0003", 31);
            macro_doc_add(d, "\", \"type\": \"emoji\"}, \"mqtt_topic\": \"");
            macro_doc_repeat(d, "\\u0004", 127);
            macro_doc_add(d, "\", \"label\": \"");
            macro_doc_repeat(d, "\\u001f", 15);
            macro_doc_add(d, "\", \"label_color\": 16777215, \"icon_color\": 11259375, "
                             "\"button_bg\": 1193046, \"action\": \"mqtt_send\"}");
        }
        macro_doc_add(d, "], \"screen_bg\": 16711680, \"template\": \"round_split_sides_4\"}");
    }
    macro_doc_add(d, "], \"defaults\": {\"label_color\": 1, \"icon_color\": 2, \"button_bg\": 3, "
                     "\"screen_bg\": 4}}");
}

// Decodes in pieces of `piece` bytes (0: whole). The decoder stays for its finding.
static inline int macro_doc_decode(const struct macro_memory *m, nh_macro_decoder_t *d,
                                   const char *text, size_t len, size_t piece, nh_macro_set_t **out)
{
    *out = NULL;
    int err = nh_macro_decoder_init(d, m->mem, 0);
    for (size_t at = 0; err == 0 && at < len;) {
        size_t n = piece && piece < len - at ? piece : len - at;
        err = nh_macro_decoder_feed(d, text + at, n);
        at += n;
    }
    if (err == 0)
        err = nh_macro_decoder_end(d, out);
    nh_macro_decoder_deinit(d);
    return err;
}

// Writes the set through a buffer of `cap` bytes.
static inline void macro_doc_encode(struct macro_doc *d, nh_macro_set_t *set,
                                    enum nh_macro_form form, size_t cap)
{
    static char part[8192];
    nh_macro_encoder_t e;
    int n;
    d->len = 0;
    nh_macro_encoder_init(&e, set, form);
    while ((n = nh_macro_encoder_read(&e, part, cap)) > 0) {
        assert_true((size_t)n <= cap);
        macro_doc_add(d, "%.*s", n, part);
    }
    assert_int_equal(n, 0);
    assert_int_equal(nh_macro_encoder_read(&e, part, cap), 0); // the end stays the end
    nh_macro_encoder_deinit(&e);
}

#endif
