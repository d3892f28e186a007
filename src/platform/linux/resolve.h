// resolve.h - a name to addresses, beside the loop.
//
// Not libuv's getaddrinfo: a request that has begun cannot be taken back there, so a hub that stops
// would wait for a name server that does not answer, up to half a minute.

#ifndef NH_LINUX_RESOLVE_H
#define NH_LINUX_RESOLVE_H

#include "platform/platform.h"

#include <netinet/in.h>

#define NH_RESOLVE_NAME_MAX_BYTES 253
#define NH_RESOLVE_ADDRESS_MAX_COUNT 8 // more are not tried
#define NH_RESOLVE_TASK_MAX_COUNT 8    // of the process; those given up count until they return

union nh_resolve_address {
    struct sockaddr sa;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

typedef struct nh_resolve nh_resolve_t;
// Calls `done` once, on the loop's task, in a later turn: `count` addresses, or 0 and the reason,
// a static text. The request ends with that call. NH_ERR_FULL: NH_RESOLVE_TASK_MAX_COUNT are at
// work. NH_ERR_NOMEM, NH_ERR_TOO_LONG. Its memory is the host's: its thread may outlive the loop.
NH_MUST_USE int nh_resolve__start(nh_loop_t *loop, const char *name, uint16_t port,
                                  void (*done)(void *ctx, const union nh_resolve_address *addresses,
                                               size_t count, const char *reason),
                                  void *ctx, nh_resolve_t **out);
void nh_resolve__cancel(nh_resolve_t *r); // before `done` was called; it will not be

#endif
