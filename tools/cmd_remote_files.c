// cmd_remote_files.c - what a remote keeps: its address, its lamps with their keys, their lists.

#include "cmd_remote.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool make_folders(const char *dir)
{
    char path[sizeof((struct nh_remote_files *)0)->dir];
    snprintf(path, sizeof path, "%s", dir);
    for (char *c = path + 1; *c; c++) {
        if (*c != '/')
            continue;
        *c = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return false;
        *c = '/';
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static void path_of(const struct nh_remote_files *f, const char *name, char *out, size_t cap)
{
    snprintf(out, cap, "%s/%s", f->dir, name);
}

size_t nh_remote_files_read(const struct nh_remote_files *f, const char *name, void *out,
                            size_t cap)
{
    char path[480];
    path_of(f, name, path, sizeof path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, out, cap);
    close(fd);
    return n > 0 ? (size_t)n : 0;
}

static int write_durably(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return NH_ERR_IO;
    bool ok = write(fd, bytes, len) == (ssize_t)len && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    return ok ? 0 : NH_ERR_IO;
}

int nh_remote_files_write(const struct nh_remote_files *f, const char *name, const void *bytes,
                          size_t len)
{
    char path[480], staged[488];
    path_of(f, name, path, sizeof path);
    snprintf(staged, sizeof staged, "%s.tmp", path);
    if (write_durably(staged, bytes, len) < 0 || rename(staged, path) != 0) {
        unlink(staged);
        return NH_ERR_IO;
    }
    int fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC); // the name itself
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok ? 0 : NH_ERR_IO;
}

// An address of this remote alone, the same at each start.
static bool find_address(struct nh_remote_files *f)
{
    char text[NH_RADIO_ADDRESS_TEXT_BYTES] = "";
    uint8_t id[3];
    nh_remote_files_read(f, "address", text, sizeof text - 1);
    if (nh_radio_address_parse(text, &f->address))
        return true;
    nh_random_bytes(id, sizeof id);
    f->address = (nh_radio_address_t){{0x02, 0x4E, 0x52, id[0], id[1], id[2]}};
    nh_radio_address_text(&f->address, text);
    return nh_remote_files_write(f, "address", text, strlen(text)) == 0;
}

static bool lock(struct nh_remote_files *f)
{
    char path[480];
    path_of(f, "lock", path, sizeof path);
    f->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return f->lock_fd >= 0 && flock(f->lock_fd, LOCK_EX | LOCK_NB) == 0;
}

bool nh_remote_files_open(struct nh_remote_files *f, const char *dir)
{
    *f = (struct nh_remote_files){.lock_fd = -1};
    snprintf(f->dir, sizeof f->dir, "%s", dir);
    if (!make_folders(f->dir)) {
        fprintf(stderr, "nuthatch remote: cannot make the folder %s: %s\n", f->dir,
                strerror(errno));
        return false;
    }
    if (!lock(f)) // two would count their frames apart, and the lamp would take them for old
        fprintf(stderr, "nuthatch remote: %s is in use by another remote, or cannot be written\n",
                f->dir);
    else if (!find_address(f))
        fprintf(stderr, "nuthatch remote: cannot write to %s\n", f->dir);
    else
        return true;
    nh_remote_files_close(f);
    return false;
}

void nh_remote_files_close(struct nh_remote_files *f)
{
    if (f->lock_fd >= 0)
        close(f->lock_fd);
    f->lock_fd = -1;
}
