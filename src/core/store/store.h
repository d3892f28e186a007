// store.h - versioned documents on a file system that may lose power at any byte.
//
// A document "name" is kept as numbered generations, each in a file of its own:
//   name.<generation>   header line with length and CRC, then the bytes
// and a write is: stage to name.tmp, fsync, rename, fsync the folder, then remove what is older
// than the kept generations. A reader takes the highest generation whose length and CRC hold.

#ifndef NH_STORE_H
#define NH_STORE_H

#include "core/mem/mem.h"
#include "platform/platform.h"

#define NH_STORE_NAME_MAX_BYTES 32

typedef struct nh_store nh_store_t;
struct nh_store_config {
    nh_mem_t *mem;
    struct nh_fs fs;
    const char *dir;        // folder of the documents; made if missing
    uint32_t keep_count;    // 0: 3 generations
    uint32_t doc_max_bytes; // 0: 1 MiB
    nh_lock_t lock;
};
NH_MUST_USE int nh_store_create(const struct nh_store_config *cfg, nh_store_t **out);
void nh_store_destroy(nh_store_t *s);

// Writing a document in pieces: begin, write..., then commit (durable when it returns; gives the
// new generation > 0) or abort (nothing changed). One write at a time in a store: NH_ERR_BUSY.
// `base_generation` 0: any; otherwise NH_ERR_CONFLICT when the newest is another.
typedef struct nh_store_write nh_store_write_t;
NH_MUST_USE int nh_store_write_begin(nh_store_t *s, const char *name, uint32_t base_generation,
                                     nh_store_write_t **out);
NH_MUST_USE int nh_store_write(nh_store_write_t *w, const void *bytes, size_t len);
NH_MUST_USE int nh_store_write_commit(nh_store_write_t *w); // frees w also on error
void nh_store_write_abort(nh_store_write_t *w);
NH_MUST_USE int nh_store_put(nh_store_t *s, const char *name, const void *bytes, size_t len);

struct nh_store_doc_info {
    uint32_t generation;
    uint64_t size_bytes;
};
// The newest whole generation. NH_ERR_NOT_FOUND; NH_ERR_CORRUPT: files are there, none is whole.
NH_MUST_USE int nh_store_stat(nh_store_t *s, const char *name, struct nh_store_doc_info *out);
// Reads bytes of a generation (0: the newest). Returns how many; 0 at the end.
NH_MUST_USE int nh_store_read(nh_store_t *s, const char *name, uint32_t generation, uint64_t offset,
                              void *out, size_t cap);
// Makes generation `generation` the newest again by writing it anew. Returns the new number.
NH_MUST_USE int nh_store_rollback(nh_store_t *s, const char *name, uint32_t generation);
NH_MUST_USE int nh_store_generations(nh_store_t *s, const char *name, uint32_t *out, size_t max);
NH_MUST_USE int nh_store_remove(nh_store_t *s, const char *name);

struct nh_store_info {
    uint64_t writes_asked, writes_made, writes_failed, bytes_written, syncs;
};
void nh_store_info(nh_store_t *s, struct nh_store_info *out);

#endif
