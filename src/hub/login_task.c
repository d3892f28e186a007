#include "hub/login_task.h"

#include "core/base/log.h"

#define STOP_MS 60000 // the longest that a hash may take on a slow machine

struct jobs { // first come, first served
    struct nh_login_job *first, **end;
};

struct nh_login_task {
    struct nh_login_task_config cfg;
    nh_task_t *task; // NULL: does not run yet
    nh_notify_t *notify;
    nh_lock_t lock;
    nh_loop_post_t post;
    struct jobs urgent, asked, answered; // under the lock
    bool wants_stop;                     // likewise
};

static void push(struct jobs *l, struct nh_login_job *job)
{
    job->next = NULL;
    *l->end = job;
    l->end = &job->next;
}

static struct nh_login_job *pop(struct jobs *l)
{
    struct nh_login_job *job = l->first;
    if (job)
        l->first = job->next;
    if (!l->first)
        l->end = &l->first;
    return job;
}

// ---- the task -----------------------------------------------------------------------------------

static struct nh_login_job *next_job(nh_login_task_t *t)
{
    nh_lock_acquire(&t->lock);
    struct nh_login_job *job = pop(&t->urgent);
    if (!job)
        job = pop(&t->asked);
    nh_lock_release(&t->lock);
    return job;
}

static bool is_told_to_stop(nh_login_task_t *t)
{
    nh_lock_acquire(&t->lock);
    bool stop = t->wants_stop;
    nh_lock_release(&t->lock);
    return stop;
}

static void work(nh_login_task_t *t, struct nh_login_job *job)
{
    const nh_span_t password = {job->password, job->password_len};
    job->result = job->work == NH_LOGIN_MAKE
                      ? nh_password_text_make(NH_PASSWORD_ARGON2ID, password, job->password_text)
                      : nh_password_text_verify(job->password_text, password);
    nh_wipe(job->password, sizeof job->password);
    nh_lock_acquire(&t->lock);
    push(&t->answered, job);
    nh_lock_release(&t->lock);
    nh_loop_post(t->cfg.loop, &t->post);
}

static void run(void *ctx)
{
    nh_login_task_t *t = ctx;
    while (!is_told_to_stop(t)) {
        struct nh_login_job *job = next_job(t);
        if (job)
            work(t, job);
        else
            NH_IGNORE(nh_notify_wait(t->notify, NH_NEVER)); // it never times out
    }
}

// ---- the loop -----------------------------------------------------------------------------------

static struct nh_login_job *next_answer(nh_login_task_t *t)
{
    nh_lock_acquire(&t->lock);
    struct nh_login_job *job = pop(&t->answered);
    nh_lock_release(&t->lock);
    return job;
}

static void on_answers(void *ctx)
{
    nh_login_task_t *t = ctx;
    struct nh_login_job *job;
    while ((job = next_answer(t)) != NULL)
        job->done(job->ctx, job);
}

static void free_task(nh_login_task_t *t)
{
    nh_notify_destroy(t->notify);
    nh_lock_destroy(&t->lock);
    nh_mem_free(t->cfg.mem, t);
}

int nh_login_task_create(const struct nh_login_task_config *cfg, nh_login_task_t **out)
{
    *out = NULL;
    nh_login_task_t *t = nh_mem_alloc_zero(cfg->mem, sizeof *t, NH_MEM_BULK);
    if (!t)
        return NH_ERR_NOMEM;
    t->cfg = *cfg;
    t->post = (nh_loop_post_t){.fn = on_answers, .ctx = t};
    t->urgent.end = &t->urgent.first;
    t->asked.end = &t->asked.first;
    t->answered.end = &t->answered.first;
    int rc = nh_lock_create(&t->lock);
    if (rc == NH_OK)
        rc = nh_notify_create(cfg->mem, &t->notify);
    if (rc < 0) {
        free_task(t);
        return rc;
    }
    *out = t;
    return NH_OK;
}

int nh_login_task_start(nh_login_task_t *t)
{
    const struct nh_task_config task = {
        .name = "login", .priority = 1, .chip_stack_bytes = 4096, .run = run, .ctx = t};
    return t->task ? NH_OK : nh_task_start(t->cfg.sys, &task, &t->task);
}

void nh_login_task_destroy(nh_login_task_t *t)
{
    if (!t)
        return;
    nh_lock_acquire(&t->lock);
    t->wants_stop = true;
    nh_lock_release(&t->lock);
    nh_notify_post(t->notify);
    int rc = t->task ? nh_task_join(t->task, STOP_MS) : NH_OK;
    nh_loop_post_cancel(t->cfg.loop, &t->post);
    if (rc == NH_OK)
        free_task(t);
    else // it still uses them
        NH_LOG_E("access", "a password is still being checked after %d s", STOP_MS / 1000);
}

int nh_login_task_put(nh_login_task_t *t, struct nh_login_job *job)
{
    int rc = nh_login_task_start(t);
    if (rc < 0)
        return rc;
    nh_lock_acquire(&t->lock);
    push(job->is_urgent ? &t->urgent : &t->asked, job);
    nh_lock_release(&t->lock);
    nh_notify_post(t->notify);
    return NH_OK;
}
