// A device's log: cut into lines whole and byte by byte with the same lines, each parsed.

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness/lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const char *text)
{
    static struct nh_harness_line l;
    nh_harness_line_parse(text, &l);
    if (strlen(l.address) >= sizeof l.address || strlen(l.version) >= sizeof l.version)
        abort();
    if (l.what == NH_LINE_MEM && (!l.mem.tag[0] || strlen(l.mem.tag) >= sizeof l.mem.tag ||
                                  strchr(l.mem.tag, ' ') || l.mem.hin > INT64_MAX))
        abort();
    if (l.what == NH_LINE_TASK && !l.task.name[0])
        abort();
    if ((l.marks & NH_MARK_BOOT) && !(l.marks & NH_MARK_REBOOT))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct nh_harness_split whole, single;
    const uint8_t *at = data;
    const char *line, *other = NULL;
    size_t left = size, pos = 0;
    memset(&whole, 0, sizeof whole);
    memset(&single, 0, sizeof single);
    while ((line = nh_harness_split_next(&whole, &at, &left))) {
        check_line(line);
        for (other = NULL; !other && pos < size; pos++) {
            const uint8_t *one = data + pos;
            size_t len = 1;
            other = nh_harness_split_next(&single, &one, &len);
        }
        if (!other || strcmp(line, other) != 0)
            abort();
    }
    return 0;
}
