// http.h - requests, replies and routes as components see them: a handler is given a whole request
// and fills in a reply, which is then produced part by part into a fixed buffer. No socket here.

#ifndef NH_HTTP_H
#define NH_HTTP_H

#include "core/json/json.h"
#include "core/mem/shapes.h"

typedef struct nh_request nh_request_t;

// Who asks. An admin may do everything; an operator what a route's flags give.
enum nh_role { NH_ROLE_NONE, NH_ROLE_OPERATOR, NH_ROLE_ADMIN };

// Without a flag a route is the admins'.
enum nh_route_flag {
    NH_ROUTE_PUBLIC = 1,       // no sign-in needed (assets, the sign-in itself)
    NH_ROUTE_OPERATOR = 2,     // for operators too: what their pages read, what they may do
    NH_ROUTE_NEW_PASSWORD = 4, // also for who has to change the password first
    // Acts also when who asked has gone before a password was checked: its handler needs nobody to
    // hear of it.
    NH_ROUTE_UNHEARD = 32,
    NH_ROUTE_CHANGES = 16, // a GET that changes something: not from another site's page
    NH_ROUTE_SECRETS = 8,  // its body has a password: its memory is overwritten at its end
    // With PUBLIC: does what otherwise needs a sign-in. Then, as while there is no password, pages
    // may call it by the hub's own names only.
    NH_ROUTE_OPEN = 64,
};

// One route. `path` matches exactly; one that ends in '*' matches every longer path too.
// Tables end with a zeroed row. A method not in any row of a path is 405 with Allow.
typedef struct nh_route {
    const char *method; // "GET" also serves HEAD
    const char *path;
    uint32_t body_max_bytes; // 0: no body; a larger one is 413, a chunked one 411
    uint32_t flags;
    // The body, in pieces, in order. NULL: gathered in the request's arena, see nh_request_body().
    int (*body)(nh_request_t *req, const uint8_t *bytes, size_t len);
    // The request is whole. Sets the reply with one of the calls below; < 0 makes an error reply.
    int (*handle)(nh_request_t *req);
    const char *text; // one line for people, for the API page
    // The names of its parameters, with blanks between ("" none): any other is 400. NULL: others
    // are passed over.
    const char *params;
} nh_route_t;

struct nh_request {
    const nh_route_t *route;
    void *ctx; // of the route table: nh_route_table
    const char *method, *path, *query;
    const char *rest;  // what '*' matched; "" otherwise
    nh_arena_t *arena; // dies with the request
    const char *body;  // gathered body, or NULL; a NUL follows it
    size_t body_len;
    int64_t content_length; // of the body, as announced; -1: there is none
    uint64_t now_ms;        // nh_clock_ms() when the request came
    const char *peer;       // "127.0.0.1:51234"
    const char *user;       // who is signed in; NULL: nobody, or no password is set
    enum nh_role role;  // NH_ROLE_NONE: nobody is signed in; ADMIN for all while no password is set
    bool is_local;      // the peer is on this machine
    const char *cookie; // headers as they came, or NULL
    const char *content_type, *if_none_match, *accept_encoding;
    bool is_tls;
    void *state;                        // the handler's own (from the arena)
    void (*cleanup)(nh_request_t *req); // called before the arena dies; may be NULL
};

struct nh_route_table {
    const nh_route_t *routes;
    void *ctx;
    const char *name; // the component, for the API page and the counters
};

#define NH_PRODUCE_MIN_BYTES 2048

// Writes the next part of the reply to `buf`. Returns the bytes (at most `cap`, which is never less
// than NH_PRODUCE_MIN_BYTES: what fits into that needs no pausing in the middle); 0: the end;
// NH_ERR_AGAIN: nothing now, asked again after nh_request_wake(); another < 0: the reply is cut off
// and the connection closed, so that the client cannot take it for whole.
typedef int (*nh_produce_fn)(nh_request_t *req, char *buf, size_t cap);

// The calls below set the reply; the last one counts. Each returns 0, or NH_ERR_NOMEM or
// NH_ERR_FULL (arena or 4 KiB of JSON exhausted), which the handler passes up: it becomes a 503.

// A reply of `status` whose body `produce` makes. `content_type` borrowed, static.
int nh_reply_stream(nh_request_t *req, int status, const char *content_type, nh_produce_fn produce);
// The writer's JSON, made at once into the arena: for small replies of at most 4 KiB.
// Usage: nh_json_writer_t *w = nh_reply_json(req, 200); ... return nh_reply_json_end(req);
nh_json_writer_t *nh_reply_json(nh_request_t *req, int status);
int nh_reply_json_end(nh_request_t *req);
// Static bytes that outlive the request.
int nh_reply_bytes(nh_request_t *req, int status, const char *content_type, const void *bytes,
                   size_t len);
