// An address: what is taken has a host without separators and a target within the text.

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/http/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = 0;
    struct nh_http_url url;
    if (nh_http_url_parse(text, &url) == NH_OK) {
        const char *target = (const char *)url.target.ptr;
        if (!url.host[0] || strpbrk(url.host, "/?#@ \r\n") || url.port == 0 || target < text ||
            target + url.target.len > text + strlen(text))
            abort();
        for (size_t i = 0; i < url.target.len; i++)
            if (target[i] <= ' ' || target[i] == '#')
                abort();
    }
    free(text);
    return 0;
}
