#include "hub/secret_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int fault(int error, const char **why)
{
    *why = error == ENOENT || error == ENOTDIR ? "there is no such file"
           : error == EACCES || error == EPERM ? "this user may not read it"
           : error == EISDIR                   ? "is a folder"
                                               : "cannot be read";
    return error == ENOENT || error == ENOTDIR ? NH_ERR_NOT_FOUND
           : error == EACCES || error == EPERM ? NH_ERR_DENIED
                                               : NH_ERR_IO;
}

int nh_secret_file_read(const char *path, char *out, size_t cap, const char **why)
{
    out[0] = '\0';
    *why = "";
    if (!path[0])
        return NH_OK;
    FILE *f = fopen(path, "re");
    if (!f)
        return fault(errno, why);
    errno = 0;
    bool is_read = fgets(out, (int)cap, f) != NULL, is_end = feof(f);
    int error = is_read ? 0 : errno;
    fclose(f);
    size_t len = is_read ? strcspn(out, "\r\n") : 0;
    bool is_whole = len < cap - 1 || out[len] || is_end;
    out[is_whole ? len : 0] = '\0';
    if (error)
        return fault(error, why);
    if (len > 0 && is_whole)
        return NH_OK;
    *why = is_whole ? "its first line is empty" : "its first line is too long";
    return is_whole ? NH_ERR_IO : NH_ERR_TOO_LONG;
}
