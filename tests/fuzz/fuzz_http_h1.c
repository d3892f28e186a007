// The head of a request: searched whole and in pieces with the same end, then parsed in a block of
// exact size.

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "platform/linux/http/h1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(const char *s, const char *buf, size_t len)
{
    if (s && *s && (s < buf || s + strlen(s) >= buf + len))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    size_t scanned = 0;
    int end = nh_h1_find_end(text, size, &scanned), again = 0;
    scanned = 0;
    for (size_t len = 0; len <= size && again == 0; len++)
        again = nh_h1_find_end(text, len, &scanned);
    if (again != end)
        abort();
    if (end <= 0)
        return 0;
    size_t len = (size_t)end;
    char *buf = malloc(len);
    memcpy(buf, data, len);
    static struct nh_h1_head head;
    int status = nh_h1_parse(buf, len, &head);
    if (status == 0) {
        check_inside(head.path, buf, len);
        check_inside(head.query, buf, len);
        for (size_t i = 0; i < head.header_count; i++)
            check_inside(head.header[i].value, buf, len);
        if (head.path[0] != '/' || nh_h1_has_dot_segment(head.path))
            abort();
    } else if (status < 400 || status > 505) {
        abort();
    }
    free(buf);
    return 0;
}
