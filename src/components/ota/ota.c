#include "components/ota/ota_state.h"

#include "core/base/log.h"
#include "core/base/secret.h"

#include <string.h>

#define SYNC_EACH_BYTES NH_KIB(256) // so that no single sync is long

static uint64_t or_else(uint64_t value, uint64_t otherwise)
{
    return value ? value : otherwise;
}

static void tell(nh_ota_t *o)
{
    if (o->cfg.changed)
        o->cfg.changed(o->cfg.ctx);
}

// ---- the record ---------------------------------------------------------------------------------

// Changes it on flash first: what is in memory is what would be found after a power cut.
static int keep(nh_ota_t *o, const struct nh_ota_record *r)
{
    int err = nh_ota_record_write(o->cfg.store, r);
    if (err < 0)
        NH_LOG_E("ota", "the record of the slots cannot be written: %s", nh_err_text(err));
    else
        o->now.record = *r;
    return err;
}

static struct nh_ota_slot *slot_of(struct nh_ota_record *r, enum nh_ota_place p)
{
    return &r->slot[p - NH_OTA_SLOT_A];
}

// ---- what runs is confirmed, or taken back ------------------------------------------------------

static void confirm(nh_ota_t *o)
{
    struct nh_ota_record r = o->now.record;
    r.is_pending = false;
    r.tries = 0;
    r.taken_back[0] = '\0';
    if (keep(o, &r) == 0)
        NH_LOG_I("ota", "version %s runs well: it stays", o->cfg.version);
    tell(o);
}

static void look(void *ctx, struct nh_timer *t, uint64_t now_ms)
{
    nh_ota_t *o = ctx;
    if (o->cfg.is_well(o->cfg.ctx)) {
        confirm(o);
        return;
    }
    if (now_ms >= o->confirm_before_ms) {
        NH_LOG_E("ota", "version %s is not well: the one before comes back", o->cfg.version);
        NH_IGNORE(nh_ota_take_back(o)); // cannot be noted: the next start takes it back
        return;
    }
    NH_IGNORE(nh_timer_arm(o->cfg.sched, t, now_ms + 1000, 0)); // as at create, which had room
}

// ---- the upload's clock -------------------------------------------------------------------------

static void stalled(void *ctx, struct nh_timer *t, uint64_t now_ms)
{
    nh_ota_t *o = ctx;
    if (!o->file)
        return;
    uint64_t due_ms = nh_ms_after(o->heard_ms, o->cfg.idle_timeout_ms);
    if (now_ms < due_ms) {
        NH_IGNORE(nh_timer_arm(o->cfg.sched, t, due_ms, 0)); // it had room a moment ago
        return;
    }
    NH_LOG_W("ota", "an upload stood still for %u ms at byte %llu of %llu: given up",
             (unsigned)o->cfg.idle_timeout_ms, (unsigned long long)o->now.bytes,
             (unsigned long long)o->now.total_bytes);
    nh_ota_abort(o, NH_ERR_TIMEOUT);
}

// ---- life ---------------------------------------------------------------------------------------

int nh_ota_create(const struct nh_ota_config *cfg, nh_ota_t **out)
{
    *out = NULL;
    nh_ota_t *o = nh_mem_alloc(cfg->mem, sizeof *o, NH_MEM_BULK);
    if (!o)
        return NH_ERR_NOMEM;
    *o = (nh_ota_t){.cfg = *cfg, .now = {.running = cfg->running}};
    o->cfg.image_max_bytes = or_else(cfg->image_max_bytes, NH_MIB(16));
    o->cfg.idle_timeout_ms = (uint32_t)or_else(cfg->idle_timeout_ms, 15000);
    uint64_t now_ms = o->cfg.clock_ms();
    o->confirm_before_ms = now_ms + or_else(cfg->confirm_before_ms, 120000);
    o->look = (struct nh_timer){.fire = look, .ctx = o, .name = "ota confirm"};
    o->stall = (struct nh_timer){.fire = stalled, .ctx = o, .name = "ota stall"};
    if (nh_ota_record_read(cfg->store, &o->now.record) < 0)
        NH_LOG_W("ota", "the record of the slots is damaged: as if there were none");
    int err = 0;
    if (o->now.record.is_pending && cfg->running == o->now.record.active)
        err = nh_timer_arm(cfg->sched, &o->look, now_ms + or_else(cfg->confirm_after_ms, 5000), 0);
    if (err < 0) {
        nh_mem_free(cfg->mem, o);
        return err;
    }
    *out = o;
    return 0;
}

