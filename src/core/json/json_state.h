// json_state.h - what the files of the reader share with each other.

#ifndef NH_JSON_STATE_H
#define NH_JSON_STATE_H

#include "core/json/json.h"

#define NH__COLD __attribute__((cold))

// What may come next. VALUE and COLON: a key or an index is chosen, so an error there is in it.
enum nh__json_state {
    NH__JSON_VALUE,
    NH__JSON_COLON,
    NH__JSON_FIRST_VALUE, // or the end of the array
    NH__JSON_KEY,
    NH__JSON_FIRST_KEY, // or the end of the object
    NH__JSON_NEXT,      // a comma or the end
    NH__JSON_END,       // nothing but space
};

// A token that did not stand whole and simple in its chunk, and so is gathered byte by byte.
enum nh__json_token {
    NH__JSON_TOKEN_NONE,
    NH__JSON_TOKEN_KEY,
    NH__JSON_TOKEN_STRING,
    NH__JSON_TOKEN_NUMBER,
    NH__JSON_TOKEN_LITERAL,
};

static inline uint64_t nh__json_offset(const nh_json_reader_t *r, const uint8_t *p)
{
    return r->bias + (uintptr_t)p;
}

static inline bool nh__json_in_object(const nh_json_reader_t *r)
{
    return r->depth > 0 && (r->object_bits >> (r->depth - 1) & 1);
}

// A value has ended.
static inline int nh__json_value_done(nh_json_reader_t *r, const uint8_t *pos, int event)
{
    r->pos = pos;
    r->state = r->depth ? NH__JSON_NEXT : NH__JSON_END;
    r->event = (uint8_t)event;
    return event;
}

// Keeps the key at hand in `keys`, before the chunk or the text it stands in goes away.
void nh__json_key_save(nh_json_reader_t *r);

// Adds to the key at hand in `keys`, as far as a pointer has room.
void nh__json_key_append(nh_json_reader_t *r, const char *bytes, size_t len);

// Stops the reader for good at `p`; `expected` is a static text. Returns `code`.
NH__COLD int nh__json_fail(nh_json_reader_t *r, int code, const uint8_t *p, const char *expected);

// Stop at the first byte of the token at hand: it is longer than the buffer, or nested too deep.
NH__COLD int nh__json_fail_long(nh_json_reader_t *r);
NH__COLD int nh__json_fail_deep(nh_json_reader_t *r);

// Starts to gather a token at `begin`; what stands before `pos` (strings: after the quote) is
// known to be plain text. Then goes on as nh__json_gather().
int nh__json_gather_start(nh_json_reader_t *r, enum nh__json_token token, const uint8_t *begin,
                          const uint8_t *pos);

// Goes on with the token being gathered: its event, NH_ERR_AGAIN or an error.
int nh__json_gather(nh_json_reader_t *r);

#endif
