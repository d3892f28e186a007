// The header of a proxy: whatever is parsed was given whole, in a block of exact size.

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "platform/linux/proxy2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct nh_proxy2 *p)
{
    if (p->family > NH_PROXY2_UNIX || !memchr(p->name, 0, sizeof p->name))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    // The signature is nothing to be found by chance.
    static const uint8_t signature[12] = "\r\n\r\n\0\r\nQUIT\n";
    size_t len = sizeof signature + size;
    uint8_t *bytes = malloc(len);
    struct nh_proxy2 p;
    memcpy(bytes, signature, sizeof signature);
    memcpy(bytes + sizeof signature, data, size);
    int whole = len >= NH_PROXY2_HEAD_BYTES ? nh_proxy2_length(bytes) : NH_ERR_PROTO;
    if (whole > NH_PROXY2_MAX_BYTES)
        abort();
    int rc = nh_proxy2_parse(bytes, len, &p);
    if (rc == NH_OK)
        check(&p);
    if (rc == NH_OK && whole != (int)len)
        abort();
    free(bytes);
    return 0;
}