void nh_ota_destroy(nh_ota_t *o)
{
    if (!o)
        return;
    nh_ota_abort(o, NH_ERR_CANCELLED);
    nh_timer_cancel(o->cfg.sched, &o->look);
    nh_timer_cancel(o->cfg.sched, &o->stall);
    nh_mem_free(o->cfg.mem, o);
}

void nh_ota_snapshot(const nh_ota_t *o, struct nh_ota_snapshot *out)
{
    *out = o->now;
}

// ---- an upload ----------------------------------------------------------------------------------

// The slot that neither runs nor would be started.
static enum nh_ota_place free_place(const nh_ota_t *o)
{
    bool a_is_busy = o->now.running == NH_OTA_SLOT_A || o->now.record.active == NH_OTA_SLOT_A;
    return a_is_busy ? NH_OTA_SLOT_B : NH_OTA_SLOT_A;
}

static int check_begin(const nh_ota_t *o, uint64_t len)
{
    if (o->file)
        return NH_ERR_BUSY;
    if (o->now.record.is_pending || o->now.phase == NH_OTA_DONE)
        return NH_ERR_CONFLICT;
    if (len == 0)
        return NH_ERR_INVAL;
    return len > o->cfg.image_max_bytes + NH_OTA_HEAD_BYTES ? NH_ERR_TOO_LONG : 0;
}

// Before its first byte is overwritten the record says that the slot is not to be started.
static int give_up_slot(nh_ota_t *o, enum nh_ota_place p)
{
    struct nh_ota_record r = o->now.record;
    if (!slot_of(&r, p)->is_whole && r.fallback != p)
        return 0;
    *slot_of(&r, p) = (struct nh_ota_slot){0};
    if (r.fallback == p)
        r.fallback = NH_OTA_PROGRAM;
    return keep(o, &r);
}

int nh_ota_begin(nh_ota_t *o, uint64_t len, uint64_t now_ms)
{
    int err = check_begin(o, len);
    if (err < 0) {
        o->now.refused_count++;
        return err;
    }
    o->place = free_place(o);
    err = give_up_slot(o, o->place);
    if (err == 0)
        err = o->cfg.fs.ops->open(o->cfg.fs.ctx, nh_ota_place_file(o->place), NH_FILE_WRITE,
                                  &o->file);
    if (err == 0)
        err = nh_timer_arm(o->cfg.sched, &o->stall, now_ms + o->cfg.idle_timeout_ms, 0);
    o->now.phase = NH_OTA_RECEIVING;
    o->now.bytes = 0;
    o->now.total_bytes = len;
    o->now.version[0] = '\0';
    o->heard_ms = now_ms;
    o->unsynced_bytes = 0;
    nh_sha256_init(&o->hash);
    if (err < 0)
        nh_ota_abort(o, err);
    tell(o);
    return err;
}

void nh_ota_abort(nh_ota_t *o, int err)
{
    if (o->now.phase != NH_OTA_RECEIVING)
        return;
    if (o->file) {
        o->cfg.fs.ops->close(o->cfg.fs.ctx, o->file);
        o->file = NULL;
        // What cannot be removed is not whole by the record: it will not be started.
        NH_IGNORE(o->cfg.fs.ops->remove(o->cfg.fs.ctx, nh_ota_place_file(o->place)));
    }
    o->uploader = NULL;
    nh_timer_cancel(o->cfg.sched, &o->stall);
    o->now.phase = NH_OTA_FAILED;
    o->now.err = err;
    o->now.failed_count++;
    tell(o);
}

// The head is whole: whose it is decides before a byte of the program is written.
static int take_head(nh_ota_t *o)
{
    int err = nh_ota_head_decode(o->head_bytes, &o->head);
    if (err == 0)
        err = nh_ota_head_verify(o->head_bytes, o->cfg.key);
    if (err == 0 && strcmp(o->head.target, nh_ota_target()) != 0)
        err = NH_ERR_TYPE;
    if (err == 0 && o->head.payload_bytes > o->cfg.image_max_bytes)
        err = NH_ERR_TOO_LONG;
    if (err < 0)
        return err;
    memcpy(o->now.version, o->head.version, sizeof o->now.version);
    tell(o);
    return o->head.payload_bytes == o->now.total_bytes - NH_OTA_HEAD_BYTES ? 0 : NH_ERR_INVAL;
}

