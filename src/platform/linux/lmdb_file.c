#include "platform/linux/lmdb_file.h"

#include "platform/linux/port.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int nh_linux__lmdb_err(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return NH_OK;
    case MDB_NOTFOUND:
        return NH_ERR_NOT_FOUND;
    case MDB_MAP_FULL:
        return NH_ERR_NOSPC;
    case MDB_BAD_VALSIZE:
        return NH_ERR_TOO_LONG;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_PANIC:
    case MDB_INCOMPATIBLE:
        return NH_ERR_CORRUPT;
    default:
        return rc > 0 ? nh_linux__err(rc) : NH_ERR_IO;
    }
}

int nh_linux__lmdb_lock(const char *dir, int *out_fd)
{
    *out_fd = -1;
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return nh_linux__err(errno);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return nh_linux__err(errno);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int err = errno == EWOULDBLOCK ? NH_ERR_BUSY : nh_linux__err(errno);
        close(fd);
        return err;
    }
    *out_fd = fd;
    return NH_OK;
}

int nh_linux__lmdb_open(const char *dir, size_t map_bytes, unsigned flags, MDB_env **out)
{
    int rc = mdb_env_create(out);
    if (rc != 0)
        return rc;
    mdb_env_set_mapsize(*out, map_bytes);
    // MDB_NOTLS: the readers belong to us, not to the threads that happen to call.
    rc = mdb_env_open(*out, dir, MDB_NOTLS | flags, 0600);
    if (rc != 0) {
        mdb_env_close(*out);
        *out = NULL;
    }
    return rc;
}

// ---- checking a file before it is trusted ------------------------------------------------------

struct check {
    size_t map_bytes;
    unsigned max_s;
    bool is_sample;
    bool (*record_is_whole)(const MDB_val *key, const MDB_val *record);
};

static bool is_time_up(const struct timespec *start, unsigned max_s)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec - start->tv_sec >= (time_t)max_s;
}

static int walk_all(MDB_txn *txn, MDB_dbi dbi, const struct check *c, const struct timespec *start)
{
    MDB_cursor *cursor;
    MDB_val key, record;
    int rc = mdb_cursor_open(txn, dbi, &cursor);
    if (rc != 0)
        return rc;
    while ((rc = mdb_cursor_get(cursor, &key, &record, MDB_NEXT)) == 0) {
        if (dbi != 0 && !c->record_is_whole(&key, &record)) // 0: the list of free pages
            return MDB_CORRUPTED;
        if (c->is_sample && is_time_up(start, c->max_s)) // each: a record may be large
            return 0;
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

// In the child. Never returns; the status says what was found.
static void check_and_exit(const char *dir, const struct check *c)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    struct timespec start;
    const struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    for (int sig = 1; sig < 32; sig++) // sanitizers' handlers, too: dying is the answer here
        signal(sig, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(c->is_sample ? 2 * c->max_s : c->max_s);
    clock_gettime(CLOCK_MONOTONIC, &start);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0)
        dup2(null, STDERR_FILENO); // an assertion of LMDB would print there
    int rc = nh_linux__lmdb_open(dir, c->map_bytes, MDB_RDONLY, &env);
    if (rc != 0)
        _exit(nh_linux__lmdb_err(rc) == NH_ERR_CORRUPT ? 1 : 0); // else the parent says it better
    if (mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) != 0)
        _exit(1);
    rc = walk_all(txn, 0, c, &start); // the list of free pages is the first tree
    if (rc == 0)
        rc = mdb_dbi_open(txn, NULL, 0, &dbi);
    if (rc == 0)
        rc = walk_all(txn, dbi, c, &start);
    _exit(rc == 0 ? 0 : 1);
}

int nh_linux__lmdb_check(const char *dir, size_t map_bytes, unsigned max_s, bool is_sample,
                         bool (*record_is_whole)(const MDB_val *key, const MDB_val *record))
{
    const struct check c = {map_bytes, max_s, is_sample, record_is_whole};
    char path[4096];
    struct stat st;
    int status;
    if (snprintf(path, sizeof path, "%s/data.mdb", dir) >= (int)sizeof path)
        return NH_ERR_TOO_LONG;
    if (stat(path, &st) != 0)
        return errno == ENOENT ? NH_OK : nh_linux__err(errno);
    pid_t pid = fork();
    if (pid < 0)
        return NH_ERR_NOMEM;
    if (pid == 0)
        check_and_exit(dir, &c);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return NH_ERR_IO;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? NH_OK : NH_ERR_CORRUPT;
}
