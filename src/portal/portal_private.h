// portal_private.h - what the portal's files share.

#ifndef NH_PORTAL_PRIVATE_H
#define NH_PORTAL_PRIVATE_H

#include "core/http/exchange.h"
#include "portal/portal.h"

struct nh_portal__stats {
    uint64_t calls, errors;
    size_t peak_bytes[NH_MEM_TIER_COUNT];
};

// One request: from a pool, with an arena of its own.
struct nh_portal__request {
    nh_exchange_t x; // first
    nh_portal_t *portal;
    nh_http_conn_t *conn;            // NULL: it has gone, and a password is still being checked
    struct nh_portal__request *next; // of the active ones
    const char *pattern;             // the path of a route; NULL: no route has this path
    const nh_route_t *route;         // with the request's method; NULL: there is none
    struct nh_portal__stats *stats;
    char *body;
    size_t body_cap;
    struct nh_auth_who who;
    struct nh_auth_wait wait; // Basic credentials are being checked
    bool is_script;           // asked by a page's own code, which shows a sign-in form of its own
    bool is_whole;            // the body has come
    bool is_done;             // the reply is set; what still comes of the body is dropped
    bool has_begun;           // the reply
};

struct nh_portal__feed_error {
    const char *code, *message; // as they stand in JSON
};

struct nh_portal__socket {
    nh_http_conn_t *conn; // NULL: free
    struct nh_auth_who who;
    const struct nh_ws_guest *host; // whose client it is; NULL: it is the feed's
    void *guest;                    // the guest's client
    bool is_for_good;               // the guest's: who did not sign in, or at a path of its own
    bool is_nobody;                 // who did not sign in
    bool is_closing;                // who it was may no longer hear anything
    uint32_t subscribed, ready;     // one bit a part
    uint8_t pongs;                  // answers to {"ping":1} that are owed
    uint64_t sent_version[NH_FEED_PART_MAX_COUNT];
    uint64_t sent_ms[NH_FEED_PART_MAX_COUNT];
    uint64_t next_ms[NH_FEED_PART_MAX_COUNT]; // when the part is looked at next
    uint32_t turn; // the part that is looked at first, so that a busy one starves nobody
    const struct nh_portal__feed_error *error; // to be told; NULL: none
};

struct nh_portal {
    struct nh_portal_config cfg;
    nh_http_server_t *server;
    nh_auth_t *auth;
    nh_pool_t *requests;
    struct nh_portal__request *active;
    struct nh_ws_place places[NH_PORTAL_PLACE_MAX_COUNT];
    const char *place_paths[NH_PORTAL_PLACE_MAX_COUNT + 1];
    struct nh_route_table tables[NH_PORTAL_TABLE_MAX_COUNT + 1]; // the portal's own is the first
    size_t table_count, route_count;
    struct nh_portal__stats *stats; // route_count, in the tables' order
    nh_feed_part_t parts[NH_FEED_PART_MAX_COUNT];
    struct nh_portal__socket *sockets; // cfg.ws_max_count
    struct nh_portal_info info;
    struct nh_loop_deadline deadline;
};

// ---- dispatch.c

// Finds the route or the asset, checks who asks and how much they send. Sets the reply when the
// request ends here.
void nh_portal__dispatch(struct nh_portal__request *r, const struct nh_http_head *head);
// A piece of the body; the last one runs the handler.
void nh_portal__body(struct nh_portal__request *r, const uint8_t *bytes, size_t len, bool last);
// Who asked by Basic credentials is known now, or not.
void nh_portal__checked(struct nh_auth_wait *w, int result);
// A handler that replies later is done.
void nh_portal__done(nh_exchange_t *x, int err);
// Host, Origin and credentials of a WebSocket: 0 or a status.
int nh_portal__ws_check(nh_portal_t *p, nh_http_conn_t *c, const struct nh_http_head *head,
                        struct nh_auth_who *who);
// The same of a client that no page speaks for, where the guest lets anybody in: 0 or a status.
int nh_portal__ws_check_open(nh_portal_t *p, nh_http_conn_t *c);

// ---- foreign.c
// Whether another site's page is behind a request; `is_open`: something is open to everybody. NULL:
// none, else the code of the error.
const char *nh_portal__foreign(const nh_portal_t *p, nh_http_conn_t *c, bool changes, bool is_open);
int nh_portal__reply_foreign(nh_request_t *req, const char *code);
// Host and Origin alone: the stream's protocol asks for its own credentials.
int nh_portal__stream_check(const nh_portal_t *p, nh_http_conn_t *c);

// ---- assets.c: false: there is no such file.
bool nh_portal__asset(struct nh_portal__request *r, bool is_get);

// ---- feed.c
// `who` NULL: nobody, for the guest alone. `host`: whose client it begins as; NULL: the feed's.
int nh_portal__feed_open(nh_portal_t *p, nh_http_conn_t *c, const struct nh_auth_who *who,
                         const struct nh_ws_guest *host);
void nh_portal__feed_close(nh_portal_t *p, nh_http_conn_t *c);
// Closes the sockets of those who may not hear any more what they heard.
void nh_portal__feed_check(nh_portal_t *p, uint64_t now_ms);
void nh_portal__feed_message(nh_portal_t *p, nh_http_conn_t *c, const char *bytes, size_t len);
void nh_portal__feed_bytes(nh_portal_t *p, nh_http_conn_t *c, const uint8_t *bytes, size_t len);
int nh_portal__feed_output(nh_portal_t *p, nh_http_conn_t *c, char *buf, size_t cap, bool *is_text);
uint64_t nh_portal__feed_next(const nh_portal_t *p);
void nh_portal__feed_run(nh_portal_t *p, uint64_t now_ms);

// ---- portal.c
void nh_portal__begin_reply(struct nh_portal__request *r); // if it is set; `r` may be gone then

// ---- portal_api.c, files.c, sign_in_api.c: the portal's own routes
extern const nh_route_t nh_portal__routes[];
extern const nh_route_t nh_portal__routes_with_files[];
int nh_portal__files(nh_request_t *req);
int nh_portal__post_login(nh_request_t *req);
int nh_portal__post_logout(nh_request_t *req);
int nh_portal__get_session(nh_request_t *req);
// A password was not looked at: `err` of nh_auth_verify(), and how long to wait after NH_ERR_BUSY.
int nh_portal__reply_unchecked(nh_request_t *req, int err, uint64_t delay_ms);
void nh_portal__tell_wrong(const nh_request_t *req); // in the log

#endif
