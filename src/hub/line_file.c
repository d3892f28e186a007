#include "hub/line_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int open_error(void)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return NH_ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
        return NH_ERR_DENIED;
    default:
        return NH_ERR_IO;
    }
}

// Reads one line into `buffer`. Returns its length; more than NH_LINE_MAX_BYTES: it is longer; -1:
// the file has ended.
static long read_line(FILE *f, char buffer[NH_LINE_MAX_BYTES])
{
    long len = 0;
    int c = getc(f);
    if (c == EOF)
        return -1;
    for (; c != EOF && c != '\n'; c = getc(f), len++)
        if (len < NH_LINE_MAX_BYTES)
            buffer[len] = (char)c;
    return len;
}

int nh_line_file_read(const char *path, int (*line)(void *ctx, uint32_t number, nh_span_t text),
                      void *ctx)
{
    char buffer[NH_LINE_MAX_BYTES];
    FILE *f = fopen(path, "rb");
    if (!f)
        return open_error();
    int rc = NH_OK;
    long len;
    for (uint32_t number = 1; rc == NH_OK && (len = read_line(f, buffer)) >= 0; number++) {
        nh_span_t text = {(const uint8_t *)buffer, (size_t)len};
        if (len > NH_LINE_MAX_BYTES)
            text = (nh_span_t){NULL, 0};
        rc = line(ctx, number, text);
    }
    if (rc == NH_OK && ferror(f)) // a directory, say
        rc = NH_ERR_IO;
    fclose(f);
    return rc;
}
