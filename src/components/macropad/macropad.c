// The owner: which document is in force, and how it is kept.

#include "components/macropad/macropad_state.h"

#include "core/base/atomic.h"
#include "core/base/log.h"

#include <string.h>

#define PIECE_BYTES 2048u // of a document between store and codec
#define GENERATIONS_MAX 8

_Static_assert(PIECE_BYTES >= NH_MACRO_PART_MAX_BYTES, "a part of the document must fit");

int nh_macropad_create(const struct nh_macropad_config *cfg, nh_macropad_t **out)
{
    *out = NULL;
    nh_macropad_t *m = nh_mem_alloc_zero(cfg->mem, sizeof *m, NH_MEM_BULK);
    if (!m)
        return NH_ERR_NOMEM;
    m->cfg = *cfg;
    if (!m->cfg.upload_timeout_ms)
        m->cfg.upload_timeout_ms = 10000;
    if (!m->cfg.document_max_bytes)
        m->cfg.document_max_bytes = NH_KIB(512);
    m->icon_cache.mem = cfg->mem;
    int err = nh_macro_set_create(cfg->mem, &m->set);
    if (err == 0)
        err = nh_macropad__create_typist(m);
    if (err < 0) {
        nh_macropad_destroy(m);
        return err;
    }
    *out = m;
    return 0;
}

void nh_macropad_destroy(nh_macropad_t *m)
{
    if (!m)
        return;
    NH_IGNORE(nh_macropad_stop_typing(m));
    nh_typist_destroy(m->typist);
    nh_icon_cache_deinit(&m->icon_cache);
    nh_macro_set_unref(m->set);
    nh_mem_free(m->cfg.mem, m);
}

nh_macro_set_t *nh_macropad_set(nh_macropad_t *m)
{
    nh_lock_acquire(&m->cfg.lock);
    nh_macro_set_t *set = nh_macro_set_ref(m->set);
    nh_lock_release(&m->cfg.lock);
    return set;
}

uint32_t nh_macropad_revision(const nh_macropad_t *m)
{
    return nh_atomic_load_u32(&m->revision);
}

void nh_macropad__changed(nh_macropad_t *m)
{
    nh_atomic_add_u32(&m->revision, 1);
    if (m->cfg.screens.changed)
        m->cfg.screens.changed(m->cfg.screens.ctx);
}

// First the set, then whoever is told of it: nobody is told of what cannot be seen yet.
static void put_in_force(nh_macropad_t *m, nh_macro_set_t *set, uint32_t generation)
{
    nh_macro_set_t *old = m->set;
    nh_macro_set_ref(set);
    nh_lock_acquire(&m->cfg.lock);
    m->set = set;
    nh_lock_release(&m->cfg.lock);
    m->info.generation = generation;
    nh_macro_set_unref(old);
    nh_macropad__changed(m);
}

// ---- the store ---------------------------------------------------------------------------------

struct reading {
    nh_macro_decoder_t decoder;
    uint8_t piece[PIECE_BYTES];
};

typedef int (*read_fn)(void *ctx, void *out, size_t cap);

static int decode(nh_macropad_t *m, struct reading *r, read_fn source, void *ctx,
                  nh_macro_set_t **out)
{
    int n, err = nh_macro_decoder_init(&r->decoder, m->cfg.mem, UINT32_MAX);
    while (err == 0) {
        n = source(ctx, r->piece, sizeof r->piece);
        if (n <= 0) {
            err = n;
            break;
        }
        err = nh_macro_decoder_feed(&r->decoder, r->piece, (size_t)n);
    }
    if (err == 0)
        err = nh_macro_decoder_end(&r->decoder, out);
    if (err == NH_ERR_INVAL) {
        const struct nh_macro_finding *f = nh_macro_decoder_finding(&r->decoder);
        NH_LOG_E("macropad", "line %u, column %u: %s %s", (unsigned)f->line, (unsigned)f->column,
                 nh_macro_fault_text(f->fault), f->pointer);
    }
    nh_macro_decoder_deinit(&r->decoder);
    return err;
}

struct stored {
    nh_store_t *store;
    uint32_t generation;
    uint64_t offset;
};

static int read_stored(void *ctx, void *out, size_t cap)
{
    struct stored *s = ctx;
    int n = nh_store_read(s->store, NH_MACROPAD_DOCUMENT, s->generation, s->offset, out, cap);
    s->offset += n > 0 ? (uint64_t)n : 0;
    return n;
}

