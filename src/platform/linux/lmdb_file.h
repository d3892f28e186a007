// lmdb_file.h - what the two users of LMDB in this port share: opening a file that may be damaged.

#ifndef NH_LINUX_LMDB_FILE_H
#define NH_LINUX_LMDB_FILE_H

#include "core/base/base.h"

#include <lmdb.h>

int nh_linux__lmdb_err(int rc);

// Makes `dir` and takes it for this process alone. Gives its descriptor: closing it lets go.
// NH_ERR_BUSY: another process, or this one, has it.
NH_MUST_USE int nh_linux__lmdb_lock(const char *dir, int *out_fd);

// An LMDB result; `*out` is NULL on error.
NH_MUST_USE int nh_linux__lmdb_open(const char *dir, size_t map_bytes, unsigned flags,
                                    MDB_env **out);

// LMDB trusts its file, so a damaged one could take the process down: a child process reads all of
// it first, and what kills the child is NH_ERR_CORRUPT for us. `record_is_whole` looks at each
// record. The child stops after `max_s`: what it found good until then counts as good when
// `is_sample`, else as damage (it runs in circles). Not with other tasks running that hold locks.
NH_MUST_USE int
nh_linux__lmdb_check(const char *dir, size_t map_bytes, unsigned max_s, bool is_sample,
                     bool (*record_is_whole)(const MDB_val *key, const MDB_val *record));

#endif
