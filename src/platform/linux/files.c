// files.c - files beneath one directory, by descriptors: no path leads out of it.

#include "core/mem/mem.h"
#include "platform/linux/port.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATH_MAX_BYTES 512
#define DIR_BUFFER_BYTES 1024

struct nh_files {
    nh_mem_t *mem;
    int dir_fd;
};

struct nh_file {
    int fd;
};

struct dir_cursor {
    int fd;
    int len, at; // of what is read and of what is given out
    _Alignas(8) char buffer[DIR_BUFFER_BYTES];
};

// What getdents64() writes, one after another.
struct dir_entry {
    uint64_t inode;
    int64_t next;
    uint16_t bytes;
    uint8_t type;
    char name[];
};

// ---- paths -------------------------------------------------------------------------------------

// Refuses what could lead out before the kernel is asked.
static int path_check(const char *path)
{
    if (strlen(path) >= PATH_MAX_BYTES)
        return NH_ERR_TOO_LONG;
    if (path[0] == '/')
        return NH_ERR_DENIED;
    for (const char *p = path; *p;) {
        size_t n = strcspn(p, "/");
        if (n == 2 && p[0] == '.' && p[1] == '.')
            return NH_ERR_DENIED;
        p += n;
        p += strspn(p, "/");
    }
    return NH_OK;
}

// For kernels before 5.6: each directory on the way is opened without following links.
static int walk_open(int at_fd, const char *path, int flags, mode_t mode)
{
    int fd = fcntl(at_fd, F_DUPFD_CLOEXEC, 3);
    for (const char *p = path; fd >= 0;) {
        char name[PATH_MAX_BYTES];
        size_t n = strcspn(p, "/");
        const char *rest = p + n + strspn(p + n, "/");
        memcpy(name, p, n);
        name[n] = 0;
        int step = *rest ? O_PATH | O_DIRECTORY : flags;
        int next = openat(fd, name, step | O_NOFOLLOW | O_CLOEXEC, mode);
        int saved = errno;
        close(fd);
        errno = saved;
        if (next < 0 || !*rest)
            return next;
        fd = next;
        p = rest;
    }
    return -1;
}

static atomic_bool has_openat2 = true;

void nh_linux__openat2_forbid(bool forbidden)
{
    has_openat2 = !forbidden;
}

static int open_beneath(const nh_files_t *files, const char *path, int flags, mode_t mode)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    int rc = path_check(path);
    if (rc < 0)
        return rc;
    if (!path[0])
        path = ".";
    int fd = -1;
    if (has_openat2) {
        fd = (int)syscall(SYS_openat2, files->dir_fd, path, &how, sizeof how);
        if (fd < 0 && (errno == ENOSYS || errno == EPERM)) // EPERM: a sandbox that is older
            has_openat2 = false;
    }
    if (!has_openat2)
        fd = walk_open(files->dir_fd, path, flags, mode);
    return fd < 0 ? nh_linux__err(errno) : fd;
}

// Opens the directory that holds the last part of `path`, and gives that part.
static int open_parent(const nh_files_t *files, const char *path, const char **name)
{
    char parent[PATH_MAX_BYTES];
    const char *slash = strrchr(path, '/');
    int rc = path_check(path);
    if (rc < 0)
        return rc;
    *name = slash ? slash + 1 : path;
    if (!**name || strcmp(*name, ".") == 0)
        return NH_ERR_INVAL;
    size_t len = slash ? (size_t)(slash - path) : 0;
    memcpy(parent, path, len);
    parent[len] = 0;
    return open_beneath(files, parent, O_PATH | O_DIRECTORY, 0);
}

// ---- files -------------------------------------------------------------------------------------

static int open_flags(enum nh_file_mode mode)
{
    switch (mode) {
    case NH_FILE_WRITE:
        return O_WRONLY | O_CREAT | O_TRUNC;
    case NH_FILE_APPEND:
        return O_WRONLY | O_CREAT | O_APPEND;
    default:
        return O_RDONLY;
    }
}

