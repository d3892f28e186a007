// h1_reply.h - what a server answers (RFC 9112): the head, and the body out of its framing.
// Sans-IO, no allocation. The end of a head is found by nh_h1_find_end() of h1.h.

#ifndef NH_PLATFORM_H1_REPLY_H
#define NH_PLATFORM_H1_REPLY_H

#include "platform/linux/http/h1.h"

struct nh_h1_answer {
    int minor_version;
    int status;             // 100 to 999
    int64_t content_length; // -1: none given
    bool is_chunked;
    size_t header_count;
    struct nh_http_header header[NH_H1_HEADER_MAX_COUNT]; // names in lower case
};

// Parses a whole head of `len` bytes in place: `out` points into `buf`, which is changed.
// NH_ERR_PROTO: malformed, two lengths that differ, a length and chunks, another transfer coding.
// NH_ERR_TOO_LONG: over NH_H1_HEADER_MAX_COUNT headers.
NH_MUST_USE int nh_h1_answer_parse(char *buf, size_t len, struct nh_h1_answer *out);

// The value of a header by lower-case name, or NULL.
const char *nh_h1_answer_header(const struct nh_h1_answer *a, const char *name);

// Takes the content out of a body's framing.
struct nh_h1_body {
    enum nh_h1_framing framing;
    int state;         // private: where in a chunk
    uint64_t left;     // LENGTH: of the body; CHUNKED: of this chunk
    uint32_t line_len; // CHUNKED: of a size line or the trailers
    bool is_whole, has_digit;
};
// `no_body`: the request was HEAD.
void nh_h1_body_begin(struct nh_h1_body *b, const struct nh_h1_answer *a, bool no_body);
// Takes from `bytes` and returns how many (all of them, until the body is whole); a run of content
// within them stands in `*out`, of length 0 where there was only framing. Call it again with the
// rest. NH_ERR_PROTO: a bad chunk. NH_ERR_TOO_LONG: a size line or trailers without end.
NH_MUST_USE int nh_h1_body_take(struct nh_h1_body *b, const uint8_t *bytes, size_t len,
                                nh_span_t *out);
// The peer ended: NH_OK when that is the end of the body, else NH_ERR_CLOSED.
NH_MUST_USE int nh_h1_body_end(const struct nh_h1_body *b);

#endif
