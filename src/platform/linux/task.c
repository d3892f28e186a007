// task.c - tasks with stacks of our own, painted, so that what they ever used can be measured.

#include "core/mem/mem.h"
#include "platform/linux/port.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

// Sanitizers put redzones between locals, and the one for threads keeps its state in thread-local
// variables, which stand at the top of each stack.
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define STACK_SCALE 4
#define STACK_EXTRA_BYTES NH_MIB(1)
#elif defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define STACK_SCALE 4
#define STACK_EXTRA_BYTES NH_KIB(16)
#else
#define STACK_SCALE 1
#define STACK_EXTRA_BYTES NH_KIB(16) // the C library's own state of a thread
#endif

#define STACK_DEFAULT_BYTES NH_KIB(128)
#define STACK_MIN_BYTES NH_KIB(16)

struct nh_task {
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    void (*run)(void *ctx);
    void *ctx;
    char *map; // guard page, then the stack
    size_t map_bytes;
    int mem_task;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t done_cond;
    bool is_done;
};

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t stack_bytes_of(const struct nh_task_config *cfg)
{
    size_t bytes = cfg->host_stack_bytes ? cfg->host_stack_bytes : STACK_DEFAULT_BYTES;
    if (bytes < STACK_MIN_BYTES)
        bytes = STACK_MIN_BYTES;
    bytes = bytes * STACK_SCALE + STACK_EXTRA_BYTES;
    return (bytes + page_bytes() - 1) & ~(page_bytes() - 1);
}

static void *task_main(void *arg)
{
    nh_task_t *t = arg;
    t->run(t->ctx);
    pthread_mutex_lock(&t->lock);
    t->is_done = true;
    pthread_cond_signal(&t->done_cond);
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

static int stack_map(nh_task_t *t, const struct nh_task_config *cfg)
{
    size_t stack_bytes = stack_bytes_of(cfg);
    t->map_bytes = page_bytes() + stack_bytes;
    t->map = mmap(NULL, t->map_bytes, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (t->map == MAP_FAILED) {
        t->map = NULL;
        return nh_linux__err(errno);
    }
    // An overflow faults here and does not write into a neighbour.
    if (mprotect(t->map, page_bytes(), PROT_NONE) != 0)
        return nh_linux__err(errno);
    nh_mem_stack_paint(t->map + page_bytes(), stack_bytes);
    return NH_OK;
}

static int thread_start(nh_task_t *t, const char *name)
{
    pthread_attr_t attr;
    sigset_t all, old;
    pthread_attr_init(&attr);
    int rc = pthread_attr_setstack(&attr, t->map + page_bytes(), t->map_bytes - page_bytes());
    // Signals are the main task's: others would only be interrupted by them.
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    if (rc == 0)
        rc = pthread_create(&t->thread, &attr, task_main, t);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (rc != 0) // EAGAIN: the system's limit of threads
        return rc == EAGAIN ? NH_ERR_FULL : nh_linux__err(rc);
    pthread_setname_np(t->thread, name);
    return NH_OK;
}

static void task_free(nh_task_t *t)
{
    if (t->mem_task >= 0)
        nh_mem_task_remove(t->sys, t->mem_task);
    if (t->map)
        munmap(t->map, t->map_bytes);
    pthread_cond_destroy(&t->done_cond);
    pthread_mutex_destroy(&t->lock);
    nh_mem_free(t->mem, t);
}

static int config_check(const struct nh_task_config *cfg)
{
    if (!cfg->name || !cfg->name[0] || strpbrk(cfg->name, " \t\r\n") || !cfg->run)
        return NH_ERR_INVAL;
    return strlen(cfg->name) < NH_MEM_NAME_MAX_BYTES ? NH_OK : NH_ERR_TOO_LONG;
}

static int register_stack(nh_mem_system_t *sys, const struct nh_task_config *cfg, const void *stack,
                          size_t stack_bytes)
{
    const struct nh_mem_task_config m = {
        .name = cfg->name,
        .priority = cfg->priority,
        .core = -1,
        .stack = stack,
        .stack_bytes = stack_bytes,
        .chip_stack_bytes = cfg->chip_stack_bytes,
    };
    return nh_mem_task_add(sys, &m);
}

int nh_task_start(struct nh_mem_system *sys, const struct nh_task_config *cfg, nh_task_t **out)
{
    nh_mem_t *mem = NULL;
    *out = NULL;
    int rc = config_check(cfg);
    if (rc == NH_OK)
        rc = nh_mem_owner_add(sys, "tasks", NULL, &mem);
    if (rc < 0)
        return rc;
    nh_task_t *t = nh_mem_alloc_zero(mem, sizeof *t, NH_MEM_HOT);
    if (!t)
        return NH_ERR_NOMEM;
    t->sys = sys;
    t->mem = mem;
    t->run = cfg->run;
    t->ctx = cfg->ctx;
    t->mem_task = -1;
    pthread_mutex_init(&t->lock, NULL);
    nh_linux__cond_init(&t->done_cond);
    rc = stack_map(t, cfg);
    if (rc < 0)
        goto fail;
    rc = t->mem_task = register_stack(sys, cfg, t->map + page_bytes(), t->map_bytes - page_bytes());
    if (rc < 0)
        goto fail;
    rc = thread_start(t, cfg->name);
    if (rc < 0)
        goto fail;
    *out = t;
    return NH_OK;

fail:
    task_free(t);
    return rc;
}

int nh_task_join(nh_task_t *t, uint64_t timeout_ms)
{
    const struct timespec until = nh_linux__until(timeout_ms);
    int rc = 0;
    pthread_mutex_lock(&t->lock);
    while (!t->is_done && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&t->done_cond, &t->lock, &until);
    bool done = t->is_done;
    pthread_mutex_unlock(&t->lock);
    if (!done)
        return NH_ERR_TIMEOUT;
    pthread_join(t->thread, NULL); // returns at once: only its last instructions are left
    task_free(t);
    return NH_OK;
}

// Moves the stack pointer over the area before painting it: the kernel grows the main stack, and
// nothing beneath the pointer is anybody's.
__attribute__((noinline, no_sanitize_address)) static uintptr_t paint_below(size_t bytes)
{
    char *area = __builtin_alloca(bytes);
    nh_mem_stack_paint(area, bytes);
    __asm__ volatile("" : : "r"(area) : "memory"); // the paint is read later, by address
    return (uintptr_t)area; // NOLINT(clang-analyzer-core.StackAddressEscape): it is what we measure
}

int nh_task_adopt(struct nh_mem_system *sys, const struct nh_task_config *cfg)
{
    struct rlimit limit;
    size_t bytes = stack_bytes_of(cfg);
    if (!cfg->name)
        return NH_ERR_INVAL;
    if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur / 2 < bytes)
        return NH_ERR_RANGE;
    uintptr_t area = paint_below(bytes);
    pthread_setname_np(pthread_self(), cfg->name);
    return register_stack(sys, cfg, (const void *)area, bytes);
}