// The newest generation that is a document, if there is one.
static int take_stored(nh_macropad_t *m, struct reading *r)
{
    uint32_t generations[GENERATIONS_MAX];
    int count = nh_store_generations(m->cfg.store, NH_MACROPAD_DOCUMENT, generations,
                                     NH_ARRAY_LEN(generations));
    for (int i = 0; i < count; i++) {
        struct stored s = {m->cfg.store, generations[i], 0};
        nh_macro_set_t *set = NULL;
        int err = decode(m, r, read_stored, &s, &set);
        if (set) {
            put_in_force(m, set, generations[i]);
            nh_macro_set_unref(set);
            return 0;
        }
        if (err == NH_ERR_NOMEM)
            return err;
        NH_LOG_E("macropad", "stored document, generation %u: %s", (unsigned)generations[i],
                 nh_err_text(err));
    }
    if (count < 0)
        NH_LOG_E("macropad", "the stored document: %s", nh_err_text(count));
    return 0;
}

int nh_macropad_start(nh_macropad_t *m)
{
    nh_macropad__start_icons(m);
    if (!m->cfg.store)
        return 0;
    struct reading *r = nh_mem_alloc(m->cfg.mem, sizeof *r, NH_MEM_BULK);
    int err = r ? take_stored(m, r) : NH_ERR_NOMEM;
    nh_mem_free(m->cfg.mem, r);
    return err;
}

int nh_macropad_begin_with(nh_macropad_t *m, int (*source)(void *ctx, void *out, size_t cap),
                           void *ctx)
{
    nh_macro_set_t *set = NULL;
    struct reading *r = nh_mem_alloc(m->cfg.mem, sizeof *r, NH_MEM_BULK);
    int err = r ? decode(m, r, source, ctx, &set) : NH_ERR_NOMEM;
    nh_mem_free(m->cfg.mem, r);
    if (set)
        err = nh_macropad_apply(m, set, 0);
    nh_macro_set_unref(set);
    return err;
}

static int write_document(nh_macropad_t *m, nh_macro_set_t *set, char *piece)
{
    nh_store_write_t *w;
    nh_macro_encoder_t e;
    int n, err = nh_store_write_begin(m->cfg.store, NH_MACROPAD_DOCUMENT, 0, &w);
    if (err < 0)
        return err;
    nh_macro_encoder_init(&e, set, NH_MACRO_SPARSE);
    while ((n = nh_macro_encoder_read(&e, piece, PIECE_BYTES)) > 0 && err == 0)
        err = nh_store_write(w, piece, (size_t)n);
    nh_macro_encoder_deinit(&e);
    if (err == 0 && n == 0)
        return nh_store_write_commit(w);
    nh_store_write_abort(w);
    return err < 0 ? err : n;
}

// Returns the generation.
static int save(nh_macropad_t *m, nh_macro_set_t *set)
{
    if (!m->cfg.store)
        return (int)(m->info.generation + 1) & INT32_MAX;
    char *piece = nh_mem_alloc(m->cfg.mem, PIECE_BYTES, NH_MEM_BULK);
    int err = piece ? write_document(m, set, piece) : NH_ERR_NOMEM;
    nh_mem_free(m->cfg.mem, piece);
    return err;
}

int nh_macropad_apply(nh_macropad_t *m, nh_macro_set_t *set, uint32_t base_generation)
{
    // Not the store's newest: that one may be broken, and an older one in force.
    if (base_generation && base_generation != m->info.generation)
        return NH_ERR_CONFLICT;
    int generation = save(m, set);
    if (generation < 0) {
        m->info.saves_failed++;
        NH_LOG_E("macropad", "the document could not be stored: %s", nh_err_text(generation));
        return generation;
    }
    put_in_force(m, set, (uint32_t)generation);
    return 0;
}

void nh_macropad_info(nh_macropad_t *m, struct nh_macropad_info *out)
{
    nh_lock_acquire(&m->cfg.lock);
    *out = m->info;
    out->icons = m->icon_cache.info;
    nh_lock_release(&m->cfg.lock);
    out->icons.budget_bytes = m->icon_cache.budget_bytes;
    out->icon_files = m->icon_store.info;
    out->set_bytes = nh_macro_set_bytes(m->set);
}
