#include "hub/password_file.h"

#include "hub/line_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct rewriting {
    FILE *out;
    const char *name, *text;
    bool is_done;
};

static int write_error(void)
{
    return errno == ENOSPC || errno == EDQUOT                    ? NH_ERR_NOSPC
           : errno == EACCES || errno == EPERM || errno == EROFS ? NH_ERR_DENIED
                                                                 : NH_ERR_IO;
}

static bool is_of(const char *name, nh_span_t line)
{
    size_t len = strlen(name);
    return line.len > len && line.ptr[len] == ':' && memcmp(line.ptr, name, len) == 0;
}

static int put_user(struct rewriting *r)
{
    r->is_done = true;
    if (!r->text)
        return NH_OK;
    return fprintf(r->out, "%s:%s\n", r->name, r->text) < 0 ? write_error() : NH_OK;
}

static int copy_line(void *ctx, uint32_t number, nh_span_t line)
{
    struct rewriting *r = ctx;
    (void)number;
    if (!line.ptr)
        return NH_ERR_TOO_LONG;
    if (is_of(r->name, line))
        return r->is_done ? NH_OK : put_user(r);
    if (fwrite(line.ptr, 1, line.len, r->out) != line.len || fputc('\n', r->out) == EOF)
        return write_error();
    return NH_OK;
}

static int rewrite(const char *path, struct rewriting *r)
{
    int rc = nh_line_file_read(path, copy_line, r);
    if (rc == NH_ERR_NOT_FOUND)
        rc = NH_OK; // the file is new
    if (rc == NH_OK && !r->is_done)
        rc = r->text ? put_user(r) : NH_ERR_NOT_FOUND;
    if (rc == NH_OK && (fflush(r->out) != 0 || fsync(fileno(r->out)) != 0))
        rc = write_error();
    return rc;
}

// As those of the file that it will be, so that who reads that one can go on.
static void keep_rights(const char *path, FILE *out)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return;
    NH_IGNORE(fchmod(fileno(out), st.st_mode & 07777)); // it stays stricter then
    NH_IGNORE(fchown(fileno(out), st.st_uid, st.st_gid));
}

int nh_password_file_set(const char *path, const char *name, const char *text)
{
    char beside[4096];
    struct rewriting r = {.name = name, .text = text};
    if (snprintf(beside, sizeof beside, "%s.new", path) >= (int)sizeof beside)
        return NH_ERR_TOO_LONG;
    mode_t mask = umask(077);
    r.out = fopen(beside, "wb");
    umask(mask);
    if (!r.out)
        return write_error();
    int rc = rewrite(path, &r);
    if (rc == NH_OK)
        keep_rights(path, r.out);
    fclose(r.out); // flushed before
    if (rc == NH_OK && rename(beside, path) != 0)
        rc = write_error();
    if (rc < 0)
        unlink(beside);
    return rc;
}
