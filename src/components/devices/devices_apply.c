// devices_apply.c - a set is kept and put in force: applied, confirmed, rolled back.

#include "components/devices/devices_state.h"

#include "core/base/log.h"

#include <string.h>

// ---- persisting ---------------------------------------------------------------------------------

// To the card, if there is one, and to the store. Without a card the store alone has to take it.
static int persist(nh_devices_t *d, const nh_device_set_t *set, uint32_t generation)
{
    struct nh_fs fs;
    uint32_t crc = d->kept.crc;
    bool has_card = nh_devices__card(d, &fs) == 0 && !d->info.is_conflict;
    int err = has_card ? nh_devices__save(d, &fs, d->profile, set, generation, &crc) : NH_OK;
    if (err < 0) {
        d->info.save_failed_count++;
        return err;
    }
    int kept = nh_devices__save_copy(d, set, generation);
    if (kept == 0)
        d->kept.generation = generation;
    if (kept == 0 || has_card) { // what the card has is known without a copy too
        d->kept.crc = crc;
        int err_state = nh_devices__keep_state(d);
        kept = kept < 0 ? kept : err_state;
    }
    d->info.save_failed_count += kept < 0;
    if (kept < 0 && !has_card)
        return kept;
    if (kept < 0)
        NH_LOG_W("devices", "the store cannot keep a copy: %s", nh_err_text(kept));
    d->info.is_saved = has_card;
    return NH_OK;
}

static uint32_t next_generation(const nh_devices_t *d)
{
    return d->generation < UINT32_MAX - 1 ? d->generation + 1 : d->generation;
}

static void stop_confirm(nh_devices_t *d)
{
    d->kept.confirm_back = 0;
    d->confirm_due_ms = 0;
    nh_timer_cancel(d->cfg.sched, &d->confirm_timer);
}

int nh_devices__put(nh_devices_t *d, nh_device_set_t *set, const struct nh_devices_apply *how,
                    uint32_t more_mask)
{
    uint32_t generation = next_generation(d);
    int err = nh_devices__prepare(d, set, how->finding, how->finding_ctx);
    if (err < 0)
        return err;
    err = persist(d, set, generation);
    if (err < 0) {
        nh_devices__drop(d);
        return err;
    }
    d->info.is_idle = false;
    nh_devices__put_in_force(d, set, generation, how->cancel, more_mask);
    d->info.apply_count++;
    d->info.degraded = NULL;
    return (int)generation;
}

// ---- applying -----------------------------------------------------------------------------------

static int apply_elsewhere(nh_devices_t *d, nh_device_set_t *set,
                           const struct nh_devices_apply *how)
{
    char path[NH_DEVICES_PATH_MAX_BYTES];
    struct nh_devices_loaded before;
    struct nh_fs fs;
    uint32_t crc;
    int err = nh_devices__card(d, &fs);
    if (err < 0)
        return err;
    if (!nh_devices__id_is_valid(how->profile)) // "kids.4" is a backup of "kids"
        return NH_ERR_NOT_FOUND;
    nh_devices__path(how->profile, NH_DEVICES_FILE_MAIN, 0, path);
    err = nh_devices__load(d, &fs, path, &before);
    if (err < 0)
        return err;
    nh_device_set_unref(before.set);
    if (how->base_generation && how->base_generation != before.generation)
        return NH_ERR_CONFLICT;
    err = d->cfg.fits
              ? d->cfg.fits(d->cfg.ctx, set, how->finding ? how->finding : nh_devices__log_finding,
                            how->finding_ctx)
              : NH_OK;
    if (err < 0)
        return err;
    err = nh_devices__save(d, &fs, how->profile, set, before.generation + 1, &crc);
    if (err < 0)
        return err;
    nh_device_set_unref(set);
    d->version++;
    return (int)before.generation + 1;
}

// The change goes on trial: to which generation it goes back is on disk before it is in force.
static int begin_trial(nh_devices_t *d, uint32_t back)
{
    struct nh_fs fs;
    if (nh_devices__card(d, &fs) < 0 || d->info.is_conflict)
        return NH_ERR_UNSUPPORTED; // only the card has backups
    d->kept.confirm_back = back;
    return nh_devices__keep_state(d);
}

