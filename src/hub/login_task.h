// login_task.h - checks passwords beside the loop: a hash is slow by design, and nobody else waits
// for it. One task, one password after the other.

#ifndef NH_HUB_LOGIN_TASK_H
#define NH_HUB_LOGIN_TASK_H

#include "core/mem/mem.h"
#include "hub/password_text.h"
#include "platform/platform.h"

// Embedded by who asks. Between nh_login_task_put() and the call of `done` it is the task's.
struct nh_login_job {
    struct nh_login_job *next; // private
    char password_text[NH_PASSWORD_TEXT_MAX_BYTES];
    uint8_t password[NH_PASSWORD_MAX_BYTES];
    size_t password_len;
    int result; // of nh_password_text_verify()
};

typedef struct nh_login_task nh_login_task_t;
struct nh_login_task_config {
    struct nh_mem_system *sys;
    nh_mem_t *mem;
    nh_loop_t *loop;
    uint32_t queue_max;                                // jobs at once
    void (*done)(void *ctx, struct nh_login_job *job); // on the loop, in the order of put()
    void *ctx;
};
// NH_ERR_NOMEM, NH_ERR_FULL: nothing was started.
NH_MUST_USE int nh_login_task_start(const struct nh_login_task_config *cfg, nh_login_task_t **out);
// Waits for the password at hand. `done` is not called any more; the jobs are their owners'.
void nh_login_task_stop(nh_login_task_t *t);
// The job is borrowed until `done`. NH_ERR_FULL: `queue_max` are on their way.
NH_MUST_USE int nh_login_task_put(nh_login_task_t *t, struct nh_login_job *job);

#endif
