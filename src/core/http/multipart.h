// multipart.h - the file in a form (multipart/form-data, RFC 7578), as a stream: bytes in, the data
// of the parts that are files out. It keeps a line of a part's head and nothing else.

#ifndef NH_HTTP_MULTIPART_H
#define NH_HTTP_MULTIPART_H

#include "core/base/base.h"

#define NH_MULTIPART_BOUNDARY_MAX_BYTES 71 // 70 of the standard, with the NUL
#define NH_MULTIPART_LINE_MAX_BYTES 256    // of a head; what is longer is cut

struct nh_multipart_handler {
    void *ctx;
    // A file begins; `name` is what it is called there ("" where that is left out), borrowed.
    // Not 0: feed() returns it. May be NULL.
    int (*file)(void *ctx, const char *name);
    int (*data)(void *ctx, const uint8_t *bytes, size_t len); // likewise
};

// The caller embeds it; private.
typedef struct nh_multipart {
    struct nh_multipart_handler handler;
    char delimiter[NH_MULTIPART_BOUNDARY_MAX_BYTES + 4]; // "\r\n--" and the boundary
    size_t delimiter_len, matched;
    char line[NH_MULTIPART_LINE_MAX_BYTES];
    size_t line_len;
    int state;
    bool is_file; // the part at hand
    uint32_t file_count;
} nh_multipart_t;

// NH_ERR_SYNTAX: no multipart/form-data, or without a boundary.
NH_MUST_USE int nh_multipart_init(nh_multipart_t *m, const char *content_type,
                                  const struct nh_multipart_handler *handler);
// NH_ERR_SYNTAX: the form is broken; or what the handler returned.
NH_MUST_USE int nh_multipart_feed(nh_multipart_t *m, const uint8_t *bytes, size_t len);
// Whether the form's end has come; else it was cut off.
bool nh_multipart_is_whole(const nh_multipart_t *m);

#endif
