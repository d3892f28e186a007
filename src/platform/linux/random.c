#include "platform/platform.h"

#include <sodium.h>

// sodium_init() opens the kernel's source once; before main() no other task can race for it.
__attribute__((constructor)) static void random_start(void)
{
    NH_ASSERT(sodium_init() >= 0);
}

void nh_random_bytes(void *out, size_t len)
{
    randombytes_buf(out, len);
}

uint32_t nh_random_u32(void)
{
    return randombytes_random();
}
