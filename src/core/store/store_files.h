// store_files.h - shared in this folder only: names, the scan of the folder, and whether a file is
// whole. All calls are made with the store's lock held.

#ifndef NH_STORE_FILES_H
#define NH_STORE_FILES_H

#include "core/store/store.h"

#define NH_STORE_HEAD_BYTES 16
#define NH_STORE_TAIL_BYTES 16
#define NH_STORE_TAIL_OPEN_BYTES 4 // at the file's end, after the CRC
#define NH_STORE_GENERATION_MAX INT32_MAX
#define NH_STORE_KNOWN_COUNT 16
#define NH_STORE_PATH_MAX_BYTES (NH_STORE_DIR_MAX_BYTES + NH_STORE_NAME_MAX_BYTES + 12)

struct nh_store_write {
    nh_store_t *store;
    bool is_open;
    int err; // the first error; stays
    uint32_t generation;
    uint32_t crc;
    uint64_t size_bytes;
    nh_file_t *file; // of name.tmp
    char name[NH_STORE_NAME_MAX_BYTES];
};

// A generation that was found whole, so that it need not be read again to know it.
struct nh_store__known {
    char name[NH_STORE_NAME_MAX_BYTES]; // "": free
    uint32_t generation;
    bool is_newest;
    uint64_t size_bytes;
};

struct nh_store {
    nh_mem_t *mem;
    struct nh_fs fs;
    nh_lock_t lock;
    uint32_t keep_count, doc_max_bytes;
    void (*written)(void *ctx, const char *name, uint32_t generation, uint64_t size_bytes);
    void *ctx;
    struct nh_store_info info;
    struct nh_store_write write; // the one write that may be open
    struct nh_store__known known[NH_STORE_KNOWN_COUNT];
    size_t known_next; // the entry to give up next
    char dir[NH_STORE_DIR_MAX_BYTES];
    uint8_t buffer[NH_STORE_BUFFER_BYTES];
};

bool nh_store__name_is_valid(const char *name);

// The path of a generation; 0: of the staging file.
void nh_store__path(const nh_store_t *s, const char *name, uint32_t generation,
                    char out[NH_STORE_PATH_MAX_BYTES]);

// What the folder has of a document, damaged or not, below generation `bound` (0: all).
struct nh_store__scan {
    uint32_t count, lowest, highest; // 0: none
};
NH_MUST_USE int nh_store__scan(nh_store_t *s, const char *name, uint32_t bound,
                               struct nh_store__scan *out);

// Removes staging files. An error only when the folder cannot be read.
NH_MUST_USE int nh_store__remove_staged(nh_store_t *s);

// Returns the CRC to go on with over the document: that of the head without its own CRC, since the
// CRC over anything and its CRC is always the same and would not tie the tail to this head.
uint32_t nh_store__head_put(uint8_t head[NH_STORE_HEAD_BYTES], uint32_t generation);
// `crc` is that of head and document; the tail's own length is added here.
void nh_store__tail_put(uint8_t tail[NH_STORE_TAIL_BYTES], uint64_t size_bytes, uint32_t crc);

// Finds a generation (0: the newest whole one), reading it through if it is not known yet.
NH_MUST_USE int nh_store__find(nh_store_t *s, const char *name, uint32_t generation,
                               struct nh_store_doc_info *out);

void nh_store__know(nh_store_t *s, const char *name, const struct nh_store_doc_info *info,
                    bool is_newest);
// Forgets a generation; 0: all of the document.
void nh_store__forget(nh_store_t *s, const char *name, uint32_t generation);

#endif
