#include "core/store/write_behind.h"

int nh_write_behind_init(nh_write_behind_t *w, const struct nh_write_behind_config *cfg)
{
    if (!cfg->flush)
        return NH_ERR_INVAL;
    *w = (nh_write_behind_t){.cfg = *cfg, .due_ms = NH_NEVER, .latest_ms = NH_NEVER};
    w->cfg.delay_ms = cfg->delay_ms ? cfg->delay_ms : 2000;
    w->cfg.deadline_ms = cfg->deadline_ms ? cfg->deadline_ms : 60000;
    w->cfg.retry_ms = cfg->retry_ms ? cfg->retry_ms : 5000;
    return w->cfg.deadline_ms < w->cfg.delay_ms ? NH_ERR_RANGE : NH_OK;
}

static uint64_t after(uint64_t now_ms, uint32_t wait_ms)
{
    return now_ms > NH_NEVER - 1 - wait_ms ? NH_NEVER - 1 : now_ms + wait_ms;
}

bool nh_write_behind_is_dirty(const nh_write_behind_t *w)
{
    bool dirty = w->is_flagged;
    for (size_t i = 0; i < NH_WRITE_BEHIND_VALUE_MAX_COUNT; i++)
        dirty = dirty || w->value[i].is_dirty;
    return dirty;
}

// All changes that waited came to nothing, or were written.
static void become_clean(nh_write_behind_t *w)
{
    w->due_ms = NH_NEVER;
    w->latest_ms = NH_NEVER;
    w->info.skipped += w->info.pending;
    w->info.pending = 0;
}

// Counts a change. `is_worth`: it starts the delay anew.
static void note(nh_write_behind_t *w, bool is_worth, uint64_t now_ms)
{
    w->info.asked++;
    w->info.pending++;
    if (!nh_write_behind_is_dirty(w)) {
        become_clean(w);
        return;
    }
    if (w->latest_ms == NH_NEVER)
        w->latest_ms = after(now_ms, w->cfg.deadline_ms);
    if (is_worth)
        w->due_ms = after(now_ms, w->cfg.delay_ms);
}

void nh_write_behind_loaded(nh_write_behind_t *w, size_t index, int64_t value)
{
    NH_ASSERT(index < NH_WRITE_BEHIND_VALUE_MAX_COUNT);
    w->value[index].is_known = true;
    w->value[index].is_dirty = false;
    w->value[index].now = w->value[index].written = value;
    if (!nh_write_behind_is_dirty(w))
        become_clean(w);
}

static uint64_t distance(int64_t a, int64_t b)
{
    return a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
}

void nh_write_behind_value(nh_write_behind_t *w, size_t index, int64_t value, uint64_t now_ms)
{
    NH_ASSERT(index < NH_WRITE_BEHIND_VALUE_MAX_COUNT);
    bool is_known = w->value[index].is_known;
    uint64_t far = distance(value, w->value[index].written);
    bool is_new = !w->value[index].is_dirty || value != w->value[index].now;
    w->value[index].now = value;
    w->value[index].is_dirty = !is_known || far;
    // A value that is reported again as it was does not put the write off.
    note(w, is_new && (!is_known || (far && far >= w->cfg.delta[index])), now_ms);
}

void nh_write_behind_changed(nh_write_behind_t *w, uint64_t now_ms)
{
    w->is_flagged = true;
    note(w, true, now_ms);
}

uint64_t nh_write_behind_next_deadline(const nh_write_behind_t *w)
{
    return w->due_ms < w->latest_ms ? w->due_ms : w->latest_ms;
}

// After a write that failed: what it took is dirty again, and the retry decides when.
static void give_back(nh_write_behind_t *w, const nh_write_behind_t *taken, uint64_t now_ms)
{
    w->info.failed++;
    w->info.pending += taken->info.pending;
    w->is_flagged = w->is_flagged || taken->is_flagged;
    for (size_t i = 0; i < NH_WRITE_BEHIND_VALUE_MAX_COUNT; i++) {
        w->value[i].is_known = taken->value[i].is_known;
        w->value[i].written = taken->value[i].written;
        // Known: dirty is what differs from flash. Not known: whatever ever had a value.
        bool was_dirty = w->value[i].is_dirty || taken->value[i].is_dirty;
        w->value[i].is_dirty =
            w->value[i].is_known ? w->value[i].now != w->value[i].written : was_dirty;
    }
    w->due_ms = w->latest_ms = after(now_ms, w->cfg.retry_ms);
    if (!nh_write_behind_is_dirty(w))
        become_clean(w);
}

static int flush(nh_write_behind_t *w, uint64_t now_ms)
{
    nh_write_behind_t taken = *w;
    // From here on a change is measured against what is being written, and belongs to the next.
    for (size_t i = 0; i < NH_WRITE_BEHIND_VALUE_MAX_COUNT; i++) {
        w->value[i].is_known = w->value[i].is_known || w->value[i].is_dirty;
        w->value[i].is_dirty = false;
        w->value[i].written = w->value[i].now;
    }
    w->is_flagged = false;
    w->due_ms = w->latest_ms = NH_NEVER;
    w->info.pending = 0;
    w->is_flushing = true;
    int err = w->cfg.flush(w->cfg.ctx);
    w->is_flushing = false;
    if (err) {
        give_back(w, &taken, now_ms);
        return err;
    }
    w->info.made++;
    w->info.skipped += taken.info.pending - 1;
    return NH_OK;
}

int nh_write_behind_tick(nh_write_behind_t *w, uint64_t now_ms)
{
    if (w->is_flushing || now_ms < nh_write_behind_next_deadline(w) || !nh_write_behind_is_dirty(w))
        return NH_OK;
    return flush(w, now_ms);
}

int nh_write_behind_stop(nh_write_behind_t *w, uint64_t now_ms)
{
    if (w->is_flushing || !nh_write_behind_is_dirty(w))
        return NH_OK;
    return flush(w, now_ms);
}

void nh_write_behind_info(const nh_write_behind_t *w, struct nh_write_behind_info *out)
{
    *out = w->info;
}
