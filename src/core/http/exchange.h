// exchange.h - a request with the reply that its handler made; for the portal, which runs them.

#ifndef NH_HTTP_EXCHANGE_H
#define NH_HTTP_EXCHANGE_H

#include "core/http/http.h"
#include "platform/http_server.h"

#define NH_REPLY_JSON_MAX_BYTES NH_KIB(4)
#define NH_REPLY_HEADER_MAX_COUNT 6
#define NH_EXCHANGE_HEADER_MAX_COUNT 14 // with the portal's own

struct nh_reply_piece; // JSON in the arena

typedef struct nh_exchange {
    nh_request_t req; // first: the handler sees only this
    nh_arena_t arena;
    void (*wake)(struct nh_exchange *x);
    void (*done)(struct nh_exchange *x, int err);
    bool is_later; // the handler has said so, and is not done yet

    // The reply; status 0: none yet. Its body is `produce`, or `bytes`, or the pieces.
    int status;
    const char *content_type;
    nh_produce_fn produce;
    char *spare; // in the arena: a part that was made for a reader with less room, given in slices
    size_t spare_len, spare_sent;
    const char *bytes;
    size_t bytes_len, bytes_sent;
    struct nh_reply_piece *first, *last, *reading;
    size_t pieces_len;
    nh_json_writer_t writer;
    struct nh_http_header headers[NH_EXCHANGE_HEADER_MAX_COUNT];
    size_t header_count; // of the handler, at most NH_REPLY_HEADER_MAX_COUNT
} nh_exchange_t;

// Gets `x` ready: a zeroed struct and an arena that is initialized.
void nh_exchange_init(nh_exchange_t *x);

// -1: not known beforehand.
int64_t nh_exchange_length(const nh_exchange_t *x);

// The next part of the body. As nh_produce_fn; sets *last with the last part.
NH_MUST_USE int nh_exchange_read(nh_exchange_t *x, char *buf, size_t cap, bool *last);

// What to say when there is no memory for anything else.
extern const char nh_exchange_no_memory[];

#endif
