#include "platform/platform.h"

#include <pthread.h>
#include <stdlib.h>

static void lock_acquire(void *ctx)
{
    int rc = pthread_mutex_lock(ctx);
    NH_ASSERT(rc == 0);
}

static void lock_release(void *ctx)
{
    int rc = pthread_mutex_unlock(ctx);
    NH_ASSERT(rc == 0);
}

int nh_lock_create(nh_lock_t *out)
{
    // From libc: the first lock guards the memory system and so is older than it.
    pthread_mutex_t *m = malloc(sizeof *m);
    *out = (nh_lock_t){0};
    if (!m)
        return NH_ERR_NOMEM;
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
#ifdef NDEBUG
    // The heap's lock is held for some tens of nanoseconds: spin before sleeping.
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP);
#else
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
#endif
    pthread_mutex_init(m, &attr);
    pthread_mutexattr_destroy(&attr);
    *out = (nh_lock_t){.acquire = lock_acquire, .release = lock_release, .ctx = m};
    return NH_OK;
}

void nh_lock_destroy(nh_lock_t *lock)
{
    if (!lock->ctx)
        return;
    pthread_mutex_destroy(lock->ctx);
    free(lock->ctx);
    *lock = (nh_lock_t){0};
}