static int file_open(void *ctx, const char *path, enum nh_file_mode mode, nh_file_t **out)
{
    nh_files_t *files = ctx;
    struct stat st;
    *out = NULL;
    // O_NONBLOCK: a pipe that lies there must not hold us.
    int fd = open_beneath(files, path, open_flags(mode) | O_NONBLOCK | O_NOCTTY, 0640);
    if (fd < 0)
        return fd;
    int rc = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? NH_OK : NH_ERR_INVAL;
    nh_file_t *f = rc == NH_OK ? nh_mem_alloc(files->mem, sizeof *f, NH_MEM_BULK) : NULL;
    if (!f) {
        close(fd);
        return rc < 0 ? rc : NH_ERR_NOMEM;
    }
    f->fd = fd;
    *out = f;
    return NH_OK;
}

static int file_read(void *ctx, nh_file_t *f, uint64_t offset, void *out, size_t cap)
{
    (void)ctx;
    ssize_t n;
    if (cap > INT32_MAX)
        cap = INT32_MAX;
    do {
        n = pread(f->fd, out, cap, (off_t)offset);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? nh_linux__err(errno) : (int)n;
}

static int file_write(void *ctx, nh_file_t *f, const void *bytes, size_t len)
{
    (void)ctx;
    const uint8_t *at = bytes;
    while (len > 0) {
        ssize_t n = write(f->fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? nh_linux__err(errno) : NH_ERR_IO;
        at += n;
        len -= (size_t)n;
    }
    return NH_OK;
}

static int file_sync(void *ctx, nh_file_t *f)
{
    (void)ctx;
    return fdatasync(f->fd) == 0 ? NH_OK : nh_linux__err(errno);
}

static void file_close(void *ctx, nh_file_t *f)
{
    nh_files_t *files = ctx;
    if (!f)
        return;
    close(f->fd);
    nh_mem_free(files->mem, f);
}

// ---- names -------------------------------------------------------------------------------------

static int file_rename(void *ctx, const char *from, const char *to)
{
    const char *from_name, *to_name;
    int from_fd = open_parent(ctx, from, &from_name);
    if (from_fd < 0)
        return from_fd;
    int to_fd = open_parent(ctx, to, &to_name);
    if (to_fd < 0) {
        close(from_fd);
        return to_fd;
    }
    int rc = renameat(from_fd, from_name, to_fd, to_name) == 0 ? NH_OK : nh_linux__err(errno);
    close(from_fd);
    close(to_fd);
    return rc;
}

static int file_remove(void *ctx, const char *path)
{
    const char *name;
    int fd = open_parent(ctx, path, &name);
    if (fd < 0)
        return fd;
    int rc = unlinkat(fd, name, 0);
    if (rc != 0 && errno == EISDIR)
        rc = unlinkat(fd, name, AT_REMOVEDIR);
    rc = rc == 0 ? NH_OK : nh_linux__err(errno);
    close(fd);
    return rc;
}

static int file_mkdir(void *ctx, const char *path)
{
    const char *name;
    int fd = open_parent(ctx, path, &name);
    if (fd < 0)
        return fd;
    int rc = mkdirat(fd, name, 0750) == 0 ? NH_OK : nh_linux__err(errno);
    close(fd);
    return rc;
}

static void info_of(const struct stat *st, const char *name, struct nh_file_info *out)
{
    snprintf(out->name, sizeof out->name, "%s", name);
    out->size_bytes = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
    out->mtime_unix_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
    out->is_dir = S_ISDIR(st->st_mode);
}

static int file_stat(void *ctx, const char *path, struct nh_file_info *out)
{
    struct stat st;
    int fd = open_beneath(ctx, path, O_PATH, 0);
    if (fd < 0)
        return fd;
    int rc = fstat(fd, &st) == 0 ? NH_OK : nh_linux__err(errno);
    close(fd);
    const char *slash = strrchr(path, '/');
    if (rc == NH_OK)
        info_of(&st, slash ? slash + 1 : path, out);
    return rc;
}

static int file_sync_dir(void *ctx, const char *path)
{
    int fd = open_beneath(ctx, path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return fd;
    int rc = fsync(fd) == 0 ? NH_OK : nh_linux__err(errno);
    close(fd);
    return rc;
}

// ---- directories: streamed through one small buffer, not the C library's 32 KiB
// ------------------

static int dir_open(void *ctx, const char *path, void **cursor)
{
    nh_files_t *files = ctx;
    *cursor = NULL;
    int fd = open_beneath(files, path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return fd;
    struct dir_cursor *d = nh_mem_alloc(files->mem, sizeof *d, NH_MEM_BULK);
    if (!d) {
        close(fd);
        return NH_ERR_NOMEM;
    }
    d->fd = fd;
    d->len = d->at = 0;
    *cursor = d;
    return NH_OK;
}

static int dir_fill(struct dir_cursor *d)
{
    d->at = 0;
    d->len = (int)syscall(SYS_getdents64, d->fd, d->buffer, sizeof d->buffer);
    if (d->len > 0)
        return NH_OK;
    return d->len == 0 ? NH_ERR_NOT_FOUND : nh_linux__err(errno);
}

static int dir_next(void *ctx, void *cursor, struct nh_file_info *out)
{
    struct dir_cursor *d = cursor;
    (void)ctx;
    for (;;) {
        struct stat st;
        int rc = d->at < d->len ? NH_OK : dir_fill(d);
        if (rc < 0)
            return rc;
        const struct dir_entry *e = (const struct dir_entry *)(d->buffer + d->at);
        d->at += e->bytes;
        if (strcmp(e->name, ".") == 0 || strcmp(e->name, "..") == 0)
            continue;
        // Gone in between, or neither file nor directory (a link leads out): not listed.
        if (fstatat(d->fd, e->name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
            continue;
        info_of(&st, e->name, out);
        return NH_OK;
    }
}

static void dir_close(void *ctx, void *cursor)
{
    nh_files_t *files = ctx;
    struct dir_cursor *d = cursor;
    if (!d)
        return;
    close(d->fd);
    nh_mem_free(files->mem, d);
}

// ---- life --------------------------------------------------------------------------------------

static const struct nh_files_ops ops = {
    .open = file_open,
    .read = file_read,
    .write = file_write,
    .sync = file_sync,
    .close = file_close,
    .rename = file_rename,
    .remove = file_remove,
    .mkdir = file_mkdir,
    .stat = file_stat,
    .sync_dir = file_sync_dir,
    .dir_open = dir_open,
    .dir_next = dir_next,
    .dir_close = dir_close,
};

int nh_files_open_existing(struct nh_mem *mem, const char *dir, nh_files_t **out)
{
    *out = NULL;
    nh_files_t *files = nh_mem_alloc_zero(mem, sizeof *files, NH_MEM_BULK);
    if (!files)
        return NH_ERR_NOMEM;
    files->mem = mem;
    files->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (files->dir_fd < 0) {
        int rc = nh_linux__err(errno);
        nh_files_close(files);
        return rc;
    }
    *out = files;
    return NH_OK;
}

int nh_files_open(struct nh_mem *mem, const char *dir, nh_files_t **out)
{
    *out = NULL;
    if (mkdir(dir, 0750) != 0 && errno != EEXIST)
        return nh_linux__err(errno);
    return nh_files_open_existing(mem, dir, out);
}

struct nh_fs nh_files_fs(nh_files_t *files)
{
    return (struct nh_fs){.ops = &ops, .ctx = files};
}

int nh_files_space(nh_files_t *files, uint64_t *used_bytes, uint64_t *total_bytes)
{
    struct statvfs v;
    if (fstatvfs(files->dir_fd, &v) != 0)
        return nh_linux__err(errno);
    *total_bytes = (uint64_t)v.f_blocks * v.f_frsize;
    *used_bytes = (uint64_t)(v.f_blocks - v.f_bavail) * v.f_frsize;
    return NH_OK;
}

void nh_files_close(nh_files_t *files)
{
    if (!files)
        return;
    if (files->dir_fd >= 0)
        close(files->dir_fd);
    nh_mem_free(files->mem, files);
}
