// devices_card.c - the card is gone and back, and may have changed: which configuration stays.

#include "components/devices/devices_state.h"

#include "core/base/log.h"

// The card's main file as it is now.
static int load_main(nh_devices_t *d, const struct nh_fs *fs, struct nh_devices_loaded *out)
{
    char path[NH_DEVICES_PATH_MAX_BYTES];
    nh_devices__path(d->profile, NH_DEVICES_FILE_MAIN, 0, path);
    return nh_devices__load(d, fs, path, out);
}

static const char *save_hub(nh_devices_t *d, const struct nh_fs *fs, const char *what)
{
    uint32_t crc;
    if (nh_devices__save(d, fs, d->profile, d->set, d->generation, &crc) < 0) {
        d->info.save_failed_count++;
        return NULL;
    }
    d->kept.crc = crc;
    d->info.is_saved = true;
    d->info.is_conflict = false;
    d->info.degraded = NULL;
    d->version++;
    NH_IGNORE(nh_devices__keep_state(d));
    return what;
}

// The card's configuration in force, with a generation above both. The hub's becomes a backup.
static int take_card(nh_devices_t *d, const struct nh_fs *fs, struct nh_devices_loaded *card)
{
    uint32_t highest = card->generation > d->generation ? card->generation : d->generation;
    int err = nh_devices__save_backup(fs, d->profile, d->set, highest + 1);
    uint32_t generation = d->generation;
    bool was_conflict = d->info.is_conflict;
    if (err == 0) {
        d->info.is_conflict = false;
        d->generation = highest + 1;
        err = nh_devices__put(d, card->set, &(struct nh_devices_apply){0}, 0);
    }
    if (err >= 0) {
        d->info.source = NH_DEVICES_FROM_CARD;
    } else {
        d->info.is_conflict = was_conflict;
        d->generation = generation;
        nh_device_set_unref(card->set);
    }
    return err;
}

int nh_devices_sync(nh_devices_t *d, enum nh_devices_keep keep, const char **what)
{
    struct nh_devices_loaded card;
    struct nh_fs fs;
    int err = nh_devices__card(d, &fs);
    *what = "there is no card";
    if (err < 0)
        return err;
    err = load_main(d, &fs, &card);
    if (err == NH_ERR_NOMEM || err == NH_ERR_IO)
        return err;
    if (err == NH_ERR_CORRUPT && keep == NH_DEVICES_KEEP_CARD)
        return err;
    if (err == NH_ERR_CORRUPT) {
        char path[NH_DEVICES_PATH_MAX_BYTES];
        nh_devices__path(d->profile, NH_DEVICES_FILE_MAIN, 0, path);
        nh_devices__set_aside(&fs, path);
    }
    if (err < 0 || keep == NH_DEVICES_KEEP_HUB) {
        if (err == 0)
            nh_device_set_unref(card.set);
        *what = save_hub(d, &fs, "the hub's configuration was written to the card");
        return *what ? NH_OK : NH_ERR_IO;
    }
    bool is_same = nh_rec_equal(nh_device_set_root(card.set), nh_device_set_root(d->set));
    if (is_same || (keep == NH_DEVICES_KEEP_NEWER && card.generation == d->generation &&
                    card.crc == d->kept.crc)) {
        nh_device_set_unref(card.set);
        d->info.is_saved = true;
        d->info.is_conflict = false;
        *what = "they were the same";
        return NH_OK;
    }
    if (keep == NH_DEVICES_KEEP_NEWER && card.generation < d->generation) {
        nh_device_set_unref(card.set);
        *what = save_hub(d, &fs, "the hub's configuration is newer and was written to the card");
        return *what ? NH_OK : NH_ERR_IO;
    }
    *what = "the card's configuration is in force";
    err = take_card(d, &fs, &card);
    return err < 0 ? err : NH_OK;
}

// A card that is there again: what the hub has is written to it, unless somebody edited the card's
// own meanwhile.
static void card_back(nh_devices_t *d, const struct nh_fs *fs)
{
    struct nh_devices_loaded card;
    int err = load_main(d, fs, &card);
    if (err == NH_ERR_NOMEM || err == NH_ERR_IO)
        return;
    if (err == 0)
        nh_device_set_unref(card.set);
    bool was_edited = err == 0 && card.crc != d->kept.crc;
    if (was_edited || err == NH_ERR_CORRUPT) {
        d->info.is_conflict = true;
        d->info.degraded = "The card came back with another configuration: choose which one stays.";
        NH_LOG_W("devices", "%s", d->info.degraded);
        d->version++;
    } else if (d->info.is_saved && err == 0) {
        d->info.degraded = NULL;
    } else if (save_hub(d, fs, "")) {
        NH_LOG_I("devices", "the card is back; the configuration was written to it");
    }
}

void nh_devices__card_tick(void *ctx, nh_timer_t *t, uint64_t now_ms)
{
    nh_devices_t *d = ctx;
    struct nh_fs fs;
    bool had = d->had_card;
    (void)t;
    (void)now_ms;
    bool has = nh_devices__card(d, &fs) == 0;
    d->had_card = has;
    if (had && !has) {
        NH_LOG_W("devices", "the card is gone; what is in force stays");
        d->version++;
    }
    if (has && (!had || !d->info.is_saved) && !d->info.is_conflict)
        card_back(d, &fs);
}
