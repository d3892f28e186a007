#include "hub/automation_journal.h"

#include "core/base/log.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define SPACE "automation"
#define STOP_MS 10000

enum phase { IDLE, BEGUN, DONE };

// The batch belongs to the task while it has BEGUN, else to the loop.
struct nh_automation_journal {
    struct nh_automation_journal_config cfg;
    nh_kv_t *kv;
    nh_task_t *task;
    nh_notify_t *work, *done;
    nh_lock_t lock;
    enum phase phase; // under the lock, as the two below
    int err;
    bool wants_stop;
    bool has_failed; // the task's
    nh_loop_post_t post;
    size_t count;
    struct nh_kv_write writes[NH_AUTOMATION_BATCH_MAX_COUNT];
    char keys[NH_AUTOMATION_BATCH_MAX_COUNT][NH_AUTOMATION_KEY_MAX_BYTES];
    uint8_t values[];
};

// ---- the task -----------------------------------------------------------------------------------

static void log_change(nh_automation_journal_t *j, int err)
{
    if (err < 0 && !j->has_failed)
        NH_LOG_E("automation",
                 "the journal cannot be written (%s): until it can, a restart would cut short what "
                 "runs",
                 nh_err_text(err));
    else if (err == 0 && j->has_failed)
        NH_LOG_I("automation", "the journal is written again");
    j->has_failed = err < 0;
}

static enum phase look(nh_automation_journal_t *j, bool *stops)
{
    nh_lock_acquire(&j->lock);
    enum phase phase = j->phase;
    *stops = j->wants_stop;
    nh_lock_release(&j->lock);
    return phase;
}

static void write_batch(nh_automation_journal_t *j)
{
    int err = nh_kv_commit(j->kv, j->writes, j->count);
    log_change(j, err);
    nh_lock_acquire(&j->lock);
    j->err = err;
    j->phase = DONE;
    nh_lock_release(&j->lock);
    nh_notify_post(j->done);
    nh_loop_post(j->cfg.loop, &j->post);
}

static void run(void *ctx)
{
    nh_automation_journal_t *j = ctx;
    bool stops = false;
    while (!stops) {
        NH_IGNORE(nh_notify_wait(j->work, NH_NEVER)); // a vain wake-up costs one look
        if (look(j, &stops) == BEGUN)
            write_batch(j);
    }
}

// ---- batches, on the loop's task ----------------------------------------------------------------

static bool copy(nh_automation_journal_t *j, const struct nh_automation_write *writes, size_t count)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        const struct nh_automation_write *w = &writes[i];
        size_t len = w->value ? w->len : 0;
        size_t key_bytes = strlen(w->key) + 1;
        if (len > j->cfg.batch_bytes - used || key_bytes > sizeof j->keys[i])
            return false;
        memcpy(j->keys[i], w->key, key_bytes);
        if (len)
            memcpy(j->values + used, w->value, len);
        j->writes[i] =
            (struct nh_kv_write){SPACE, j->keys[i], w->value ? j->values + used : NULL, len};
        used += len;
    }
    return true;
}

int nh_automation_journal_commit(nh_automation_journal_t *j,
                                 const struct nh_automation_write *writes, size_t count)
{
    bool stops;
    if (look(j, &stops) != IDLE)
        return NH_ERR_BUSY;
    if (count > NH_AUTOMATION_BATCH_MAX_COUNT || !copy(j, writes, count))
        return NH_ERR_TOO_LONG;
    j->count = count;
    nh_lock_acquire(&j->lock);
    j->phase = BEGUN;
    nh_lock_release(&j->lock);
    nh_notify_post(j->work);
    return 1;
}

// Whether a batch has ended that was not told of.
static bool take_end(nh_automation_journal_t *j, int *err)
{
    nh_lock_acquire(&j->lock);
    bool is_done = j->phase == DONE;
    *err = j->err;
    if (is_done)
        j->phase = IDLE;
    nh_lock_release(&j->lock);
    return is_done;
}

static void on_done(void *ctx)
{
    nh_automation_journal_t *j = ctx;
    int err;
    if (take_end(j, &err))
        j->cfg.stored(j->cfg.ctx, err);
}

int nh_automation_journal_wait(nh_automation_journal_t *j)
{
    bool stops;
    int err;
    while (!take_end(j, &err)) { // `done` may be left from a batch before
        if (look(j, &stops) == IDLE)
            return NH_ERR_INVAL;
        if (nh_notify_wait(j->done, STOP_MS) < 0)
            return NH_ERR_TIMEOUT;
    }
    return err;
}

// ---- life ---------------------------------------------------------------------------------------

static void free_all(nh_automation_journal_t *j)
{
    nh_loop_post_cancel(j->cfg.loop, &j->post);
    nh_kv_close(j->kv);
    nh_notify_destroy(j->work);
    nh_notify_destroy(j->done);
    nh_lock_destroy(&j->lock);
    nh_mem_free(j->cfg.mem, j);
}

static int open_all(nh_automation_journal_t *j)
{
    const struct nh_automation_journal_config *cfg = &j->cfg;
    const struct nh_task_config task = {
        .name = "journal", .priority = 1, .chip_stack_bytes = 4096, .run = run, .ctx = j};
    (void)mkdir(cfg->dir, 0700); // there already, or opening it says what is wrong
    int err = nh_lock_create(&j->lock);
    if (err == 0)
        err = nh_notify_create(cfg->mem, &j->work);
    if (err == 0)
        err = nh_notify_create(cfg->mem, &j->done);
    if (err == 0)
        err = nh_kv_open(cfg->mem, cfg->dir, &j->kv);
    return err < 0 ? err : nh_task_start(cfg->sys, &task, &j->task);
}

int nh_automation_journal_start(const struct nh_automation_journal_config *cfg,
                                nh_automation_journal_t **out)
{
    *out = NULL;
    nh_automation_journal_t *j =
        nh_mem_alloc_zero(cfg->mem, sizeof *j + cfg->batch_bytes, NH_MEM_BULK);
    if (!j)
        return NH_ERR_NOMEM;
    j->cfg = *cfg;
    j->post = (nh_loop_post_t){.fn = on_done, .ctx = j};
    int err = open_all(j);
    if (err < 0) {
        free_all(j);
        return err;
    }
    *out = j;
    return NH_OK;
}

void nh_automation_journal_stop(nh_automation_journal_t *j)
{
    if (!j)
        return;
    nh_lock_acquire(&j->lock);
    j->wants_stop = true;
    nh_lock_release(&j->lock);
    nh_notify_post(j->work);
    if (nh_task_join(j->task, STOP_MS) == 0)
        free_all(j);
    else // it still uses them
        NH_LOG_E("automation", "the journal is still being written after %d s", STOP_MS / 1000);
}

// ---- what is there ------------------------------------------------------------------------------

struct visiting {
    const char *prefix;
    void (*visit)(void *ctx, const char *key, const void *value, size_t len);
    void *ctx;
};

static bool visit_one(void *ctx, const char *key, nh_span_t value)
{
    const struct visiting *v = ctx;
    if (strncmp(key, v->prefix, strlen(v->prefix)) == 0)
        v->visit(v->ctx, key, value.ptr, value.len);
    return true;
}

int nh_automation_journal_each(nh_automation_journal_t *j, const char *prefix,
                               void (*visit)(void *ctx, const char *key, const void *value,
                                             size_t len),
                               void *ctx)
{
    struct visiting v = {prefix, visit, ctx};
    return nh_kv_each(j->kv, SPACE, visit_one, &v);
}
