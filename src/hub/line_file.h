// line_file.h - a text file line by line, in a buffer of its own size: other programs' files of
// users and rules may be long.

#ifndef NH_HUB_LINE_FILE_H
#define NH_HUB_LINE_FILE_H

#include "core/base/base.h"

#define NH_LINE_MAX_BYTES 1024 // without its end

// Calls `line` for each line of the file, without its end; `text` is borrowed for the call. A line
// over the limit comes with text.ptr NULL. Stops when `line` returns an error and returns that.
// NH_ERR_NOT_FOUND, NH_ERR_DENIED, NH_ERR_IO.
NH_MUST_USE int nh_line_file_read(const char *path,
                                  int (*line)(void *ctx, uint32_t number, nh_span_t text),
                                  void *ctx);

#endif
