// jpeg_memory.h - libjpeg's memory manager in the house: all that a decoder takes is its owner's.

#ifndef NH_LINUX_JPEG_MEMORY_H
#define NH_LINUX_JPEG_MEMORY_H

#include "core/mem/mem.h"

#include <stdio.h> // jpeglib.h wants it before

#include <jpeglib.h>

struct nh_linux__jpeg_block;

struct nh_linux__jpeg_memory {
    struct jpeg_memory_mgr mgr;    // first: libjpeg sees only this
    struct jpeg_memory_mgr *first; // the library's own, which holds what it took at the very start
    nh_mem_t *mem;
    struct nh_linux__jpeg_block *pools[JPOOL_NUMPOOLS];
    size_t bytes, peak_bytes, max_bytes;
};

// From now on `cinfo` takes its memory here: at most `max_bytes`, then it fails with libjpeg's
// error for that. To be called right behind jpeg_create_decompress().
void nh_linux__jpeg_memory_put(struct nh_linux__jpeg_memory *m, j_common_ptr cinfo, nh_mem_t *mem,
                               size_t max_bytes);
// Frees all of it, and puts the library's own back; before jpeg_destroy_decompress().
void nh_linux__jpeg_memory_take(struct nh_linux__jpeg_memory *m, j_common_ptr cinfo);

#endif