static int write_payload(nh_ota_t *o, const uint8_t *bytes, size_t len)
{
    const struct nh_files_ops *ops = o->cfg.fs.ops;
    if (len == 0)
        return 0;
    nh_sha256_update(&o->hash, bytes, len);
    int err = ops->write(o->cfg.fs.ctx, o->file, bytes, len);
    o->unsynced_bytes += len;
    if (err < 0 || o->unsynced_bytes < SYNC_EACH_BYTES)
        return err < 0 ? err : 0;
    o->unsynced_bytes = 0;
    return ops->sync(o->cfg.fs.ctx, o->file);
}

static int feed(nh_ota_t *o, const uint8_t *bytes, size_t len)
{
    if (len > o->now.total_bytes - o->now.bytes)
        return NH_ERR_TOO_LONG;
    size_t head = 0;
    if (o->now.bytes < NH_OTA_HEAD_BYTES) {
        size_t at = (size_t)o->now.bytes;
        head = len < NH_OTA_HEAD_BYTES - at ? len : NH_OTA_HEAD_BYTES - at;
        memcpy(o->head_bytes + at, bytes, head);
    }
    bool was_head = o->now.bytes < NH_OTA_HEAD_BYTES;
    o->now.bytes += len;
    if (o->now.bytes < NH_OTA_HEAD_BYTES)
        return 0;
    int err = was_head ? take_head(o) : 0;
    return err < 0 ? err : write_payload(o, bytes + head, len - head);
}

int nh_ota_feed(nh_ota_t *o, const uint8_t *bytes, size_t len, uint64_t now_ms)
{
    if (!o->file)
        return NH_ERR_TIMEOUT;
    o->heard_ms = now_ms;
    int err = feed(o, bytes, len);
    if (err < 0)
        nh_ota_abort(o, err);
    return err;
}

static int check_whole(nh_ota_t *o)
{
    uint8_t hash[NH_SHA256_BYTES];
    if (o->now.bytes != o->now.total_bytes || o->now.bytes < NH_OTA_HEAD_BYTES)
        return NH_ERR_INVAL;
    nh_sha256_end(&o->hash, hash);
    return nh_ct_equal(hash, o->head.sha256, sizeof hash) ? 0 : NH_ERR_CORRUPT;
}

static int make_durable(nh_ota_t *o)
{
    const struct nh_files_ops *ops = o->cfg.fs.ops;
    int err = ops->sync(o->cfg.fs.ctx, o->file);
    return err < 0 ? err : ops->sync_dir(o->cfg.fs.ctx, NH_OTA_DIR);
}

static int make_active(nh_ota_t *o)
{
    struct nh_ota_record r = o->now.record;
    struct nh_ota_slot *s = slot_of(&r, o->place);
    *s = (struct nh_ota_slot){.is_whole = true, .size_bytes = o->head.payload_bytes};
    memcpy(s->version, o->head.version, sizeof s->version);
    r.fallback = r.active;
    r.active = o->place;
    r.is_pending = true;
    r.tries = 0;
    r.taken_back[0] = '\0';
    return keep(o, &r);
}

int nh_ota_end(nh_ota_t *o)
{
    if (!o->file)
        return NH_ERR_TIMEOUT;
    int err = check_whole(o);
    if (err == 0)
        err = make_durable(o);
    if (err == 0)
        err = make_active(o);
    if (err < 0) {
        nh_ota_abort(o, err);
        return err;
    }
    o->cfg.fs.ops->close(o->cfg.fs.ctx, o->file);
    o->file = NULL;
    nh_timer_cancel(o->cfg.sched, &o->stall);
    o->now.phase = NH_OTA_DONE;
    o->now.done_count++;
    NH_LOG_I("ota", "version %s is in slot %s: restarting into it", o->head.version,
             nh_ota_place_name(o->place));
    tell(o);
    o->cfg.restart(o->cfg.ctx);
    return 0;
}

int nh_ota_take_back(nh_ota_t *o)
{
    struct nh_ota_record r = o->now.record;
    if (o->file)
        return NH_ERR_BUSY;
    if (r.active == r.fallback)
        return NH_ERR_NOT_FOUND;
    if (r.active != NH_OTA_PROGRAM)
        memcpy(r.taken_back, slot_of(&r, (enum nh_ota_place)r.active)->version,
               sizeof r.taken_back);
    r.active = r.fallback;
    r.is_pending = false;
    r.tries = 0;
    int err = keep(o, &r);
    if (err < 0)
        return err;
    o->now.phase = NH_OTA_DONE;
    tell(o);
    o->cfg.restart(o->cfg.ctx);
    return 0;
}