int nh_devices_apply(nh_devices_t *d, nh_device_set_t *set, const struct nh_devices_apply *how)
{
    // An apply within the window of another one goes back to where that one would.
    uint32_t trial = d->kept.confirm_back;
    if (how->profile && how->profile[0] && strcmp(how->profile, d->profile) != 0)
        return apply_elsewhere(d, set, how);
    if (how->base_generation && how->base_generation != d->generation) {
        d->info.reject_count++;
        return NH_ERR_CONFLICT;
    }
    d->kept.confirm_back = 0;
    int generation = how->confirm_s ? begin_trial(d, trial ? trial : d->generation) : NH_OK;
    if (generation == 0)
        generation = nh_devices__put(d, set, how, 0);
    if (generation < 0) { // one on trial stays so
        d->kept.confirm_back = trial;
        NH_IGNORE(nh_devices__keep_state(d));
        return generation;
    }
    d->info.source = NH_DEVICES_APPLIED;
    nh_timer_cancel(d->cfg.sched, &d->confirm_timer);
    d->confirm_due_ms = 0;
    if (how->confirm_s) {
        d->confirm_due_ms = d->cfg.clock_ms() + how->confirm_s * 1000ull;
        NH_IGNORE(nh_timer_arm(d->cfg.sched, &d->confirm_timer, d->confirm_due_ms, 0));
    }
    return generation;
}

int nh_devices_confirm(nh_devices_t *d)
{
    if (!d->kept.confirm_back)
        return NH_ERR_NOT_FOUND;
    stop_confirm(d);
    d->version++;
    return nh_devices__keep_state(d);
}

// It was put back as a new generation. Or it cannot be: without the card, which has the backup, it
// is tried again until the card is there; otherwise what was on trial stays.
static void tell_back(nh_devices_t *d, uint32_t back, int generation)
{
    if (generation >= 0) {
        d->info.rollback_count++;
        NH_LOG_W("devices", "nobody confirmed the change; generation %u is in force again as %d",
                 (unsigned)back, generation);
        return;
    }
    if (!d->info.has_card || generation == NH_ERR_NOMEM) {
        d->confirm_due_ms = d->cfg.clock_ms() + d->cfg.card_poll_ms;
        NH_IGNORE(nh_timer_arm(d->cfg.sched, &d->confirm_timer, d->confirm_due_ms, 0));
        return;
    }
    NH_LOG_E("devices", "nobody confirmed generation %u, and %u cannot be put back: %s",
             (unsigned)d->generation, (unsigned)back, nh_err_text(generation));
    stop_confirm(d);
    NH_IGNORE(nh_devices__keep_state(d)); // or the next start would try once more
}

void nh_devices__confirm_over(void *ctx, nh_timer_t *t, uint64_t now_ms)
{
    nh_devices_t *d = ctx;
    uint32_t back = d->kept.confirm_back;
    (void)t;
    (void)now_ms;
    tell_back(d, back, nh_devices_rollback(d, back, false));
}

bool nh_devices__undo_trial(nh_devices_t *d, const struct nh_devices_loaded *found)
{
    nh_device_set_t *set;
    uint32_t back = d->kept.confirm_back;
    if (back == found->generation) // the change was not in force yet
        d->kept.confirm_back = back = 0;
    if (!back)
        return false;
    d->generation = found->generation;
    int generation = nh_devices_backup_load(d, back, &set);
    if (generation == 0) {
        d->kept.confirm_back = 0;
        generation = nh_devices__put(d, set, &(struct nh_devices_apply){0}, UINT32_MAX);
        if (generation < 0) {
            d->kept.confirm_back = back;
            nh_device_set_unref(set);
        }
    }
    tell_back(d, back, generation);
    return generation >= 0;
}

int nh_devices_backup_load(nh_devices_t *d, uint32_t generation, nh_device_set_t **out)
{
    char path[NH_DEVICES_PATH_MAX_BYTES];
    struct nh_devices_loaded l;
    struct nh_fs fs;
    int err = nh_devices__card(d, &fs);
    *out = NULL;
    if (err < 0)
        return err;
    nh_devices__path(d->profile, NH_DEVICES_FILE_BACKUP, generation, path);
    err = nh_devices__load(d, &fs, path, &l);
    if (err == 0)
        *out = l.set;
    return err;
}

int nh_devices_rollback(nh_devices_t *d, uint32_t generation, bool cancel)
{
    nh_device_set_t *set;
    int err = nh_devices_backup_load(d, generation, &set);
    if (err < 0)
        return err;
    uint32_t trial = d->kept.confirm_back;
    d->kept.confirm_back = 0;
    err = nh_devices__put(d, set, &(struct nh_devices_apply){.cancel = cancel}, 0);
    if (err < 0) {
        d->kept.confirm_back = trial;
        nh_device_set_unref(set);
        return err;
    }
    d->info.source = NH_DEVICES_FROM_BACKUP;
    stop_confirm(d);
    return err;
}

int nh_devices_snapshot(nh_devices_t *d)
{
    int err = nh_devices__put(d, nh_device_set_ref(d->set), &(struct nh_devices_apply){0}, 0);
    if (err < 0)
        nh_device_set_unref(d->set);
    return err;
}
