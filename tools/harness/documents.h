// documents.h - the bodies that a run posts back: parts of a document that was read, written anew
// as python's json.dumps writes them (blanks after ':' and ',', nothing but ASCII: the largest form
// that clients send). Sans-IO.

#ifndef NH_HARNESS_DOCUMENTS_H
#define NH_HARNESS_DOCUMENTS_H

#include "core/mem/mem.h"

struct nh_harness_text { // grows; zeroed but for `mem`: empty
    nh_mem_t *mem;
    char *ptr;
    size_t len, cap;
    int err; // NH_ERR_NOMEM, NH_ERR_SYNTAX: kept
};
void nh_harness_text_free(struct nh_harness_text *t);

// The body of POST /api/macros from a reply to GET: its `screens` and, if it is an object, its
// `defaults`. NULL, or what is wrong with the reply: "not JSON", "no array \"screens\"".
const char *nh_harness_macros_body(const void *reply, size_t len, struct nh_harness_text *out);

// The body of POST /api/config from a reply to GET: the fields that a client may set, its secrets
// empty. NULL, or what is wrong.
const char *nh_harness_config_body(const void *reply, size_t len, struct nh_harness_text *out);

// Whether a string field of the outermost object is there and empty.
bool nh_harness_is_empty_field(const void *reply, size_t len, const char *field);

// An integer of the outermost object. False: there is none of that name.
bool nh_harness_int_field(const void *reply, size_t len, const char *field, int64_t *out);

#endif
