// Icons for whoever paints them: from the constants, from memory, or, read by the owner meanwhile,
// from their files.

#include "components/macropad/macropad_state.h"

#include "core/base/log.h"

#include <string.h>

#define REST_MS 300u
#define COUNT_DEFAULT 256u

void nh_macropad__start_icons(nh_macropad_t *m)
{
    m->icon_cache.budget_bytes = m->cfg.icon_cache_bytes ? m->cfg.icon_cache_bytes : NH_KIB(384);
    m->icon_cache.rest_ms = REST_MS;
    m->icon_store = (struct nh_icon_store){
        .fs = m->cfg.fs,
        .dir = m->cfg.icon_dir,
        .icon_max_count = m->cfg.icon_max_count ? m->cfg.icon_max_count : COUNT_DEFAULT,
        .icon_max_bytes = m->cfg.icon_max_bytes ? m->cfg.icon_max_bytes : NH_MIB(8)};
    int err = m->cfg.fs.ops ? nh_icon_store_start(&m->icon_store) : 0;
    if (err < 0)
        NH_LOG_E("macropad", "icons cannot be kept: %s", nh_err_text(err));
}

// ---- whoever paints: any task ------------------------------------------------------------------

// Notes an icon that is to be read; under the lock. False: it is noted already, or too many are.
static bool want(nh_macropad_t *m, const char *id)
{
    if (!m->icon_store.fs.ops)
        return false;
    for (uint32_t i = 0; i < m->wanted.count; i++)
        if (strcmp(m->wanted.ids[i], id) == 0)
            return false;
    if (m->wanted.count == NH_MACROPAD__WANTED_MAX_COUNT)
        return false;
    memcpy(m->wanted.ids[m->wanted.count++], id, strlen(id) + 1); // the caller saw to its length
    return true;
}

bool nh_macropad_icon(nh_macropad_t *m, const char *id, struct nh_macropad_icon *out)
{
    bool is_wanted, is_news = false;
    uint64_t now_ms = m->cfg.clock_ms();
    memset(out, 0, sizeof *out);
    if (strlen(id) >= NH_MACROPAD_ICON_ID_MAX_BYTES)
        return false;
    nh_lock_acquire(&m->cfg.lock);
    struct nh_icon_cache_entry *e = nh_icon_cache_get(&m->icon_cache, id, now_ms, &is_wanted);
    if (e)
        *out = (struct nh_macropad_icon){.width = e->width,
                                         .height = e->height,
                                         .is_mask = e->bytes_a_pixel == 1,
                                         .pixels = e->pixels,
                                         .handle = e};
    else if (is_wanted)
        is_news = want(m, id);
    nh_lock_release(&m->cfg.lock);
    if (is_news && m->cfg.out.wake)
        m->cfg.out.wake(m->cfg.out.ctx);
    return e != NULL;
}

void nh_macropad_icon_release(nh_macropad_t *m, const struct nh_macropad_icon *icon)
{
    nh_lock_acquire(&m->cfg.lock);
    nh_icon_cache_release(&m->icon_cache, icon->handle);
    nh_lock_release(&m->cfg.lock);
}

// ---- the owner ---------------------------------------------------------------------------------

static int read_pixels(nh_macropad_t *m, nh_file_t *f, const struct nh_icon_head *head,
                       uint8_t *pixels)
{
    const struct nh_fs *fs = &m->icon_store.fs;
    for (uint32_t at = 0; at < head->pixel_bytes;) {
        int n =
            fs->ops->read(fs->ctx, f, NH_ICON_HEAD_BYTES + at, pixels + at, head->pixel_bytes - at);
        if (n <= 0)
            return n < 0 ? n : NH_ERR_CORRUPT;
        at += (uint32_t)n;
    }
    return 0;
}

// The pixels of an icon's file, of the cache's memory.
static int read_icon(nh_macropad_t *m, const char *id, struct nh_icon_head *head, uint8_t **out)
{
    nh_file_t *f;
    *out = NULL;
    int err = nh_icon_store_open(&m->icon_store, id, &f);
    if (err < 0)
        return err;
    err = nh_icon_file_head(&m->icon_store, f, head);
    if (err == 0 && head->pixel_bytes > m->icon_cache.budget_bytes)
        err = NH_ERR_TOO_LONG;
    if (err == 0) {
        *out = nh_mem_alloc(m->cfg.mem, head->pixel_bytes, NH_MEM_BULK);
        err = *out ? read_pixels(m, f, head, *out) : NH_ERR_NOMEM;
    }
    m->icon_store.fs.ops->close(m->icon_store.fs.ctx, f);
    if (err < 0) {
        nh_mem_free(m->cfg.mem, *out);
        *out = NULL;
    }
    return err;
}

// Whether something else is to be seen now.
static bool fetch(nh_macropad_t *m, const char *id)
{
    struct nh_icon_head head;
    uint8_t *pixels;
    int err = read_icon(m, id, &head, &pixels);
    uint64_t now_ms = m->cfg.clock_ms();
    bool is_in = false;
    if (err < 0 && err != NH_ERR_NOT_FOUND)
        NH_LOG_W("macropad", "icon %s: %s", id, nh_err_text(err));
    nh_lock_acquire(&m->cfg.lock);
    if (err == 0)
        is_in = nh_icon_cache_put(&m->icon_cache, id, head.width, head.height, 3, pixels, now_ms);
    else if (err == NH_ERR_NOMEM)
        m->icon_cache.info.no_memory++; // asked for again when it is painted next
    else
        nh_icon_cache_put_missing(&m->icon_cache, id, now_ms);
    nh_lock_release(&m->cfg.lock);
    if (!is_in)
        nh_mem_free(m->cfg.mem, pixels);
    return is_in;
}

static bool take_wanted(nh_macropad_t *m, char id[NH_MACROPAD_ICON_ID_MAX_BYTES])
{
    nh_lock_acquire(&m->cfg.lock);
    bool is_any = m->wanted.count > 0;
    if (is_any)
        memcpy(id, m->wanted.ids[--m->wanted.count], NH_MACROPAD_ICON_ID_MAX_BYTES);
    nh_lock_release(&m->cfg.lock);
    return is_any;
}

void nh_macropad__read_wanted(nh_macropad_t *m)
{
    char id[NH_MACROPAD_ICON_ID_MAX_BYTES];
    bool is_news = false;
    for (unsigned i = 0; i < NH_MACROPAD__WANTED_MAX_COUNT && take_wanted(m, id); i++)
        is_news = fetch(m, id) || is_news;
    if (is_news)
        nh_macropad__changed(m);
}

void nh_macropad__icon_changed(nh_macropad_t *m, const char *id)
{
    nh_lock_acquire(&m->cfg.lock);
    nh_icon_cache_forget(&m->icon_cache, id);
    nh_lock_release(&m->cfg.lock);
    nh_macropad__changed(m);
}
