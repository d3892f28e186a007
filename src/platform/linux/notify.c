#include "core/mem/mem.h"
#include "platform/linux/port.h"

#include <errno.h>
#include <pthread.h>

struct nh_notify {
    nh_mem_t *mem;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool posted;
};

int nh_notify_create(struct nh_mem *mem, nh_notify_t **out)
{
    nh_notify_t *n = *out = nh_mem_alloc_zero(mem, sizeof *n, NH_MEM_HOT);
    if (!n)
        return NH_ERR_NOMEM;
    n->mem = mem;
    pthread_mutex_init(&n->lock, NULL);
    nh_linux__cond_init(&n->cond);
    return NH_OK;
}

void nh_notify_destroy(nh_notify_t *n)
{
    if (!n)
        return;
    pthread_cond_destroy(&n->cond);
    pthread_mutex_destroy(&n->lock);
    nh_mem_free(n->mem, n);
}

void nh_notify_post(nh_notify_t *n)
{
    pthread_mutex_lock(&n->lock);
    n->posted = true;
    pthread_cond_signal(&n->cond);
    pthread_mutex_unlock(&n->lock);
}

static int wait_until(nh_notify_t *n, struct timespec until)
{
    int rc = 0;
    pthread_mutex_lock(&n->lock);
    while (!n->posted && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&n->cond, &n->lock, &until);
    bool came = n->posted;
    n->posted = false;
    pthread_mutex_unlock(&n->lock);
    return came ? NH_OK : NH_ERR_TIMEOUT;
}

int nh_notify_wait(nh_notify_t *n, uint64_t timeout_ms)
{
    return wait_until(n, nh_linux__until(timeout_ms));
}

int nh_notify_wait_until(nh_notify_t *n, uint64_t at_us)
{
    uint64_t now_us = nh_clock_us(), wait_us = at_us > now_us ? at_us - now_us : 0;
    struct timespec until = nh_linux__until(wait_us / 1000);
    until.tv_nsec += (long)(wait_us % 1000) * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    return wait_until(n, until);
}
