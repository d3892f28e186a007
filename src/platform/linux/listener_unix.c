// listener_unix.c - a Unix socket to listen on: its path, its permissions, its end.

#include "platform/linux/stream.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MODE_DEFAULT 0660u

static int socket_open(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

// Whether what stands at the path is a socket that nobody listens on: left by a process that was
// killed. NH_OK: it is. NH_ERR_BUSY, NH_ERR_EXISTS (no socket), or why it cannot be known.
static int stale_check(const struct sockaddr_un *sa)
{
    struct stat st;
    if (lstat(sa->sun_path, &st) != 0)
        return nh_linux__err(errno);
    if (!S_ISSOCK(st.st_mode))
        return NH_ERR_EXISTS;
    int fd = socket_open();
    if (fd < 0)
        return nh_linux__err(errno);
    int rc = connect(fd, (const struct sockaddr *)sa, sizeof *sa) == 0 ? 0 : errno;
    close(fd);
    if (rc == ECONNREFUSED)
        return NH_OK;
    return rc == 0 || rc == EAGAIN ? NH_ERR_BUSY : nh_linux__err(rc);
}

static int bind_fresh(int fd, const struct sockaddr_un *sa)
{
    // Nobody but us until its permissions are set: the mode of the descriptor is that of the path.
    if (fchmod(fd, 0600) != 0)
        return nh_linux__err(errno);
    if (bind(fd, (const struct sockaddr *)sa, sizeof *sa) == 0)
        return NH_OK;
    if (errno != EADDRINUSE)
        return nh_linux__err(errno);
    int rc = stale_check(sa);
    if (rc < 0)
        return rc;
    if (unlink(sa->sun_path) != 0 || bind(fd, (const struct sockaddr *)sa, sizeof *sa) != 0)
        return nh_linux__err(errno);
    return NH_OK;
}

// Remembers what was made, so that at the end nobody else's is removed.
static int path_keep(nh_listener_t *l, const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return nh_linux__err(errno);
    size_t len = strlen(path) + 1;
    l->unix_path = nh_mem_alloc(l->set->mem, len, NH_MEM_BULK);
    if (!l->unix_path) {
        unlink(path);
        return NH_ERR_NOMEM;
    }
    memcpy(l->unix_path, path, len);
    l->unix_device = st.st_dev;
    l->unix_inode = st.st_ino;
    return NH_OK;
}

int nh_listener__unix_listen(nh_listener_t *l, const char *path, uint32_t mode)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof sa.sun_path)
        return NH_ERR_TOO_LONG;
    memcpy(sa.sun_path, path, strlen(path) + 1);
    l->fd = socket_open();
    if (l->fd < 0)
        return nh_linux__err(errno);
    int rc = bind_fresh(l->fd, &sa);
    if (rc == NH_OK)
        rc = path_keep(l, path);
    if (rc < 0)
        return rc;
    if (chmod(path, mode ? mode : MODE_DEFAULT) != 0 || listen(l->fd, SOMAXCONN) != 0)
        return nh_linux__err(errno);
    return NH_OK;
}

void nh_listener__unix_remove(nh_listener_t *l)
{
    struct stat st;
    if (!l->unix_path)
        return;
    if (lstat(l->unix_path, &st) == 0 && st.st_dev == l->unix_device && st.st_ino == l->unix_inode)
        unlink(l->unix_path);
    nh_mem_free(l->set->mem, l->unix_path);
    l->unix_path = NULL;
}
