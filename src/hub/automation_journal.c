#include "hub/automation_journal.h"

#include "core/base/log.h"

#include <string.h>
#include <sys/stat.h>

#define SPACE "automation"
#define BATCH_MAX_COUNT 64
#define STOP_MS 10000

struct entry {
    struct entry *next;
    size_t len;
    bool is_remove;
    char key[NH_KV_KEY_MAX_BYTES + 1];
    uint8_t value[];
};

struct nh_automation_journal {
    struct nh_automation_journal_config cfg;
    nh_kv_t *kv;
    nh_task_t *task;
    nh_notify_t *notify;
    nh_lock_t lock;
    struct entry *first, **end; // under the lock, as all below
    uint32_t count;
    bool wants_stop, has_failed;
};

// ---- the task -----------------------------------------------------------------------------------

// What waits, and whether it is to end when nothing does.
static struct entry *take(nh_automation_journal_t *j, bool *stops)
{
    nh_lock_acquire(&j->lock);
    struct entry *e = j->first;
    j->first = NULL;
    j->end = &j->first;
    j->count = 0;
    *stops = j->wants_stop;
    nh_lock_release(&j->lock);
    return e;
}

static void tell(nh_automation_journal_t *j, int err)
{
    if (err < 0 && !j->has_failed)
        NH_LOG_E("automation",
                 "the journal cannot be written (%s): a restart will cut short what "
                 "runs",
                 nh_err_text(err));
    j->has_failed = err < 0;
}

static struct entry *write_batch(nh_automation_journal_t *j, struct entry *e)
{
    struct nh_kv_write writes[BATCH_MAX_COUNT] = {{0}};
    struct entry *first = e;
    size_t count = 0;
    for (; e && count < BATCH_MAX_COUNT; e = e->next)
        writes[count++] = (struct nh_kv_write){SPACE, e->key, e->is_remove ? NULL : e->value,
                                               e->is_remove ? 0 : e->len};
    tell(j, nh_kv_commit(j->kv, writes, count));
    while (first != e) {
        struct entry *next = first->next;
        nh_mem_free(j->cfg.mem, first);
        first = next;
    }
    return e;
}

static void run(void *ctx)
{
    nh_automation_journal_t *j = ctx;
    bool stops = false;
    while (!stops) {
        struct entry *e = take(j, &stops);
        if (!e && !stops)
            NH_IGNORE(nh_notify_wait(j->notify, NH_NEVER)); // it never times out
        while (e)
            e = write_batch(j, e);
    }
}

// ---- life ---------------------------------------------------------------------------------------

static void free_all(nh_automation_journal_t *j)
{
    bool stops;
    for (struct entry *e = take(j, &stops), *next; e; e = next) {
        next = e->next;
        nh_mem_free(j->cfg.mem, e);
    }
    nh_kv_close(j->kv);
    nh_notify_destroy(j->notify);
    nh_lock_destroy(&j->lock);
    nh_mem_free(j->cfg.mem, j);
}

int nh_automation_journal_start(const struct nh_automation_journal_config *cfg,
                                nh_automation_journal_t **out)
{
    *out = NULL;
    nh_automation_journal_t *j = nh_mem_alloc_zero(cfg->mem, sizeof *j, NH_MEM_BULK);
    if (!j)
        return NH_ERR_NOMEM;
    j->cfg = *cfg;
    j->end = &j->first;
    (void)mkdir(cfg->dir, 0700); // there already, or opening it says what is wrong
    int err = nh_lock_create(&j->lock);
    if (err == 0)
        err = nh_notify_create(cfg->mem, &j->notify);
    if (err == 0)
        err = nh_kv_open(cfg->mem, cfg->dir, &j->kv);
    const struct nh_task_config task = {
        .name = "journal", .priority = 1, .chip_stack_bytes = 4096, .run = run, .ctx = j};
    if (err == 0)
        err = nh_task_start(cfg->sys, &task, &j->task);
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
    nh_notify_post(j->notify);
    if (nh_task_join(j->task, STOP_MS) == 0)
        free_all(j);
    else // it still uses them
        NH_LOG_E("automation", "the journal is still being written after %d s", STOP_MS / 1000);
}

// ---- what is kept -------------------------------------------------------------------------------

// A later write of the same key takes the place of one that still waits: then the order among
// different keys does not matter, since each stands for itself.
static void push(nh_automation_journal_t *j, struct entry *e)
{
    struct entry *old = NULL;
    nh_lock_acquire(&j->lock);
    for (struct entry **at = &j->first; *at; at = &(*at)->next) {
        if (strcmp((*at)->key, e->key) != 0)
            continue;
        old = *at;
        *at = old->next;
        if (j->end == &old->next)
            j->end = at;
        j->count--;
        break;
    }
    *j->end = e;
    j->end = &e->next;
    j->count++;
    nh_lock_release(&j->lock);
    nh_mem_free(j->cfg.mem, old);
    nh_notify_post(j->notify);
}

static bool is_full(nh_automation_journal_t *j)
{
    nh_lock_acquire(&j->lock);
    bool full = j->count >= j->cfg.queue_max;
    nh_lock_release(&j->lock);
    return full;
}

static int add(nh_automation_journal_t *j, const char *key, const void *value, size_t len,
               bool is_remove)
{
    if (is_full(j))
        return NH_ERR_FULL;
    if (strlen(key) > NH_KV_KEY_MAX_BYTES)
        return NH_ERR_TOO_LONG;
    struct entry *e = nh_mem_alloc_zero(j->cfg.mem, sizeof *e + len, NH_MEM_BULK);
    if (!e)
        return NH_ERR_NOMEM;
    e->is_remove = is_remove;
    e->len = len;
    memcpy(e->key, key, strlen(key) + 1);
    if (len)
        memcpy(e->value, value, len);
    push(j, e);
    return NH_OK;
}

int nh_automation_journal_put(nh_automation_journal_t *j, const char *key, const void *value,
                              size_t len)
{
    return add(j, key, value, len, false);
}

int nh_automation_journal_remove(nh_automation_journal_t *j, const char *key)
{
    return add(j, key, NULL, 0, true);
}

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
