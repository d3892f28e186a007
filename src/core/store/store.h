// store.h - versioned documents on a file system that may lose power at any byte.
//
// A document "name" is kept as numbered generations, each in a file of its own:
//   name.<generation>   a head, the document's bytes, and a tail with length and CRC
// and a write is: stage to name.tmp, fsync, rename, fsync the folder, then remove what is older
// than the kept generations. A reader takes the highest generation whose length and CRC hold.
// Every byte: docs/store-format.md; why it is so: docs/store.md.
//
// Any task may call when a lock was given; it is held during the calls' file operations, so a call
// may take as long as an fsync. No document is ever whole in memory: all passes through a buffer
// of NH_STORE_BUFFER_BYTES. All memory is taken at create.

#ifndef NH_STORE_H
#define NH_STORE_H

#include "core/mem/mem.h"
#include "platform/platform.h"

// With the NUL. A name has characters a-z 0-9 _ - . and begins with a letter or digit; no upper
// case, since some file systems take "A" and "a" for one.
#define NH_STORE_NAME_MAX_BYTES 32
#define NH_STORE_DIR_MAX_BYTES 96 // with the NUL
#define NH_STORE_KEEP_MAX_COUNT 16
#define NH_STORE_BUFFER_BYTES 512

typedef struct nh_store nh_store_t;
struct nh_store_config {
    nh_mem_t *mem;          // borrowed; outlives the store
    struct nh_fs fs;        // copied; its ctx outlives the store
    const char *dir;        // folder of the documents, copied; made if missing; its parent exists
    uint32_t keep_count;    // 0: 3 generations; at most NH_STORE_KEEP_MAX_COUNT
    uint32_t doc_max_bytes; // 0: 1 MiB
    nh_lock_t lock;
    // Called after each durable write, on the writer's task, no lock held. May be NULL.
    void (*written)(void *ctx, const char *name, uint32_t generation, uint64_t size_bytes);
    void *ctx;
};
// Makes the folder durable and removes what an interrupted write left. NH_ERR_INVAL: no dir;
// NH_ERR_TOO_LONG: dir; NH_ERR_RANGE: keep_count; NH_ERR_NOMEM; an error of the file system.
// After an error nothing was made and `*out` is NULL.
NH_MUST_USE int nh_store_create(const struct nh_store_config *cfg, nh_store_t **out);

// Aborts a write that is open. NULL: nothing.
void nh_store_destroy(nh_store_t *s);

// Writing a document in pieces: begin, write..., then commit (durable when it returns; gives the
// new generation > 0) or abort (nothing changed). One write at a time in a store: NH_ERR_BUSY.
// `base_generation` 0: any; otherwise NH_ERR_CONFLICT when the newest is another.
// NH_ERR_INVAL: the name. NH_ERR_FULL: generations are used up (after 2^31 - 1 writes).
typedef struct nh_store_write nh_store_write_t;
NH_MUST_USE int nh_store_write_begin(nh_store_t *s, const char *name, uint32_t base_generation,
                                     nh_store_write_t **out);

// NH_ERR_TOO_LONG: over doc_max_bytes; NH_ERR_NOSPC, NH_ERR_IO. An error stays: what follows, and
// commit, give it again, so a document with a hole cannot be committed.
NH_MUST_USE int nh_store_write(nh_store_write_t *w, const void *bytes, size_t len);

// Frees `w` also on error. After an error the document is as before; only when the device also
// refuses the clean-up may a restart find the new generation: whole, in its place.
NH_MUST_USE int nh_store_write_commit(nh_store_write_t *w);
void nh_store_write_abort(nh_store_write_t *w);

// begin, write, commit in one; gives the new generation.
NH_MUST_USE int nh_store_put(nh_store_t *s, const char *name, const void *bytes, size_t len);

struct nh_store_doc_info {
    uint32_t generation;
    uint64_t size_bytes;
};
// The newest whole generation. NH_ERR_NOT_FOUND; NH_ERR_CORRUPT: files are there, none is whole.
// NH_ERR_IO: a file could not be read; then no older one is given in its place.
NH_MUST_USE int nh_store_stat(nh_store_t *s, const char *name, struct nh_store_doc_info *out);

// Reads bytes of a generation (0: the newest). Returns how many; 0 at the end. To read one document
// in pieces, ask nh_store_stat() for its generation first: the newest may change in between.
// Errors as nh_store_stat(), for the generation asked for.
NH_MUST_USE int nh_store_read(nh_store_t *s, const char *name, uint32_t generation, uint64_t offset,
                              void *out, size_t cap);

// Makes generation `generation` the newest again by writing it anew. Returns the new number.
NH_MUST_USE int nh_store_rollback(nh_store_t *s, const char *name, uint32_t generation);

// Fills `out` with up to `max` whole generations, newest first. Returns how many (0: no document).
NH_MUST_USE int nh_store_generations(nh_store_t *s, const char *name, uint32_t *out, size_t max);

// Removes all generations, the newest last, durable when it returns. NH_ERR_NOT_FOUND; after an
// error the newest generation is still there; older ones may be gone. NH_ERR_BUSY: a write is open.
NH_MUST_USE int nh_store_remove(nh_store_t *s, const char *name);

struct nh_store_info {
    uint64_t writes_asked, writes_made, writes_failed, bytes_written, syncs;
    uint64_t damaged;      // files found whose length or CRC does not hold
    uint64_t prune_failed; // old generations that could not be removed (tried again next time)
};
void nh_store_info(nh_store_t *s, struct nh_store_info *out);

#endif
