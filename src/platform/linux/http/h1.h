// h1.h - the head of an HTTP/1.1 request, strict (RFC 9112), and the head of a reply. Sans-IO: no
// socket, no allocation. What is not well formed is refused with a status, never repaired.
//
// Why not libwebsockets' own parser: version 4.1 rewrites the path ("..", "//", '+') before anyone
// sees it, answers some errors with HTML and others with silence, and spins while a reply waits
// and more input is there. It keeps the sockets, TLS and HTTP/2.

#ifndef NH_PLATFORM_H1_H
#define NH_PLATFORM_H1_H

#include "platform/http_server.h"

#define NH_H1_HEADER_MAX_COUNT 48
#define NH_H1_METHOD_MAX_BYTES 16

struct nh_h1_head {
    const char *method;     // a token; upper case is not forced, "get" is another method than "GET"
    char *path;             // percent-decoded, begins with '/'
    const char *query;      // raw, "" if none
    int minor_version;      // HTTP/1.0 or HTTP/1.1
    int64_t content_length; // -1: none given
    bool is_chunked, keep_alive, expect_continue;
    const char *ws_key; // of a WebSocket upgrade of version 13; NULL: a plain request
    bool ws_bad_version;
    size_t header_count;
    struct nh_http_header header[NH_H1_HEADER_MAX_COUNT]; // names in lower case
};

// Looks for the end of a head in buf[0..len). `*scanned` (0 at first) remembers how far it looked,
// so that a head which comes byte by byte is not searched again. Returns the length of the head
// with its blank line, 0: more bytes are needed, or NH_ERR_PROTO: a bare line feed or a NUL.
NH_MUST_USE int nh_h1_find_end(const char *buf, size_t len, size_t *scanned);

// Parses a whole head of `len` bytes in place: `out` points into `buf`, which is changed. Returns
// 0, or the status to refuse it with: 400, 417, 431 (too many headers), 505.
NH_MUST_USE int nh_h1_parse(char *buf, size_t len, struct nh_h1_head *out);

// The value of a header by lower-case name, or NULL.
const char *nh_h1_header(const struct nh_h1_head *head, const char *name);

// Whether a comma-separated list has a word, in any case. NULL: an empty list.
bool nh_h1_list_has(const char *list, const char *word);

// Percent-decodes `s` in place. false: a bad escape, or a control character or NUL comes out.
bool nh_h1_percent_decode(char *s);

// Whether a decoded path has a "." or ".." segment.
bool nh_h1_has_dot_segment(const char *path);

// The text of a status code, "Error" if unknown.
const char *nh_h1_status_text(int status);

// How the body of a reply is framed.
enum nh_h1_framing { NH_H1_NO_BODY, NH_H1_LENGTH, NH_H1_CHUNKED, NH_H1_UNTIL_CLOSE };

struct nh_h1_reply {
    int status;
    const struct nh_http_header *headers;
    size_t header_count;
    enum nh_h1_framing framing;
    int64_t content_length; // NH_H1_LENGTH
    bool close;
    int64_t unix_ms; // for the Date header
};

// Writes status line, headers and blank line. Returns the bytes, or NH_ERR_TOO_LONG.
NH_MUST_USE int nh_h1_write_head(char *buf, size_t cap, const struct nh_h1_reply *reply);

// The JSON error form for what is refused before a handler sees it. Returns the bytes (< 200).
int nh_h1_error_body(char *buf, size_t cap, int status, const char *message);

#endif
