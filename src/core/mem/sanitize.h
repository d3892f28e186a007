// sanitize.h - what the sanitizers are told about our regions; nothing in any other build.
//
// The one place in the core that knows a host header: ASan's, and only in an ASan build.

#ifndef NH_MEM_SANITIZE_H
#define NH_MEM_SANITIZE_H

#include <stddef.h>

// Given from outside for heap.c and heap_check.c, which are built without ASan's checks; the first
// still poisons.
#ifndef NH_ASAN
#if defined(__SANITIZE_ADDRESS__)
#define NH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NH_ASAN 1
#endif
#endif
#endif
#ifndef NH_ASAN
#define NH_ASAN 0
#endif

// On a function that reads memory which is poisoned, or another task's, on purpose.
#define NH_NO_SANITIZE __attribute__((no_sanitize("address", "thread", "undefined")))

#if NH_ASAN

#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>

static inline void nh_poison(const void *ptr, size_t bytes)
{
    __asan_poison_memory_region(ptr, bytes);
}

static inline void nh_unpoison(const void *ptr, size_t bytes)
{
    __asan_unpoison_memory_region(ptr, bytes);
}

// LeakSanitizer does not look into mapped memory by itself: a pointer kept in a region keeps what
// a host library allocated alive.
static inline void nh_root_add(const void *ptr, size_t bytes)
{
    __lsan_register_root_region(ptr, bytes);
}

static inline void nh_root_remove(const void *ptr, size_t bytes)
{
    __lsan_unregister_root_region(ptr, bytes);
}

#else

static inline void nh_poison(const void *ptr, size_t bytes)
{
    (void)ptr;
    (void)bytes;
}

static inline void nh_unpoison(const void *ptr, size_t bytes)
{
    (void)ptr;
    (void)bytes;
}

static inline void nh_root_add(const void *ptr, size_t bytes)
{
    (void)ptr;
    (void)bytes;
}

static inline void nh_root_remove(const void *ptr, size_t bytes)
{
    (void)ptr;
    (void)bytes;
}

#endif

#endif
