// base.h - what every floor may use: compiler attributes, errors, assertions, spans, locks.

#ifndef NH_BASE_H
#define NH_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NH_MUST_USE __attribute__((warn_unused_result))
// For the few calls whose failure needs no answer; the reason stands beside the call.
#define NH_IGNORE(call) ((void)!(call))
#define NH_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define NH_UNUSED __attribute__((unused))
#define NH_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define NH_CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define NH_KIB(n) ((size_t)(n)*1024u)
#define NH_MIB(n) ((size_t)(n)*1024u * 1024u)

// A deadline that never comes. All deadlines are 64-bit milliseconds of the monotonic clock.
#define NH_NEVER UINT64_MAX

// The moment `ms` after `now_ms`; NH_NEVER where the clock would wrap.
static inline uint64_t nh_ms_after(uint64_t now_ms, uint64_t ms)
{
    return ms < NH_NEVER - now_ms ? now_ms + ms : NH_NEVER;
}

// One list makes the codes and the texts. A negative code is an error, >= 0 is a result.
// Codes are stable: they stand in logs, in `nh_err_name()` and in the JSON error form.
#define NH_ERR_LIST(X)                                                                             \
    X(NOMEM, -1, "out of memory")                                                                  \
    X(FULL, -2, "a limit is reached")                                                              \
    X(RANGE, -3, "a value is out of its range")                                                    \
    X(INVAL, -4, "an argument is not valid")                                                       \
    X(PROTO, -5, "the peer broke the protocol")                                                    \
    X(SYNTAX, -6, "the text is not well formed")                                                   \
    X(TYPE, -7, "a value has the wrong type")                                                      \
    X(TOO_LONG, -8, "a value is too long")                                                         \
    X(TOO_DEEP, -9, "nested too deep")                                                             \
    X(NOT_FOUND, -10, "not found")                                                                 \
    X(EXISTS, -11, "already there")                                                                \
    X(AGAIN, -12, "nothing to do now, try again later")                                            \
    X(TIMEOUT, -13, "time is up")                                                                  \
    X(CLOSED, -14, "closed")                                                                       \
    X(IO, -15, "input or output failed")                                                           \
    X(NOSPC, -16, "no space left on the device")                                                   \
    X(CORRUPT, -17, "stored data is damaged")                                                      \
    X(DENIED, -18, "not allowed")                                                                  \
    X(UNSUPPORTED, -19, "not supported here")                                                      \
    X(CONFLICT, -20, "changed by someone else in between")                                         \
    X(BUSY, -21, "in use")                                                                         \
    X(CANCELLED, -22, "cancelled")

enum nh_err {
    NH_OK = 0,
#define NH_ERR_ENUM(name, code, text) NH_ERR_##name = code,
    NH_ERR_LIST(NH_ERR_ENUM)
#undef NH_ERR_ENUM
};

// The text of an error for people ("out of memory"); "ok" for >= 0. Static, never NULL.
const char *nh_err_text(int err);

// The name of an error for machines ("NOMEM"); "OK" for >= 0, "UNKNOWN" for a code not in the list.
const char *nh_err_name(int err);

// For our own bugs only, never for what bytes, files or peers can cause. Calls the hook, then
// traps.
#define NH_ASSERT(cond) ((cond) ? (void)0 : nh_assert_failed(#cond, __FILE__, __LINE__))
_Noreturn void nh_assert_failed(const char *cond, const char *file, int line);

// Called once with the failed assertion before the trap, so that a port can print it. NULL: none.
void nh_assert_hook_set(void (*hook)(const char *cond, const char *file, int line));

// A lock given by the port; the core calls no thread library. Zeroed: no locking (one task).
// `acquire` may not be called twice by one task without `release` between.
typedef struct nh_lock {
    void (*acquire)(void *ctx);
    void (*release)(void *ctx);
    void *ctx;
} nh_lock_t;

static inline void nh_lock_acquire(const nh_lock_t *l)
{
    if (l->acquire)
        l->acquire(l->ctx);
}

static inline void nh_lock_release(const nh_lock_t *l)
{
    if (l->release)
        l->release(l->ctx);
}

// A borrowed run of bytes; not NUL-terminated.
typedef struct nh_span {
    const uint8_t *ptr;
    size_t len;
} nh_span_t;

#endif
