#include "hub/mqtt_store.h"

#include "core/base/log.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define ASIDE_MAX 1000u // damaged stores that are kept
#define CHIP_STACK_BYTES NH_KIB(4)

struct nh_mqtt_store {
    nh_mem_t *mem;
    nh_loop_t *loop;
    nh_mqtt_broker_t *broker;
    nh_records_t *records;
    nh_task_t *task;
    nh_notify_t *work, *done;
    nh_lock_t lock; // guards the four below
    const nh_mqtt_batch_t *todo;
    int rc;
    bool is_done, is_stopping;
    nh_loop_post_t post;
    uint64_t max_bytes;
    char dir[256 + 8];
};

// ---- the task -----------------------------------------------------------------------------------

struct walk {
    const nh_mqtt_batch_t *batch;
    size_t at;
};

_Static_assert((int)NH_RECORD_PUT == (int)NH_MQTT_OP_PUT &&
                   (int)NH_RECORD_DELETE == (int)NH_MQTT_OP_DELETE &&
                   (int)NH_RECORD_COUNT == (int)NH_MQTT_OP_COUNT &&
                   NH_RECORDS_PARTS == NH_MQTT_PARTS &&
                   NH_RECORDS_KEY_MAX_BYTES >= NH_MQTT_KEY_MAX_BYTES,
               "the broker's operations are written as they are");

static bool next_op(void *ctx, struct nh_record_op *out)
{
    struct walk *w = ctx;
    struct nh_mqtt_op op;
    if (!nh_mqtt_batch_next(w->batch, &w->at, &op))
        return false;
    out->kind = (enum nh_record_op_kind)op.kind;
    out->count = op.count;
    out->key = op.key;
    memcpy(out->value, op.value, sizeof out->value);
    return true;
}

static const nh_mqtt_batch_t *take(nh_mqtt_store_t *s, bool *is_stopping)
{
    nh_lock_acquire(&s->lock);
    const nh_mqtt_batch_t *batch = s->todo;
    s->todo = NULL;
    *is_stopping = s->is_stopping;
    nh_lock_release(&s->lock);
    return batch;
}

static void tell(nh_mqtt_store_t *s, int rc)
{
    nh_lock_acquire(&s->lock);
    s->rc = rc;
    s->is_done = true;
    nh_lock_release(&s->lock);
    nh_notify_post(s->done);
    nh_loop_post(s->loop, &s->post);
}

static void run(void *ctx)
{
    nh_mqtt_store_t *s = ctx;
    bool is_stopping = false;
    while (!is_stopping) {
        NH_IGNORE(nh_notify_wait(s->work, NH_NEVER)); // a vain wake-up costs one look
        const nh_mqtt_batch_t *batch = take(s, &is_stopping);
        struct walk w = {batch, 0};
        if (batch)
            tell(s, nh_records_commit(s->records, next_op, &w));
    }
}

// ---- on the loop's task -------------------------------------------------------------------------

static void commit(void *ctx, const nh_mqtt_batch_t *batch)
{
    nh_mqtt_store_t *s = ctx;
    nh_lock_acquire(&s->lock);
    s->todo = batch;
    nh_lock_release(&s->lock);
    nh_notify_post(s->work);
}

static void on_done(void *ctx)
{
    nh_mqtt_store_t *s = ctx;
    nh_lock_acquire(&s->lock);
    bool is_done = s->is_done;
    int rc = s->rc;
    s->is_done = false;
    nh_lock_release(&s->lock);
    if (is_done && s->broker)
        nh_mqtt_broker_saved(s->broker, rc, nh_clock_ms());
}

static int read(void *ctx, nh_span_t prefix, nh_span_t from, nh_mqtt_record_fn visit, void *vctx)
{
    nh_mqtt_store_t *s = ctx;
    return nh_records_read(s->records, prefix, from, visit, vctx);
}

static int last(void *ctx, nh_span_t prefix, nh_mqtt_record_fn visit, void *vctx)
{
    nh_mqtt_store_t *s = ctx;
    return nh_records_last(s->records, prefix, visit, vctx);
}

struct nh_mqtt_persist nh_mqtt_store_persist(nh_mqtt_store_t *s)
{
    return (struct nh_mqtt_persist){.ctx = s, .commit = commit, .read = read, .last = last};
}

void nh_mqtt_store_broker_set(nh_mqtt_store_t *s, nh_mqtt_broker_t *broker)
{
    s->broker = broker;
}

