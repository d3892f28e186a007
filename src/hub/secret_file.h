// secret_file.h - a password or a token in a file of its own: its first line.

#ifndef NH_HUB_SECRET_FILE_H
#define NH_HUB_SECRET_FILE_H

#include "core/base/base.h"

#define NH_SECRET_MAX_BYTES 200 // of a token with its zero

// The first line without its end; "" for the path "". At a fault `out` is "", and `*why` says what
// is wrong with the file, in words that live on. NH_ERR_NOT_FOUND, NH_ERR_DENIED, NH_ERR_IO,
// NH_ERR_TOO_LONG: `cap` bytes with the zero do not hold it.
NH_MUST_USE int nh_secret_file_read(const char *path, char *out, size_t cap, const char **why);

#endif