int nh_reply_empty(nh_request_t *req, int status);
// {"error":{"code":"...","message":"...","details":[...]}}; `code` NULL: by status.
int nh_reply_error(nh_request_t *req, int status, const char *code, const char *fmt, ...)
    NH_PRINTF(4, 5);
// The same with details: the writer stands in the open "details" array. Write objects with any of
// "field", "value", "limit", "text", then `return nh_reply_error_end(req);`.
nh_json_writer_t *nh_reply_error_details(nh_request_t *req, int status, const char *code,
                                         const char *fmt, ...) NH_PRINTF(4, 5);
int nh_reply_error_end(nh_request_t *req);
// The error reply that suits an enum nh_err (NH_ERR_NOT_FOUND: 404 ...); a handler that returns
// the code gets the same.
int nh_reply_err(nh_request_t *req, int err);
int nh_http_status_of(int err);
// A reply whose produce() returned NH_ERR_AGAIN has something again. The loop's task.
void nh_request_wake(nh_request_t *req);
// The reply depends on what takes its time beside the loop: handle() calls this and returns 0
// without a reply. Later, once, from the loop's task and not within handle(): set a reply, or not
// if `err` < 0 makes one, and call nh_request_done(). A client may leave before: then cleanup() is
// called, and `req` is gone with it.
void nh_request_later(nh_request_t *req);
void nh_request_done(nh_request_t *req, int err);
// One more response header; both strings must outlive the request. NH_ERR_FULL: over 6.
int nh_reply_header(nh_request_t *req, const char *name, const char *value);
// A query parameter, percent-decoded into the arena; NULL if absent.
const char *nh_request_param(nh_request_t *req, const char *name);

// Decodes the gathered JSON body into `out` by its table; an unknown key is a fault. `*ok` true: it
// is done. False: return what this returned; the reply (400 with every fault, closed by `effect`,
// "Nothing was changed.") is set, or the code makes one.
NH_MUST_USE int nh_request_decode(nh_request_t *req, const nh_json_field_t *fields, void *out,
                                  const char *effect, bool *ok);
// The 400 that tells `count` findings (at least one), closed by `effect`.
int nh_reply_findings(nh_request_t *req, const struct nh_finding *f, size_t count,
                      const char *effect);

// ---- the feed: what the WebSocket pushes
// ---------------------------------------------------------

#define NH_FEED_BYTES_MIN 4000

// A part of the feed. The portal asks `version` of each part that a socket subscribed to, at most
// once each `min_interval_ms`, and calls `write` when it differs from what that socket got last.
typedef struct nh_feed_part {
    const char *name; // "mem", "mqtt", "log"
    uint32_t min_interval_ms;
    uint64_t (*version)(void *ctx);
    // Writes one JSON value with what changed since version `since` (0: all) of at most 3 KiB.
    // Returns the version written up to.
    uint64_t (*write)(void *ctx, nh_json_writer_t *w, uint64_t since);
    void *ctx;
    bool is_for_operators; // else the admins' alone
    bool is_pushed;        // it is not looked at but when nh_portal_feed_changed() is called

    // Not 0: the part's messages are binary and begin with this byte; `write` is not used.
    uint8_t channel;
    // Writes what changed since version `since` (0: all), as much of it as fits; at least
    // NH_FEED_BYTES_MIN. `*version`: up to where; it is called again until that is the part's own.
    // Returns the bytes; 0: nothing.
    size_t (*write_bytes)(void *ctx, uint8_t *buf, size_t cap, uint64_t since, uint64_t *version);
    // What a watcher sends behind that byte, borrowed; len 0: it watches no more. May be NULL.
    void (*input)(void *ctx, const uint8_t *bytes, size_t len);
} nh_feed_part_t;

// ---- a guest at the feed's path
// ---------------------------------------------------------------------------------

// Another protocol whose clients come to the feed's path and know no other. A WebSocket that no
// page opened, and that a page's code cannot pretend to be, begins with the guest; with the first
// message of the feed's (subscribe, unsubscribe, ping) it is the feed's for good. The loop's task.
struct nh_ws_guest {
    void *ctx; // NULL: there is no guest
    // Lets in who does not sign in, too; such a socket never becomes the feed's.
    bool lets_anybody_in;
    // A client has come: `wake(socket)` has it asked for output, until closed(). Gives what stands
    // for it, not NULL; NULL: it takes no more clients, and this one is refused with 503.
    void *(*open)(void *ctx, void *socket, void (*wake)(void *socket));
    void (*message)(void *ctx, void *client, const char *bytes, size_t len, bool is_text);
    // The next message to send, whole; at least NH_FEED_BYTES_MIN fit. 0: nothing now.
    int (*output)(void *ctx, void *client, char *buf, size_t cap, bool *is_text);
    void (*closed)(void *ctx, void *client);
};

#endif
