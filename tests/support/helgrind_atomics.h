// helgrind_atomics.h - what atomics order, told to Helgrind, which knows none: stands before each
// file of a build for it (NH_HELGRIND, scripts/helgrind.sh). The word itself may be touched by all.

#ifndef NH_TEST_HELGRIND_ATOMICS_H
#define NH_TEST_HELGRIND_ATOMICS_H

#include <valgrind/helgrind.h>

#define NH__RELEASE(p)                                                                             \
    do {                                                                                           \
        VALGRIND_HG_DISABLE_CHECKING(p, sizeof *(p));                                              \
        ANNOTATE_HAPPENS_BEFORE(p);                                                                \
    } while (0)
#define NH__ACQUIRE(p)                                                                             \
    do {                                                                                           \
        VALGRIND_HG_DISABLE_CHECKING(p, sizeof *(p));                                              \
        ANNOTATE_HAPPENS_AFTER(p);                                                                 \
    } while (0)

#endif
