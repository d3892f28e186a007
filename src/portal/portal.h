// portal.h - the web portal: routes of the components, the web UI's files, the WebSocket feed, and
// who may use them. It keeps no state of a component: it asks and streams.
//
// One task (the loop's) makes every call below. docs/http.md is the reference for clients.

#ifndef NH_PORTAL_H
#define NH_PORTAL_H

#include "core/http/http.h"
#include "platform/http_server.h"
#include "portal/auth.h"

#define NH_FEED_PART_MAX_COUNT 24
#define NH_PORTAL_TABLE_MAX_COUNT 32

// A file of the web UI, compressed at build time, in the program's constants.
struct nh_asset {
    const char *path;         // "/app.js"
    const char *content_type; // "text/javascript; charset=utf-8"
    const char *etag;         // with its quotes
    const uint8_t *bytes;     // gzip
    uint32_t len;
    bool is_for_good; // its path changes with its content: a browser need not ask again
};

// A path of its own for a guest: whoever signed in, or nobody has to, is its client for good.
#define NH_PORTAL_PLACE_MAX_COUNT 4
struct nh_ws_place {
    const char *path; // borrowed for the portal's life
    struct nh_ws_guest guest;
};

typedef struct nh_portal nh_portal_t;

struct nh_portal_config {
    nh_mem_t *mem;   // borrowed; the portal's own owner, so that its peak tells the requests' cost
    nh_loop_t *loop; // borrowed
    // Where to listen and the server's limits; loop, handler, stream and ws_path are
    // filled in. Its `mem`
    // NULL: the portal's. Strings are borrowed for the portal's life.
    struct nh_http_server_config server;
    const struct nh_route_table *tables; // copied; routes and ctx borrowed
    size_t table_count;                  // at most NH_PORTAL_TABLE_MAX_COUNT
    const nh_feed_part_t *parts;         // copied
    size_t part_count;                   // at most NH_FEED_PART_MAX_COUNT
    const struct nh_asset *assets;       // borrowed
    size_t asset_count;
    struct nh_http_stream stream; // path NULL: none. Its open() sees no other site's page; who it
                                  // is, is for its own protocol to ask
    struct nh_auth_config auth;   // is_required NULL: no password, everything is open
    // Whether the stream's protocol lets somebody in who does not say who it is; with auth.ctx.
    // Then a page may call it by the names below only, password or not. NULL: it does not.
    bool (*stream_is_open)(void *ctx);
    struct nh_ws_guest guest;         // at the feed's path; ctx NULL: none
    const struct nh_ws_place *places; // copied
    size_t place_count;               // at most NH_PORTAL_PLACE_MAX_COUNT
    // Host names under which the hub may be called, besides addresses and localhost. Looked at only
    // while no password is set, or the stream is open: a stranger's page could otherwise reach the
    // hub through a DNS name of its own. NULL-terminated, borrowed; may be NULL.
    const char *const *host_names;
    // Hears of every request that is not refused as one of another site's page, before who asks is
    // looked at; with asked_ctx. May be NULL.
    void (*asked)(void *ctx, const char *path);
    void *asked_ctx;
    struct nh_fs fs;            // for GET /api/store/files; ops NULL: no such route
    uint32_t request_max_count; // 0: 16; one more is 503
    uint32_t ws_max_count;      // 0: 8; one more is 503
    uint32_t arena_max_bytes;   // 0: 16 KiB for each request, and its body besides
};

// Creates a portal that does not listen yet. Owned: nh_portal_destroy(). NH_ERR_NOMEM, NH_ERR_INVAL
// (a route without method, path or handler), NH_ERR_FULL (tables, parts or places): `*out` is NULL.
NH_MUST_USE int nh_portal_create(const struct nh_portal_config *cfg, nh_portal_t **out);

// Listens. NH_ERR_IO: the address cannot be had, or the certificate cannot be read.
NH_MUST_USE int nh_portal_start(nh_portal_t *p);

// Closes every connection. Not from within a callback of the loop.
void nh_portal_stop(nh_portal_t *p);

// Stops if need be and frees. NULL: nothing.
void nh_portal_destroy(nh_portal_t *p);

uint16_t nh_portal_port(const nh_portal_t *p);     // 0: does not listen
uint16_t nh_portal_tls_port(const nh_portal_t *p); // 0: no TLS

// The version of a feed part has changed: its watchers get it as soon as their interval allows,
// instead of at its end. `part` as in nh_feed_part_t; an unknown one is ignored.
void nh_portal_feed_changed(nh_portal_t *p, const char *part);

// How many sockets watch a part: a component may skip work that nobody sees.
uint32_t nh_portal_feed_watchers(const nh_portal_t *p, const char *part);

struct nh_portal_info {
    struct nh_http_server_info server;
    uint32_t active_count, active_peak; // requests
    uint64_t full_count;                // requests refused because request_max_count were active
    uint64_t error_count;               // replies of 400 and above
    uint64_t feed_messages, feed_bytes;
    uint64_t feed_too_long_count; // parts that did not fit into a message and were left out
    uint32_t session_count;
    struct nh_auth_info auth;
};
void nh_portal_info(const nh_portal_t *p, struct nh_portal_info *out);

// ---- who may: for whoever keeps the accounts

// The answer that cfg.auth.check owes: 0, NH_ERR_DENIED, NH_ERR_NOMEM. `w` of those who wait is
// told, requests go on.
void nh_portal_checked(nh_portal_t *p, uint32_t ticket, int result);

// An account, or whether anybody has to sign in, has changed: sockets of those who may no longer
// listen are closed. Requests ask at once, each time.
void nh_portal_access_changed(nh_portal_t *p);

// Has a password checked for a handler, with the delays of a sign-in from where `req` comes. As
// nh_auth_verify(); what it did not give NH_ERR_AGAIN for, nh_portal_reply_unverified() tells.
NH_MUST_USE int nh_portal_verify(nh_portal_t *p, const nh_request_t *req, const char *user,
                                 const char *password, struct nh_auth_wait *w);
void nh_portal_verify_cancel(nh_portal_t *p, struct nh_auth_wait *w);
int nh_portal_reply_unverified(nh_request_t *req, int err, const struct nh_auth_wait *w);

// Begins a session of an account; its cookie goes out with the reply. NH_ERR_NOT_FOUND: no such
// account, or it is disabled. NH_ERR_NOMEM, NH_ERR_FULL.
NH_MUST_USE int nh_portal_session_begin(nh_portal_t *p, nh_request_t *req, const char *user);
uint32_t nh_portal_session_count(const nh_portal_t *p, const char *user);

// Row `index` over all tables, for GET /api/routes. NH_ERR_NOT_FOUND: past the last.
struct nh_portal_route_info {
    const nh_route_t *route;
    const char *owner;
    uint64_t calls, errors;
    size_t peak_bytes[NH_MEM_TIER_COUNT]; // of one request's arena and state, at most
};
NH_MUST_USE int nh_portal_route_info(const nh_portal_t *p, size_t index,
                                     struct nh_portal_route_info *out);

#endif
