// login_task.h - checks and stores passwords beside the loop: a hash is slow by design, and nobody
// else waits for it. One task, one password after the other, for the broker and the portal alike;
// who asks bounds how many it has on their way.

#ifndef NH_HUB_LOGIN_TASK_H
#define NH_HUB_LOGIN_TASK_H

#include "core/mem/mem.h"
#include "hub/password_text.h"
#include "platform/platform.h"

enum nh_login_work {
    NH_LOGIN_CHECK, // the password against password_text
    NH_LOGIN_MAKE,  // password_text (Argon2id) from the password
};

// Embedded by who asks. Between nh_login_task_put() and the call of `done` it is the task's.
struct nh_login_job {
    struct nh_login_job *next; // private
    enum nh_login_work work;
    bool is_urgent; // a person at a browser goes before a fleet that reconnects
    char password_text[NH_PASSWORD_TEXT_MAX_BYTES];
    uint8_t password[NH_PASSWORD_MAX_BYTES]; // overwritten when it was looked at
    size_t password_len;
    int result;                                        // of nh_password_text_verify() or _make()
    void (*done)(void *ctx, struct nh_login_job *job); // on the loop
    void *ctx;
};

typedef struct nh_login_task nh_login_task_t;
struct nh_login_task_config {
    struct nh_mem_system *sys;
    nh_mem_t *mem;
    nh_loop_t *loop;
};
// No task runs yet: it begins with the first job, or with nh_login_task_start(). NH_ERR_NOMEM.
NH_MUST_USE int nh_login_task_create(const struct nh_login_task_config *cfg, nh_login_task_t **out);
// NH_ERR_NOMEM, NH_ERR_FULL: it does not run, as before. When it does already: nothing.
NH_MUST_USE int nh_login_task_start(nh_login_task_t *t);
// Waits for the password at hand, then frees. `done` is not called any more; the jobs are their
// owners'. NULL: nothing.
void nh_login_task_destroy(nh_login_task_t *t);
// The job is borrowed until `done`. The errors of nh_login_task_start().
NH_MUST_USE int nh_login_task_put(nh_login_task_t *t, struct nh_login_job *job);

#endif
