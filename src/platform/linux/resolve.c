#include "platform/linux/resolve.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define STACK_BYTES NH_KIB(256) // name services load modules of their own

struct nh_resolve {
    // Guards `is_given_up` and the post: who gives it up knows whether the thread will post.
    pthread_mutex_t lock;
    bool is_given_up, is_done;
    nh_loop_t *loop;
    nh_loop_post_t post;
    void (*done)(void *ctx, const union nh_resolve_address *addresses, size_t count,
                 const char *reason);
    void *ctx;
    union nh_resolve_address address[NH_RESOLVE_ADDRESS_MAX_COUNT];
    size_t count;
    const char *reason;
    uint16_t port;
    char name[NH_RESOLVE_NAME_MAX_BYTES + 1];
};

static atomic_uint task_count;

static void resolve_free(nh_resolve_t *r)
{
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static void take_addresses(nh_resolve_t *r, const struct addrinfo *list)
{
    for (; list && r->count < NH_RESOLVE_ADDRESS_MAX_COUNT; list = list->ai_next) {
        union nh_resolve_address *a = &r->address[r->count];
        if (list->ai_addrlen > sizeof *a)
            continue;
        memcpy(a, list->ai_addr, list->ai_addrlen);
        if (a->sa.sa_family == AF_INET)
            a->v4.sin_port = htons(r->port);
        else if (a->sa.sa_family == AF_INET6)
            a->v6.sin6_port = htons(r->port);
        else
            continue;
        r->count++;
    }
    if (r->count == 0)
        r->reason = "the name has no address";
}

static void look_up(nh_resolve_t *r)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *list = NULL;
    int rc = getaddrinfo(r->name, NULL, &hints, &list);
    if (rc == 0)
        take_addresses(r, list);
    else
        r->reason = rc == EAI_SYSTEM ? "the name cannot be looked up" : gai_strerror(rc);
    if (list)
        freeaddrinfo(list);
}

static void *thread_main(void *arg)
{
    nh_resolve_t *r = arg;
    look_up(r);
    atomic_fetch_sub(&task_count, 1);
    pthread_mutex_lock(&r->lock);
    bool is_given_up = r->is_given_up;
    r->is_done = true;
    if (!is_given_up)
        nh_loop_post(r->loop, &r->post); // within the lock: the loop is there as long
    pthread_mutex_unlock(&r->lock);
    if (is_given_up)
        resolve_free(r);
    return NULL;
}

static void on_done(void *ctx)
{
    nh_resolve_t *r = ctx;
    pthread_mutex_lock(&r->lock); // the thread has left it then, and never comes back
    pthread_mutex_unlock(&r->lock);
    r->done(r->ctx, r->address, r->count, r->reason);
    resolve_free(r);
}

void nh_resolve__cancel(nh_resolve_t *r)
{
    pthread_mutex_lock(&r->lock);
    r->is_given_up = true;
    bool is_done = r->is_done;
    pthread_mutex_unlock(&r->lock);
    if (!is_done)
        return; // the thread frees it when it returns
    nh_loop_post_cancel(r->loop, &r->post);
    resolve_free(r);
}

static int thread_start(nh_resolve_t *r)
{
    pthread_t thread;
    pthread_attr_t attr;
    sigset_t all, old;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    sigfillset(&all); // signals are for the loop
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&thread, &attr, thread_main, r);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return rc == 0 ? NH_OK : NH_ERR_NOMEM;
}

int nh_resolve__start(nh_loop_t *loop, const char *name, uint16_t port,
                      void (*done)(void *ctx, const union nh_resolve_address *addresses,
                                   size_t count, const char *reason),
                      void *ctx, nh_resolve_t **out)
{
    *out = NULL;
    if (strlen(name) > NH_RESOLVE_NAME_MAX_BYTES)
        return NH_ERR_TOO_LONG;
    if (atomic_fetch_add(&task_count, 1) >= NH_RESOLVE_TASK_MAX_COUNT) {
        atomic_fetch_sub(&task_count, 1);
        return NH_ERR_FULL;
    }
    nh_resolve_t *r = calloc(1, sizeof *r);
    if (r) {
        pthread_mutex_init(&r->lock, NULL);
        r->loop = loop;
        r->post = (nh_loop_post_t){.fn = on_done, .ctx = r};
        r->done = done;
        r->ctx = ctx;
        r->port = port;
        memcpy(r->name, name, strlen(name) + 1);
        if (thread_start(r) == NH_OK) {
            *out = r;
            return NH_OK;
        }
        resolve_free(r);
    }
    atomic_fetch_sub(&task_count, 1);
    return NH_ERR_NOMEM;
}
