// What is wrong with a document, its key scripts and icons included, without a pad.

#include "components/macropad/macro_codec.h"
#include "components/macropad/macropad.h"

#include "core/base/utf8.h"

#include <stdio.h>
#include <string.h>

#define PIECE_BYTES 2048u

struct checking {
    nh_finding_fn finding;
    void *ctx;
    const nh_key_layout_t *layout;
    unsigned screen, slot;
    uint32_t errors;
};

static void tell(struct checking *k, struct nh_finding *f)
{
    k->errors += !f->is_warning;
    k->finding(k->ctx, f);
}

static struct nh_finding in_button(const struct checking *k, const char *member)
{
    struct nh_finding f = {.code = NH_ERR_INVAL};
    snprintf(f.pointer, sizeof f.pointer, "/screens/%u/buttons/%u/%s", k->screen, k->slot, member);
    return f;
}

static void copy_text(char *out, size_t cap, nh_span_t text)
{
    size_t len = nh_utf8_valid_len(text.ptr, text.len < cap ? text.len : cap - 1, false);
    memcpy(out, text.ptr, len);
    out[len] = '\0';
}

static void tell_key(void *ctx, enum nh_key_fault fault, uint32_t line, uint32_t column,
                     nh_span_t token)
{
    struct checking *k = ctx;
    struct nh_finding f = in_button(k, "payload");
    f.is_warning = fault == NH_KEY_LEFT_OUT || fault == NH_KEY_TOO_LONG;
    copy_text(f.value, sizeof f.value, token);
    snprintf(f.text, sizeof f.text, "line %u, column %u of the script: %s", (unsigned)line,
             (unsigned)column, nh_key_fault_text(fault));
    tell(k, &f);
}

static void check_button(struct checking *k, const nh_macro_set_t *set)
{
    struct nh_macropad_button_view b;
    char id[NH_MACROPAD_ICON_ID_MAX_BYTES];
    nh_macro_set_button(set, k->screen, k->slot, &b);
    if (b.action == NH_MACROPAD_SEND_KEYS)
        nh_key_script_check(b.payload, k->layout, false, tell_key, k);
    nh_icon_id_normalize(b.icon_id, id);
    if (b.icon_type != NH_MACROPAD_ICON_BUILTIN || nh_icon_set_find(id))
        return;
    struct nh_finding f = in_button(k, "icon/id");
    copy_text(f.value, sizeof f.value, b.icon_id);
    snprintf(f.text, sizeof f.text, "there is no built-in icon of that name");
    tell(k, &f);
}

static void check_set(struct checking *k, const nh_macro_set_t *set)
{
    for (k->screen = 0; k->screen < NH_MACROPAD_SCREEN_COUNT; k->screen++)
        for (k->slot = 0; k->slot < NH_MACROPAD_SLOT_COUNT; k->slot++)
            check_button(k, set);
}

static void tell_document(struct checking *k, const struct nh_macro_finding *m)
{
    struct nh_finding f = {.code = NH_ERR_INVAL, .line = m->line, .column = m->column};
    snprintf(f.pointer, sizeof f.pointer, "%s", m->pointer);
    if (m->limit) {
        snprintf(f.value, sizeof f.value, "%u", (unsigned)m->value);
        snprintf(f.limit, sizeof f.limit, "%u", (unsigned)m->limit);
    }
    snprintf(f.text, sizeof f.text, "%s",
             m->fault == NH_MACRO_NOT_JSON ? m->text : nh_macro_fault_text(m->fault));
    tell(k, &f);
}

static void tell_cut(struct checking *k, uint32_t count)
{
    struct nh_finding f = {.code = NH_ERR_TOO_LONG, .is_warning = true};
    snprintf(f.value, sizeof f.value, "%u", (unsigned)count);
    snprintf(f.text, sizeof f.text, "texts longer than their limit, which are cut");
    if (count)
        tell(k, &f);
}

struct document {
    nh_macro_decoder_t decoder;
    uint8_t piece[PIECE_BYTES];
};

static int decode(nh_mem_t *mem, struct document *d,
                  int (*source)(void *ctx, void *out, size_t cap), void *ctx, nh_macro_set_t **out)
{
    int n = 1, err = nh_macro_decoder_init(&d->decoder, mem, UINT32_MAX);
    while (err == 0 && n > 0) {
        n = source(ctx, d->piece, sizeof d->piece);
        err = n < 0 ? n : nh_macro_decoder_feed(&d->decoder, d->piece, (size_t)n);
    }
    return err < 0 ? err : nh_macro_decoder_end(&d->decoder, out);
}

int nh_macropad_check(nh_mem_t *mem, const char *layout,
                      int (*source)(void *ctx, void *out, size_t cap), void *ctx,
                      nh_finding_fn finding, void *finding_ctx)
{
    struct checking k = {.finding = finding, .ctx = finding_ctx};
    struct document *d = nh_mem_alloc(mem, sizeof *d, NH_MEM_BULK);
    nh_macro_set_t *set = NULL;
    k.layout = nh_key_layout_find((nh_span_t){(const uint8_t *)layout, strlen(layout)});
    if (!k.layout || !d) {
        nh_mem_free(mem, d);
        return k.layout ? NH_ERR_NOMEM : NH_ERR_NOT_FOUND;
    }
    int err = decode(mem, d, source, ctx, &set);
    if (err == NH_ERR_INVAL)
        tell_document(&k, nh_macro_decoder_finding(&d->decoder));
    if (set) {
        tell_cut(&k, d->decoder.cut_count);
        check_set(&k, set);
    }
    nh_macro_set_unref(set);
    nh_macro_decoder_deinit(&d->decoder);
    nh_mem_free(mem, d);
    return err < 0 ? err : k.errors ? NH_ERR_INVAL : 0;
}