void nh_mqtt_store_flush(nh_mqtt_store_t *s, uint64_t timeout_ms)
{
    uint64_t until_ms = nh_clock_ms() + timeout_ms;
    if (!s || !s->broker)
        return;
    while (nh_mqtt_broker_is_unsaved(s->broker) && nh_clock_ms() < until_ms) {
        nh_mqtt_broker_flush(s->broker, nh_clock_ms());
        NH_IGNORE(nh_notify_wait(s->done, 100)); // or looks whether it is time to try again
        on_done(s);
    }
    if (nh_mqtt_broker_is_unsaved(s->broker))
        NH_LOG_E("mqtt", "stopped with changes that the store could not take; they are lost");
}

void nh_mqtt_store_info(nh_mqtt_store_t *s, struct nh_records_info *out)
{
    nh_records_info(s->records, out);
}

// ---- life ---------------------------------------------------------------------------------------

static int move_aside(const nh_mqtt_store_t *s, int why)
{
    char aside[sizeof s->dir + 16];
    struct stat st;
    for (unsigned n = 1; n <= ASIDE_MAX; n++) {
        snprintf(aside, sizeof aside, "%s.bad-%u", s->dir, n);
        if (stat(aside, &st) == 0)
            continue;
        if (rename(s->dir, aside) != 0)
            return NH_ERR_IO;
        NH_LOG_E("mqtt",
                 "THE STORE IN %s CANNOT BE USED (%s). It was set aside as %s; sessions, "
                 "their messages and retained messages begin anew",
                 s->dir, nh_err_text(why), aside);
        return NH_OK;
    }
    return NH_ERR_FULL;
}

static int open_records(nh_mqtt_store_t *s)
{
    const struct nh_records_config cfg = {.mem = s->mem, .dir = s->dir, .max_bytes = s->max_bytes};
    int rc = nh_records_open(&cfg, &s->records);
    if (rc != NH_ERR_CORRUPT)
        return rc;
    rc = move_aside(s, rc);
    return rc < 0 ? rc : nh_records_open(&cfg, &s->records);
}

int nh_mqtt_store_set_aside(nh_mqtt_store_t *s, int why)
{
    nh_records_close(s->records);
    s->records = NULL;
    int rc = move_aside(s, why);
    return rc < 0 ? rc : open_records(s);
}

static int start_task(nh_mqtt_store_t *s, const struct nh_mqtt_store_config *cfg)
{
    const struct nh_task_config task = {
        .name = "store", .chip_stack_bytes = CHIP_STACK_BYTES, .run = run, .ctx = s};
    int rc = nh_lock_create(&s->lock);
    if (rc == NH_OK)
        rc = nh_notify_create(s->mem, &s->work);
    if (rc == NH_OK)
        rc = nh_notify_create(s->mem, &s->done);
    return rc < 0 ? rc : nh_task_start(cfg->sys, &task, &s->task);
}

int nh_mqtt_store_start(const struct nh_mqtt_store_config *cfg, nh_mqtt_store_t **out)
{
    *out = NULL;
    nh_mqtt_store_t *s = nh_mem_alloc_zero(cfg->mem, sizeof *s, NH_MEM_BULK);
    if (!s)
        return NH_ERR_NOMEM;
    s->mem = cfg->mem;
    s->loop = cfg->loop;
    s->max_bytes = cfg->max_bytes;
    s->post = (nh_loop_post_t){.fn = on_done, .ctx = s};
    snprintf(s->dir, sizeof s->dir, "%s/mqtt", cfg->data_dir);
    int rc = open_records(s);
    if (rc == NH_OK)
        rc = start_task(s, cfg);
    if (rc < 0) {
        nh_mqtt_store_stop(s);
        return rc;
    }
    *out = s;
    return NH_OK;
}

void nh_mqtt_store_stop(nh_mqtt_store_t *s)
{
    if (!s)
        return;
    if (s->task) {
        nh_lock_acquire(&s->lock);
        s->is_stopping = true;
        nh_lock_release(&s->lock);
        nh_notify_post(s->work);
        NH_IGNORE(nh_task_join(s->task, NH_NEVER)); // a write is ended, not broken off
        nh_loop_post_cancel(s->loop, &s->post);
    }
    nh_notify_destroy(s->work);
    nh_notify_destroy(s->done);
    nh_lock_destroy(&s->lock);
    nh_records_close(s->records);
    nh_mem_free(s->mem, s);
}
